"""The look that all pages of figures share: one HTML file that works offline."""

from __future__ import annotations

from collections.abc import Sequence

from mqn.page_policy import plain_lines, policy
from mqn.report.palette import ACCENT, FAINT, GRID, INK, MUTED, PAPER

# Plotly 7 offers to send charts to its makers' cloud unless told not to.
CONFIG = {
    "displaylogo": False,
    "responsive": True,
    "showSendToCloud": False,
    "plotlyServerURL": "",
    "modeBarButtonsToRemove": ["lasso2d", "select2d"],
}

_STYLE = f"""
*{{box-sizing:border-box}}
body{{margin:0;background:#f4f6f8;color:{INK};font:14px/1.45 system-ui,'Segoe UI',Roboto,sans-serif}}
header{{padding:26px 28px 6px}} h1{{margin:0;font-size:22px}} header p{{margin:4px 0 0;color:{MUTED}}}
.tiles{{display:flex;flex-wrap:wrap;gap:12px;padding:14px 28px}}
.tile{{background:{PAPER};border-radius:8px;padding:10px 18px;min-width:120px;box-shadow:0 1px 2px #0001}}
.tile b{{display:block;font-size:20px}} .tile span{{color:{MUTED};font-size:12px}}
main{{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:16px;padding:4px 28px 28px}}
section{{background:{PAPER};border-radius:8px;padding:14px 16px;box-shadow:0 1px 2px #0001;min-width:0}}
section.wide{{grid-column:1/-1}} h2{{margin:0 0 4px;font-size:15px}} section p{{margin:0 0 6px;color:{MUTED}}}
.scroll{{overflow:auto}} table{{border-collapse:collapse;width:100%;font-size:12.5px;font-variant-numeric:tabular-nums}}
th{{position:sticky;top:0;background:{PAPER};text-align:left;cursor:pointer;border-bottom:2px solid {FAINT}}}
th,td{{padding:5px 10px;white-space:nowrap}} td{{border-bottom:1px solid {GRID}}} td.n,th.n{{text-align:right}}
tr.best td{{background:#0b6e9912}} tr.best td:first-child{{color:{ACCENT};font-weight:600}}
td.error{{white-space:normal;min-width:220px;color:{MUTED}}}
@media(max-width:900px){{main{{grid-template-columns:1fr}}}}
"""


def lay_out(title: str, note: str, top: str, sections: str, *, scripts: Sequence[str]) -> str:
    """Put a page together.

    Args:
        title: of the page, as HTML.
        note: a line below it, as HTML.
        top: what stands above the sections, as HTML.
        sections: `<section>` elements, two beside each other unless they are `wide`.
        scripts: run one after the other when the page is there; a browser runs no others.

    Returns:
        HTML that needs nothing else, no network either: it carries the plotting library along, about 5 MB.
    """
    from plotly.offline import get_plotlyjs

    library = plain_lines(get_plotlyjs())
    own = "".join(f"<script>{script}</script>" for script in scripts)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">{policy((library, *scripts))}
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>{title}</title><style>{_STYLE}</style><script>{library}</script></head>
<body><header><h1>{title}</h1><p>{note}</p></header>
{top}
<main>
{sections}
</main>{own}</body></html>
"""
