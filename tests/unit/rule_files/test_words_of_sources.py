"""What is said of a `sources.yaml` whose words are wrong: where, what was found, and what was probably meant."""

import pytest

from workers.rule_files.problems import Problem
from workers.source_files.reading import read_sources

HEAD = """event_types: {renewal: {}}
sources:
  - topic: a
    event: login
    fields: {event_id: id, customer_id: who, occurred_at: at}
    max_silence: 3 days
"""
GOOD_CASES = """event_types: {renewal: {}}
sources:
  - topics: {pattern: '^shop\\..*\\.orders$'}
    complete_since: 2024-01-01
    unwrap: [cloudevents, {base64: data}, {each: data.items}]
    history_before: 2026-10-01
    only_when: {live: true, header X-A: {matches: "^a"}, find: "a == 'b'", key: {given: true}}
    fields: {event_id: id, customer_id: [who, {path: mail, lower: true, hashed: true}]}
    one_of:
      - event: renewal
        only_when: {type: {other than: [x, 1]}, n: {from: 1, to: 2}}
        fields: {occurred_at: {timestamp: true}, amount: {path: a, decimals: {ISK: 2}}, currency: c}
        max_silence: 7 days
      - event: login
        name: comes again
        fields: {occurred_at: {path: t, format: "%d/%m/%Y", zone: UTC}}
        attributes: {why: {path: w, words: {3: canceled, true: "yes", x: null}}}
        max_silence: 30 days
"""


def problems(text: str) -> list[Problem]:
    sources, found = read_sources("s.yaml", text)
    assert (sources is None) is bool(found)
    return found


def only(text: str) -> Problem:
    (problem,) = problems(text)
    return problem


def test_all_words_together_are_read() -> None:
    sources, found = read_sources("s.yaml", GOOD_CASES)
    assert found == []
    assert sources is not None
    (source,) = sources.sources
    assert source.max_silence.days == 30
    assert source.silence_of("renewal") == source.cases()[0].max_silence
    assert source.types() == ("renewal", "login")
    assert [case.label() for case in source.cases()] == ["renewal", "comes again"]
    assert [(step.kind, step.path) for step in source.unwrap] == [
        ("cloudevents", None),
        ("base64", "data"),
        ("each", "data.items"),
    ]
    assert source.cases()[1].attributes["why"].words == {"3": "canceled", "true": "yes", "x": None}  # type: ignore[union-attr]
    assert source.is_topic_of("shop.de.orders")
    assert not source.is_topic_of("xshop.de.orders")
    assert source.hashes()


@pytest.mark.parametrize(
    ("wrong", "right", "at", "message", "hint"),
    [
        ("customer_id: [[a], b]", "customer_id: who", "[a]", "a list in a list", "one list of places"),
        ("occurred_at: {path: at, format: ms}", "occurred_at: at", "ms", "'ms' is none of", "'milliseconds'"),
        ("occurred_at: {path: at, format: us}", "occurred_at: at", "us", "'us' is none of", "'microseconds'"),
        ("occurred_at: {path: at, format: unix}", "occurred_at: at", "unix", "none of", "'seconds'"),
        ("occurred_at: {path: at, zone: Berlin}", "occurred_at: at", "Berlin", "not a time zone", "Europe/Berlin"),
        ("customer_id: \"m[?k=='x'].v\"", "customer_id: who", '"m[?k', "is not possible here", "write {find: "),
        ("customer_id: $.customer.id", "customer_id: who", "$.", "", ""),
        ("customer_id: Order ID", "customer_id: who", "Order ID", "is not possible", "'\"Order ID\"'"),
        ("customer_id: 5", "customer_id: who", "5", "expected a path such as", "{constant: 5}"),
        ("customer_id: {headr: X}", "customer_id: who", "headr", "unknown key", "'header'"),
        ("customer_id: {find: 'a[?b'}", "customer_id: who", "'a[?b'", "it ends too early", None),
        (
            "customer_id: {find: 'lenght(a)'}",
            "customer_id: who",
            "'lenght",
            "no function 'lenght'; did you mean",
            None,
        ),
        ("customer_id: {find: 'length(a, b)'}", "customer_id: who", "'length", "takes 1 arguments, found 2", None),
        ("customer_id: {find: 'order-id'}", "customer_id: who", "'order-id'", "in double quotes", None),
    ],
)
def test_a_wrong_place_is_shown_where_it_is_with_what_was_meant(
    wrong: str, right: str, at: str, message: str, hint: str | None
) -> None:
    text = HEAD.replace(right, wrong)
    found = problems(text)
    if not message:
        assert found == [], "a key may begin with '$'"
        return
    (problem,) = found
    line = text.splitlines()[problem.line - 1]
    assert line[problem.column - 1 :].startswith(at), (line, problem.column)
    assert message in problem.message
    assert (problem.hint is None) if hint is None else (hint in str(problem.hint))


