package linger.bench;

import java.util.ArrayList;
import java.util.List;

/**
 * The twenty rules of workload_rules.yaml by hand; by_hand.py is the same in Python.
 *
 * <p>The rules need little state. A number of events within days is reached if the
 * event that many events ago is recent enough, and all but two rules wait for a silence that starts with the latest
 * event. So it is known at each event when which rule begins to hold if nothing else happens, and whether it cools
 * down then.
 */
final class Rules {
    static final long DAY_MS = 86_400_000;

    private static final long NEVER = 0;
    private static final long FOREVER_MS = 1L << 62;

    /** At least so many events in the last days, and none for a while. */
    private record Count(int rule, int number, int days, long quietMs) {
        /** Return until when there are enough, today included; 0 if there are not. */
        long enoughUntilMs(int[] found, int size) {
            return size < number ? 0 : (found[size - number] + days) * DAY_MS;
        }
    }

    /** One purchase ever, so long ago. */
    private record First(int rule, long quietMs) {}

    /** The latest purchase is so many times the customer's usual gap ago. */
    private record Overdue(int rule, int times) {}

    /** At least so many cents in the last days, and no purchase for a while. */
    private record Sum(int rule, int cents, int days, long quietMs) {
        /** Return whether enough was spent that counts at a moment. */
        boolean isReached(Customer customer, long atMs) {
            int firstDay = dayOf(atMs) - days + 1;
            int spent = 0;
            for (int place = customer.kept - 1; place >= 0 && customer.days[place] >= firstDay; place--) {
                spent += customer.cents[place];
                if (spent >= cents) {
                    return true;
                }
            }
            return false;
        }
    }

    private static final List<String> IDS = new ArrayList<>();
    private static final List<Long> AGAIN_MS = new ArrayList<>();
    private static final List<Long> EXPIRES_MS = new ArrayList<>();

    static {
        family("logins-dried-up-%d", 6, 60, 7);
        family("regular-gone-quiet-%d", 4, 90, 14);
        family("first-time-buyer-%d", 3, 0, 21);
        family("overdue-%d", 3, 60, 14);
        family("valuable-gone-quiet-%d", 2, 120, 10);
        family("cancelled-exit-survey", 1, 180, 30);
        family("worth-winning-back", 1, 180, 30);
    }

    static final int NUMBER = IDS.size();

    /** By rule: its id, for how long it does not act again, and when an action of it expires, in milliseconds. */
    private static final String[] ID = IDS.toArray(new String[0]);

    private static final long[] COOL_MS = AGAIN_MS.stream().mapToLong(Long::longValue).toArray();
    private static final long[] EXPIRY_MS = EXPIRES_MS.stream().mapToLong(Long::longValue).toArray();

    private static final Count[] LOGIN_COUNTS = {
        new Count(0, 6, 60, 14 * DAY_MS),
        new Count(1, 10, 60, 10 * DAY_MS),
        new Count(2, 4, 60, 21 * DAY_MS),
        new Count(3, 3, 90, 30 * DAY_MS),
        new Count(4, 8, 45, 7 * DAY_MS),
        new Count(5, 5, 30, 12 * DAY_MS),
    };
    private static final Count[] PURCHASE_COUNTS = {
        new Count(6, 3, 365, 30 * DAY_MS),
        new Count(7, 3, 365, 45 * DAY_MS),
        new Count(8, 3, 365, 60 * DAY_MS),
        new Count(9, 3, 365, 90 * DAY_MS),
    };
    private static final First[] FIRSTS = {
        new First(10, 20 * DAY_MS), new First(11, 30 * DAY_MS), new First(12, 50 * DAY_MS),
    };
    private static final Overdue[] OVERDUES = {new Overdue(13, 2), new Overdue(14, 3), new Overdue(15, 4)};
    private static final int OVERDUE_PURCHASES = 3;
    private static final long USUAL_GAP_MS = 30 * DAY_MS;
    private static final long OVERDUE_LEAST_MS = 14 * DAY_MS;
    private static final Sum[] SUMS = {
        new Sum(16, 15_000, 365, 40 * DAY_MS), new Sum(17, 40_000, 365, 75 * DAY_MS),
    };
    private static final int CANCELLED = 18;
    private static final Count WORTH = new Count(19, 3, 365, 30 * DAY_MS);

    /** What a customer keeps: more of it no rule asks for. */
    static final int LOGINS_KEPT = 10;

    static final int PURCHASES_KEPT = 3;
    static final int CENTS_KEPT = 40_000;

    private static final int LOGIN_RULES = (1 << 6) - 1;
    private static final int ALL_RULES = (1 << NUMBER) - 1;

