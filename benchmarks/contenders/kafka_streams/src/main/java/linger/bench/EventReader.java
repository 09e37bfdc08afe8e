package linger.bench;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.time.Instant;

/** Reads canonical events token by token; attributes that no rule asks for are skipped. */
final class EventReader {
    private static final long DAY_MS = Rules.DAY_MS;
    private static final String MOMENT = "2024-03-01T10:15:30.000Z";

    private final JsonFactory json = new JsonFactory();

    /**
     * Read a record of the events topic.
     *
     * @throws IllegalArgumentException if it is no canonical event
     */
    Event read(byte[] value) {
        Event.Type type = null;
        long atMs = -1;
        int cents = 0;
        try (JsonParser parser = json.createParser(value)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new IllegalArgumentException("an event is a JSON object");
            }
            for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
                parser.nextToken();
                switch (name) {
                    case "type" -> type = typeOf(parser.getText());
                    case "occurred_at" -> atMs = momentOf(parser);
                    case "amount" -> cents = centsOf(parser);
                    default -> parser.skipChildren();
                }
            }
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        if (type == null || atMs < 0) {
            throw new IllegalArgumentException("an event has a type, and a time after 1970");
        }
        return new Event(type, atMs, cents);
    }

    private static Event.Type typeOf(String name) {
        return switch (name) {
            case "login" -> Event.Type.LOGIN;
            case "purchase" -> Event.Type.PURCHASE;
            case "cancellation" -> Event.Type.CANCELLATION;
            default -> throw new IllegalArgumentException("unknown type of event: " + name);
        };
    }

    private static int centsOf(JsonParser parser) throws IOException {
        BigDecimal amount =
                new BigDecimal(parser.getTextCharacters(), parser.getTextOffset(), parser.getTextLength());
        return amount.movePointRight(2).intValueExact();
    }

    /** Return epoch milliseconds; the one form that canonical events have is read without detours. */
    private static long momentOf(JsonParser parser) throws IOException {
        char[] text = parser.getTextCharacters();
        int start = parser.getTextOffset();
        if (parser.getTextLength() != MOMENT.length() || !hasForm(text, start)) {
            return Instant.parse(parser.getText()).toEpochMilli();
        }
        int year = number(text, start, 4);
        long day = epochDay(year, number(text, start + 5, 2), number(text, start + 8, 2));
        int minutes = 60 * number(text, start + 11, 2) + number(text, start + 14, 2);
        int seconds = 60 * minutes + number(text, start + 17, 2);
        return day * DAY_MS + 1000L * seconds + number(text, start + 20, 3);
    }

    /** Return whether there are digits where `MOMENT` has them, and the same signs elsewhere. */
    private static boolean hasForm(char[] text, int start) {
        for (int place = 0; place < MOMENT.length(); place++) {
            char wanted = MOMENT.charAt(place);
            char found = text[start + place];
            boolean fits = wanted >= '0' && wanted <= '9' ? found >= '0' && found <= '9' : found == wanted;
            if (!fits) {
                return false;
            }
        }
        return true;
    }

    private static int number(char[] text, int start, int length) {
        int number = 0;
        for (int place = start; place < start + length; place++) {
            number = 10 * number + text[place] - '0';
        }
        return number;
    }

    /** Count the days since 1970 in years that begin in March, so that the leap day is the last one of its year. */
    private static long epochDay(int year, int month, int day) {
        int years = month > 2 ? year : year - 1;
        int months = month > 2 ? month - 3 : month + 9;
        return 365L * years + years / 4 - years / 100 + years / 400 + (153 * months + 2) / 5 + day - 1 - 719_468;
    }
}
