package linger.bench;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.TreeSet;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * The index of due times in a store: keys are eight bytes of time and the customer, so they are in the order of time.
 *
 * <p>What comes next is kept in memory, too. The store alone would be asked before every event whether something is
 * due, and each time step over the remains of everything that fired before.
 */
final class DueTimes {
    private static final byte[] NOTHING = {};
    private static final int MOST_AHEAD = 8192;

    private final KeyValueStore<byte[], byte[]> store;

    /** All entries of the store below `horizon`. */
    private final TreeSet<byte[]> ahead = new TreeSet<>(Arrays::compareUnsigned);

    /** The first entry that may be in the store alone; null if there is none. */
    private byte[] horizon = NOTHING;

    DueTimes(KeyValueStore<byte[], byte[]> store) {
        this.store = store;
    }

    void add(long dueMs, byte[] customer) {
        byte[] entry = entryOf(dueMs, customer);
        store.put(entry, NOTHING);
        if (horizon == null || Arrays.compareUnsigned(entry, horizon) < 0) {
            ahead.add(entry);
            if (ahead.size() > MOST_AHEAD) {
                horizon = ahead.pollLast();
            }
        }
    }

    void remove(long dueMs, byte[] customer) {
        byte[] entry = entryOf(dueMs, customer);
        store.put(entry, null);
        ahead.remove(entry);
    }

    /** Remove the earliest entry that is due until then and return its customer; null if there is none. */
    byte[] poll(long uptoMs) {
        if (ahead.isEmpty() && horizon != null) {
            lookAhead();
        }
        if (ahead.isEmpty() || ByteBuffer.wrap(ahead.first()).getLong() > uptoMs) {
            return null;
        }
        byte[] entry = ahead.pollFirst();
        store.put(entry, null);
        return Arrays.copyOfRange(entry, Long.BYTES, entry.length);
    }

    private void lookAhead() {
        try (KeyValueIterator<byte[], byte[]> entries = store.range(horizon, null)) {
            while (entries.hasNext() && ahead.size() < MOST_AHEAD / 2) {
                ahead.add(entries.next().key);
            }
            horizon = entries.hasNext() ? entries.next().key : null;
        }
    }

    private static byte[] entryOf(long dueMs, byte[] customer) {
        return ByteBuffer.allocate(Long.BYTES + customer.length).putLong(dueMs).put(customer).array();
    }
}
