"""The one way tokens are shown: monospace chips, and running text shaded by surprise.

Every token is escaped: model and visitor write whatever they like, and it stays text.
"""

import html
import math
import re
from collections.abc import Container, Sequence
from itertools import pairwise

from minigpt.corpus.overlap import Passage
from minigpt.counting import counted, percent
from minigpt.tokenizers.visible import brief, legible, visible
from minigpt.ui.glossary import GLOSSARY

SPECIAL = ("<pad>", "<unk>", "<eos>")
DEEPEST = 55  # percent of teal under a surprising token: more, and white on it is hard to read
DEEPEST_BITS = 8  # of surprise, and more: the deepest colour

# currentColor follows the theme, so the same chips fit light and dark.
STYLE = """<style>
.mg-text { font-family: ui-monospace, 'Source Code Pro', monospace; font-size: 0.95rem;
  line-height: 1.75; white-space: break-spaces; overflow-wrap: anywhere; }
.mg-chip { border-radius: 3px; padding: 1px 3px; margin: 1px;
  background: color-mix(in srgb, currentColor 8%, transparent); display: inline-block;
  line-height: 1.35; white-space: pre; }
.mg-0 { background: color-mix(in srgb, #14B8A6 26%, transparent); }
.mg-1 { background: color-mix(in srgb, #F59E0B 26%, transparent); }
.mg-2 { background: color-mix(in srgb, #64748B 26%, transparent); }
.mg-3 { background: color-mix(in srgb, #8B5CF6 22%, transparent); }
.mg-4 { background: color-mix(in srgb, #F43F5E 20%, transparent); }
.mg-5 { background: color-mix(in srgb, #0EA5E9 22%, transparent); }
.mg-hollow { background: none; outline: 1px solid currentColor; opacity: 0.65; }
.mg-marked { background: color-mix(in srgb, #14B8A6 55%, transparent); font-weight: 700; }
.mg-copied { text-decoration: underline 2px #14B8A6; text-underline-offset: 3px; }
.mg-prompt { opacity: 0.75; }
.mg-unread { opacity: 0.65; text-decoration: line-through; }
.mg-scroll { overflow: auto; border-radius: 0.5rem;
  scrollbar-color: color-mix(in srgb, currentColor 35%, transparent) transparent; }
.mg-scroll:focus-visible { outline: 2px solid #14B8A6; }
</style>"""


def chips(
    tokens: Sequence[str],
    marked: Container[int] = (),
    unread: Container[int] = (),
    *,
    breaks: bool = True,
) -> str:
    """HTML of tokens as chips, those at the positions `marked` standing out, those that the model
    did not read greyed.

    Special tokens are hollow; with `breaks`, a newline also breaks the line.
    """
    classes = [
        "mg-chip"
        + " mg-hollow" * (token in SPECIAL)
        + " mg-marked" * (i in marked)
        + " mg-unread" * (i in unread)
        for i, token in enumerate(tokens)
    ]
    parts = [
        f'<span class="{classes[i]}">{html.escape(brief(token))}</span>'
        + "<br>" * (breaks and token.endswith("\n"))
        for i, token in enumerate(tokens)
    ]
    return f'{STYLE}<div class="mg-text" style="white-space: normal">{"".join(parts)}</div>'


def coloured(ids: Sequence[int], tokens: Sequence[str], counts: Sequence[int]) -> str:
    """HTML of a text cut into tokens: the same token always in the same colour, id and count in
    the hover. `tokens` and `counts` are those of the whole vocabulary."""
    parts = []
    for i in ids:
        token = tokens[i]
        hollow = " mg-hollow" if token in SPECIAL else ""
        title = f"id {i:,}, {counted(counts[i], 'time')} in the text"
        parts.append(
            f'<bdi class="mg-chip mg-{i * 7 % 6}{hollow}" title="{title}">'
            f"{html.escape(brief(token))}</bdi>" + "<br>" * token.endswith("\n")
        )
    return (
        f'{STYLE}<div class="mg-text" dir="auto" style="white-space: normal">{"".join(parts)}</div>'
    )


def running(text: str, *, marks: bool) -> str:
    """HTML of a text in its own direction; with `marks`, spaces and line ends can be seen."""
    shown = "\n".join(visible(f"{line}\n") for line in text.split("\n"))[:-1] if marks else text
    return f'{STYLE}<div class="mg-text" dir="auto">{html.escape(shown)}</div>'


def passages(rows: Sequence[tuple[int, str, str]]) -> str:
    """HTML of a file's passages: the line's number, the passage with bytes that are no text as
    `<0x92>`, and, where it has any, how it would be read."""
    parts = []
    for line, passage, read in rows:
        marked = re.sub(
            r"&lt;0x[0-9A-F]{2}&gt;",
            lambda byte: f'<span class="mg-chip mg-marked">{byte.group()}</span>',
            html.escape(passage),
        )
        after = f"<br>→ {html.escape(read)}" if read != passage else ""
        parts.append(f'<p dir="auto"><span class="mg-prompt">line {line:,}</span> {marked}{after}')
    return f'{STYLE}<div class="mg-text">{"".join(parts)}</div>'


