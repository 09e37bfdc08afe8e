package linger.bench;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;

/** Writes records of the actions topic. */
final class ActionWriter {
    private final JsonFactory json = new JsonFactory();
    private final ByteArrayOutputStream buffer = new ByteArrayOutputStream(256);

    byte[] write(String status, String rule, String customer, long startedMs, long atMs) {
        buffer.reset();
        try (JsonGenerator line = json.createGenerator(buffer)) {
            line.writeStartObject();
            line.writeStringField("status", status);
            line.writeStringField("rule", rule);
            line.writeStringField("customer", customer);
            line.writeNumberField("started_ms", startedMs);
            line.writeNumberField("at_ms", atMs);
            line.writeEndObject();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        return buffer.toByteArray();
    }
}
