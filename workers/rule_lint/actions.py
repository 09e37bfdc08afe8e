"""Lints about actions and their limits: examples, pauses, paces, priorities, quiet hours, statuses."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Final

from schemas.durations import write_duration
from schemas.paces import pace_seconds
from schemas.rules import Example
from workers.rule_files.problems import Problem
from workers.rule_lint.definition import Lint, warning
from workers.rule_lint.located_rules import LocatedRule, LocatedRules


def without_examples(book: LocatedRules) -> Iterator[Problem]:
    """Yield rules that cannot go live yet because they lack examples."""
    for located_rule in book.rules if book.is_whole else ():
        rule = located_rule.rule
        if rule.status in ("live", "paused"):
            continue  # for live rules it is a mistake
        acting = [_expects_action(example) for example in rule.examples]
        lacking = [*([] if any(acting) else ["it acts for"]), *(["it does not act for"] if all(acting) else [])]
        if lacking:
            message = f"rule '{rule.id}' has no example of a customer {' and none of one '.join(lacking)}"
            hint = "add it under 'examples': without it, the rule cannot go live"
            yield located_rule.warn("without-example", located_rule.at("examples"), message, hint)


WITHOUT_EXAMPLE: Final = Lint(
    "without-example",
    without_examples,
    warning(
        "A rule without examples",
        "To go live, a rule needs one example in which it acts and one in which it does not. Write them under "
        "`examples`; `linger rules test` runs them.",
        "status: draft\n",
        "status: draft\nwhen: {none: purchase, for: 45 days}\nexamples:\n"
        "  - name: a purchase, and then silence\n    given: [{at: start, event: purchase}]\n"
        "    expect: [{at: 45 days, action: at-risk}]\n"
        "  - name: not watched long enough\n    given: [{at: start, event: purchase}]\n"
        "    watch for: 40 days\n    expect: nothing\n",
    ),
)


def _expects_action(example: Example) -> bool:
    return not isinstance(example.expect, str) and any(expected.action for expected in example.expect)


def short_pauses(book: LocatedRules) -> Iterator[Problem]:
    """Yield rules that can act again before their last action expires."""
    for located_rule in book.rules:
        rule = located_rule.rule
        if rule.again_after is not None and rule.again_after < rule.expires_after:
            pause, expiry = write_duration(rule.again_after), write_duration(rule.expires_after)
            message = f"the rule can act again after {pause}, but its last action expires only after {expiry}"
            key = "again after" if "again after" in located_rule.node.entries else "expires after"
            hint = "make 'again after' at least as long as 'expires after', or a customer can have both"
            yield located_rule.warn("short-pause", located_rule.at(key), message, hint)


SHORT_PAUSE: Final = Lint(
    "short-pause",
    short_pauses,
    warning(
        "The rule can act again before its last action expires",
        "`again after` is shorter than `expires after`, so the mailer could have two messages of the same rule for "
        "the same customer.",
        "again after: 7 days\nexpires after: 14 days\n",
        "again after: 30 days\nexpires after: 14 days\n",
    ),
)


def endless_reminders(book: LocatedRules) -> Iterator[Problem]:
    """Yield rules that ask again without an end."""
    for located_rule in book.rules:
        rule = located_rule.rule
        if rule.again_every is not None and rule.at_most is None:
            period = write_duration(rule.again_every)
            message = f"a customer for whom the rule stays true gets a message every {period}, without an end"
            hint = "add for example 'at most: 3 actions'"
            yield located_rule.warn("endless-reminders", located_rule.at("again every"), message, hint)


ENDLESS_REMINDERS: Final = Lint(
    "endless-reminders",
    endless_reminders,
    warning(
        "The rule asks again without an end",
        "With `again every`, a rule asks again for as long as it is true. Most customers who do not react to the "
        "third message do not react to the tenth either.",
        "again every: 30 days\nexpires after: 14 days\n",
        "again every: 30 days\nat most: 3 actions\nexpires after: 14 days\n",
    ),
)


def odd_pace(book: LocatedRules) -> Iterator[Problem]:
    """Yield rules whose actions expire before their pace lets them pass."""
    for located_rule in book.rules:
        rule = located_rule.rule
        if rule.pace is None:
            continue
        period = timedelta(seconds=pace_seconds(rule.pace))
        if rule.expires_after <= period:
            message = (
                f"an action expires after {write_duration(rule.expires_after)}, before the {rule.pace[1]} is over"
            )
            hint = "actions above the pace would always come too late: make 'expires after' longer"
            yield located_rule.warn("odd-pace", located_rule.at("pace"), message, hint)


ODD_PACE: Final = Lint(
    "odd-pace",
    odd_pace,
    warning(
        "Actions expire before the pace lets them through",
        "Actions above the pace wait for the next minute, hour or day, but expire before that.",
        "pace: at most 100 per day\nexpires after: 6 hours\n",
        "pace: at most 100 per day\nexpires after: 7 days\n",
    ),
)


def lonely_priority(book: LocatedRules) -> Iterator[Problem]:
    """Yield the priority of a rule if no other rule has one."""
    ranked = [located_rule for located_rule in book.rules if located_rule.rule.priority is not None]
    if book.is_whole and len(ranked) == 1 and len(book.rules) > 1:
        message = f"only rule '{ranked[0].rule.id}' has a priority, so there is nothing to compare it with"
        hint = "give the rules that it competes with a priority too"
        yield ranked[0].warn("lonely-priority", ranked[0].at("priority"), message, hint)


LONELY_PRIORITY: Final = Lint(
    "lonely-priority",
    lonely_priority,
    warning(
        "Only one rule has a priority",
        "Priorities decide between rules that have one. With a single one, there is nothing to decide.",
        "rules:\n"
        "  - id: one\n    title: One\n    status: shadow\n    when: {none: purchase, for: 45 days}\n"
        "    priority: 10\n    action: at-risk\n    template: a\n    expires after: 9 days\n"
        "  - id: two\n    title: Two\n    status: shadow\n    when: {none: login, for: 90 days}\n"
        "    action: at-risk\n    template: b\n    expires after: 9 days\n",
        "rules:\n"
        "  - id: one\n    title: One\n    status: shadow\n    when: {none: purchase, for: 45 days}\n"
        "    priority: 10\n    action: at-risk\n    template: a\n    expires after: 9 days\n"
        "  - id: two\n    title: Two\n    status: shadow\n    when: {none: login, for: 90 days}\n"
        "    priority: 20\n    action: at-risk\n    template: b\n    expires after: 9 days\n",
    ),
)


def expires_at_night(book: LocatedRules) -> Iterator[Problem]:
    """Yield rules whose actions can expire during the quiet hours."""
    quiet = book.book.for_every_rule.quiet_hours
    if quiet is None:
        return
    minutes = [int(clock[:2]) * 60 + int(clock[3:]) for clock in (quiet.from_, quiet.until)]
    length = timedelta(minutes=(minutes[1] - minutes[0]) % (24 * 60))
    for located_rule in book.rules:
        if located_rule.rule.expires_after <= length:
            expiry = write_duration(located_rule.rule.expires_after)
            message = f"an action expires after {expiry}, but the quiet hours last {write_duration(length)}"
            hint = "an action decided when they begin is never sent: make 'expires after' longer"
            yield located_rule.warn("expires-in-quiet-hours", located_rule.at("expires after"), message, hint)


EXPIRES_IN_QUIET_HOURS: Final = Lint(
    "expires-in-quiet-hours",
    expires_at_night,
    warning(
        "An action that expires before the quiet hours end",
        "An action decided when the quiet hours begin may be sent only when they end. By then it has expired.",
        'for every rule:\n  quiet hours: {from: "21:00", until: "08:00"}\n'
        "rules:\n  - id: quiet\n    title: Quiet\n    status: shadow\n    when: {none: purchase, for: 45 days}\n"
        "    action: at-risk\n    template: a\n    expires after: 6 hours\n",
        'for every rule:\n  quiet hours: {from: "21:00", until: "08:00"}\n'
        "rules:\n  - id: quiet\n    title: Quiet\n    status: shadow\n    when: {none: purchase, for: 45 days}\n"
        "    action: at-risk\n    template: a\n    expires after: 3 days\n",
    ),
)


def silent_drafts(book: LocatedRules) -> Iterator[Problem]:
    """Yield files in which every rule is a draft, and one of them only because it has no status."""
    by_file: dict[str, list[LocatedRule]] = {}
    for located_rule in book.rules if book.is_whole else ():
        by_file.setdefault(located_rule.document.file, []).append(located_rule)
    for rules in by_file.values():
        without_status = [located_rule for located_rule in rules if "status" not in located_rule.node.entries]
        if without_status and all(located_rule.rule.status == "draft" for located_rule in rules):
            first = without_status[0]
            message = f"rule '{first.rule.id}' is a draft, because it has no 'status': it does nothing"
            hint = "write 'status: draft' if you mean that, or 'status: shadow' to try it"
            yield first.warn("silent-draft", first.node.at, message, hint)


SILENT_DRAFT: Final = Lint(
    "silent-draft",
    silent_drafts,
    warning(
        "Drafts that do not say so",
        "A rule without `status` is a draft: it is checked and does nothing else. All rules in this file are "
        "drafts. Write `status: draft` if you mean that, or `status: shadow` to see what a rule would do.",
        "rules:\n  - id: quiet\n    title: Quiet\n    when: {none: purchase, for: 45 days}\n"
        "    action: at-risk\n    template: a\n    expires after: 6 days\n",
        "rules:\n  - id: quiet\n    title: Quiet\n    status: shadow\n    when: {none: purchase, for: 45 days}\n"
        "    action: at-risk\n    template: a\n    expires after: 6 days\n",
    ),
)


def rules_instead_of_each_other(book: LocatedRules) -> Iterator[Problem]:
    """Yield rules that block each other in a cycle, so that a customer who matches all of them gets nothing."""
    by_id = {located_rule.rule.id: located_rule for located_rule in book.rules}
    blocked = {rule_id: _blocked_by(by_id, rule_id) for rule_id in by_id}
    for located_rule in book.rules:
        rule_id = located_rule.rule.id
        cycle = sorted(other for other in blocked[rule_id] if rule_id in blocked[other])
        # One warning for each cycle, at the first of its rules.
        if cycle and rule_id == cycle[0]:
            message = f"{' and '.join(cycle)} block each other: a customer who matches them all gets nothing"
            yield located_rule.warn(
                "instead-of-each-other", located_rule.at("instead of"), message, "delete one 'instead of'"
            )


INSTEAD_OF_EACH_OTHER: Final = Lint(
    "instead-of-each-other",
    rules_instead_of_each_other,
    warning(
        "Rules that act instead of each other",
        "Each blocks the other, so a customer who matches both gets nothing. Remove one `instead of`.",
        "rules:\n"
        "  - id: one\n    title: One\n    status: shadow\n    when: {none: purchase, for: 45 days}\n"
        "    instead of: [two]\n    action: at-risk\n    template: a\n    expires after: 9 days\n"
        "  - id: two\n    title: Two\n    status: shadow\n    when: {none: login, for: 90 days}\n"
        "    instead of: [one]\n    action: at-risk\n    template: b\n    expires after: 9 days\n",
        "rules:\n"
        "  - id: one\n    title: One\n    status: shadow\n    when: {none: purchase, for: 45 days}\n"
        "    instead of: [two]\n    action: at-risk\n    template: a\n    expires after: 9 days\n"
        "  - id: two\n    title: Two\n    status: shadow\n    when: {none: login, for: 90 days}\n"
        "    action: at-risk\n    template: b\n    expires after: 9 days\n",
    ),
)


def _blocked_by(by_id: Mapping[str, LocatedRule], rule_id: str) -> set[str]:
    """Return the rules that a rule blocks, directly or through other rules."""
    blocked, to_visit = set[str](), [rule_id]
    while to_visit:
        for other in by_id[to_visit.pop()].rule.instead_of or ():
            if other in by_id and other not in blocked:
                blocked.add(other)
                to_visit.append(other)
    return blocked


LINTS: Final = (
    WITHOUT_EXAMPLE,
    SHORT_PAUSE,
    ENDLESS_REMINDERS,
    ODD_PACE,
    LONELY_PRIORITY,
    INSTEAD_OF_EACH_OTHER,
    EXPIRES_IN_QUIET_HOURS,
    SILENT_DRAFT,
)