    /** Rules in the order in which they are to begin: the moment, and which; reused from turn to turn. */
    private final long[] turnsMs = new long[NUMBER];

    private final int[] turns = new int[NUMBER];
    private int turnsFound;

    static int dayOf(long atMs) {
        return (int) (atMs / DAY_MS);
    }

    static String idOf(int rule) {
        return ID[rule];
    }

    /**
     * Fold an event and decide what it changed.
     *
     * @param customer whose; it is changed, and was fired until the event
     * @param event later than all before it of the same customer
     * @param decisions receive everything that is decided, in the order of time
     */
    void fold(Customer customer, Event event, Decisions decisions) {
        if (customer.open != 0) {
            takeBack(customer, endedBy(event.type()), event.atMs(), decisions);
        }
        switch (event.type()) {
            case LOGIN -> foldLogin(customer, event.atMs());
            case PURCHASE -> foldPurchase(customer, event, decisions);
            case CANCELLATION -> foldCancellation(customer, event.atMs(), decisions);
        }
    }

    /** Decide everything that is due until then, in the order of time. */
    void fire(Customer customer, long uptoMs, Decisions decisions) {
        long loginDueMs = customer.loginDueMs;
        long otherDueMs = customer.otherDueMs;
        boolean isLoginDue = loginDueMs != NEVER && loginDueMs <= uptoMs;
        boolean isOtherDue = otherDueMs != NEVER && otherDueMs <= uptoMs;
        if (!isLoginDue && !isOtherDue) {
            return;
        }
        turnsFound = 0;
        if (isLoginDue) {
            customer.loginDueMs = loginTurns(customer, loginDueMs, uptoMs);
        }
        if (isOtherDue) {
            customer.otherDueMs = otherTurns(customer, otherDueMs, uptoMs);
        }
        for (int turn = 0; turn < turnsFound; turn++) {
            begin(customer, turns[turn], turnsMs[turn], decisions);
        }
    }

    private static void family(String name, int size, int againDays, int expiryDays) {
        for (int number = 1; number <= size; number++) {
            IDS.add(String.format(name, number));
            AGAIN_MS.add(againDays == 0 ? FOREVER_MS : againDays * DAY_MS);
            EXPIRES_MS.add(expiryDays * DAY_MS);
        }
    }

    // -- events ------------------------------------------------------------------------------------------------------

    /** Return the rules that do not hold after an event. */
    private static int endedBy(Event.Type type) {
        return switch (type) {
            case LOGIN -> LOGIN_RULES;
            case PURCHASE -> ALL_RULES & ~LOGIN_RULES;
            case CANCELLATION -> ALL_RULES & ~(1 << CANCELLED);
        };
    }

    private void foldLogin(Customer customer, long atMs) {
        customer.addLogin(atMs);
        if (customer.cancelledMs == NEVER) {
            customer.loginDueMs = loginTurns(customer, FOREVER_MS, atMs);
        }
    }

    private void foldPurchase(Customer customer, Event event, Decisions decisions) {
        customer.addPurchase(event.atMs(), event.cents());
        if (customer.cancelledMs != NEVER) {
            comeBack(customer, event.atMs(), decisions);
        }
        customer.otherDueMs = otherTurns(customer, FOREVER_MS, event.atMs());
    }

    /** Reactivate a cancelled customer; a long absence of log-ins continues. */
    private void comeBack(Customer customer, long atMs, Decisions decisions) {
        customer.cancelledMs = NEVER;
        for (Count one : LOGIN_COUNTS) {
            if (customer.loginMs + one.quietMs <= atMs
                    && atMs < one.enoughUntilMs(customer.loginDays, customer.logins)) {
                begin(customer, one.rule, atMs, decisions);
            }
        }
        customer.loginDueMs = loginTurns(customer, FOREVER_MS, atMs);
    }

    private void foldCancellation(Customer customer, long atMs, Decisions decisions) {
        if (customer.cancelledMs == NEVER) {
            begin(customer, CANCELLED, atMs, decisions);
        }
        customer.cancelledMs = atMs;
        customer.loginDueMs = NEVER;
        customer.otherDueMs = otherTurns(customer, FOREVER_MS, atMs);
    }

    // -- time --------------------------------------------------------------------------------------------------------

