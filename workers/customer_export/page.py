"""An export as one file of HTML, for people: a timeline, then tables of everything that is held. Pure.

It has no script and loads nothing. Every value is escaped; what would steer a terminal or turn the direction of a
text is written as in logs. A value in a script from right to left does not move what stands beside it.
"""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from html import escape
from typing import Any, Final

from workers.customer_export.contents import iso_text, shown_text
from workers.customer_export.document import Export, ExportedTopic, Placed, Unplaced
from workers.customer_export.timeline import Entry, timeline
from workers.observability.escapes import escaped

_STYLE: Final = """
:root { color-scheme: light; --line: #d8dce2; --soft: #5b6470; --ground: #f6f7f9 }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 62rem; padding: 2rem 1.5rem 4rem; color: #1b2028; background: #fff;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; overflow-wrap: anywhere }
h2 { font-size: 1.15rem; margin: 2.25rem 0 .75rem; padding-bottom: .3rem; border-bottom: 2px solid var(--line) }
h3 { font-size: 1rem; margin: 1.25rem 0 .5rem }
p { margin: .4rem 0 } .soft { color: var(--soft) }
.warn { border-left: 4px solid #b25e00; background: #fff5e8; padding: .6rem .9rem; margin: 1rem 0 }
nav a { margin-right: 1rem; color: #1d4f91 }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1rem; font-size: .9rem }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid var(--line);
  overflow-wrap: anywhere }
th { background: var(--ground); font-weight: 600; overflow-wrap: normal }
td.name, dt { color: var(--soft); overflow-wrap: anywhere }
td.name { width: 34% }
bdi { white-space: pre-wrap; unicode-bidi: isolate }
ol.time { list-style: none; margin: 0; padding: 0 }
ol.time > li { border-left: 3px solid var(--kind, #8a93a0); margin: 0 0 .9rem; padding: .1rem 0 .1rem .9rem;
  break-inside: avoid }
li.order, li.request { --kind: #7a3fa0 } li.action { --kind: #1d6f42 } li.retraction { --kind: #b3261e }
li.decision { --kind: #8a6d00 } li.event { --kind: #1d4f91 } li.dead-letter { --kind: #b25e00 }
.head { display: flex; flex-wrap: wrap; gap: .15rem .75rem; align-items: baseline }
.head time { font-variant-numeric: tabular-nums; color: var(--soft); white-space: nowrap }
.kind { font-size: .75rem; font-weight: 600; text-transform: uppercase; letter-spacing: .04em;
  color: var(--kind, #5b6470) }
.state { font-size: .8rem; border: 1px solid #b25e00; border-radius: .6rem; padding: 0 .5rem; color: #8a4a00 }
dl { display: grid; grid-template-columns: minmax(7rem, 15rem) 1fr; gap: .1rem .75rem; margin: .3rem 0;
  font-size: .85rem }
dd { margin: 0; overflow-wrap: anywhere; min-width: 0 }
td dl { margin: 0; font-size: inherit }
.where { font-size: .78rem; color: var(--soft); overflow-wrap: anywhere }
@page { margin: 18mm 15mm }
@media print { body { max-width: none; padding: 0; font-size: 10.5pt } nav { display: none }
  h2 { break-after: avoid } tr { break-inside: avoid } }
"""
_POLICY: Final = "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'"
_SUPPRESSED: Final = "suppressed: must not be written to"
_OPTED_OUT: Final = "opted out"
_ERASED: Final = "erased; what happened until then is not kept"
_LONGEST_TITLE: Final = 120

Row = Sequence[str]
"""The cells of a row, each as HTML."""


