import java.time.Duration;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Joins a group by the protocol of Kafka 4, prints `joined` once it has partitions, and leaves when its input ends. */
public class MemberOfTheNewProtocol {
    public static void main(String[] arguments) throws Exception {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", arguments[0]);
        settings.put("group.id", arguments[1]);
        settings.put("group.protocol", "consumer");
        settings.put("enable.auto.commit", "false");
        settings.put("key.deserializer", ByteArrayDeserializer.class.getName());
        settings.put("value.deserializer", ByteArrayDeserializer.class.getName());
        try (var member = new KafkaConsumer<byte[], byte[]>(settings)) {
            member.subscribe(List.of(arguments[2]));
            boolean said = false;
            while (System.in.available() == 0) {
                member.poll(Duration.ofMillis(200));
                if (!said && !member.assignment().isEmpty()) {
                    System.out.println("joined");
                    said = true;
                }
            }
        }
    }
}
