"""Inside: take a model apart, one instrument at a time, and check that the parts add up."""

from minigpt.ui import frame, pages
from minigpt.ui.inside import page

visit = frame.open_page(
    pages.INSIDE,
    "A model is a sum of simple parts. Here each instrument shows what one of them does, on your "
    "own text, at any step of the training.",
    "MLP",
    "model",
    "step",
)
page.show(visit)
frame.show_words(
    "ablation",
    "attention",
    "context",
    "cosine similarity",
    "embedding",
    "entropy",
    "head",
    "layer",
    "logit",
    "loss",
    "MLP",
    "model",
    "nats",
    "parameters",
    "principal components",
    "run",
    "softmax",
    "step",
    "token",
    "tokenizer",
    "trigram",
    "vocabulary",
    "width",
)
