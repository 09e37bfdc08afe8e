package linger.bench;

import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/** Runs until SIGTERM; benchmarks/README.md lists its environment variables. */
public final class Application {
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final int LONGEST_PAUSE_MS = 600_000;
    private static final int BATCH_BYTES = 128 * 1024;
    private static final long CACHE_BYTES = 256 * 1024 * 1024;

    /** Records carry the time of events, and by default a log begins a new file with each week of it. */
    private static final Map<String, String> CHANGELOG =
            Map.of(TopicConfig.SEGMENT_MS_CONFIG, Long.toString(Duration.ofDays(10_000).toMillis()));

    private Application() {}

    public static void main(String[] arguments) throws InterruptedException {
        Map<String, String> environment = System.getenv();
        Topology topology = topology(required(environment, "BENCH_EVENTS"), required(environment, "BENCH_ACTIONS"));
        KafkaStreams streams = new KafkaStreams(topology, settings(environment));
        CountDownLatch ended = new CountDownLatch(1);
        streams.setUncaughtExceptionHandler(error -> StreamThreadExceptionResponse.SHUTDOWN_CLIENT);
        streams.setStateListener((state, before) -> {
            if (state == KafkaStreams.State.ERROR || state == KafkaStreams.State.NOT_RUNNING) {
                ended.countDown();
            }
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(PATIENCE)));
        streams.start();
        ended.await();
        if (streams.state() == KafkaStreams.State.ERROR) {
            System.exit(1);
        }
    }

    private static String required(Map<String, String> environment, String name) {
        String value = environment.get(name);
        if (value == null) {
            throw new IllegalArgumentException(name + " is not set");
        }
        return value;
    }

    private static Topology topology(String events, String actions) {
        StoreBuilder<KeyValueStore<byte[], Customer>> customers = Stores.keyValueStoreBuilder(
                        Stores.persistentKeyValueStore(Decider.CUSTOMERS), Serdes.ByteArray(), new CustomerSerde())
                .withCachingEnabled()
                .withLoggingEnabled(CHANGELOG);
        StoreBuilder<KeyValueStore<byte[], byte[]>> dueTimes = Stores.keyValueStoreBuilder(
                        Stores.persistentKeyValueStore(Decider.DUE_TIMES), Serdes.ByteArray(), Serdes.ByteArray())
                .withCachingEnabled()
                .withLoggingEnabled(CHANGELOG);
        return new Topology()
                .addSource("events", events)
                .addProcessor("decider", Decider::new, "events")
                .addStateStore(customers, "decider")
                .addStateStore(dueTimes, "decider")
                .addSink("actions", actions, "decider");
    }

    private static Properties settings(Map<String, String> environment) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, required(environment, "BENCH_GROUP"));
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, required(environment, "BENCH_KAFKA"));
        settings.put(StreamsConfig.STATE_DIR_CONFIG, required(environment, "BENCH_STATE"));
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, environment.getOrDefault("BENCH_THREADS", "1"));
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, CACHE_BYTES);
        settings.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
        settings.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), BATCH_BYTES);
        // A killed instance that comes back is the same member: the group does not wait for a session timeout.
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.GROUP_INSTANCE_ID_CONFIG), "only");
        // So the time-outs may outlast a pause by SIGSTOP, after which the work goes on as if nothing had been.
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG), LONGEST_PAUSE_MS);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_INTERVAL_MS_CONFIG), LONGEST_PAUSE_MS);
        return settings;
    }
}