@pytest.mark.parametrize(
    ("condition", "at", "message", "hint"),
    [
        ('{"amount > 0": true}', '"amount', "no path", "amount: {more than: 0}"),
        ('{"status == paid": true}', '"status', "no path", "status: paid"),
        ('{"a != b": true}', '"a !=', "no path", "a: {other than: b}"),
        ("{Order ID: x}", "Order ID", "no path", '"Order ID"'),
        ('{a: {matches: "("}}', '"("', "no pattern of RE2: missing )", None),
        ('{a: {matches: "(?<=x)y"}}', '"(?<=', "no pattern of RE2", None),
        ("{a: {more then: 3}}", "more then", "unknown key", "'more than'"),
        ("{a: {given: true, matches: x}}", "matches", "cannot stand beside 'given'", ""),
        ("{a: {given: maybe}}", "maybe", "true or false", ""),
        ("{a: {more than: 5, less than: 5}}", "more than", "can never hold", None),
        ("{a: {more than: x}}", "x}", "expected a number", ""),
        ("{find: [a, b]}", "[a", "needs a JMESPath expression", None),
        ('{find: "a ==="}', '"a', "no JMESPath", None),
        ("{topic: ab}", "topic", "the name of the topic, which is 'a'", None),
    ],
)
def test_a_wrong_condition_is_shown_where_it_is_with_what_was_meant(
    condition: str, at: str, message: str, hint: str | None
) -> None:
    text = HEAD.replace("    fields:", f"    only_when: {condition}\n    fields:")
    problem = only(text)
    line = text.splitlines()[problem.line - 1]
    assert line[problem.column - 1 :].startswith(at), (line, problem.column)
    assert message in problem.message
    if hint is not None:
        assert hint in str(problem.hint)


def test_a_condition_of_a_case_on_another_topic_is_refused_because_a_field_of_the_body_is_meant() -> None:
    text = (
        "sources:\n  - topic: a\n    fields: {event_id: id, customer_id: who, occurred_at: at}\n"
        "    max_silence: 1 day\n"
        "    one_of:\n      - event: login\n        only_when: {topic: user.login}\n"
    )
    problem = only(text)
    assert (problem.line, problem.column) == (7, 21)
    assert "the name of the topic, which is 'a'" in problem.message
    assert problems(text.replace("{topic:", "{'\"topic\"':")) == []


def test_a_path_with_brackets_inside_braces_needs_quotes_and_the_message_says_so() -> None:
    problem = only(HEAD.replace("customer_id: who", "customer_id: lines[0].buyer.id"))
    assert (problem.line, problem.column) == (5, 41)
    assert problem.hint == 'write "lines[0].buyer.id"'
    assert problems(HEAD.replace("customer_id: who", 'customer_id: "lines[0].buyer.id"')) == []
    assert "never closed" in problems(HEAD.replace("occurred_at: at}", "occurred_at: at"))[0].message


RULE_WORDS = (
    "count:",
    "at least: 3",
    "'all:'",
    "'any:'",
    "condition is one thing",
    "on the next line",
    "without '- '",
)


@pytest.mark.parametrize(
    "wrong",
    [
        "customer_id: m[?k=='x'].v",
        "customer_id: a is b",
        "customer_id: at least 3",
        "customer_id: [[a], b]",
        "customer_id: 'a > 3'",
        "customer_id: 'x within 3'",
    ],
)
def test_hints_of_the_rule_language_stay_out(wrong: str) -> None:
    for problem in problems(HEAD.replace("customer_id: who", wrong)):
        assert not [word for word in RULE_WORDS if word in f"{problem.message} {problem.hint}"]
    for key in ("a > 3", "x at least 3", "a is b"):
        for problem in problems(HEAD.replace("    fields:", f"    only_when: {{'{key}': true}}\n    fields:")):
            assert not [word for word in RULE_WORDS if word in f"{problem.message} {problem.hint}"]


@pytest.mark.parametrize(
    ("text", "line", "begins", "message"),
    [
        (HEAD.replace("event: login", "event: purchase"), 5, "fields:", "also needs the fields amount, currency"),
        (HEAD.replace(", occurred_at: at", ""), 5, "fields:", "'occurred_at' is missing under 'fields'"),
        (HEAD.replace("    max_silence: 3 days\n", ""), 3, "topic:", "'max_silence' is missing"),
        (HEAD.replace("topic: a", "topic: a\n    topics: {pattern: b}"), 3, "topic:", "either 'topic' or 'topics'"),
        (HEAD.replace("at}", "at, amount: x}"), 5, "amount:", "a login has no amount"),
        (
            HEAD.replace("login", "renewal").replace("at}", "at, amount: x}"),
            5,
            "amount:",
            "'amount' needs 'currency'",
        ),
        (HEAD.replace("topic: a", "topic: a\n    unwrap: debezum"), 4, "debezum", "none of 'cloudevents'"),
        (HEAD.replace("topic: a", "topics: {pattern: '(a'}"), 3, "'(a'", "no pattern of RE2"),
        (GOOD_CASES.replace("name: comes again", "name: no case"), 14, "no case", "become no event"),
        (GOOD_CASES.replace("occurred_at: {timestamp: true}, ", ""), 12, "fields:", "'occurred_at' is missing"),
        (GOOD_CASES.replace(", currency: c}", "}"), 12, "amount:", "'amount' needs 'currency'"),
        (GOOD_CASES.replace("        max_silence: 7 days\n", ""), 3, "topics:", "at the case of renewal"),
        (GOOD_CASES.replace("      - event: login", "      - event: logn"), 14, "logn", "no event type 'logn'"),
    ],
)
def test_what_does_not_fit_together_is_shown_at_the_entry_it_is_about(
    text: str, line: int, begins: str, message: str
) -> None:
    problem = only(text)
    assert message in problem.message
    assert text.splitlines()[problem.line - 1][problem.column - 1 :].startswith(begins), str(problem)
    assert abs(problem.line - line) <= 2


def test_two_patterns_or_a_pattern_and_a_topic_can_meet_and_the_topic_goes_before() -> None:
    text = HEAD + HEAD.split("sources:\n")[1].replace("topic: a", "topics: {pattern: '[ab]'}")
    sources, found = read_sources("s.yaml", text)
    assert found == []
    assert sources is not None
    expanded = sources.expanded(["a", "b", "c", "ab"])
    assert [source.topic for source in expanded.sources] == ["a", "b"]
    assert expanded.expanded(["b", "x"]) is expanded
    assert sources.sources[1].name == "/[ab]/"
