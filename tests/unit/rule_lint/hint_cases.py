"""Cases of hints: what someone wrote, what the hint makes of it, and what was meant.

By default a hint is followed by its replacement. Where it leaves a decision to the reader, the case has the lines of
a reader who follows it word by word, and the words that such a reader follows.
"""

from typing import Final, NamedTuple


class Case(NamedTuple):
    """A mistake with a hint.

    Attributes:
        code: of the mistake.
        wrong: lines of a rule, or a whole file.
        meant: the lines that were meant.
        followed: the lines of a reader who follows the hint; None: the replacement is made.
        says: words of the hint that this reader follows.
    """

    code: str
    wrong: str
    meant: str
    followed: str | None = None
    says: str = ""


def when(condition: str) -> str:
    return f"when: {condition}\n"


def valued(head: str, bounds: str) -> str:
    """Return a file with a rule on the value of a customer, and what comes before it."""
    rest = "action: at-risk, template: a, expires after: 1 day"
    return f"{head}rules:\n  - {{id: a-rule, title: A rule, when: {{value: {bounds}}}, {rest}}}\n"


def by_hand(code: str, wrong: str, meant: str, says: str) -> Case:
    """Return a case whose reader writes just what was meant, because the hint says so."""
    return Case(code, wrong, meant, meant, says)


RULE: Final = "title: A rule\n    action: at-risk\n    template: {0}\n    expires after: 9 days\n    status: shadow\n"


def two(first: str, second: str, more: tuple[str, str] = ("", "")) -> str:
    """Return a file with two rules, each with a condition and more lines."""
    return (
        f"rules:\n  - id: one\n    {RULE.format('a')}    when: {first}\n{more[0]}"
        f"  - id: two\n    {RULE.format('b')}    when: {second}\n{more[1]}"
    )


SILENCE: Final = "{none: purchase, for: 45 days}"
EXAMPLES: Final = (
    "examples:\n  - name: a purchase, and then silence\n    given: [{at: start, event: purchase}]\n"
    "    expect: [{at: %s, action: at-risk}]\n  - name: not watched long enough\n"
    "    given: [{at: start, event: purchase}]\n    watch for: 40 days\n    expect: nothing\n"
)