    /**
     * Look at the turns of the rules about log-ins; the customer is active.
     *
     * @param fromMs turns from then on are noted
     * @param uptoMs turns until then are noted
     * @return when the first rule acts after that if nothing else happens; 0 for never
     */
    private long loginTurns(Customer customer, long fromMs, long uptoMs) {
        long soonestMs = FOREVER_MS;
        for (Count one : LOGIN_COUNTS) {
            long atMs = customer.loginMs + one.quietMs;
            if (atMs < one.enoughUntilMs(customer.loginDays, customer.logins)) {
                soonestMs = turn(customer, one.rule, atMs, fromMs, uptoMs, soonestMs);
            }
        }
        return soonestMs % FOREVER_MS;
    }

    /** Look at the turns of the other rules; arguments and result as of `loginTurns`. */
    private long otherTurns(Customer customer, long fromMs, long uptoMs) {
        long soonestMs = FOREVER_MS;
        if (customer.cancelledMs != NEVER) {
            long atMs = customer.cancelledMs + WORTH.quietMs;
            if (atMs < WORTH.enoughUntilMs(customer.days, customer.kept)) {
                soonestMs = turn(customer, WORTH.rule, atMs, fromMs, uptoMs, soonestMs);
            }
            return soonestMs % FOREVER_MS;
        }
        for (Sum one : SUMS) {
            long atMs = customer.purchaseMs + one.quietMs;
            if (one.isReached(customer, atMs)) {
                soonestMs = turn(customer, one.rule, atMs, fromMs, uptoMs, soonestMs);
            }
        }
        if (customer.purchases == 1) {
            for (First one : FIRSTS) {
                soonestMs = turn(customer, one.rule, customer.purchaseMs + one.quietMs, fromMs, uptoMs, soonestMs);
            }
            return soonestMs % FOREVER_MS;
        }
        for (Count one : PURCHASE_COUNTS) {
            long atMs = customer.purchaseMs + one.quietMs;
            if (atMs < one.enoughUntilMs(customer.days, customer.kept)) {
                soonestMs = turn(customer, one.rule, atMs, fromMs, uptoMs, soonestMs);
            }
        }
        if (customer.purchases >= OVERDUE_PURCHASES) {
            long lastedMs = 2 * USUAL_GAP_MS + customer.purchaseMs - customer.firstMs;
            int gaps = 1 + customer.activeDays;
            for (Overdue one : OVERDUES) {
                long patienceMs = (one.times * lastedMs + gaps - 1) / gaps;
                long atMs = customer.purchaseMs + Math.max(OVERDUE_LEAST_MS, patienceMs);
                soonestMs = turn(customer, one.rule, atMs, fromMs, uptoMs, soonestMs);
            }
        }
        return soonestMs % FOREVER_MS;
    }

    /** Note a turn in its place if it is due, and return the earlier of `soonestMs` and a later one. */
    private long turn(Customer customer, int rule, long atMs, long fromMs, long uptoMs, long soonestMs) {
        if (coolsDown(customer, rule, atMs)) {
            return soonestMs;
        }
        if (atMs > uptoMs) {
            return Math.min(atMs, soonestMs);
        }
        if (atMs >= fromMs) {
            int place = turnsFound++;
            while (place > 0 && turnsMs[place - 1] > atMs) {
                turnsMs[place] = turnsMs[place - 1];
                turns[place] = turns[place - 1];
                place--;
            }
            turnsMs[place] = atMs;
            turns[place] = rule;
        }
        return soonestMs;
    }

    // -- actions -----------------------------------------------------------------------------------------------------

    private static boolean coolsDown(Customer customer, int rule, long atMs) {
        long actedMs = customer.actedMs[rule];
        return actedMs != NEVER && atMs < actedMs + COOL_MS[rule];
    }

    /** Let a rule act that begins to hold, unless it cools down. */
    private static void begin(Customer customer, int rule, long atMs, Decisions decisions) {
        if (!coolsDown(customer, rule, atMs)) {
            customer.actedMs[rule] = atMs;
            customer.open |= 1 << rule;
            decisions.active(rule, atMs);
        }
    }

    /** Take back what rules that do not hold any more have asked for, unless it has expired. */
    private static void takeBack(Customer customer, int ended, long atMs, Decisions decisions) {
        for (int left = customer.open; left != 0; left &= left - 1) {
            int rule = Integer.numberOfTrailingZeros(left);
            long actedMs = customer.actedMs[rule];
            if (actedMs + EXPIRY_MS[rule] <= atMs) {
                customer.open &= ~(1 << rule);
            } else if ((ended & 1 << rule) != 0) {
                customer.open &= ~(1 << rule);
                decisions.retracted(rule, actedMs, atMs);
                if (actedMs == atMs) {
                    customer.actedMs[rule] = NEVER; // it came in the same moment: as if the rule had never acted
                }
            }
        }
    }
}
