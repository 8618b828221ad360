"""One explanation for each word a newcomer may not know; every page draws from here."""

from collections.abc import Mapping
from types import MappingProxyType

from minigpt.config import SampleConfig

GLOSSARY: Mapping[str, str] = MappingProxyType(
    {
        "attention": (
            "How a token gathers information: it spreads 100 % of its attention over itself and "
            "the tokens before it."
        ),
        "baseline": (
            "What simple counting reaches on the same text. A model that understands more than "
            "counts gets below these lines."
        ),
        "bits per character": (
            "The loss in another unit: how many yes-or-no questions each character still costs. "
            "The only fair comparison between models that cut text differently."
        ),
        "head": (
            "One of several attentions that work side by side in a layer, each free to look for "
            "something else."
        ),
        "layer": "One round of attention and thinking. Layers follow each other.",
        "loss": (
            "How surprised the model is by the next token, in nats. Guessing among V tokens costs "
            "ln V; knowing the answer costs 0."
        ),
        "estimate": (
            "From a second in which this machine tried a step of each. Measuring the loss and "
            "writing samples come on top, and runs that train at the same time share the machine."
        ),
        "floor": (
            "The lowest loss any model can reach on this text: the chance that is left to whoever "
            "knows the rule."
        ),
        "merge": "Joining two tokens that often stand side by side into one new token.",
        "parameters": "The numbers inside the model that training adjusts.",
        "repetition": (
            "How much of the text has stood in it before, word for word: the share of passages of "
            "32 characters. A model soon knows those by heart."
        ),
        "right answers": (
            "Where the rule leaves no choice: how often the model holds the right token for the "
            "likeliest, in lines it has not learned from."
        ),
        "run": "One training: a text, a model, its settings, and all that came of it.",
        "step": "One batch of text read, and one small adjustment of all parameters.",
        "temperature": SampleConfig.help_of("temperature"),
        "token": (
            "The smallest piece of text the model reads or writes: a character, or a piece of a "
            "word, as the tokenizer cuts it."
        ),
        "tokenizer": (
            "Cuts text into tokens and numbers them. By characters: few tokens to know, long "
            "texts. BPE joins the most frequent pairs again and again: more tokens, shorter texts."
        ),
        "tokens per second": "How much text the training reads each second.",
        "validation": "Text kept aside that the model never learns from: the honest exam.",
        "vocabulary": "All tokens a model knows.",
    }
)

# What the settings of a run are called, in the order in which they are asked for.
LABELS: Mapping[str, str] = MappingProxyType(
    {
        "n_layer": "Layers",
        "n_head": "Heads",
        "n_embd": "Width",
        "block_size": "Context",
        "dropout": "Dropout",
        "bias": "Biases",
        "tie_weights": "Tied output layer",
        "norm": "Norm",
        "position": "Positions",
        "activation": "Activation",
        "qk_norm": "QK-norm",
        "zero_init": "Zero start",
        "bigram": "Bigram embedding",
        "max_steps": "Steps",
        "batch_size": "Batch size",
        "accumulation_steps": "Parts of a batch",
        "optimizer": "Optimizer",
        "learning_rate": "Learning rate",
        "muon_learning_rate": "Learning rate of Muon",
        "schedule": "Schedule",
        "cooldown": "Cool-down share",
        "min_lr_ratio": "Last learning rate, as a share",
        "warmup_steps": "Warm-up steps",
        "weight_decay": "Weight decay",
        "grad_clip": "Gradient clipping",
        "precision": "Precision",
        "val_fraction": "Validation share",
        "eval_interval": "Measure every",
        "seed": "Seed",
    }
)


def shown(value: object) -> str:
    """A setting's value in a person's words."""
    if isinstance(value, tuple):  # of Restart
        return ", ".join(f"from step {r.start:,} at {r.share:.0%}" for r in value) or "no"
    return ("off", "on")[value] if isinstance(value, bool) else str(value)
