"""How the page looks: on narrow and wide screens, on light and dark ones, and on paper."""

from typing import Final

_LIGHT: Final = """
  color-scheme: light; --ground: #fff; --raised: #f6f7f9; --text: #1b2028; --soft: #59626e; --line: #d5dae0;
  --strong: #8a93a0; --good: #1d6f42; --bad: #b3261e; --warn: #a04f00; --warn-ground: #fff5e8; --link: #1d4f91;
  --strip: #e2e6eb;
  --c0: #2a6bb3; --c1: #b44c08; --c2: #2b8057; --c3: #8449a5; --c4: #866000; --c5: #64707f;
  --s0: #f1f6fc; --s1: #dbe9f7; --s2: #bfd8f0; --s3: #9cc3e6; --s4: #6fa6d8; --s5: #3a78b4; --s6: #2a69a8; --s7:
  #174a7c;
  --on-pale: #1b2028; --on-full: #fff;"""
_DARK: Final = """
  color-scheme: dark; --ground: #14181d; --raised: #1d232a; --text: #e8ebef; --soft: #a3adb9; --line: #343c46;
  --strong: #77828f; --good: #5fc98f; --bad: #ff8a80; --warn: #ffb159; --warn-ground: #33260f; --link: #8ab8f0;
  --strip: #323b46;
  --c0: #6ba6e6; --c1: #f29355; --c2: #5cbd8d; --c3: #c490e0; --c4: #d9ae45; --c5: #9aa6b4;
  --s0: #1b2632; --s1: #20344a; --s2: #264463; --s3: #2d567f; --s4: #35689c; --s5: #5590ca; --s6: #85b4e2; --s7:
  #b7d6f4;
  --on-pale: #e8ebef; --on-full: #10161d;"""
_COLOURS: Final = "\n".join(
    f".leader.c{place} {{ stroke: var(--c{place}) }}"
    f" .bar.c{place} {{ fill: var(--c{place}) }} .line.c{place} {{ stroke: var(--c{place}) }}"
    f" .dot.c{place}, text.c{place} {{ fill: var(--c{place}) }} .dot.c{place} {{ stroke: var(--c{place}) }}"
    for place in range(6)
)
_SHADES: Final = "\n".join(f".field.s{place} {{ fill: var(--s{place}) }}" for place in range(8))

