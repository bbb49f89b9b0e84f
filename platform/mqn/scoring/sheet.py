"""A contact sheet: one HTML file with the figures and the worst, median and best pictures of each method."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mqn.errors import DataError
from mqn.page_policy import policy
from mqn.quantities import quantity
from mqn.scoring.comparison import LEVEL, Difference
from mqn.scoring.ledger import Line
from mqn.scoring.summary import Summary
from mqn.scoring.tiles import DECADES, Tiles
from mqn.scoring.wording import difference_text, figure_text, interval_text, p_text, short_names

if TYPE_CHECKING:
    from mqn.scoring.session import Result

EACH = 3
"""Pictures of each group: worst, median, best."""

_CAPTIONS = {"ldr": "input", "prediction": "prediction", "truth": "truth", "error": "error"}

_STYLE = """
:root{color-scheme:light dark;--page:#f4f6f8;--paper:#fff;--ink:#1f2933;--muted:#667381;--line:#e1e7ec;--accent:#0b6e99;
--good:#2d7a3e;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--page:#14181c;--paper:#1d2329;--ink:#e4e9ee;--muted:#97a3af;--line:#313a43;
--accent:#5fb8e0;--good:#6fc483;--bad:#f08a80}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:14px/1.45 system-ui,'Segoe UI',Roboto,sans-serif}
header,main{max-width:1480px;margin:0 auto;padding:24px 24px 0} h1{margin:0;font-size:22px}
h2{margin:0 0 10px;font-size:17px} h3{margin:18px 0 8px;font-size:13px;color:var(--muted);font-weight:600}
header p,.note{margin:4px 0 0;color:var(--muted)} a{color:var(--accent)}
section{background:var(--paper);border-radius:10px;padding:16px 18px;margin:0 0 18px;box-shadow:0 1px 2px #0002}
.scroll{overflow-x:auto} table{border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums}
th,td{padding:5px 12px 5px 0;text-align:right;white-space:nowrap;vertical-align:top;border-bottom:1px solid var(--line)}
th{font-weight:600;white-space:normal;max-width:120px;vertical-align:bottom}
th:nth-child(-n+2),td:nth-child(-n+2){text-align:left}
td:nth-child(2){position:sticky;left:0;background:var(--paper)}
td small{display:block;color:var(--muted)} .good{color:var(--good)} .bad{color:var(--bad)}
.pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,560px),1fr));gap:14px}
figure{margin:0;border:1px solid var(--line);border-radius:8px;padding:10px;min-width:0}
.tiles{display:grid;grid-template-columns:repeat(4,1fr);gap:6px} .tiles div{min-width:0}
.tiles img{display:block;width:100%;border-radius:4px;image-rendering:auto}
.tiles span{font-size:11px;color:var(--muted)}
figcaption{margin-top:8px;overflow-wrap:anywhere} figcaption b{color:var(--accent)}
figcaption small{color:var(--muted)} dl{display:flex;flex-wrap:wrap;gap:2px 14px;margin:4px 0 0;font-size:12px}
dl div{display:flex;gap:5px} dt{color:var(--muted)} dd{margin:0;font-variant-numeric:tabular-nums}
details{margin:6px 0} summary{cursor:pointer;font-weight:600}
.scale{display:inline-block;width:120px;height:10px;border-radius:3px;vertical-align:-1px;margin:0 6px;
background:linear-gradient(90deg,#000004,#420a68,#932667,#dd513a,#fca50a,#fcffa4)}
"""


def choose(lines: Mapping[int, Line], metric: str) -> dict[str, list[int]]:
    """Choose what is worth seeing.

    Args:
        lines: a method's, by the picture's index.
        metric: what good means.

    Returns:
        Indices of the `EACH` worst, median and best pictures, no picture twice; the worst first, the best last.
    """
    sign = 1 if quantity(metric).direction == "maximize" else -1
    known = [(sign * value, index) for index, line in lines.items() if (value := line.figures[metric]) is not None]
    order = [index for _, index in sorted(known)]
    if len(order) <= 3 * EACH:
        third = -(-len(order) // 3)
        return {"worst": order[:third], "median": order[third : len(order) - third], "best": order[third:][-third:]}
    middle = (len(order) - EACH) // 2
    return {"worst": order[:EACH], "median": order[middle : middle + EACH], "best": order[-EACH:]}


def write_sheet(
    path: Path,
    result: Result,
    chosen: Mapping[str, Mapping[str, list[int]]],
    tiles: Mapping[tuple[str, int], Tiles],
) -> None:
    """Write the sheet.

    Args:
        path: the .html file; it needs nothing else.
        result: the figures.
        chosen: by method and group, indices of pictures.
        tiles: by method and the picture's index; pictures without are shown by their figures alone.

    Raises:
        DataError: the file cannot be written.
    """
    metric = quantity(result.request.metrics[0])
    short = {name: html.escape(text) for name, text in short_names(result.summaries).items()}
    links = " · ".join(f'<a href="#m{place}">{short[name]}</a>' for place, name in enumerate(result.summaries))
    sections = [
        _section("Ranked", _tables(result, result.summaries, result.differences, short)),
        *([_section("By kind of input", _conditions(result, short))] if result.conditions else []),
        *(
            _section(html.escape(name), _pictures(result, name, chosen[name], tiles), f"m{place}")
            for place, name in enumerate(result.summaries)
        ),
    ]
    text = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">{policy()}
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>mqn score</title><style>{_STYLE}</style></head>
<body><header><h1>Scores</h1><p>{html.escape(result.stated)} · worst, median and best by {html.escape(metric.label)}</p>
<p>{links}</p><p>Prediction and truth through Reinhard's operator at the truth's exposure. Error of log luminance:
0<span class="scale"></span>{DECADES:g} decade and above</p></header>
<main>{"".join(sections)}</main></body></html>
"""
    try:
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror}") from error


def _section(title: str, body: str, anchor: str = "") -> str:
    return f"<section{f' id={anchor}' if anchor else ''}><h2>{title}</h2>{body}</section>"


def _conditions(result: Result, short: Mapping[str, str]) -> str:
    return "".join(
        f"<details><summary>{html.escape(label)}</summary>"
        f"{_tables(result, summaries, result.condition_differences.get(label, {}), short)}</details>"
        for label, summaries in result.conditions.items()
    )


def _tables(
    result: Result,
    summaries: Mapping[str, Summary],
    differences: Mapping[str, Mapping[str, Difference]],
    short: Mapping[str, str],
) -> str:
    head = "".join(f"<th>{html.escape(quantity(name).axis)}</th>" for name in result.request.metrics)
    head = f"<tr><th></th><th>method</th>{head}</tr>"
    means = "".join(
        f"<tr><td>{place}</td><td>{short[name]}"
        f"<small>{summary.pictures} pictures, {summary.sources} sources</small></td>"
        f"{_mean_cells(summary)}</tr>"
        for place, (name, summary) in enumerate(summaries.items(), start=1)
    )
    tables = f'<div class="scroll"><table>{head}{means}</table></div>'
    if not differences:
        return tables
    paired = "".join(
        f"<tr><td></td><td>{short[name]}</td>{_difference_cells(by_metric)}</tr>"
        for name, by_metric in differences.items()
    )
    return (
        f"{tables}<h3>Minus {html.escape(str(result.request.against))}, on the same pictures</h3>"
        f'<div class="scroll"><table>{head}{paired}</table></div>'
        '<p class="note">Paired differences with 95 % bootstrap intervals over sources, and the p-value of a sign-flip '
        f"permutation test; in colour where p &lt; {LEVEL:g}, not corrected for their number.</p>"
    )


def _mean_cells(summary: Summary) -> str:
    return "".join(
        f"<td>{figure_text(metric, figure.mean)}<small>{interval_text(metric, figure)}"
        f"{'' if figure.n == summary.pictures else f' n={figure.n}'}</small></td>"
        for metric, figure in summary.scores.items()
    )


def _difference_cells(differences: Mapping[str, Difference]) -> str:
    cells = []
    for metric, difference in differences.items():
        better = difference.mean is not None and (difference.mean > 0) == (quantity(metric).direction == "maximize")
        sure = difference.p is not None and difference.p < LEVEL
        kind = f' class="{"good" if better else "bad"}"' if sure else ""
        cells.append(
            f"<td><span{kind}>{difference_text(metric, difference.mean)}</span>"
            f"<small>{interval_text(metric, difference)}<br>{p_text(difference.p)}</small></td>"
        )
    return "".join(cells)


def _pictures(
    result: Result, name: str, groups: Mapping[str, list[int]], tiles: Mapping[tuple[str, int], Tiles]
) -> str:
    parts = []
    for group, indices in groups.items():
        cards = [
            _card(result.lines[name][index], result.request.metrics, tiles.get((name, index))) for index in indices
        ]
        if cards:
            parts.append(f'<h3>{group.capitalize()}</h3><div class="pictures">{"".join(cards)}</div>')
    return "".join(parts)


def _card(line: Line, metrics: tuple[str, ...], tiles: Tiles | None) -> str:
    shown = ""
    if tiles is not None:
        images = [
            f'<div><img alt="{caption}" src="data:image/jpeg;base64,'
            f'{base64.b64encode(getattr(tiles, part)).decode()}"><span>{caption}</span></div>'
            for part, caption in _CAPTIONS.items()
        ]
        shown = f'<div class="tiles">{"".join(images)}</div>'
    first = figure_text(metrics[0], line.figures[metrics[0]])
    others = [
        f"<div><dt>{html.escape(quantity(metric).label)}</dt><dd>{figure_text(metric, line.figures[metric])}</dd></div>"
        for metric in metrics[1:]
    ]
    return (
        f"<figure>{shown}<figcaption><b>{first}</b> {html.escape(line.name)} "
        f"<small>{html.escape(line.condition)} · {line.width} x {line.height}</small>"
        f"<dl>{''.join(others)}</dl></figcaption></figure>"
    )