def page_of(export: Export) -> str:
    """Return the page of an export."""
    digest = b64encode(sha256(_STYLE.encode()).digest()).decode()
    title = f"Everything that Linger holds of {_cut(export['customer_id'])}"
    body = "\n".join(part for part in _body(export, title) if part)
    return (
        "<!DOCTYPE html>\n"
        '<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_safe(_POLICY.format(hash=digest))}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n<meta name="robots" content="noindex">\n'
        f"<title>{_safe(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _body(export: Export, title: str) -> Iterator[str]:
    entries = timeline(export)
    yield f"<h1>{_value(title)}</h1>"
    made = f"made at {_value(_time(export['exported_at']))} by Linger {_value(export['linger'])}"
    yield f'<p class="soft">Customer {_value(export["customer_id"])}, {made}. All times are UTC. '
    yield "This file holds personal data.</p>"
    for problem in export["problems"]:
        yield f'<p class="warn">This export is not complete: {_value(problem)}</p>'
    if uncertain := sum(record["matched_by"] == "content" for record in export["records"]):
        yield f'<p class="warn">{uncertain} records only name the id somewhere: they may be of another person.</p>'
    sections = (("what-happened", "What happened", len(entries)), ("what-is-held", "What is held now", None))
    yield "<nav>" + "".join(f'<a href="#{anchor}">{name}</a>' for anchor, name, _ in sections) + "</nav>"
    yield from _summary(export)
    yield f'<h2 id="what-happened">What happened ({len(entries)})</h2>'
    if entries:
        yield '<ol class="time">'
        yield from map(_entry, entries)
        yield "</ol>"
    else:
        yield "<p>There is no record of this person in Linger's topics.</p>"
    yield '<h2 id="what-is-held">What is held now</h2>'
    yield from _held_now(export)


def _summary(export: Export) -> Iterator[str]:
    mark = export["mark"]
    if mark is not None:
        since = (
            (_SUPPRESSED, mark["suppressed_since"]),
            (_OPTED_OUT, mark["opted_out_since"]),
            (_ERASED, mark["erased_at"]),
        )
        yield _table(("mark", "since"), [_row(words, _time(at)) for words, at in since if at is not None])
    if export["recipients"]:
        yield "<h3>Who has got data of this person: the consumers of</h3>"
    yield _table(
        ("topic", "records", "retractions", "first", "last", "to come"),
        [
            _row(
                one["topic"],
                one["records"],
                one["retractions"],
                _time(one["since"]),
                _time(one["until"]),
                one["not_yet_published"],
            )
            for one in export["recipients"]
        ],
    )


def _entry(entry: Entry) -> str:
    at = iso_text(entry.at_ms)
    time = _value(_time(at) or "time unknown")
    state = f'<span class="state">{_value(entry.state)}</span>' if entry.state else ""
    text = f"<div>{_value(entry.text)}</div>" if entry.text else ""
    return (
        f'<li class="{entry.kind.replace(" ", "-")}"><div class="head"><time>{time}</time>'
        f'<span class="kind">{entry.kind}</span><strong>{_value(entry.title)}</strong>{state}</div>{text}'
        f"{_content(entry.record)}</li>"
    )


def _content(record: Unplaced) -> str:
    """Return everything that a record has."""
    if record["form"] == "json" and isinstance(record["content"], dict):
        pairs = list(_flat(record["content"]))
    elif record["form"] == "none":
        pairs = [("content", "none: what had this key before is removed")]
    else:
        pairs = [(f"content ({record['form']})", shown_text(record["form"], record["content"]))]
    return f"<dl>{_listed(pairs)}</dl>{_where(record)}"


def _where(record: Unplaced) -> str:
    place = [record["topic"]]
    if "offset" in record:
        placed: Any = record
        found: Placed = placed
        place += [
            f"partition {found['partition']}",
            f"offset {found['offset']}",
            f"written {_time(found['written_at'])}",
        ]
        if found["matched_by"] != "key":
            place.append(f"found by {found['matched_by']}")
    if record["key"] is not None:
        place.append(f"key {record['key']}")
    headers = "; ".join(f"{_value(header['name'])}: {_value(header['value'])}" for header in record["headers"])
    more = f"<br>headers: {headers}" if headers else ""
    return f'<div class="where">{", ".join(map(_value, place))}{more}</div>'


def _held_now(export: Export) -> Iterator[str]:
    yield from _section("Mark", _given(export["mark"] or {}))
    yield from _section("Evaluated again", _given(export["evaluation"]))
    state = export["state"]
    if state is None:
        yield "<p>No state is stored of this person.</p>"
    elif state["facts"] is None:
        yield from _section("Stored state, which cannot be read", state)
    else:
        yield f'<p class="soft">The stored state has {state["bytes"]} bytes. Names are those of state files.</p>'
        yield from _facts(state["facts"])
        yield from _section("The same in words", state["in_words"])
    yield from _section("Held actions", export["held_actions"])
    yield from _section("Not yet published", export["unpublished"])
    if (following := export["next"]) is not None:
        yield from _rules(following)
    yield _heading("Topics that were searched", export["topics"])
    yield _table(
        ("topic", "records", "partition", "from offset", "to offset"),
        [
            _row(
                topic["topic"],
                topic["records"] if topic["exists"] else "there is no such topic",
                place["partition"],
                place["from_offset"],
                place["to_offset"],
            )
            for topic in export["topics"]
            for place in _partitions(topic)
        ],
    )


def _partitions(topic: ExportedTopic) -> Sequence[Mapping[str, Any]]:
    return topic["partitions"] or [{"partition": "", "from_offset": "", "to_offset": ""}]


def _facts(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield a table of each kind of facts, and one of those that are single values."""
    single = {name: value for name, value in facts.items() if not isinstance(value, dict | list)}
    yield from _section("State", single)
    for name, value in facts.items():
        if isinstance(value, dict | list) and value:
            yield from _section(f"State: {name.replace('_', ' ')}", value)


def _rules(following: Mapping[str, Any]) -> Iterator[str]:
    yield "<h3>What the rules find, and would do next</h3>"
    again = _time(following.get("looks_again")) or "not again, unless an event arrives"
    because = "; ".join(map(str, following.get("looks_again_because") or ()))
    yield f"<p>Evaluated next: {_value(again)}{f' ({_value(because)})' if because else ''}</p>"
    yield _table(
        ("rule", "verdict", "holds since", "states"),
        [
            _row(
                f"{rule['title']} ({rule['rule']})",
                rule["verdict"],
                _time(rule["holds_since"]),
                "\n".join(str(state["text"]) for state in rule["states"]),
            )
            for rule in following.get("rules") or ()
        ],
    )
    yield from _section("In full", following)


def _section(heading: str, value: Any) -> Iterator[str]:
    """Yield a heading and a table of everything in a value; nothing if it has nothing."""
    parts: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, dict) else enumerate(value or (), 1)
    if isinstance(value, list) and not any(isinstance(part, dict | list) for part in value):
        parts = [("all", value)]
    rows = [(name, cell) for name, part in parts if (cell := _cell(part))]
    if rows:
        yield _heading(heading, rows)
        cells = "".join(f'<tr><td class="name">{_value(str(name))}</td><td>{cell}</td></tr>' for name, cell in rows)
        yield f"<table><tbody>{cells}</tbody></table>"


def _cell(part: Any) -> str:
    """Return a value as the content of a cell; empty if it has nothing."""
    pairs = [(name, value) for name, value in _flat(part) if value not in (None, "")]
    if len(pairs) == 1 and not pairs[0][0]:
        return _value(pairs[0][1])
    return f"<dl>{_listed(pairs)}</dl>" if pairs else ""


def _listed(pairs: Iterable[tuple[str, Any]]) -> str:
    return "".join(f"<dt>{_value(name)}</dt><dd>{_value(value)}</dd>" for name, value in pairs)


def _heading(heading: str, content: Any) -> str:
    return f"<h3>{_value(heading)}</h3>" if content else ""


def _table(heads: Iterable[str], rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    head = "".join(f"<th>{_value(name)}</th>" for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _row(*values: Any) -> Row:
    return tuple(map(_value, values))


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every single value in a value, with the names that lead to it; a list of single values is one."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _flat(part, f"{name} / {key}" if name else str(key))
    elif not isinstance(value, list | tuple):
        yield name, value
    elif any(map(_is_deep, value)):
        for place, part in enumerate(value, 1):
            yield from _flat(part, f"{name} / {place}" if name else str(place))
    else:
        yield (
            name,
            ", ".join(": ".join(map(_text, part)) if isinstance(part, list) else _text(part) for part in value),
        )


def _is_deep(part: Any) -> bool:
    """Return whether a part of a list has more than single values, or pairs of them."""
    return isinstance(part, dict) or (
        isinstance(part, list | tuple) and any(isinstance(inner, dict | list | tuple) for inner in part)
    )


def _given(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if value not in (None, {}, [])}


def _time(text: str | None) -> str:
    """Return a moment for people; the milliseconds only if there are some."""
    return "" if text is None else text.replace("T", " ").removesuffix("Z").removesuffix(".000")


def _text(value: Any) -> str:
    return "" if value is None else shown_text("json", value)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_TITLE else f"{text[:_LONGEST_TITLE]}…"


def _value(value: Any) -> str:
    """Return any value as HTML, isolated from the direction of what stands beside it."""
    return f"<bdi>{_safe(_text(value))}</bdi>"


def _safe(text: str) -> str:
    return escape(escaped(text, keep="\n"), quote=True)
