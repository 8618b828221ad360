"""One explanation for each word a newcomer may not know; every page draws from here."""

from collections.abc import Mapping
from types import MappingProxyType

from minigpt.config import SampleConfig
from minigpt.counting import percent

GLOSSARY: Mapping[str, str] = MappingProxyType(
    {
        "ablation": (
            "Switching a part of the model off, and looking at what changes. It shows what the "
            "rest cannot make up for. Put its average in its place instead of nothing, and only "
            "what differs from place to place is lost."
        ),
        "attention": (
            "How a token gathers information: it spreads 100 % of its attention over itself and "
            "the tokens before it. In “the cat sat”, sat may look mostly at cat."
        ),
        "baseline": (
            "What simple counting reaches on the same text. A model that has learned more than to "
            "count gets below these lines."
        ),
        "batch": "The pieces of text that are read together in one step, for example 16 of them.",
        "bigram": (
            "Two tokens in a row. A bigram model is a table of counts: which token follows which. "
            "After q nearly always comes u."
        ),
        "beam search": (
            "Writing several texts at once: each grows by every token it could go on with, and of "
            "all that come of it only the likeliest are kept. These are its beams."
        ),
        "bits per character": (
            "The loss in another unit: how many yes-or-no questions each character still costs. "
            "1 bit is 0.69 nats. It compares fairly between models that cut text differently."
        ),
        "BPE": (
            "Byte pair encoding. It begins with single bytes, the smallest pieces of a file, and "
            "joins the pair that stands side by side most often, again and again: t and h become "
            "th, then th and e become the."
        ),
        "context": (
            "How many tokens the model sees at once. What lies further back it cannot know: with a "
            "context of 64 characters, about one line of a book."
        ),
        "copied": (
            "Standing word for word in the training text, in a passage so long that text the model "
            "never saw hardly ever shares one. Short passages all texts share."
        ),
        "cosine similarity": (
            "How nearly two lists of numbers point the same way, however long they are: +1 the "
            "same way, 0 at right angles, as two that have nothing in common mostly do, −1 the "
            "opposite way."
        ),
        "embedding": (
            "The numbers that stand for a token inside the model, a list of them for each token of "
            "the vocabulary. They are learned too."
        ),
        "entropy": (
            "How open a choice is, in bits: the number of yes-or-no questions one would need on "
            "average to learn what was chosen. 0: certain. 3: as open as a choice among 8."
        ),
        "estimate": (
            "From a second in which this machine tried a step of each. Measuring the loss and "
            "writing samples come on top, and runs that train at the same time share the machine."
        ),
        "floor": (
            "The lowest loss any model can reach on this text: the chance that is left to whoever "
            "knows the rule."
        ),
        "GPT": (
            "A program that continues a text: it guesses what comes next, adds it, and guesses "
            "again. Chat assistants are such programs, thousands of times larger than those here. "
            "The letters mean generative pre-trained transformer."
        ),
        "head": (
            "One of several attentions that work side by side in a layer, each free to look for "
            "something else."
        ),
        "Kneser-Ney": (
            "A way to guess from counts even where a pair was never seen: by how many different "
            "tokens the second one has followed (Kneser & Ney 1995)."
        ),
        "layer": (
            "One round of attention, in which tokens look at each other, and of thinking, in which "
            "each is worked on by itself. Layers follow each other."
        ),
        "lift": (
            "How much more attention a head puts where its role says than one that looks evenly at "
            "all it sees: 0 is no more than chance, 1 is all of it."
        ),
        "logit": (
            "The score that the model gives to a token that might come next, before scores become "
            "probabilities. Any number; only how far it lies above the others counts."
        ),
        "loss": (
            "How surprised the model is by the next token, on average, in nats. If it always knew "
            "the answer it would be 0; blind guessing among 65 tokens costs ln 65 = 4.17; at 1.5 "
            "it is as unsure as if it had to choose among four or five."
        ),
        "merge": "Joining two tokens that often stand side by side into one new token.",
        "MLP": (
            "The thinking part of a layer: it takes the numbers of one token, mixes them, bends "
            "the results, and mixes again. Short for multi-layer perceptron."
        ),
        "min-p": SampleConfig.help_of("min_p"),
        "model": (
            "The program that learns: a great many numbers, its parameters, and a fixed rule by "
            "which a text and these numbers become a guess of the next token."
        ),
        "nats": (
            "The unit of surprise. A token that was given the probability p costs −ln p, where ln "
            "is the natural logarithm: 1/2 costs 0.69 nats, 1/100 costs 4.61."
        ),
        "parameters": "The numbers inside the model that training adjusts.",
        "principal components": (
            "The directions in which points differ most. The two strongest make the plane in which "
            "a cloud of points looks widest, as one lays a flat hand into a flat cloud."
        ),
        "repetition": (
            "How much of the text has stood in it before, word for word: the share of passages of "
            "32 characters. A model soon knows those by heart."
        ),
        "repetition penalty": SampleConfig.help_of("repetition_penalty"),
        "right answers": (
            "Where the rule leaves no choice: how often the model holds the right token for the "
            "likeliest, in lines it has not learned from."
        ),
        "role": (
            "What a head does, where that is plain: looking at the token before, at the first one, "
            "at earlier copies of the same token. Most heads do several things, and are unclear."
        ),
        "run": "One training: a text, a model, its settings, and all that came of it.",
        "snapshot": "The model as it was at one step of its training, kept to be looked at later.",
        "softmax": (
            "Makes shares of 100 % out of scores: e to the power of each, divided by their sum. A "
            "score that is higher by 0.69 gets twice the share."
        ),
        "special tokens": (
            "Three that stand for no text of yours: `<unk>`, unknown, is read in place of a "
            "character that the training text never had; `<eos>`, end of a text, and `<pad>`, a "
            "filler, are customary and not learned here."
        ),
        "step": (
            "One round of training: the model reads some pieces of the text, and all its "
            "parameters are adjusted a little, so that it would have guessed better."
        ),
        "seed": SampleConfig.help_of("seed"),
        "temperature": SampleConfig.help_of("temperature"),
        "token": (
            "The smallest piece of text the model reads or writes: a character, or a piece of a "
            "word like “ing”, as the tokenizer cuts it."
        ),
        "tokenizer": (
            "Cuts text into tokens and numbers them. Cut into single characters, a text has many "
            "tokens, of few kinds; cut into pieces of words, fewer, of more kinds."
        ),
        "top-k": SampleConfig.help_of("top_k"),
        "top-p": SampleConfig.help_of("top_p"),
        "tokens per second": "How much text the training reads each second.",
        "trigram": (
            "Three tokens in a row. A trigram model is a table of counts: what follows each two "
            "tokens. After th often comes e."
        ),
        "uniform": (
            "Blind guessing: every token of the vocabulary is held for equally likely, 1 in 65 if "
            "there are 65."
        ),
        "validation": "Text kept aside that the model never learns from: the honest exam.",
        "vocabulary": "All tokens a model knows, each with its number.",
        "width": (
            "How many numbers the model keeps for each token while it works. More can hold more "
            "meaning, and cost more time."
        ),
        "world": (
            "A text made by a rule that we know, so that we know how well it can be guessed at all."
        ),
    }
)