KEYS: Final = (
    Case("unknown-key", when("{count: purchase, at leats: 3}"), when("{count: purchase, at least: 3}")),
    Case("unknown-key", when("{count: purchase, minimum: 3}"), when("{count: purchase, at least: 3}")),
    Case("unknown-key", when("{count: purchase, no less than: 3}"), when("{count: purchase, at least: 3}")),
    Case("unknown-key", when("{count: login, no more than: 3}"), when("{count: login, at most: 3}")),
    Case(
        "unknown-key",
        when("{count: purchase, at least: 2, in the last: 30 days}"),
        when("{count: purchase, at least: 2, within: 30 days}"),
    ),
    Case("unknown-key", when("{none: purchase, within: 45 days}"), when(SILENCE)),
    Case("unknown-key", when("{last: purchase, within: 7 days}"), when("{last: purchase, at most: 7 days ago}")),
    Case(
        "unknown-key",
        when("{last: purchase, more than: 45 days ago}"),
        when("{last: purchase, at least: 45 days ago}"),
    ),
    by_hand(
        "unknown-key", when("{count: purchase, not at least: 3}"), when("{count: purchase, fewer than: 3}"), "fewer"
    ),
    by_hand("unknown-key", when("{count: purchase, times: 3}"), when("{count: purchase, at least: 3}"), "'at least'"),
    by_hand(
        "unknown-key",
        when("{count: purchase, at least: 2, in the next: 30 days}"),
        when("{count: purchase, at least: 2, within: 30 days}"),
        "'within'",
    ),
    by_hand(
        "unknown-key",
        when("{count: purchase, at least: 2, last: 30}"),
        when("{count: purchase, at least: 2, within: 30 days}"),
        "'within'",
    ),
    Case(
        "unknown-key",
        f"when: {SILENCE}\nexcept: {{status: cancelled}}\n",
        f"when: {SILENCE}\nunless: {{status: cancelled}}\n",
    ),
    by_hand(
        "unknown-key",
        when("{status: active, none: purchase, for: 45 days}"),
        when(f"{{all: [{{status: active}}, {SILENCE}]}}"),
        "put both into a list under 'all:'",
    ),
    by_hand(
        "misplaced-key",
        "rules:\n  - id: one\n    title: One\n    action: at-risk\n    template: a\n    expires after: 9 days\n"
        "    when:\n      count: purchase\n    at least: 2\n",
        "rules:\n  - id: one\n    title: One\n    action: at-risk\n    template: a\n    expires after: 9 days\n"
        "    when:\n      count: purchase\n      at least: 2\n",
        "under 'when'",
    ),
    by_hand("missing-key", when("{none: purchase}"), when(SILENCE), "'for: 45 days'"),
    Case(
        "unknown-kind",
        when("{and: [{count: login, at least: 1}, {status: active}]}"),
        when("{all: [{count: login, at least: 1}, {status: active}]}"),
    ),
    Case("unknown-kind", when("{cuont: purchase, at least: 2}"), when("{count: purchase, at least: 2}")),
    Case("unknown-kind", when("none purchase for 45 days"), when(SILENCE)),
    Case(
        "unknown-kind",
        when("count purchase at least 2 within 30 days"),
        when("{count: purchase, at least: 2, within: 30 days}"),
    ),
    Case(
        "unknown-kind",
        when("{all: [{count: login, at least: 1}, not cancelled]}"),
        when("{all: [{count: login, at least: 1}, {not: {status: cancelled}}]}"),
    ),
    by_hand(
        "unknown-kind",
        when("{portion: purchase, at least: 3%, within: 30 days}"),
        when("{count: purchase, at least: 2}"),
        "possible are count,",
    ),
    by_hand(
        "unknown-kind",
        when("{visits: login, at least: 2}"),
        when("{count: login, at least: 2}"),
        "possible are count,",
    ),
    by_hand(
        "unknown-kind",
        when("{never: cancellation}"),
        when("{count: cancellation, exactly: 0}"),
        "possible are count,",
    ),
    by_hand(
        "unknown-kind",
        when(f"[{SILENCE}, {{status: active}}]"),
        when(f"{{all: [{SILENCE}, {{status: active}}]}}"),
        "'all:'",
    ),
    by_hand(
        "unknown-kind",
        when("{overdue by: 2 times}"),
        when("{overdue: purchase, by: 2 times, usual gap: 10 days, at least: 20 days}"),
        "'overdue:'",
    ),
)
VALUES: Final = (
    Case("wrong-value", when("{none: purchase, for: 45d}"), when(SILENCE)),
    Case("wrong-value", when("{none: purchase, for: forty-five days}"), when(SILENCE)),
    Case("wrong-value", when("{none: purchase, for: 1 day 60 minutes}"), when("{none: purchase, for: 25 hours}")),
    Case("wrong-value", when("{none: purchase, for: P1M}"), when("{none: purchase, for: 30 days}")),
    by_hand(
        "wrong-value",
        when("{none: purchase, for: 45 days within 365 days}"),
        when(SILENCE),
        "one whole number and one unit",
    ),
    Case(
        "wrong-value",
        when("{last: purchase, between: 1 week to 30 days}"),
        when("{last: purchase, between: 7 days and 30 days ago}"),
    ),
    Case(
        "wrong-value",
        when("count: purchase at least 2 within 30 days").replace("when: ", "when:\n  "),
        when("{count: purchase, at least: 2, within: 30 days}"),
    ),
    Case("wrong-value", when("{count: purchase no more than 3}"), when("{count: purchase, at most: 3}")),
    Case("wrong-value", when("{count: Purchase, at least: 2}"), when("{count: purchase, at least: 2}")),
    Case("wrong-value", when("{sum: amount, at least: 100}"), when("{sum: purchase.amount, at least: 100}")),
    Case("wrong-value", when("{status: canceled}"), when("{status: cancelled}")),
    Case("wrong-value", when("{count: purchase, between: 2-4}"), when("{count: purchase, between: 2 and 4}")),
    Case("wrong-value", "pace: 500 an hour\n", "pace: at most 500 per hour\n"),
    Case("wrong-value", "hold out: 10\n", "hold out: 10%\n"),
    Case(
        "wrong-value",
        when("{change: purchase.amount, down by: 50, within: 14 days, from at least: 1}"),
        when("{change: purchase.amount, down by: 50%, within: 14 days, from at least: 1}"),
    ),
    Case(
        "wrong-value",
        when("{count: purchase, at least: 1, where: {purchase.currency: EUR}}"),
        when("{count: purchase, at least: 1, where: {currency: EUR}}"),
    ),
    by_hand(
        "wrong-value",
        when("{count: purchase, at least: 1, where: {profile.plan: gold}}"),
        when("{all: [{count: purchase, at least: 1}, {latest: profile.plan, is: gold}]}"),
        "'- latest: profile.plan'",
    ),
    Case("wrong-value", "variables: {orders: count purchase}\n", "variables: {orders: {count: purchase}}\n"),
    Case(
        "wrong-value",
        "variables: {spent: sum of purchase.amount}\n",
        "variables: {spent: {sum: purchase.amount}}\n",
    ),
    Case(
        "unknown-kind",
        "variables: {spent: {total: purchase.amount}}\n",
        "variables: {spent: {sum: purchase.amount}}\n",
    ),
    by_hand(
        "wrong-value",
        "variables: {orders: how many}\n",
        "variables: {orders: {count: purchase}}\n",
        "or a measurement such as {sum: purchase.amount}",
    ),
    by_hand(
        "unknown-kind",
        "variables: {campaign: 7}\n",
        "labels: {campaign: 7}\n",
        "write it under 'labels'",
    ),
    Case("wrong-type", when("{count: purchase, at least: three}"), when("{count: purchase, at least: 3}")),
    Case("wrong-type", when("{count: purchase, at least: 3 purchases}"), when("{count: purchase, at least: 3}")),
    Case(
        "wrong-type",
        when('{sum: purchase.amount, at least: "1,000"}'),
        when("{sum: purchase.amount, at least: 1000}"),
    ),
    by_hand(
        "wrong-type",
        when("{count: purchase, exactly: 2+}"),
        when("{count: purchase, at least: 2}"),
        "'at least: 2' instead of 'exactly'",
    ),
    by_hand(
        "wrong-type",
        when("{count: purchase, exactly: 30% of latest profile.seats}"),
        when("{count: purchase, at least: 2}"),
        "write a number",
    ),
    Case(
        "wrong-value",
        when("{count: purchase, at least: 30% of profile.seats}"),
        when("{count: purchase, at least: 30% of latest profile.seats}"),
    ),
    Case(
        "wrong-type",
        when("{count: purchase, at most: profile.seats}"),
        when("{count: purchase, at most: latest profile.seats}"),
    ),
    by_hand(
        "wrong-type",
        when("{count: purchase, at least: 3 days}"),
        when("{count: purchase, at least: 3}"),
        "a number and nothing else",
    ),
    Case("wrong-type", "template: 42\n", 'template: "42"\n'),
    Case(
        "wrong-type",
        when("{count: purchase, at least: 1, where: currency = EUR}"),
        when("{count: purchase, at least: 1, where: {currency: EUR}}"),
    ),
    by_hand(
        "wrong-type",
        when("{count: [purchase, login], at least: 5}"),
        when("{any: [{count: purchase, at least: 5}, {count: login, at least: 5}]}"),
        "under 'any:'",
    ),
)
NAMES: Final = (
    Case("unknown-type", when("{count: puchase, at least: 2}"), when("{count: purchase, at least: 2}")),
    Case("unknown-type", when("{count: purchases, at least: 2}"), when("{count: purchase, at least: 2}")),
    by_hand(
        "unknown-type", when("{count: donation, at least: 2}"), when("{count: purchase, at least: 2}"), "known are"
    ),
    by_hand(
        "unknown-type",
        when("{count: complaint_closed, at least: 1}"),
        when("{count: complaint, at least: 1}"),
        "known are",
    ),
    by_hand("unknown-type", when("{count: unlogin, at least: 1}"), when("{count: login, at least: 1}"), "known are"),
    Case(
        "unknown-attribute",
        when("{sum: purchase.amuont, at least: 100}"),
        when("{sum: purchase.amount, at least: 100}"),
    ),
    Case(
        "unknown-attribute",
        when("{count: purchase, at least: 1, where: {curency: EUR}}"),
        when("{count: purchase, at least: 1, where: {currency: EUR}}"),
    ),
    by_hand(
        "attribute-type",
        when("{all: [{latest: profile.seats, at most: 6}, {latest: profile.seats, is not: two}]}"),
        when("{all: [{latest: profile.seats, at most: 6}, {latest: profile.seats, is not: 2}]}"),
        "write a number without quotes",
    ),
    Case(
        "unknown-rule",
        two(SILENCE, "{status: cancelled}", ("    instead of: [towo]\n", "")),
        two(SILENCE, "{status: cancelled}", ("    instead of: [two]\n", "")),
        None,
    ),
    Case("unknown-action", "action: risk\n", "action: at-risk\n"),
    Case("unknown-action", "action: win-bak\n", "action: win-back\n"),
    Case(
        "unknown-definition",
        "define:\n  regular: {count: purchase, at least: 2}\n" + two("{meets: reglar}", SILENCE),
        "define:\n  regular: {count: purchase, at least: 2}\n" + two("{meets: regular}", SILENCE),
    ),
    by_hand(
        "unknown-definition",
        two("{meets: regular}", SILENCE),
        "define:\n  regular: {count: purchase, at least: 2}\n" + two("{meets: regular}", SILENCE),
        "under 'define'",
    ),
    by_hand(
        "repeated-id",
        two(SILENCE, "{status: cancelled}").replace("id: two", "id: one"),
        two(SILENCE, "{status: cancelled}"),
        "choose another one",
    ),
    by_hand(
        "definition-of-itself",
        "define:\n  good: {meets: regular}\n  regular: {meets: good}\n" + two("{meets: good}", SILENCE),
        "define:\n  good: {meets: regular}\n  regular: {count: purchase, at least: 2}\n"
        + two("{meets: good}", SILENCE),
        "write one of them out",
    ),
    by_hand(
        "too-large-condition",
        "define:\n  three: {any: [{status: active}, {status: cancelled}, {status: active}]}\n"
        "  nine: {any: [{meets: three}, {meets: three}, {meets: three}]}\n"
        "  many: {any: [{meets: nine}, {meets: nine}, {meets: nine}, {meets: nine}]}\n"
        + two("{meets: many}", SILENCE),
        "define:\n  three: {any: [{status: active}, {status: cancelled}, {status: active}]}\n"
        "  nine: {any: [{meets: three}, {meets: three}, {meets: three}]}\n" + two("{meets: nine}", SILENCE),
        "split it",
    ),
    Case(
        "impossible-value",
        when("{count: purchase, at least: 1, where: {currency: eur}}"),
        when("{count: purchase, at least: 1, where: {currency: EUR}}"),
    ),
    Case(
        "impossible-value",
        when('{count: purchase, at least: 1, where: {amount: ">50"}}'),
        when("{count: purchase, at least: 1, where: {amount: {more than: 50}}}"),
    ),
    Case("impossible-value", when('{latest: purchase.amount, is: "60"}'), when("{latest: purchase.amount, is: 60}")),
    by_hand(
        "impossible-value",
        when('{latest: purchase.amount, is not: ">50"}'),
        when("{latest: purchase.amount, at most: 50}"),
        "'at most: 50' instead of 'is not'",
    ),
    by_hand(
        "impossible-value",
        when('{count: purchase, at least: 1, where: {amount: {other than: ">50"}}}'),
        when("{count: purchase, at least: 1, where: {amount: {at most: 50}}}"),
        "'amount: {at most: 50}'",
    ),
    by_hand(
        "impossible-value",
        when('{count: purchase, at least: 1, where: {amount: [20, ">50"]}}'),
        when(
            "{any: [{count: purchase, at least: 1, where: {amount: 20}}, "
            "{count: purchase, at least: 1, where: {amount: {more than: 50}}}]}"
        ),
        "a condition of its own with 'more than: 50'",
    ),
    Case(
        "bound-as-text",
        when('{count: profile, at least: 1, where: {seats: ">3"}}'),
        when("{count: profile, at least: 1, where: {seats: {more than: 3}}}"),
    ),
    by_hand(
        "name-as-value",
        when("{count: purchase, at least: 1, where: {currency: cancellation.reason}}"),
        when("{count: purchase, at least: 1, where: {currency: EUR}}"),
        "write the value itself",
    ),
    by_hand(
        "change-of-level",
        when("{change: profile.seats, down by: 20%, within: 14 days, from at least: 1}"),
        when("{latest: profile.seats, down by: 20%, compared with: 14 days ago}"),
        "'latest: profile.seats' with 'down by'",
    ),
    by_hand(
        "no-value",
        valued("", "at least 60"),
        valued("value: {revenue: [purchase.amount], within: 365 days}\n", "at least 60"),
        "value: {revenue: [purchase.amount]",
    ),
    by_hand(
        "no-cost-of-winning",
        valued("value: {revenue: [purchase.amount]}\n", "at least cost of winning"),
        valued("value: {revenue: [purchase.amount], cost of winning: 60}\n", "at least cost of winning"),
        "'cost of winning:' with an amount",
    ),
    by_hand(
        "impossible-bounds",
        valued(
            "value: {revenue: [purchase.amount], cost of winning: 60}\n",
            "{at least: cost of winning, less than: 50}",
        ),
        valued(
            "value: {revenue: [purchase.amount], cost of winning: 60}\n",
            "{at least: cost of winning, less than: 90}",
        ),
        "write bounds between",
    ),
)
MORE: Final = (
    Case(
        "unknown-kind", f"when: {SILENCE}\nunless: cancelled\n", f"when: {SILENCE}\nunless: {{status: cancelled}}\n"
    ),
    by_hand(
        "unknown-key",
        when("{latest: profile.plan, not: silver}"),
        when("{latest: profile.plan, is not: silver}"),
        "'latest' has 'is not' for that",
    ),
    by_hand(
        "unknown-key",
        when("{count: purchase, at least: 1, where: {amount: {equals: 60}}}"),
        when("{count: purchase, at least: 1, where: {amount: 60}}"),
        "'amount: 60'",
    ),
    by_hand(
        "unknown-key",
        when("{count: purchase, at least: 1, where: {currency: {in: [EUR, USD]}}}"),
        when("{count: purchase, at least: 1, where: {currency: [EUR, USD]}}"),
        "'currency: [EUR, USD]'",
    ),
    Case(
        "wrong-type",
        when("{count: purchase, at least: 1, where: amount > 50}"),
        when("{count: purchase, at least: 1, where: {amount: {more than: 50}}}"),
    ),
    by_hand("wrong-value", when("{status: not active}"), when("{status: cancelled}"), "None"),
    by_hand("wrong-value", "status: enabled\n", "status: shadow\n", "'shadow' tries the rule"),
    by_hand(
        "wrong-value",
        when("{change: purchase.amount, up by: -50%, within: 14 days, from at least: 1}"),
        when("{change: purchase.amount, down by: 50%, within: 14 days, from at least: 1}"),
        "None",
    ),
    by_hand("wrong-value", "pace: 1000 per week\n", "pace: at most 200 per day\n", "None"),
)
EVERY: Final = "for every rule: %s\n" + two(SILENCE, "{none: login, for: 20 days}")
SETTINGS: Final = (
    by_hand(
        "missing-key",
        "when: {all: [{none: purchase}, {status: active}]}\nfor: 45 days\n",
        f"when: {{all: [{SILENCE}, {{status: active}}]}}\n",
        "move 'for: 45 days' of line 8 here",
    ),
    by_hand(
        "wrong-type",
        EVERY % "{consent: profile.newsletter}",
        EVERY % "{consent: {from: profile.newsletter, opted out: [false]}}",
        "{from: profile.newsletter, opted out: [false]}",
    ),
    Case(
        "wrong-type",
        EVERY % '{quiet hours: {from: "22:00", until: "08:00"}, time zone: Berlin}',
        EVERY % '{quiet hours: {from: "22:00", until: "08:00"}, time zone: {otherwise: Europe/Berlin}}',
    ),
    by_hand(
        "wrong-type",
        EVERY % "{limits: {at most: 2 actions, within: 7 days}}",
        EVERY % "{limits: [{at most: 2 actions, within: 7 days}]}",
        "put [ ] around them",
    ),
    by_hand(
        "wrong-value",
        "examples: [{name: a b c, given: [{at: -5 days, event: purchase}], expect: nothing}]\n",
        "examples: [{name: a b c, given: [{at: 5 days, event: purchase}], watch for: 9 days, expect: nothing}]\n",
        "None",
    ),
    by_hand(
        "wrong-type",
        "examples: [{name: abc, given: [{at: start, event: purchase}], expect: at-risk}]\n",
        "examples: [{name: abc, given: [{at: start, event: purchase}], expect: [{at: 45 days, action: at-risk}]}]\n",
        "{at: 45 days, action: at-risk}",
    ),
    by_hand(
        "wrong-value",
        when("{count: purchase, at least: 2, within: last year}"),
        when("{count: purchase, at least: 2, within: 365 days}"),
        "write a number of days",
    ),
)
YAML: Final = (
    by_hand(
        "merge-conflict",
        f"<<<<<<< HEAD\n{two(SILENCE, '{status: cancelled}')}>>>>>>> other\n",
        two(SILENCE, "{status: cancelled}"),
        "delete the lines",
    ),
    Case("syntax", "title: Quiet: a regular buyer\n", 'title: "Quiet: a regular buyer"\n'),
    Case(
        "syntax", f"when: {SILENCE}\nunless: status: cancelled\n", f"when: {SILENCE}\nunless: {{status: cancelled}}\n"
    ),
    Case(
        "syntax",
        f"when:\n  all:\n    - {SILENCE}\n    - not: status: cancelled\n",
        when(f"{{all: [{SILENCE}, {{not: {{status: cancelled}}}}]}}"),
    ),
    Case("syntax", "when:\n  count: purchase\n  at least 2\n", when("{count: purchase, at least: 2}")),
    by_hand(
        "several-documents",
        f"{two(SILENCE, '{status: cancelled}')}---\nrules: []\n",
        two(SILENCE, "{status: cancelled}"),
        "delete the '---'",
    ),
    by_hand("duplicate-key", "template: a\ntemplate: b\n", "template: b\n", "keep one of the two"),
    by_hand(
        "key-not-text",
        "variables: {{a: b}: purchase.amount}\n",
        'variables: {"{a b}": purchase.amount}\n'.replace('"{a b}"', "a_b"),
        "quotes",
    ),
    by_hand(
        "empty-value",
        "when:\nunless: {status: cancelled}\n",
        f"when: {SILENCE}\nunless: {{status: cancelled}}\n",
        "write one",
    ),
    Case("smart-quotes", "template: “we-miss-you”\n", "template: we-miss-you\n"),
    by_hand("anchor", "template: &a we-miss-you\n", "template: we-miss-you\n", "delete it"),
    by_hand("alias", "template: *a\n", "template: we-miss-you\n", "write the value out"),
    by_hand("merge-key", "when: {<<: {none: purchase}, for: 45 days}\n", when(SILENCE), "write the keys out"),
    by_hand("tag", "template: !text we-miss-you\n", "template: we-miss-you\n", "delete it"),
)
LIVE: Final = (
    by_hand(
        "live-without-example",
        f"status: live\nwhen: {SILENCE}\n",
        f"status: live\nwhen: {SILENCE}\n" + EXAMPLES % "45 days",
        "add what is missing under 'examples'",
    ),
    by_hand(
        "failing-example",
        f"status: live\nwhen: {SILENCE}\n" + EXAMPLES % "46 days",
        f"status: live\nwhen: {SILENCE}\n" + EXAMPLES % "45 days",
        "`linger rules test` shows",
    ),
    by_hand(
        "impossible-example",
        f"status: live\nwhen: {SILENCE}\n"
        + (EXAMPLES % "45 days")
        .replace("watch for: 40 days", "watch for: 40 days")
        .replace("[{at: start, event: purchase}]\n    watch", "[{at: 41 days, event: purchase}]\n    watch"),
        f"status: live\nwhen: {SILENCE}\n"
        + (EXAMPLES % "45 days").replace(
            "[{at: start, event: purchase}]\n    watch for: 40 days",
            "[{at: 41 days, event: purchase}]\n    watch for: 50 days",
        ),
        "make it longer",
    ),
)
LONG: Final = "{none: purchase, for: 90 days}"
WARNINGS: Final = (
    by_hand(
        "contradiction",
        when(f"{{all: [{SILENCE}, {{count: purchase, at least: 1, within: 30 days}}]}}"),
        when(f"{{all: [{SILENCE}, {{count: purchase, at least: 1, within: 365 days}}]}}"),
        "both can never be true",
    ),
    by_hand(
        "outranked",
        two(SILENCE, LONG, ("    priority: 20\n", "    priority: 10\n")),
        two(LONG, SILENCE, ("    priority: 20\n", "    priority: 10\n")),
        "wider than the other's",
    ),
    by_hand(
        "same-customers",
        two(SILENCE, SILENCE),
        two(SILENCE, SILENCE, ("    priority: 20\n", "    priority: 10\n")),
        "give both a 'priority'",
    ),
    by_hand(
        "unused-definition",
        "define:\n  regular: {count: purchase, at least: 2}\n" + two(SILENCE, LONG),
        "define:\n  regular: {count: purchase, at least: 2}\n" + two("{meets: regular}", LONG),
        "'meets: regular' in a rule",
    ),
    by_hand(
        "unprovided-attribute",
        "variables: {why: cancellation.what}\nstatus: shadow\n",
        "variables: {why: cancellation.reason}\nstatus: shadow\n",
        "to a source",
    ),
    by_hand(
        "unfed-type",
        "status: shadow\nwhen: {count: complaint, at least: 1}\n",
        "status: draft\nwhen: {count: complaint, at least: 1}\n",
        "a draft until there is one",
    ),
    by_hand(
        "old-truth",
        when("{count: profile, at least: 1, where: {newsletter: yes}}"),
        when('{count: profile, at least: 1, where: {newsletter: "yes"}}'),
        'write "yes" if the text is meant',
    ),
    Case(
        "not-composed",
        when('{count: purchase, at least: 1, where: {order_id: "Cafe\\u0301"}}'),
        when("{count: purchase, at least: 1, where: {order_id: Café}}"),
    ),
    by_hand(
        "text-as-template",
        'template: "Hello {{first_name}}, we miss you!"\n',
        "template: we-miss-you\n",
        "'we-miss-you'",
    ),
    by_hand(
        "short-history",
        when("{count: login, at least: 1, within: 730 days}"),
        when("{count: login, at least: 1, within: 90 days}"),
        "make the window shorter",
    ),
    by_hand(
        "without-example",
        f"status: shadow\nwhen: {SILENCE}\n",
        f"status: shadow\nwhen: {SILENCE}\n" + EXAMPLES % "45 days",
        "add it under 'examples'",
    ),
    by_hand(
        "short-pause",
        "again after: 7 days\nexpires after: 14 days\n",
        "again after: 14 days\nexpires after: 14 days\n",
        "at least as long",
    ),
    by_hand(
        "endless-reminders",
        "again every: 30 days\nexpires after: 14 days\n",
        "again every: 30 days\nexpires after: 14 days\nat most: 3 actions\n",
        "add for example 'at most: 3 actions'",
    ),
    by_hand(
        "odd-pace",
        "pace: at most 100 per day\nexpires after: 6 hours\n",
        "pace: at most 100 per day\nexpires after: 2 days\n",
        "make 'expires after' longer",
    ),
    by_hand("odd-hold-out", "hold out: 0.5%\n", "hold out: 10%\n", "10% to 50%"),
    by_hand("slow-hold-out", "hold out: 5%\n", "hold out: 10%\n", "10% needs 25,185"),
    by_hand(
        "lonely-priority",
        two(SILENCE, LONG, ("    priority: 20\n", "")),
        two(SILENCE, LONG, ("    priority: 20\n", "    priority: 30\n")),
        "a priority too",
    ),
    by_hand(
        "instead-of-each-other",
        two(SILENCE, "{none: login, for: 9 days}", ("    instead of: [two]\n", "    instead of: [one]\n")),
        two(SILENCE, "{none: login, for: 9 days}", ("    instead of: [two]\n", "")),
        "delete one",
    ),
    by_hand(
        "expires-in-quiet-hours",
        'for every rule:\n  quiet hours: {from: "21:00", until: "08:00"}\n'
        + two(SILENCE, LONG).replace("9 days", "6 hours", 1),
        'for every rule:\n  quiet hours: {from: "21:00", until: "08:00"}\n' + two(SILENCE, LONG),
        "make 'expires after' longer",
    ),
    by_hand("silent-draft", f"when: {SILENCE}\n", f"when: {SILENCE}\nstatus: draft\n", "write 'status: draft'"),
    by_hand(
        "old-reason",
        f"when: {{all: [{SILENCE}, {{status: active}}]}}\nexamples:\n  - name: silence, and then a cancellation\n"
        "    given: [{at: start, event: purchase}, {at: 50 days, event: cancellation}]\n"
        "    expect: [{at: 45 days, action: at-risk}, {at: 50 days, retracted: customer_returned}]\n",
        f"when: {{all: [{SILENCE}, {{status: active}}]}}\nexamples:\n  - name: silence, and then a cancellation\n"
        "    given: [{at: start, event: purchase}, {at: 50 days, event: cancellation}]\n"
        "    expect: [{at: 45 days, action: at-risk}, {at: 50 days, retracted: no_longer_true}]\n",
        "'retracted: no_longer_true'",
    ),
    Case(
        "text-for-unknown",
        when("{latest: cancellation.reason, is: missing}"),
        when("{latest: cancellation.reason, is: unknown}"),
    ),
    by_hand(
        "every-newcomer",
        "status: live\nwhen: {count: cancellation, exactly: 0}\n" + (EXAMPLES % "start"),
        f"status: live\nwhen: {{all: [{{count: cancellation, exactly: 0}}, {SILENCE}]}}\n" + EXAMPLES % "45 days",
        "add what they have done before",
    ),
)
CASES: Final = (*KEYS, *VALUES, *MORE, *NAMES, *SETTINGS, *YAML, *LIVE, *WARNINGS)
