"""Laws of the fast reader of YAML: it gives what the whole parser gives, or gives up."""

import re
from itertools import permutations
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import Event, NodeEvent, ScalarEvent

from tests.support.examples import examples
from tests.support.paths import ROOT
from workers.rule_files.files import read_text
from workers.rule_files.yaml_usual import usual_events

SHIPPED: Final = sorted([*ROOT.glob("rules/*.yaml"), *ROOT.glob("packs/*.yaml"), ROOT / "sources.yaml"])
BROKEN: Final = sorted((ROOT / "tests" / "data" / "broken-rules").rglob("*.yaml"))
LINES: Final = st.sampled_from(
    [
        *(
            "rules:",
            "- id: a",
            "  id: a",
            "   id: b",
            "- a",
            "-",
            "-  - a",
            "- - a",
            "-- a",
            "-a",
            "key:",
            "key: value",
        ),
        *("key: 'it'", 'key: "it"', 'key: "a\\n"', "key: 10:00", "key: a: b", "key:value", "# note", "  # note"),
        *('- {a: b, c: [d, "e"]}', "- {a: b,}", "{a: {b: c}}", "[a, b]", "[a: b]", "key: a # b", "key: a#b"),
        *("key: -5", "key: - 5", "key: ?", "key: *", "key: ~", "key:   spaced", "k k: v", "k  k: v", '"k": v'),
        *("key: [a", "b]", "key: |", "text", "key: 'a''b'", 'key: "a" b', "- key: v", "  - key: v", "? a", ": b"),
        *(
            "key: {}",
            "key: []",
            "   more",
            "1: a",
            "key: a,b",
            "key: {a: b:c}",
            "key: {a: -1}",
            "key: (a)",
            "key: .5",
        ),
        *("é: ü", "key: ü", "key: >50", "key: >", "- 'x': y", "[a,b]", "{a: b, a: c}", "{a:b}", 'key: {a: "b"c}'),
        *(
            "key: [a ]",
            "key: [ a, b ]",
            "key: &x y",
            "key: !x y",
            "key: @y",
            "key: a ",
            "key: 'a' # b",
            "key: 'a'# b",
        ),
        *(
            "key: {a: b} c",
            "key: {a: b} # c",
            "key: [[a], {b: c}]",
            "key: [-]",
            "key: {a: }",
            "key: a\\",
            "--- a",
            "...",
        ),
    ]
)
TEXTS: Final = st.lists(st.tuples(st.sampled_from(["", "", "  ", "    "]), LINES).map("".join), max_size=7).map(
    "\n".join
)


def whole_events(text: str) -> list[Event]:
    return [event for event in YAML(typ="safe", pure=True).parse(text) if is_of_a_node(event)]


def is_of_a_node(event: Event) -> bool:
    return isinstance(event, NodeEvent) or type(event).__name__ in ("MappingEndEvent", "SequenceEndEvent")


def said(event: Event) -> tuple[Any, ...]:
    """Return what the composer of nodes asks of an event."""
    name = type(event).__name__
    if isinstance(event, ScalarEvent):
        return name, event.start_mark.index, str(event.value), bool(event.implicit[0]), event.anchor, event.tag
    if isinstance(event, NodeEvent):
        return name, event.start_mark.index, event.anchor, getattr(event, "tag", None)
    return (name,)


def agree(text: str) -> bool:
    """Compare both readers; return whether the fast one read the text."""
    fast = usual_events(text)
    if fast is None:
        return False
    assert [said(event) for event in fast] == [said(event) for event in whole_events(text)]
    return True


@pytest.mark.parametrize("path", SHIPPED, ids=[path.name for path in SHIPPED])
def test_a_shipped_file_is_read_alike(path: Path) -> None:
    agree(path.read_text())


def test_the_shipped_rules_are_usual_and_so_is_what_people_write() -> None:
    rules = [path for path in SHIPPED if path.parent.name == "rules"]
    assert all(agree(path.read_text()) for path in rules)


@pytest.mark.parametrize("path", BROKEN, ids=[str(path.relative_to(BROKEN[0].parent)) for path in BROKEN])
def test_a_file_with_mistakes_is_read_alike_or_left_to_the_parser(path: Path) -> None:
    text, _ = read_text(path)
    if text is not None:
        agree(text)


@given(TEXTS)
@examples(1500)
def test_lines_in_any_order_are_read_alike_or_left_to_the_parser(text: str) -> None:
    agree(text)


PIECES: Final = re.split(r"(\s+|[:,{}\[\]#'\"-])", "\n".join(path.read_text()[:3000] for path in SHIPPED[:6]))


@given(st.integers(0, len(PIECES) - 60), st.data())
@examples(600)
def test_a_file_with_a_piece_too_few_or_too_many_is_read_alike_or_left_to_the_parser(
    begin: int, data: st.DataObject
) -> None:
    pieces = PIECES[begin : begin + 60]
    for _ in range(data.draw(st.integers(0, 2))):
        at = data.draw(st.integers(0, len(pieces) - 1))
        pieces[at : at + 1] = data.draw(
            st.sampled_from([[], [" "], ["\n"], [":"], ["- "], ["#"], ['"'], ["'"], ["["]])
        )
    agree("".join(pieces))


def test_what_the_parser_refuses_is_never_read() -> None:
    for text in ("a: b: c", "a: [b", "a: 'b", "a: b\n c: d", "- a\nb: c", "{a: b}}", "\ta: b", "a: @b", "a: 'b' c"):
        with pytest.raises(YAMLError):
            whole_events(text)
        assert usual_events(text) is None, text


def test_usual_lines_are_read_in_every_order_that_makes_sense() -> None:
    blocks = ["a:\n  - b: c\n    d: {e: [f]}\n  - g", "h:\n- i\n- j: k", "l:\n  m: 'n' # o", "# p\nq: -1"]
    for several in permutations(blocks):
        assert agree("\n\n".join(several)), several
