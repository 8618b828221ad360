"""The one way tokens are shown: monospace chips, and running text shaded by surprise.

Every token is escaped: model and visitor write whatever they like, and it stays text.
"""

import html
from collections.abc import Sequence

from minigpt.plots import visible

SPECIAL = ("<pad>", "<unk>", "<eos>")

# currentColor follows the theme, so the same chips fit light and dark.
STYLE = """<style>
.mg-text { font-family: ui-monospace, 'Source Code Pro', monospace; font-size: 0.95rem;
  line-height: 1.75; white-space: break-spaces; overflow-wrap: anywhere; }
.mg-chip { border-radius: 3px; padding: 1px 3px; margin: 1px;
  background: color-mix(in srgb, currentColor 8%, transparent); display: inline-block;
  line-height: 1.35; white-space: pre; }
.mg-hollow { background: none; outline: 1px solid currentColor; opacity: 0.65; }
.mg-marked { background: color-mix(in srgb, #14B8A6 55%, transparent); font-weight: 700; }
.mg-prompt { opacity: 0.6; }
</style>"""


def chips(tokens: Sequence[str], marked: int | None = None, *, breaks: bool = True) -> str:
    """HTML of tokens as chips, the one at position `marked` standing out.

    Special tokens are hollow; with `breaks`, a newline also breaks the line.
    """
    classes = [
        "mg-chip" + " mg-hollow" * (token in SPECIAL) + " mg-marked" * (i == marked)
        for i, token in enumerate(tokens)
    ]
    parts = [
        f'<span class="{classes[i]}" title="position {i}">'
        f"{html.escape(visible(token))}</span>" + ("<br>" if breaks and token == "\n" else "")
        for i, token in enumerate(tokens)
    ]
    return f'{STYLE}<div class="mg-text" style="white-space: normal">{"".join(parts)}</div>'


def shaded(prompt: str, tokens: Sequence[str], probs: Sequence[float], *, shade: bool) -> str:
    """HTML of a prompt and what the model wrote, each token the deeper the less likely it was."""
    parts = [f'<span class="mg-prompt">{html.escape(prompt)}</span>']
    for token, prob in zip(tokens, probs, strict=True):
        style = (
            f' style="background: color-mix(in srgb, #14B8A6 {60 * (1 - prob):.0f}%, transparent)"'
        )
        hollow = ' class="mg-chip mg-hollow"' if token in SPECIAL else ""
        title = f' title="probability {prob:.1%}"'
        parts.append(f"<span{hollow}{title}{style if shade else ''}>{html.escape(token)}</span>")
    return f'{STYLE}<div class="mg-text">{"".join(parts)}</div>'
