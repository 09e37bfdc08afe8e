package linger.bench;

import java.util.Arrays;

/** What is remembered of one customer; times in epoch milliseconds, 0 for never, days as UTC days since 1970. */
final class Customer {
    /** The latest log-in, and the days of the latest ones, oldest first, as many as a rule counts. */
    long loginMs;
    final int[] loginDays = new int[Rules.LOGINS_KEPT];
    int logins;

    /** Purchases of all time, on how many days there were any, and the first and the latest one. */
    int purchases;
    int activeDays;
    long firstMs;
    long purchaseMs;

    /** Days and cents of the latest purchases, oldest first, as many as a rule counts or adds up. */
    int[] days = new int[16];
    int[] cents = new int[16];
    int kept;

    /** The latest cancellation; 0 if there was a purchase after it. */
    long cancelledMs;

    /** By rule, when it acted last. */
    final long[] actedMs = new long[Rules.NUMBER];

    /** Rules, one bit each, whose latest action has not been taken back, and perhaps not expired. */
    int open;

    /** When a rule about log-ins acts if nothing else happens, and the same of all other rules. */
    long loginDueMs;
    long otherDueMs;

    /** Where the customer stands in the index of due times: not after the due time, perhaps before it. */
    long indexedMs;

    /** When to look again because of time alone. */
    long dueMs() {
        if (loginDueMs == 0 || otherDueMs == 0) {
            return loginDueMs + otherDueMs;
        }
        return Math.min(loginDueMs, otherDueMs);
    }

    void addLogin(long atMs) {
        loginMs = atMs;
        if (logins == loginDays.length) {
            System.arraycopy(loginDays, 1, loginDays, 0, --logins);
        }
        loginDays[logins++] = Rules.dayOf(atMs);
    }

    /** Add a purchase, and drop those that can no longer matter. */
    void addPurchase(long atMs, int amount) {
        int day = Rules.dayOf(atMs);
        if (purchases == 0) {
            firstMs = atMs;
        }
        if (day != Rules.dayOf(purchaseMs)) {
            activeDays++;
        }
        purchases++;
        purchaseMs = atMs;
        if (kept == days.length) {
            days = Arrays.copyOf(days, 2 * kept);
            cents = Arrays.copyOf(cents, 2 * kept);
        }
        days[kept] = day;
        cents[kept++] = amount;
        forgetPurchases();
    }

    private void forgetPurchases() {
        int newer = 0;
        int first = kept;
        while (first > 0 && (kept - first < Rules.PURCHASES_KEPT || newer < Rules.CENTS_KEPT)) {
            newer += cents[--first];
        }
        if (first > 0) {
            kept -= first;
            System.arraycopy(days, first, days, 0, kept);
            System.arraycopy(cents, first, cents, 0, kept);
        }
    }
}
