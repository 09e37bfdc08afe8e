package linger.bench;

/**
 * One event of the workload; whose it is says the record's key.
 *
 * @param atMs when it happened, in epoch milliseconds
 * @param cents the amount of a purchase, 0 of anything else
 */
record Event(Type type, long atMs, int cents) {

    enum Type {
        LOGIN,
        PURCHASE,
        CANCELLATION
    }
}
