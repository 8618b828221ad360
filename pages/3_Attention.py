"""Attention: where every token of a text looks, in every head, at every moment of training."""

from minigpt.ui import frame, pages
from minigpt.ui.attention import page

visit = frame.open_page(
    pages.ATTENTION,
    "To guess the next token, each token gathers what it needs from those before it. "
    "Every head has its own way of looking.",
    "token",
    "head",
)
page.show(visit)
frame.show_words(
    "ablation", "attention", "bits per character", "entropy", "head", "layer", "lift", "loss",
    "model", "nats", "parameters", "role", "run", "special tokens", "step", "token", "tokenizer",
)  # fmt: skip
