package linger.bench;

import java.util.Arrays;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serializer;

/**
 * Encodes customers as numbers of 7 bits a byte, the lowest first; what comes often is a difference, and so short.
 *
 * <p>Kafka Streams gives each processor's store to one thread, and each store has a serde of its own: the buffer is
 * never shared.
 */
final class CustomerSerde implements Serde<Customer> {

    @Override
    public Serializer<Customer> serializer() {
        return new Encoder();
    }

    @Override
    public Deserializer<Customer> deserializer() {
        return (topic, data) -> data == null ? null : new Decoder(data).customer();
    }

    private static final class Encoder implements Serializer<Customer> {
        private static final int LONGEST = 10;

        private byte[] buffer = new byte[1024];
        private int end;

        @Override
        public byte[] serialize(String topic, Customer customer) {
            if (customer == null) {
                return null;
            }
            end = 0;
            put(customer.loginMs);
            putDays(customer.loginDays, customer.logins);
            put(customer.purchases);
            put(customer.activeDays);
            put(customer.firstMs);
            put(customer.purchaseMs - customer.firstMs);
            putDays(customer.days, customer.kept);
            for (int place = 0; place < customer.kept; place++) {
                put(customer.cents[place]);
            }
            put(customer.cancelledMs);
            putActed(customer);
            put(customer.open);
            put(customer.loginDueMs);
            put(customer.otherDueMs);
            put(customer.indexedMs);
            return Arrays.copyOf(buffer, end);
        }

        private void putActed(Customer customer) {
            int acted = 0;
            for (int rule = 0; rule < Rules.NUMBER; rule++) {
                if (customer.actedMs[rule] != 0) {
                    acted |= 1 << rule;
                }
            }
            put(acted);
            for (int left = acted; left != 0; left &= left - 1) {
                put(customer.actedMs[Integer.numberOfTrailingZeros(left)]);
            }
        }

        private void putDays(int[] days, int number) {
            put(number);
            int before = 0;
            for (int place = 0; place < number; place++) {
                put(days[place] - before);
                before = days[place];
            }
        }

        /** Append a number that is not negative. */
        private void put(long number) {
            if (buffer.length - end < LONGEST) {
                buffer = Arrays.copyOf(buffer, 2 * buffer.length);
            }
            long left = number;
            while (left > 0x7F) {
                buffer[end++] = (byte) (left | 0x80);
                left >>>= 7;
            }
            buffer[end++] = (byte) left;
        }
    }

    private static final class Decoder {
        private final byte[] data;
        private int place;

        Decoder(byte[] data) {
            this.data = data;
        }

        Customer customer() {
            Customer customer = new Customer();
            customer.loginMs = take();
            customer.logins = (int) take();
            takeDays(customer.loginDays, customer.logins);
            customer.purchases = (int) take();
            customer.activeDays = (int) take();
            customer.firstMs = take();
            customer.purchaseMs = customer.firstMs + take();
            customer.kept = (int) take();
            if (customer.kept > customer.days.length) {
                customer.days = new int[customer.kept + 1];
                customer.cents = new int[customer.kept + 1];
            }
            takeDays(customer.days, customer.kept);
            for (int number = 0; number < customer.kept; number++) {
                customer.cents[number] = (int) take();
            }
            customer.cancelledMs = take();
            for (int left = (int) take(); left != 0; left &= left - 1) {
                customer.actedMs[Integer.numberOfTrailingZeros(left)] = take();
            }
            customer.open = (int) take();
            customer.loginDueMs = take();
            customer.otherDueMs = take();
            customer.indexedMs = take();
            return customer;
        }

        private void takeDays(int[] days, int number) {
            int day = 0;
            for (int at = 0; at < number; at++) {
                day += (int) take();
                days[at] = day;
            }
        }

        private long take() {
            long number = 0;
            for (int shift = 0; ; shift += 7) {
                byte part = data[place++];
                number |= (long) (part & 0x7F) << shift;
                if (part >= 0) {
                    return number;
                }
            }
        }
    }
}