STYLE: Final = f"""
:root {{{_LIGHT}
}}
@media (prefers-color-scheme: dark) {{ :root {{{_DARK}
}} }}
* {{ box-sizing: border-box }}
body {{ margin: 0 auto; max-width: 64rem; padding: 2rem 1.5rem 4rem; color: var(--text); background: var(--ground);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif }}
h1 {{ font-size: 1.75rem; line-height: 1.2; margin: 0 0 .35rem }}
h2 {{ font-size: 1.25rem; margin: 3rem 0 .75rem; padding-bottom: .3rem; border-bottom: 2px solid var(--line) }}
h3, figcaption {{ font-size: 1rem; font-weight: 600; text-align: left; margin: 1.5rem 0 .4rem }}
p {{ margin: .4rem 0; max-width: 46rem }}
.soft {{ color: var(--soft) }} a {{ color: var(--link) }}
nav {{ display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin: 1rem 0 0 }}
bdi {{ unicode-bidi: isolate; overflow-wrap: break-word }}
.notes {{ border-left: 4px solid var(--warn); background: var(--warn-ground); padding: .5rem .9rem; margin: 1rem 0
  }}
.figures {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 17.5rem), 1fr)); gap: .9rem;
  margin: 0 }}
.figure {{ background: var(--raised); border: 1px solid var(--line); border-radius: .5rem; padding: .8rem 1rem;
  break-inside: avoid }}
.figure h3 {{ margin: 0; font-size: .95rem }}
.figure .value {{ font-size: 1.8rem; font-weight: 650; line-height: 1.25; margin: .15rem 0 .1rem;
  font-variant-numeric: tabular-nums }}
.figure .missing {{ font-size: 1rem; font-weight: 600; color: var(--warn); margin: .35rem 0 }}
.figure .of {{ font-size: .9rem; margin: 0 }}
.figure .when {{ font-size: .8rem; color: var(--soft); margin: .2rem 0 0 }}
p.missing {{ font-weight: 600; color: var(--warn) }}
.remark {{ font-size: .84rem; color: var(--soft); margin: .3rem 0 }}
table.broad {{ font-size: .8rem }} table.broad tbody th {{ min-width: 9em }}
table.broad td.number, table.broad th.number {{ padding-inline: .4rem 0 }}
th:first-child {{ padding-left: 0 }}
tbody th {{ min-width: 11em; color: var(--text); font-weight: 400; vertical-align: top }}
.figure .means {{ font-size: .84rem; line-height: 1.4; color: var(--soft); margin: .45rem 0 0 }}
.parts {{ margin: .35rem 0 0; padding: 0; list-style: none; font-size: .9rem }}
.parts li {{ display: flex; justify-content: space-between; gap: 1rem }}
.wrap {{ overflow-x: auto; margin: 0 0 1rem }}
table {{ border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; min-width: min(100%,
  30rem) }}
th, td {{ text-align: left; vertical-align: top; padding: .35rem .75rem; border-bottom: 1px solid
  var(--line) }}
th {{ font-weight: 600; color: var(--soft); vertical-align: bottom }}
td {{ min-width: 10rem }} .numbers, .picture {{ margin-inline: 0 }} .numbers p.soft {{ font-size: .9rem }}
td.number, th.number {{ min-width: 0; text-align: right; white-space: nowrap }}
th.number {{ white-space: normal; min-width: 4.5rem }} table.broad th.number {{ min-width: 0 }}
.picture p {{ margin: 0 0 .4rem; font-size: .9rem }} .picture .about {{ font-size: .84rem; margin-bottom: .8rem }}
.picture {{ margin: 1.75rem 0 1.25rem; break-inside: avoid }}
.chart {{ display: block; width: 100%; height: auto; overflow: visible }}
.chart.wide {{ max-width: 60rem }} .chart.medium {{ max-width: 45rem; display: none }}
.chart.narrow {{ max-width: 26rem; display: none }}
.chart text {{ font-size: 12px; fill: var(--text); font-variant-numeric: tabular-nums }}
.chart .tick, .chart .axis {{ fill: var(--soft) }}
.chart .value, .chart .name {{ font-weight: 600 }} .chart text.small {{ font-size: 10px }}
.chart .better {{ fill: var(--good) }} .chart .worse {{ fill: var(--bad) }}
.chart .grid {{ stroke: var(--line); stroke-width: 1 }} .chart .zero {{ stroke: var(--strong); stroke-width: 1.5 }}
.chart .line {{ fill: none; stroke-width: 2.5; stroke-linejoin: round }}
.chart .line.open {{ stroke-dasharray: 4 4 }} .chart .dot.open {{ fill: var(--ground); stroke-width: 2 }}
.chart .bar.open {{ fill-opacity: .4 }}
.chart .strip {{ fill: var(--strip) }} .chart .start {{ stroke: var(--strong); stroke-width: 1.5 }}
.chart .leader {{ stroke-width: 1; fill: none }}
.chart .inside {{ fill: var(--ground) }} .chart .inside.open {{ fill: var(--text) }}
.chart .reach {{ stroke: var(--c5); stroke-width: 3; fill: none }} .chart .point {{ fill: var(--c5) }}
.chart .reach.better {{ stroke: var(--good) }} .chart .point.better {{ fill: var(--good) }}
.chart .reach.worse {{ stroke: var(--bad) }} .chart .point.worse {{ fill: var(--bad) }}
.chart .ground {{ paint-order: stroke; stroke: var(--ground); stroke-width: 4px; stroke-linejoin: round }}
.chart .on {{ fill: var(--on-pale) }} .chart .on.s5, .chart .on.s6, .chart .on.s7 {{ fill: var(--on-full) }}
{_COLOURS}
{_SHADES}
@media (max-width: 62.99rem) {{ .chart.wide {{ display: none }} .chart.medium {{ display: block }} }}
@media (max-width: 42rem) {{ body {{ padding: 1.25rem 1rem 3rem }} .chart.medium {{ display: none }}
  .chart.narrow {{ display: block }} }}
@page {{ margin: 16mm 14mm }}
@media print {{ :root {{{_LIGHT}
  }} body {{ max-width: none; padding: 0; font-size: 10.5pt }} nav {{ display: none }}
  .figures {{ grid-template-columns: repeat(3, 1fr) }} .figure .value {{ font-size: 1.4rem }} h2, h3, figcaption
  {{ break-after: avoid }} tr {{ break-inside: avoid }} .chart.medium {{ display: block }} .chart.wide,
  .chart.narrow {{ display: none }}
  .wrap {{ overflow: visible }} table.broad {{ font-size: 7.5pt }} .bar, .field, .strip {{ print-color-adjust:
  exact; -webkit-print-color-adjust: exact }} }}
"""
"""The style sheet of the page. The classes of charts are those that the modules beside this one write."""
