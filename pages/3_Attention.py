"""Attention: where every token of a text looks, in every head, at every moment of training."""

from minigpt.config import InputError
from minigpt.ui import frame, pages
from minigpt.ui.attention import maps
from minigpt.ui.choosing import choose_moment
from minigpt.ui.visit import tell

visit = frame.open_page(
    pages.ATTENTION,
    "To guess the next token, each token gathers what it needs from those before it. "
    "Every head has its own way of looking.",
    "token",
    "head",
)
text = maps.choose_text(visit)
step = choose_moment(visit)
try:
    view = maps.compute(visit.run, text, step)
except InputError as error:
    tell(visit, error)
else:
    maps.show(visit.run, view)
frame.show_words(
    "attention", "head", "layer", "model", "parameters", "run", "special tokens", "step", "token",
    "tokenizer",
)  # fmt: skip
