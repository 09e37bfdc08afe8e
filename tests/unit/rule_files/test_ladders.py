"""Laws of ladders in rule files: one is live, they read no stages, and rules name only their stages."""

from typing import Final

from workers.rule_files.known_names import KnownNames
from workers.rule_files.rules import read_book, read_documents
from workers.rule_files.values.ladders import EXPLANATIONS

QUIET: Final = "{none: purchase, for: 45 days}"
RULE: Final = "rules:\n  - {id: fell, title: Fell, when: %s, action: at-risk, template: a, expires after: 1 day}\n"


def ladder(when: str = QUIET, name: str = "simple", status: str = "live", stage: str = "quiet") -> str:
    return (
        f"stages:\n  name: {name}\n  status: {status}\n  steps:\n    - {{stage: {stage}, when: {when}}}\n"
        "  otherwise: newcomer\n"
    )


def problems(**texts: str) -> list[tuple[str, str, str | None]]:
    _, found = read_book({f"{name}.yaml": text for name, text in texts.items()})
    return [(problem.code, problem.message, problem.hint) for problem in found]


def test_the_live_ladder_of_all_files_is_that_of_the_book() -> None:
    book, found = read_book({"a.yaml": ladder(status="draft"), "b.yaml": ladder(name="other")})
    assert not found
    assert [one.name for one in book.ladders] == ["simple", "other"]
    assert book.ladder is not None
    assert (book.ladder.name, book.ladder.stages()) == ("other", ("quiet", "newcomer"))


def test_two_ladders_are_not_live() -> None:
    (found,) = problems(a=ladder(), b=ladder(name="other"))
    assert found == (
        "repeated-ladder",
        "the ladder at a.yaml:3 is live already",
        "a customer stands on one ladder: make one of them a draft",
    )


def test_two_ladders_have_two_names() -> None:
    (found,) = problems(a=ladder(), b=ladder(status="draft"))
    assert found == ("repeated-ladder", "a ladder is called 'simple' already, at a.yaml:2", "choose another name")


def test_a_ladder_has_each_stage_once() -> None:
    (found,) = problems(a=ladder(stage="newcomer"))
    assert found[0] == "inconsistent" or "twice" in found[1]


def test_a_step_reads_no_stage_not_even_through_a_name() -> None:
    message = "a step of a ladder cannot use 'moved': that would be a circle"
    assert [one[:2] for one in problems(a=ladder("{moved: down}"))] == [("stage-circle", message)]
    define = "define:\n  fell: {any: [{meets: sank}, {status: active}]}\n  sank: {moved: down}\n"
    assert [one[:2] for one in problems(a=define + ladder("{meets: fell}"))] == [("stage-circle", message)]


def test_a_rule_names_stages_of_the_live_ladder() -> None:
    assert not problems(a=ladder() + RULE % "{stage: [quiet, newcomer]}")
    (found,) = problems(a=ladder() + RULE % "{stage: quite}")
    assert found == ("unknown-stage", "no ladder has the stage 'quite'", "did you mean 'quiet'?")
    (found,) = problems(a=ladder() + RULE % "{moved: down, from: loyal}")
    assert found == ("unknown-stage", "no ladder has the stage 'loyal'", "it has newcomer, quiet")


def test_without_a_ladder_nobody_stands_on_a_stage() -> None:
    (found,) = problems(a=RULE % "{in stage for: 30 days}")
    assert found[0] == "no-ladder"


def test_a_rule_that_decides_needs_a_live_ladder() -> None:
    live = RULE.replace("title: Fell", "title: Fell, status: shadow") % "{not: {stage: quiet}}"
    (found,) = problems(a=ladder(status="draft") + live)
    assert found[:2] == ("no-ladder", "the rule is shadow, and reads a stage, but no ladder is live")
    assert not problems(a=ladder(status="draft") + RULE % "{stage: quiet}")


def test_what_a_step_names_is_checked_like_what_a_rule_names() -> None:
    _, found = read_book({"a.yaml": ladder("{none: puchase, for: 45 days}")}, KnownNames(frozenset({"purchase"})))
    assert [problem.code for problem in found] == ["unknown-type"]
    assert [one[0] for one in problems(a=ladder("{meets: nowhere}"))] == ["unknown-definition"]


def test_every_code_is_tried_here() -> None:
    assert set(EXPLANATIONS) == {"repeated-ladder", "stage-circle", "unknown-stage", "no-ladder"}


def test_a_file_alone_that_reads_a_stage_is_lent_the_live_ladder_beside_it() -> None:
    asks = (
        "rules:\n  - {id: one-rule, title: One rule, status: shadow, when: {stage: %s}, action: at-risk, template: t,"
        " expires after: 1 day}\n"
    )
    beside = {
        "define.yaml": "define:\n  buyer: {count: purchase, at least: 1}\n",
        "draft.yaml": ladder("{count: purchase, at least: 9}", name="other", status="draft", stage="fan"),
        "live.yaml": ladder("{meets: buyer}", stage="buyer"),
    }
    parsed = read_documents({"a.yaml": asks % "buyer"}, KnownNames(), beside)
    assert parsed.problems == ()
    assert [ladder.name for ladder in parsed.book.ladders] == ["simple"]
    (problem,) = read_documents({"a.yaml": asks % "fan"}, KnownNames(), beside).problems
    assert problem.code == "unknown-stage"
    unread = read_documents({"a.yaml": (asks % "x").replace("stage: x", "status: active")}, KnownNames(), beside)
    assert unread.book.ladders == ()
