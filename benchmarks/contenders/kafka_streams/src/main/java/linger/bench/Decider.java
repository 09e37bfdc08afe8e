package linger.bench;

import java.nio.charset.StandardCharsets;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * Decides for the customers of one partition.
 *
 * <p>Each record moves the partition's time on; first everything fires that is due until then, then the event is
 * folded.
 */
final class Decider implements Processor<byte[], byte[], byte[], byte[]>, Decisions {
    static final String CUSTOMERS = "customers";
    static final String DUE_TIMES = "due-times";

    private final Rules rules = new Rules();
    private final EventReader reader = new EventReader();
    private final ActionWriter writer = new ActionWriter();

    private ProcessorContext<byte[], byte[]> context;
    private KeyValueStore<byte[], Customer> customers;
    private DueTimes dueTimes;

    /** The customer who is decided for. */
    private byte[] key;

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
        this.context = context;
        customers = context.getStateStore(CUSTOMERS);
        dueTimes = new DueTimes(context.getStateStore(DUE_TIMES));
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        fire(record.timestamp());
        key = record.key();
        Customer customer = customers.get(key);
        if (customer == null) {
            customer = new Customer();
        }
        rules.fold(customer, reader.read(record.value()), this);
        keep(customer);
    }

    @Override
    public void active(int rule, long atMs) {
        forward("active", rule, atMs, atMs);
    }

    @Override
    public void retracted(int rule, long startedMs, long atMs) {
        forward("retracted", rule, startedMs, atMs);
    }

    private void fire(long uptoMs) {
        for (key = dueTimes.poll(uptoMs); key != null; key = dueTimes.poll(uptoMs)) {
            Customer customer = customers.get(key);
            customer.indexedMs = 0;
            rules.fire(customer, uptoMs, this);
            keep(customer);
        }
    }

    /**
     * Store a customer, and see to it that they are looked at when they are due.
     *
     * <p>Most events put the due time off. The index is left alone then: the customer is looked at too early once,
     * which costs less than to move them in the index at each event.
     */
    private void keep(Customer customer) {
        long dueMs = customer.dueMs();
        long indexedMs = customer.indexedMs;
        if (dueMs != 0 && (indexedMs == 0 || dueMs < indexedMs)) {
            if (indexedMs != 0) {
                dueTimes.remove(indexedMs, key);
            }
            dueTimes.add(dueMs, key);
            customer.indexedMs = dueMs;
        }
        customers.put(key, customer);
    }

    private void forward(String status, int rule, long startedMs, long atMs) {
        String customer = new String(key, StandardCharsets.UTF_8);
        byte[] action = writer.write(status, Rules.idOf(rule), customer, startedMs, atMs);
        // Not the time of the event, years ago: a topic that forgets by time would forget it at once.
        context.forward(new Record<>(key, action, System.currentTimeMillis()));
    }
}
