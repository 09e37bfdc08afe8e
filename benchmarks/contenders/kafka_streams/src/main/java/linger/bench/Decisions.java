package linger.bench;

/** Receives what was decided for a customer; rules by their number, times in epoch milliseconds. */
interface Decisions {
    /** A rule began to hold, and acts. */
    void active(int rule, long atMs);

    /** The action of a rule that began to hold at `startedMs` is taken back. */
    void retracted(int rule, long startedMs, long atMs);
}