def shaded(
    unread: str, prompt: str, tokens: Sequence[str], probs: Sequence[float], *, shade: bool
) -> str:
    """HTML of a prompt, the part of it that was not read greyed, and what the model wrote, less
    likely tokens in a stronger colour."""
    parts = [f'<span class="mg-unread">{html.escape(legible(unread))}</span>'] if unread else []
    parts.append(f'<span class="mg-prompt">{html.escape(legible(prompt))}</span>')
    for token, prob in zip(tokens, probs, strict=True):
        bits = -math.log2(max(prob, 2.0**-DEEPEST_BITS))
        depth = f"{DEEPEST * bits / DEEPEST_BITS:.0f}%"
        style = f' style="background: color-mix(in srgb, #14B8A6 {depth}, transparent)"'
        hollow = ' class="mg-chip mg-hollow"' if token in SPECIAL else ""
        title = f' title="probability {percent(prob)}"'
        words = html.escape(legible(token))
        parts.append(f"<span{hollow}{title}{style if shade else ''}>{words}</span>")
    return f'{STYLE}<div class="mg-text">{"".join(parts)}</div>'


def weighed(first: str, tokens: Sequence[str], nats: Sequence[float], deepest: float) -> str:
    """HTML of a text whose tokens but the first are coloured by what each one's loss rises by:
    amber, and where it falls teal, dotted below; deepest from so many nats on."""
    parts = [f'<span class="mg-prompt">{html.escape(legible(first))}</span>']
    for token, rise in zip(tokens, nats, strict=True):
        depth = f"{DEEPEST * min(1.0, abs(rise) / deepest):.0f}%"
        color = "#F59E0B" if rise > 0 else "#14B8A6"
        fall = "" if rise > 0 or abs(rise) < deepest / 10 else "border-bottom: 2px dotted; "
        style = f"{fall}background: color-mix(in srgb, {color} {depth}, transparent)"
        hollow = ' class="mg-chip mg-hollow"' if token in SPECIAL else ""
        title = f"{rise:+.3f} nats".replace("-", "−")
        words = html.escape(legible(token))
        parts.append(f'<span{hollow} title="{title}" style="{style}">{words}</span>')
    return f'{STYLE}<div class="mg-text">{"".join(parts)}</div>'


def copied(text: str, passages: Sequence[Passage], chosen: int | None = None) -> str:
    """HTML of a text, in which its passages that stand in the training text are underlined, and
    the one that is `chosen`, an index, stands out; they may overlap. How long each is and how
    often it stands there is in the hover."""
    borders = {0, len(text), *(p.start for p in passages), *(p.end for p in passages)}
    parts = []
    for start, end in pairwise(sorted(borders)):
        over = [i for i, p in enumerate(passages) if p.start <= start and end <= p.end]
        words = html.escape(legible(text[start:end]))
        title = html.escape("; ".join(_about(passages[i]) for i in over))
        classes = "mg-copied" + " mg-marked" * (chosen in over)
        parts.append(f'<span class="{classes}" title="{title}">{words}</span>' if over else words)
    return f'{STYLE}<div class="mg-text" dir="auto">{"".join(parts)}</div>'


def _about(passage: Passage) -> str:
    length = counted(passage.end - passage.start, "character")
    return f"{length}, {counted(passage.count, 'time')} in the training text"


def in_context(before: str, passage: str, after: str) -> str:
    """HTML of a passage where it stands, between the text before and after it."""
    before, passage, after = (html.escape(legible(part)) for part in (before, passage, after))
    return (
        f'{STYLE}<div class="mg-text" dir="auto"><span class="mg-prompt">{before}</span>'
        f'<span class="mg-copied mg-marked">{passage}</span>'
        f'<span class="mg-prompt">{after}</span></div>'
    )


def parted(tokens: Sequence[str], at: int | None) -> str:
    """HTML of a text that is laid beside another: the token `at` from which on they differ stands
    out, and what both have is muted; all of it where they are the same."""
    parts = []
    for i, token in enumerate(tokens):
        kind = "mg-prompt" if at is None or i < at else "mg-chip mg-marked" if i == at else ""
        words = html.escape(brief(token) if i == at else legible(token))
        parts.append(f'<span class="{kind}">{words}</span>' if kind else words)
    return f'{STYLE}<div class="mg-text">{"".join(parts)}</div>'


def about_special(text: str) -> str | None:
    """What special tokens are, where one stands in what a model wrote."""
    return GLOSSARY["special tokens"] if any(token in text for token in SPECIAL) else None


def scrolled(shown: str, label: str, height: int) -> str:
    """HTML in a box of so many pixels that also the keyboard can scroll; `label` tells what it is
    to whoever hears the page instead of seeing it."""
    return (
        f'<div class="mg-scroll" style="height: {height}px" tabindex="0" role="region" '
        f'aria-label="{html.escape(label)}">{shown}</div>'
    )
