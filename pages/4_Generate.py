"""Generate: let a model write, and see how it chooses."""

from minigpt.ui import frame, pages
from minigpt.ui.generate import page

visit = frame.open_page(
    pages.GENERATE,
    "The model gives every token a probability; the sliders decide how the next one is drawn.",
    "model",
    "step",
    "token",
)
page.show(visit)
frame.show_words(
    "ablation", "attention", "beam search", "bits per character", "context", "copied", "entropy",
    "head", "layer", "loss", "min-p", "model", "nats", "parameters", "repetition penalty", "run",
    "seed", "special tokens", "step", "temperature", "token", "tokenizer", "top-k", "top-p",
    "trigram", "validation", "vocabulary",
)  # fmt: skip
