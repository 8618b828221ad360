"""The map of a lens as HTML: a row for each part of the model, a column for each token."""

import html
from collections.abc import Iterable, Iterator

import numpy as np

from minigpt import plots
from minigpt.counting import percent
from minigpt.plots.picture import colors_of
from minigpt.plots.theme import SEQUENTIAL, SEQUENTIAL_DARK
from minigpt.tokenizers.visible import brief, visible

LEVELS = 50  # of colour
LIGHT = 140  # of a colour out of 255: on lighter ones, letters are dark


def _css() -> str:
    """A class for each level of colour, in both themes, with letters that can be read on it."""
    at = np.linspace(0, 1, LEVELS + 1)
    themes = [colors_of(scale, 0.0, 1.0)(at)[:, :3] for scale in (SEQUENTIAL, SEQUENTIAL_DARK)]
    rules = []
    for level, (light, dark) in enumerate(zip(*themes, strict=True)):
        fills, inks = zip(*((_hex(color), _ink(color)) for color in (light, dark)), strict=True)
        rules.append(
            f".mg-v{level} {{ background: light-dark({', '.join(fills)}); "
            f"color: light-dark({', '.join(inks)}) }}"
        )
    return "\n".join(rules)


def _hex(color: np.ndarray) -> str:
    return "#{:02X}{:02X}{:02X}".format(*color)


def _ink(color: np.ndarray) -> str:
    return "#0B1418" if color @ np.array([0.299, 0.587, 0.114]) > LIGHT else "#FFFFFF"


STYLE = f"""<style>
.mg-lens {{ overflow-x: auto; }}
.mg-lens:focus-visible {{ outline: 2px solid #14B8A6; }}
.mg-lens table {{ border-collapse: separate; border-spacing: 1px;
  font: 14px/1.5 ui-monospace, 'Source Code Pro', monospace; }}
.mg-lens th, .mg-lens td {{ padding: 1px 4px; min-width: 1.5rem; text-align: center;
  white-space: pre; font-weight: 400; border: 0; border-top: 2px solid transparent; }}
.mg-lens th:first-child {{ position: sticky; left: 0; z-index: 1; text-align: left;
  font-family: inherit; background: light-dark(#FFFFFF, #0E1413); padding-right: 8px; }}
.mg-lens td.mg-none {{ background: repeating-linear-gradient(135deg,
  light-dark(#DDE4E2, #2A3633) 0 1px, transparent 1px 6px); }}
.mg-lens td.mg-decided {{ border-top-color: currentColor;
  border-top-color: light-dark(#0B1418, #E3EAE8); }}
.mg-lens .mg-here {{ font-weight: 700; text-decoration: underline; }}
.mg-scale {{ display: flex; align-items: center; gap: 8px; font-size: 14px; }}
.mg-scale span {{ white-space: nowrap; }}
.mg-scale i {{ width: 160px; height: 10px; border-radius: 2px; }}
@media (max-width: 640px) {{ .mg-lens th:first-child {{ font-size: 13px; max-width: 6.5rem;
  white-space: normal; line-height: 1.15; }} }}
{_css()}
</style>"""


def lens_map(found: plots.LensMap, view: plots.LensView, here: int, first: int = 0) -> str:
    """HTML of a map, its column `here` marked; `first` tokens were read before it.

    What a cell says of its token, probability and rank is in its hover. The map scrolls sideways,
    also by the keyboard.
    """
    coming = [f"<td>{_shown(token)}</td>" for token in found.read[1:]]
    rows = [
        _row("reads", [_read(token, at == here) for at, token in enumerate(found.read)]),
        *(_row(name, _cells(found, view, row, first)) for row, name in enumerate(found.rows)),
        _row("comes next", [*coming, "<td></td>"]),
    ]
    return (
        f'{STYLE}<div class="mg-lens" tabindex="0" role="region" aria-label="What each part of '
        f'the model would answer"><table>{"".join(rows)}</table></div>{_scale(found, view)}'
    )


def _row(name: str, cells: Iterable[str]) -> str:
    return f'<tr><th scope="row">{html.escape(name)}</th>{"".join(cells)}</tr>'


def _read(token: str, here: bool) -> str:
    mark = ' class="mg-here"' if here else ""
    return f'<th scope="col"{mark}>{_shown(token)}</th>'


def _shown(token: str) -> str:
    return html.escape(plots.short(visible(token)))


def _cells(found: plots.LensMap, view: plots.LensView, row: int, first: int) -> Iterator[str]:
    levels = np.rint(LEVELS * np.clip(found.values(view)[row] / found.highest(view), 0, 1))
    for at, (level, token) in enumerate(zip(levels, found.likeliest[row], strict=True)):
        kind = "mg-none" if np.isnan(level) else f"mg-v{int(level)}"
        kind += " mg-decided" if row == found.decided[at] else ""
        title = html.escape(f"token {first + at + 1}, {found.rows[row]}: {told(found, row, at)}")
        yield f'<td class="{kind}" title="{title}">{_shown(token)}</td>'


def told(found: plots.LensMap, row: int, at: int) -> str:
    """All that is known of a cell, in words."""
    words = f"{brief(found.likeliest[row][at])} {percent(found.prob[row, at])}"
    if found.rank[row, at] >= 0:
        words += (
            f"; next comes {brief(found.read[at + 1])}: {percent(found.true_prob[row, at])}, "
            f"rank {found.rank[row, at] + 1:,}"
        )
    bits = f"entropy {found.entropy[row, at]:.2f} bits, KL {found.kl[row, at]:.2f} bits"
    return f"{words}; {bits}"


def _scale(found: plots.LensMap, view: plots.LensView) -> str:
    """The colours with their ends, and what they are of."""
    low, high = found.ends(view)
    stops = ", ".join(
        f"light-dark({a}, {b})" for a, b in zip(SEQUENTIAL, SEQUENTIAL_DARK, strict=True)
    )
    bar = f'<i style="background: linear-gradient(to right, {stops})"></i>'
    of = html.escape(plots.VIEWED[view])
    return f'<div class="mg-scale"><span>{low}</span>{bar}<span>{high}</span> {of}</div>'
