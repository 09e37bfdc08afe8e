"""A preview as one file of HTML that loads nothing: what rules would have done, and what customers did then. Pure.

It is made of the document alone, as JSON has it, and of the same blocks and charts as the page of the report.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

from workers.report.page.blocks import (
    Card,
    Grid,
    cards,
    contents,
    document,
    heading,
    numbers,
    remark,
    section,
    table,
)
from workers.report.page.markup import Html, element, isolated, joined
from workers.report.page.svg.bars import Bar, bars
from workers.report.page.svg.columns import Part, columns
from workers.report.page.svg.drawing import Axis
from workers.report.page.svg.picture import picture
from workers.report.words.language import LANGUAGES
from workers.rule_preview.outcomes import AWAY_DAYS
from workers.rule_preview.why import why_not_sent, why_so_few

_FORMATS: Final = LANGUAGES["en"].formats
_EPOCH: Final = date(1970, 1, 1)
_CUSTOMERS: Final = Axis("customers", _FORMATS.number, finest=1)
_ACTIONS: Final = Axis("actions", _FORMATS.number, finest=1)
_SHARES: Final = Axis("share of the actions seen to the end", lambda share: _FORMATS.share(share, 0))
_TOLD_APART: Final = 5
"""With more rules than this, the rest share a colour."""
_MOST_WEEKS: Final = 60
"""With more weeks than this, a column is several of them."""
_NAMED: Final = 200
"""At most as many customers of one change are named on the page."""


def page_of(preview: Mapping[str, Any]) -> str:
    """Return the page of the document of a preview."""
    title = f"What these rules would have done: {preview['history']['name']}"
    parts = [part for part in _sections(preview) if part[2]]
    body = joined(
        (
            element("h1", None, isolated(title)),
            element("p", {"class": "soft"}, _period(preview)),
            contents("On this page", [(name, title) for name, title, _ in parts]),
            *(section(name, title, _ABOUT[name], blocks) for name, title, blocks in parts),
        ),
        "\n",
    )
    return document(title, body, "en")


_ABOUT: Final = {
    "reached": "Every rule as if it had been live all the time. Nothing was sent.",
    "weeks": "From Monday to Sunday, in UTC.",
    "outcomes": "What customers did after an action that they never got: those who came back did so without it.",
    "why": "What kept actions back, and why a rule reached few customers or none.",
    "against": "Which customers this version gains and loses against the other.",
    "notes": "What must be known to read the figures.",
}


def _sections(preview: Mapping[str, Any]) -> Iterator[tuple[str, str, list[Html]]]:
    yield "reached", "Whom does each rule reach?", list(_reached(preview))
    yield "outcomes", "Who came back by themselves?", list(_outcomes(preview["rules"]))
    yield "weeks", "When?", list(_weeks(preview["rules"]))
    yield "why", "Why not more?", list(_why(preview))
    yield "against", "What changes?", list(_against(preview.get("against")))
    yield "notes", "Notes", [remark(text) for text in preview["notes"]]


def _period(preview: Mapping[str, Any]) -> str:
    history, period = preview["history"], preview["period"]
    events, customers = _FORMATS.number(history["events"]), _FORMATS.number(history["customers"])
    return (
        f"{events} events of {customers} customers, counted from {_day(period['since'])} to {_day(period['until'])}."
    )


def _reached(preview: Mapping[str, Any]) -> Iterator[Html]:
    rules, whole, value = preview["rules"], preview["any_rule"], preview.get("value")
    if not rules:
        yield remark("There is no rule that could act.")
        return
    yield cards(
        [
            Card(
                title="Customers reached",
                value=_FORMATS.number(whole["customers"]),
                of=f"of {_FORMATS.number(preview['history']['customers'])} customers: {_share(whole['share'])}",
                means="Customers for whom at least one rule would have acted in the period, each counted once.",
            ),
            Card(
                title="Actions",
                value=_FORMATS.number(whole["actions"]),
                means="How often rules would have acted in the period.",
            ),
            *_money_at_stake(whole, value),
        ]
    )
    shown = [
        Bar(_name(rule), rule["customers"], f"{_FORMATS.number(rule['customers'])} ({_share(rule['share'])})")
        for rule in rules
    ]
    title, about = (
        "Customers reached by each rule",
        "Each customer counts once for a rule, and may count for several.",
    )
    yield picture("picture-reached", title, about, lambda width: bars(width, shown, _CUSTOMERS))
    heads = ["rule", "actions", "customers", "of all", "taken back", "not sent"]
    rows = [
        [
            _name(rule),
            *map(_FORMATS.number, (rule["actions"], rule["customers"])),
            _share(rule["share"]),
            *map(_FORMATS.number, (rule["retracted"], sum(rule["suppressed"].values()))),
            *([] if value is None else [_money(rule["at_stake"], value)]),
        ]
        for rule in rules
    ]
    yield _numbers("Customers reached by each rule", [*heads, *([] if value is None else ["at stake"])], rows)


def _money_at_stake(whole: Mapping[str, Any], value: Mapping[str, Any] | None) -> Iterator[Card]:
    if value is not None:
        yield Card(
            title="Money at stake",
            value=_money(whole["at_stake"], value),
            means=f"What the customers reached were worth then ({value['window']}), each counted once.",
        )


def _outcomes(rules: Sequence[Mapping[str, Any]]) -> Iterator[Html]:
    known = [rule for rule in rules if rule["outcome"] is not None and rule["actions"]]
    for place, success in enumerate(sorted({rule["outcome"]["success"] for rule in known})):
        of_it = [rule for rule in known if rule["outcome"]["success"] == success]
        shown = [bar for rule in of_it for bar in _bars_of(rule)]
        title = f"Stayed away: no {success}"
        about = (
            "Blue: the rule. Orange below it: writing to everyone after a plain number of days, at about as many "
            "actions. The longer a bar, the fewer messages go to customers who come back anyway; but a message that "
            f"is late comes after a customer has stayed away for {AWAY_DAYS} days."
        )
        if shown:
            yield _stayed(f"picture-outcomes-{place}", title, about, shown)
        heads = ["after the action", "seen to the end", "came back", "stayed away", "days of warning", "not over"]
        rows = [row for rule in of_it for row in _rows_of(rule)]
        yield _numbers(f"Came back by themselves: {success}", heads, rows)


def _stayed(name: str, title: str, about: str, shown: Sequence[Bar]) -> Html:
    return picture(name, title, about, lambda width: bars(width, shown, _SHARES))


def _bars_of(rule: Mapping[str, Any]) -> Iterator[Bar]:
    outcome = rule["outcome"]
    if outcome["precision"] is not None:
        yield Bar(_name(rule), outcome["precision"], _how_early(outcome))
        if (plain := outcome["plain_days"]) is not None and plain["precision"] is not None:
            yield Bar(_plainly(plain), plain["precision"], _how_early(plain), 1)


def _how_early(figures: Mapping[str, Any]) -> str:
    share, days = _share(figures["precision"], 0), figures["warning_days"]
    if days is None:
        return share
    return f"{share}, {_days(abs(days))} {'late' if days < 0 else 'early'}"


def _rows_of(rule: Mapping[str, Any]) -> Iterator[list[str]]:
    outcome = rule["outcome"]
    yield [_name(rule), *_cells(outcome), _FORMATS.number(outcome["running"])]
    if (plain := outcome["plain_days"]) is not None:
        yield [_plainly(plain), *_cells(plain), ""]


def _cells(figures: Mapping[str, Any]) -> list[str]:
    seen, warning = figures["came_back"] + figures["stayed_away"], figures["warning_days"]
    shares = ((figures["came_back"], figures["wasted"]), (figures["stayed_away"], figures["precision"]))
    return [
        _FORMATS.number(seen),
        *(
            _FORMATS.number(n) if share is None else f"{_FORMATS.number(n)} ({_share(share, 0)})"
            for n, share in shares
        ),
        "" if warning is None else _FORMATS.number(warning),
    ]


def _plainly(plain: Mapping[str, Any]) -> str:
    return f"everyone after {_days(plain['days'])}"


def _days(number: int) -> str:
    return f"{_FORMATS.number(number)} day{'' if number == 1 else 's'}"


def _weeks(rules: Sequence[Mapping[str, Any]]) -> Iterator[Html]:
    acting = sorted((rule for rule in rules if rule["actions"]), key=lambda rule: -int(rule["actions"]))
    if not acting:
        return
    merge = -(-len(acting[0]["weeks"]) // _MOST_WEEKS)
    starts = [_short_day(week["week"]) for week in acting[0]["weeks"][::merge]]
    apart, rest = acting[:_TOLD_APART], acting[_TOLD_APART:]
    parts = [Part(rule["id"] if len(acting) > 1 else "", _of_weeks([rule], merge)) for rule in apart]
    if rest:
        parts.append(Part(f"{len(rest)} other rules" if len(rest) > 1 else rest[0]["id"], _of_weeks(rest, merge)))
    title = "Actions per week" if merge == 1 else f"Actions per {merge} weeks"
    about = "By the Monday on which each begins."
    yield picture("picture-weeks", title, about, lambda width: columns(width, starts, parts, _ACTIONS, len(starts)))
    rows = [
        [
            _name(rule),
            _day(rule["first_day"]),
            _day(rule["last_day"]),
            _FORMATS.number(rule["largest_day"]["actions"]),
            _day(rule["largest_day"]["day"]),
        ]
        for rule in acting
    ]
    grid = Grid(
        "First and last action of each rule",
        ["rule", "first action", "last action", "most in a day", "on"],
        rows,
        [False, False, False, True, False],
    )
    yield numbers([heading(grid.title, "In UTC."), table(grid)])


def _of_weeks(rules: Sequence[Mapping[str, Any]], merge: int) -> list[float | None]:
    sums = [sum(rule["weeks"][place]["actions"] for rule in rules) for place in range(len(rules[0]["weeks"]))]
    return [sum(sums[at : at + merge]) for at in range(0, len(sums), merge)]


def _why(preview: Mapping[str, Any]) -> Iterator[Html]:
    rows = []
    for rule in preview["rules"]:
        texts = why_so_few(rule, preview["history"]["customers"])
        if rule["suppressed"] and rule["actions"]:
            texts.insert(0, f"not sent: {why_not_sent(rule)}")
        rows += [[_name(rule) if not place else "", text] for place, text in enumerate(texts)]
    if rows:
        grid = Grid("What kept rules from acting", ["rule", "why"], rows, [False, False])
        yield numbers(
            [heading(grid.title, "Not sent, never true, or not to be known from this history."), table(grid)]
        )


def _against(against: Mapping[str, Any] | None) -> Iterator[Html]:
    if against is None:
        return
    changed = [rule for rule in against["rules"] if rule["gained"] or rule["lost"]]
    yield element("p", None, "Against ", isolated(str(against["name"])), ".")
    shown = [
        Bar(f"{rule['id']}: {change}", sign * rule[change], _FORMATS.signed(sign * rule[change]), int(sign < 0))
        for rule in changed
        for change, sign in (("gained", 1), ("lost", -1))
        if rule[change]
    ]
    if shown:
        title, about = "Customers gained and lost", "Whom only this version reaches, and whom only the other does."
        yield picture("picture-against", title, about, lambda width: bars(width, shown, _CUSTOMERS))
    else:
        yield remark("No customer is gained or lost.")
    is_valued = "gained_value" in against["any_rule"]
    heads = ["rule", "before", "now", *(("gained", "worth", "lost", "worth") if is_valued else ("gained", "lost"))]
    whole = [{"id": "any rule", "is": "in both", **against["any_rule"]}] if len(against["rules"]) > 1 else []
    rows = [_change_row(rule) for rule in (*against["rules"], *whole)]
    yield _numbers("Customers before and now", heads, rows)
    for rule in changed:
        yield from _names(rule)


def _change_row(rule: Mapping[str, Any]) -> list[str]:
    cells = [rule["id"] if rule["is"] == "in both" else f"{rule['id']} ({rule['is']})"]
    cells += map(_FORMATS.number, (rule["customers_before"], rule["customers"]))
    for change in ("gained", "lost"):
        cells.append(_FORMATS.number(rule[change]))
        if f"{change}_value" in rule:
            cells.append(_FORMATS.number(rule[f"{change}_value"]))
    return cells


def _names(rule: Mapping[str, Any]) -> Iterator[Html]:
    """Yield who is gained and lost, those of the greatest worth first."""
    for change in ("gained", "lost"):
        ids: Sequence[str] = rule[f"{change}_ids"]
        values: Sequence[float] | None = rule.get(f"{change}_values")
        if not ids:
            continue
        title = f"{change.capitalize()} by {rule['id']}"
        rows = [[one, *([] if values is None else [_FORMATS.number(values[place])])] for place, one in enumerate(ids)]
        heads = ["customer"] if values is None else ["customer", "worth"]
        rest = rule[change] - min(len(rows), _NAMED)
        more = [remark(f"and {_FORMATS.number(rest)} more")] if rest else []
        grid = Grid(title, heads, rows[:_NAMED], [place > 0 for place in range(len(heads))])
        yield numbers([heading(title, "By what they are worth." if values else "By id."), table(grid), *more])


def _numbers(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Html:
    grid = Grid(title, heads, rows, [place > 0 for place in range(len(heads))])
    return numbers([element("figcaption", None, isolated(title)), table(grid)])


def _name(rule: Mapping[str, Any]) -> str:
    return str(rule["id"]) if rule["status"] == "live" else f"{rule['id']} ({rule['status']})"


def _share(share: float, places: int = 1) -> str:
    return _FORMATS.share(share, places)


def _money(amount: float, value: Mapping[str, Any]) -> str:
    return _FORMATS.round_money(round(amount), value["currency"] or "-")


def _day(text: str) -> str:
    return _FORMATS.day((date.fromisoformat(text[:10]) - _EPOCH).days)


def _short_day(text: str) -> str:
    return _FORMATS.short_day((date.fromisoformat(text[:10]) - _EPOCH).days)
