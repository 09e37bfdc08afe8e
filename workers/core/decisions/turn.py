"""Turn: the work on one customer, from the first event of a batch to the next due time.

Every rule that reads an event's type is looked at after every event. The other groups of rules keep their next
change, which is exact.
"""

from schemas.events import UNREADABLE
from workers.core.conditions.condition import FALSE, TRUE
from workers.core.coverage import FOREVER_MS, Coverage
from workers.core.customer.candidate import Candidate
from workers.core.customer.customer import Customer
from workers.core.customer.folding import fingerprint_number, keep_latest
from workers.core.customer.standing import Standing
from workers.core.decisions.admission import Admission
from workers.core.decisions.bookkeeper import Bookkeeper
from workers.core.decisions.decided import CUSTOMER_ERASED, CUSTOMER_OPTED_OUT, CUSTOMER_SUPPRESSED, Decisions
from workers.core.decisions.episodes import Episodes, next_repetition
from workers.core.decisions.moves import Moves
from workers.core.decisions.outcomes import Outcomes
from workers.core.decisions.program import ActiveRule, EventType, Group, Program
from workers.core.events.attribute_types import typed
from workers.core.events.decoding import DecodedEvent
from workers.core.events.plain import PlainEvent


class Turn:
    """Decides for the customer whose objects are filled in; made once for a rule set.

    What outcomes hand out (`waiting`, `left_out`, `unnamed`) is replaced, never changed: they outlive the turn.

    Attributes:
        program: the rules, bound to the customer.
        customer: the customer.
        decisions: what is decided, step by step; within a step in order.
        folded, duplicates: number of new events, and of events that had been seen before.
        has_answered: whether an event may hold an answer to the question of consent.
        waiting: by event type, the earliest watermark that a rule waits for.
        left_out: for each value that its type could not read: the event's type and id, the attribute, the reason.
        unnamed: versions of rules whose waiting actions are dropped without a decision (`decide.Outcome`).
        forgotten: how often the customer was forgotten.
        answer: to the question of consent, the latest that was forgotten with the customer; None if none was.
        moves: follows the customer's stage; None without a ladder.
        outcomes: follows the experiments.
        bookkeeper: counts the events in the book.
    """

    def __init__(self, program: Program) -> None:
        rule_set = program.rule_set
        self.program = program
        self.customer: Customer = program.customer
        self.decisions = Decisions(self.customer.most_conditions)
        self.outcomes = Outcomes(program)
        self.episodes = Episodes(program, self.decisions, self.outcomes)
        self.admission = Admission(program, self.episodes, self.decisions, self.outcomes)
        self.policy = rule_set.contact_policy
        self.generation = rule_set.generation
        self.meaning_generation = rule_set.meaning_generation
        self.attribute_types = rule_set.attribute_types
        self.kept_raw = rule_set.kept_raw
        self.observed: Coverage | None = None
        self.folded = self.duplicates = 0
        self.has_answered = False
        self.waiting: dict[str, int] = {}
        self.left_out: list[tuple[str, str, str, str]] = []
        self.unnamed: list[str] = []
        self.forgotten = 0
        self.answer: tuple[bool, int] | None = None
        self.moves = None if program.ladder is None else Moves(program.ladder, program.carried)
        self.bookkeeper = Bookkeeper(program)

    def begin(self, customer_id: str, observed: Coverage, standing: Standing) -> None:
        """Begin with a customer who is not known; what is stored can be read into the customer then."""
        self.program.begin()
        self.program.observe(observed)
        self.observed = observed
        self.decisions.clear()
        self.folded = self.duplicates = 0
        self.has_answered = False
        self.forgotten = 0
        self.answer = None
        self.bookkeeper.begin()
        self.admission.standing = standing
        self.admission.insists = False
        self.outcomes.begin(customer_id)
        if self.moves is not None:
            self.moves.begin()
        if self.waiting:
            self.waiting = {}
        if self.left_out:
            self.left_out = []
        if self.unnamed:
            self.unnamed = []
        if self.admission.not_understood:
            self.admission.not_understood = []

    # -- events --------------------------------------------------------------------------------------------

    def fold(self, event: DecodedEvent) -> None:
        """Decide what is due before the event, fold it, and decide what it changed.

        Only where an earlier meaning of rules was in force can a ring hold what release 0.1 has remembered.
        """
        customer, fingerprint = self.customer, fingerprint_number(event.fingerprint())
        if customer.is_known and (
            customer.has_seen(fingerprint)
            or (self.meaning_generation and customer.has_seen(fingerprint_number(event.fingerprint_of_0_1())))
        ):
            self.duplicates += 1
            return
        kind: EventType = self.program.types.get(event.type, self.program.unknown_type)
        is_new = self.arrive(event.at_ms, fingerprint)
        begun = self.decisions.number
        original, types = event, self.attribute_types.get(event.type)
        if types is not None:
            left_out: list[tuple[str, str, str, str]] = []
            event = typed(event, types, left_out)
            if left_out:
                self.left_out = self.left_out + left_out
        self.bookkeeper.note(kind, event, is_new)
        if kind.folding is not None:
            kind.folding.fold(event)
        if kind.asks_consent:
            key = self.policy.unreadable_answer(event.type, event.attributes)
            if key is not None:
                keep_latest(customer, key, UNREADABLE, event.at_ms)
        if event.history_ms:
            customer.note_history(event.type, event.history_ms, is_new)
            if self.moves is not None:
                self.moves.ladder.is_stale = True
        if event is not original:
            for attribute, key, _ in self.kept_raw.get(event.type, ()):
                keep_latest(customer, key, original.attributes.get(attribute), event.at_ms)
        if kind.is_success:
            self.outcomes.fold(kind, event)
        self.follow(kind, event.at_ms, is_new, begun)

    def fold_plain(self, kind: EventType, event: PlainEvent) -> None:
        """Fold an event as numbers; `kind` is its type, which has nothing but the plain series."""
        customer = self.customer
        if customer.is_known and (
            customer.has_seen(event.fingerprint)
            or (self.meaning_generation and customer.has_seen(event.fingerprint_of_0_1()))
        ):
            self.duplicates += 1
            return
        folding = kind.folding
        is_new = self.arrive(event.at_ms, event.fingerprint)
        begun = self.decisions.number
        self.bookkeeper.note_plain(kind, event, is_new)
        if folding is not None:
            folding.fold_plain(event.at_ms, event.amount)
        if kind.is_success:
            self.outcomes.fold_plain(kind, event.at_ms, event.amount, event.currency)
        self.follow(kind, event.at_ms, is_new, begun)

    def arrive(self, at_ms: int, fingerprint: int) -> bool:
        """Decide what is due before a new event; return whether it is the customer's first, or the first again."""
        customer = self.customer
        is_new = not customer.is_known
        if not is_new:
            self.adopt()
            is_new = customer.forget_after_ms > 0 and self.forgets(at_ms)
        if is_new:
            customer.is_known = True
            customer.first_ms = at_ms
            customer.at_ms = at_ms
            customer.generation = self.generation
        elif customer.due_ms and customer.due_ms <= at_ms:
            self.advance(at_ms, True)
        customer.remember(fingerprint)
        if self.moves is not None and at_ms > customer.at_ms:
            self.moves.arrive(at_ms)
        if at_ms > customer.at_ms:
            customer.at_ms = at_ms
        if customer.fired_ms <= customer.at_ms:
            customer.fired_ms = 0
        return is_new

    def follow(self, kind: EventType, event_ms: int, is_new: bool, begun: int) -> None:
        """Decide what follows from an event that was just folded.

        Args:
            kind: its type.
            event_ms: when it happened.
            is_new: whether it is the customer's first.
            begun: how many decisions there were before its step.
        """
        customer = self.customer
        self.folded += 1
        if self.moves is not None and (kind.moves or is_new):
            self.moves.follow()
        for group in kind.groups:
            self.judge_group(group, kind, event_ms)
        if is_new:
            # Rules that do not read the type: some hold at once.
            for group in kind.others:
                self.judge_group(group, kind, event_ms)
        if kind.asks_consent:
            self.has_answered = True
            if self.admission.is_opted_out():
                self.episodes.take_back(customer.at_ms, event_ms, CUSTOMER_OPTED_OUT)
        if customer.waiting:
            self.admission.release(customer.at_ms + 1)
        self.set_due()
        if self.decisions.number - begun > 1:
            self.decisions.put_in_order(begun)

    def judge_group(self, group: Group, kind: EventType, event_ms: int) -> None:
        """Look at the rules of a group after an event."""
        customer, soonest_ms = self.customer, FOREVER_MS
        following = group.first
        while following is not None:
            rule = following
            following = rule.next_in_group
            episode = rule.episode
            can_hold = rule.can_hold()
            if not can_hold and not episode.is_present:
                rule.flip_ms = FOREVER_MS
                continue
            # The moment up to which the rule is decided: the latest event, or a later timer that made it hold.
            at_ms = customer.at_ms
            if episode.holding and episode.start_ms > at_ms:
                at_ms = episode.start_ms
            flip_ms = self.episodes.judge(rule, at_ms, kind, event_ms)
            if not can_hold:
                flip_ms = FOREVER_MS
            if customer.fired_ms:
                # Timers were decided before this event was seen; the rule continues from there.
                self.note_flip(rule, flip_ms)
                flip_ms = self.flip_of(rule)
            rule.flip_ms = flip_ms
            if flip_ms < soonest_ms:
                soonest_ms = flip_ms
        group.is_timed = True
        customer.flips[group.place] = soonest_ms

    # -- forgetting ----------------------------------------------------------------------------------------

    def forgets(self, at_ms: int) -> bool:
        """Forget the customer if the moment for it comes until an event or an order; return whether it does.

        What is due before that moment is decided first, as before an event. It may ask for an action, and while that
        is open, the customer is not forgotten.

        Args:
            at_ms: the moment of the event or the order.
        """
        customer = self.customer
        while True:
            moment_ms = customer.forgotten_ms(self.clock())
            if moment_ms > at_ms:
                return False
            if customer.due_ms and customer.due_ms < moment_ms:
                self.advance(moment_ms - 1, True)
                continue
            if not customer.waiting:
                self.forget()
                return True
            # Of a type that has not been seen so far, what comes later in the log finds a stranger, too.
            begun = self.decisions.number
            self.admission.insists = True
            self.admission.release(moment_ms)
            self.admission.insists = False
            self.decisions.put_in_order(begun)

    def collects(self, upto_ms: int) -> bool:
        """Forget the customer if the moment for it comes until `upto_ms`, and nothing before it waits for a type.

        `fire` and `release` came before.
        """
        customer = self.customer
        moment_ms = customer.forgotten_ms(self.clock())
        if moment_ms > upto_ms or customer.waiting or (customer.due_ms and customer.due_ms < moment_ms):
            return False
        self.forget()
        return True

    def forget(self) -> None:
        """Begin with a customer who is not known. Only a no to the question of consent is remembered."""
        answer, standing = self.policy.last_word(self.customer.attributes), self.admission.standing
        self.forgotten += 1
        if answer is not None and (self.answer is None or answer[1] >= self.answer[1]):
            self.has_answered = True
            self.answer = answer
            if answer[1] > standing.opted_out_ms:
                opted_out_ms = 0 if answer[0] else answer[1]
                self.admission.standing = Standing(standing.is_suppressed, opted_out_ms)
        self.program.begin()
        if self.moves is not None:
            self.moves.forget()

    def keep_facts(self) -> None:
        """Keep what the turn has counted in the book; what is not kept is gone when the next one begins."""
        self.bookkeeper.keep(self.moves)

    # -- orders --------------------------------------------------------------------------------------------

    def carry_out(self, order_ms: int, erases: bool) -> None:
        """Take back what stands, because it was ordered that the customer is erased, or never written to.

        What is due before the order is decided first, as before an event: a step that Redis lost may have sent it.
        But nothing new goes out.

        Args:
            order_ms: when it was ordered.
            erases: whether the customer is erased; the caller stores nothing then.
        """
        customer = self.customer
        self.has_answered = True
        self.adopt()
        if customer.forget_after_ms and self.forgets(order_ms):
            self.decisions.keep_for_order(erases)
            self.decisions.put_in_order(0)
            return
        if customer.due_ms and customer.due_ms <= order_ms:
            self.advance(order_ms, True)
        if order_ms > customer.at_ms:
            if self.moves is not None:
                self.moves.arrive(order_ms)
            customer.at_ms = order_ms
        if customer.fired_ms <= customer.at_ms:
            customer.fired_ms = 0
        self.episodes.take_back(customer.at_ms, order_ms, CUSTOMER_ERASED if erases else CUSTOMER_SUPPRESSED)
        if erases:
            if self.moves is not None:
                self.moves.begin()
            self.answer = self.policy.last_word(customer.attributes)
            self.episodes.take_back_waiting(customer.at_ms, order_ms)
        self.decisions.keep_for_order(erases)
        self.decisions.put_in_order(0)
        self.set_due()

    # -- rule sets -----------------------------------------------------------------------------------------

    def adopt(self) -> None:
        """Migrate a customer who was decided under an older rule set to this one.

        A customer who already matches a rule when it is activated is skipped, unless the rule includes them. One who
        matches a rule only by a new meaning of rules is always skipped.
        """
        customer = self.customer
        if customer.generation == self.generation:
            if not customer.flips_known:
                self.time_all()
            return
        clock, begun = self.clock(), self.decisions.number
        if self.moves is not None:
            self.moves.adopt(customer.generation)
        self.outcomes.adopt()
        has_new_meaning = customer.generation < self.meaning_generation
        for rule in self.program.rules:
            is_new = rule.since_generation > customer.generation
            if is_new or has_new_meaning:
                self.adopt_rule(rule, clock, is_new)
        customer.generation = self.generation
        self.time_all()
        self.decisions.put_in_order(begun)

    def adopt_rule(self, rule: ActiveRule, clock: int, is_new: bool) -> None:
        """Look at a rule that is new for the customer, or has a new meaning."""
        episode = rule.episode
        truth = rule.condition.look(clock)
        if is_new:
            # The wait began under the old text of the rule.
            episode.pending_ms = 0
            episode.true_since_ms = 0
            episode.asked = 0
        elif episode.pending_ms:
            return  # it is decided from where it waits
        if truth == FALSE:
            if episode.is_present:
                self.episodes.end(rule, clock, None, 0)
                episode.true_since_ms = 0
        elif truth == TRUE:
            if not is_new:
                if not (episode.holding or episode.true_since_ms):
                    self.customer.add_episode(episode)
                    episode.holding = True
                    episode.start_ms = clock
            elif rule.for_ms and not episode.holding:
                self.customer.add_episode(episode)
                episode.true_since_ms = clock
            else:
                self.episodes.meet(rule, clock)

    def time_all(self) -> None:
        """Find out when time alone changes each rule."""
        for group in self.program.groups:
            self.time_group(group)
        if self.moves is not None:
            self.moves.set_time(self.customer.at_ms)
        self.customer.flips_known = True
        self.set_due()

    # -- time ----------------------------------------------------------------------------------------------

    def fire(self, upto_ms: int) -> int:
        """Decide what is due by then, each rule as far as the types that it reads have been seen.

        Returns:
            Up to when that was: not up to the moment at which the customer is forgotten.
        """
        customer = self.customer
        if not customer.forget_after_ms:
            if customer.due_ms and customer.due_ms <= upto_ms:
                self.advance(upto_ms, False)
            return upto_ms
        while True:
            moment_ms = customer.forgotten_ms(self.clock())
            before_ms = upto_ms if upto_ms < moment_ms else moment_ms - 1
            if customer.due_ms and customer.due_ms <= before_ms:
                self.advance(before_ms, False)
            # An action that was just decided keeps the customer until it has expired.
            if before_ms == upto_ms or customer.forgotten_ms(self.clock()) <= moment_ms:
                return before_ms

    def release(self) -> None:
        """Admit candidates whose types have been seen far enough."""
        if self.customer.waiting:
            begun = self.decisions.number
            self.admission.release(FOREVER_MS)
            self.decisions.put_in_order(begun)

    def advance(self, upto_ms: int, forced: bool) -> None:
        """Decide due times in order.

        Args:
            upto_ms: how far.
            forced: whether an event comes next, so that every rule is decided up to it, in log order. Otherwise a
                rule waits until every type that it reads has been seen up to its due time.
        """
        customer, begun = self.customer, self.decisions.number
        if self.moves is not None:
            seen_ms = self.moves.ladder.decided_until_ms
            self.moves.fire(upto_ms if forced or seen_ms > upto_ms else seen_ms)
        for group in self.program.groups:
            if customer.flips[group.place] <= upto_ms and not group.is_timed:
                self.time_group(group)
        # Where everything has been seen, no rule waits while another one is decided.
        all_seen = forced or self.program.all_decided_ms >= upto_ms
        at_ms = 0
        while True:
            rule = self.first_due(upto_ms, all_seen)
            if rule is None:
                break
            flip_ms = rule.flip_ms
            if flip_ms > at_ms:
                # Rules that begin at the same moment may compete, so all of them are evaluated first.
                if customer.waiting:
                    self.admission.release(flip_ms)
                at_ms = flip_ms
            if not forced and flip_ms > self.clock():
                # Earlier due times are those of waiting rules.
                customer.fired_ms = flip_ms
                if not all_seen:
                    self.note_flips(upto_ms)
            rule.flip_ms = self.episodes.judge(rule, flip_ms, None, 0)
            self.note_flip(rule, rule.flip_ms)
            self.set_flip(rule.group)
        if customer.waiting:
            self.admission.release(upto_ms + 1 if forced else FOREVER_MS)
        self.set_due()
        if self.decisions.number - begun > 1:
            self.decisions.put_in_order(begun)

    def first_due(self, upto_ms: int, all_seen: bool) -> ActiveRule | None:
        """Return the rule that changes first, of those that need not wait; None if none does by then."""
        customer = self.customer
        first: ActiveRule | None = None
        first_ms = upto_ms
        for group in self.program.groups:
            if customer.flips[group.place] > first_ms:
                continue
            rule = group.first
            while rule is not None:
                flip_ms = rule.flip_ms
                if (
                    flip_ms <= first_ms
                    and (all_seen or rule.decided_until_ms >= flip_ms)
                    and (first is None or flip_ms < first_ms or rule.place < first.place)
                ):
                    first = rule
                    first_ms = flip_ms
                rule = rule.next_in_group
        return first

    def clock(self) -> int:
        """Return the moment up to which every rule that is not waiting is decided."""
        customer = self.customer
        return customer.fired_ms if customer.fired_ms > customer.at_ms else customer.at_ms

    def flip_of(self, rule: ActiveRule) -> int:
        """Return when time alone changes a rule: in the past if the rule is waiting, FOREVER_MS for never."""
        episode = rule.episode
        if episode.pending_ms:
            return episode.pending_ms
        if not rule.can_hold():
            return FOREVER_MS
        clock = self.clock()
        truth = rule.condition.look(clock)
        flip_ms = rule.condition.flip_ms
        if episode.asked and truth == TRUE:
            flip_ms = min(flip_ms, next_repetition(rule, clock))
        if episode.true_since_ms and not episode.holding:
            lasted_ms = episode.true_since_ms + rule.for_ms
            if clock < lasted_ms < flip_ms:
                return lasted_ms
        return flip_ms

    def time_group(self, group: Group) -> None:
        """Find out when time alone changes the rules of a group."""
        rule = group.first
        while rule is not None:
            rule.flip_ms = self.flip_of(rule)
            rule = rule.next_in_group
        group.is_timed = True
        self.set_flip(group)

    def set_flip(self, group: Group) -> None:
        """Keep when a group changes next."""
        soonest_ms, rule = FOREVER_MS, group.first
        while rule is not None:
            if rule.flip_ms < soonest_ms:
                soonest_ms = rule.flip_ms
            rule = rule.next_in_group
        self.customer.flips[group.place] = soonest_ms

    def set_due(self) -> None:
        """Keep when the customer changes next."""
        soonest_ms = FOREVER_MS
        customer = self.customer
        for place in range(customer.groups):
            if customer.flips[place] < soonest_ms:
                soonest_ms = customer.flips[place]
        customer.due_ms = 0 if soonest_ms == FOREVER_MS else soonest_ms

    def note_flips(self, upto_ms: int) -> None:
        """Keep the next due time of every rule that waits while the customer's clock passes it."""
        for group in self.program.groups:
            if self.customer.flips[group.place] <= upto_ms:
                for rule in group.rules:
                    self.note_flip(rule, rule.flip_ms)

    def note_flip(self, rule: ActiveRule, flip_ms: int) -> None:
        """Keep the next due time of a rule if the customer's clock has already passed it."""
        episode = rule.episode
        if flip_ms <= self.customer.fired_ms:
            self.customer.add_episode(episode)
            episode.pending_ms = flip_ms
        else:
            episode.pending_ms = 0

    # -- the end of a turn ---------------------------------------------------------------------------------

    def settle(self, upto_ms: int) -> int:
        """Drop finished episodes, and note the watermarks to wait for.

        Args:
            upto_ms: as for `fire`, 0 for none.

        Returns:
            When to look again, 0 for never.
        """
        customer = self.customer
        queued = customer.waiting > 0
        episode = customer.first_listed
        while episode is not None:
            if episode.is_present:
                self.tidy(self.program.rules[episode.place], queued)
            episode = episode.following
        for place in range(customer.waiting):
            candidate: Candidate = customer.candidates[place]
            if candidate.rule >= 0:
                seen_ms = candidate.doubted_ms if candidate.doubted_ms > candidate.start_ms else candidate.start_ms
                self.wait(self.program.rules[candidate.rule].rule.needed_to_admit, seen_ms)
        self.episodes.drop_acted()
        passed_ms = self.clock()
        if upto_ms > passed_ms:
            passed_ms = upto_ms
        if customer.due_ms > passed_ms or not customer.due_ms:
            return customer.due_ms
        return self.look_again(upto_ms, passed_ms)

    def tidy(self, rule: ActiveRule, queued: bool) -> None:
        """Drop what is finished of a rule's episode, and note the watermark that it waits for.

        Args:
            rule: there is something to remember of it.
            queued: whether actions wait.
        """
        episode = rule.episode
        if episode.pending_ms:
            self.wait(rule.rule.needed_to_decide, episode.pending_ms)
        if queued and self.episodes.is_contested(rule):
            return
        self.episodes.drop_over(rule)
        if episode.open_until_ms:
            return
        if not (episode.holding or episode.acted_ms or episode.true_since_ms or episode.pending_ms):
            episode.clear()

    def look_again(self, upto_ms: int, passed_ms: int) -> int:
        """Return when to look again if some rules wait: for these, the watermarks are noted."""
        customer, due_ms = self.customer, FOREVER_MS
        if self.moves is not None:
            moved_ms = customer.flips[self.moves.place]
            if moved_ms <= upto_ms:
                self.wait(self.moves.ladder.types, moved_ms)
            else:
                due_ms = moved_ms
        for group in self.program.groups:
            group_ms = customer.flips[group.place]
            if group_ms > passed_ms:
                due_ms = min(due_ms, group_ms)
                continue
            for rule in group.rules:
                own_ms = rule.flip_ms if group.is_timed else self.flip_of(rule)
                if own_ms <= upto_ms:
                    self.wait(rule.rule.needed_to_decide, own_ms)
                elif not rule.episode.pending_ms:
                    due_ms = min(due_ms, own_ms)
        return 0 if due_ms == FOREVER_MS else due_ms

    def wait(self, types: frozenset[str], at_ms: int) -> None:
        """Note that a rule waits until some types have been seen up to a moment."""
        assert self.observed is not None
        unseen = self.observed.unseen(types, at_ms)
        # All seen meanwhile: any type works, and the customer is ready at the next poll.
        name = min(types) if unseen is None else unseen
        self.waiting = {**self.waiting, name: min(at_ms, self.waiting.get(name, at_ms))}