# The same in half a sentence, for where it stands beside the word.
BRIEF: Mapping[str, str] = MappingProxyType(
    {
        "attention": "where it looks in the text",
        "bigram": "counting what follows one token",
        "floor": "the chance left to whoever knows the rule",
        "GPT": "guesses what comes next in a text",
        "loss": "how wrong its guesses are",
        "token": "a character or a piece of a word",
        "trigram": "counting what follows two tokens",
    }
)


def explain(*words: str) -> str:
    """The explanations of these words as markdown, for a help or a list; of one, it alone."""
    if len(words) == 1:
        return GLOSSARY[words[0]]
    return "\n\n".join(f"**{word[0].upper()}{word[1:]}.** {GLOSSARY[word]}" for word in words)


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
        "qk_gain": "Gain of QK-norm",
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

# And what else the pages ask for.
NAMES: Mapping[str, str] = MappingProxyType(
    {
        **LABELS,
        "vocab_size": "Vocabulary",
        "restarts": "Trained longer",
        "longer": "Further steps",
        "max_new_tokens": "Length",
        "temperature": "Temperature",
        "top_k": "Top-k",
        "top_p": "Top-p",
    }
)


def shown(value: object) -> str:
    """A setting's value in a person's words."""
    if isinstance(value, tuple):  # of Restart
        return ", ".join(f"from step {r.start:,} at {percent(r.share, 0)}" for r in value) or "no"
    return ("off", "on")[value] if isinstance(value, bool) else str(value)
