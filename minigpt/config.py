"""The settings of a model, of its training and of its sampling: frozen, validated, JSON.

Names follow nanoGPT. Every field carries its bounds and one plain sentence; the command line and
the Train page show that sentence as help, so it is written once. Nothing here imports torch.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from itertools import pairwise
from typing import Any, Self, get_args, get_type_hints

from minigpt.counting import counted


class InputError(ValueError):
    """Something a person gave cannot be used; the message tells what, the limit, and what to do."""


class SettingError(InputError):
    """A setting that cannot be. Its words have each setting in braces, for every way in has names
    of its own for them: the field's label on a page, the option of a command.

    >>> error = SettingError("{n_embd} is 10")
    >>> str(error), error.called({"n_embd": "Width"})
    ('n_embd is 10', 'Width is 10')
    """

    def __init__(self, words: str) -> None:
        self.words = words
        super().__init__(self.called({}))

    def called(self, names: Mapping[str, str]) -> str:
        """The sentence with the settings called so; one without a name there keeps its own."""
        return re.sub(r"\{(\w+)\}", lambda found: names.get(found[1], found[1]), self.words)


def words_of(error: Exception) -> str:
    """What an error says, its settings still in braces: to be kept, and read on a page or by a
    command as `SettingError(words).called(…)`."""
    return error.words if isinstance(error, SettingError) else str(error)


@contextmanager
def whole_characters() -> Iterator[None]:
    """Half a character (a lone surrogate), which no file, store or page can hold, is an InputError
    where a text inside becomes bytes."""
    try:
        yield
    except UnicodeEncodeError as error:
        raise InputError(
            f"{error.object[error.start]!r} is half a character, which no text can hold: leave it "
            "out, or bring the text saved in UTF-8"
        ) from error


class NotFinite(InputError):
    """A model's numbers are too large to go on with: what it computes is infinite, or no number."""

    def __init__(self) -> None:
        super().__init__(
            "the numbers in this model have grown beyond all bounds, so it can tell nothing: "
            "choose an earlier moment of its training, or train again with a lower learning rate"
        )


def setting(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] | None = None,
) -> Any:
    """A dataclass field with its help sentence and its inclusive bounds, or its choices."""
    metadata = {"help": help, "low": low, "high": high, "choices": choices}
    return field(default=default, metadata=metadata)


class Settings:
    """What every config shares: checks at construction, a way to JSON and back."""

    def __post_init__(self) -> None:
        hints = _type_hints(type(self))
        for spec in fields(self):
            object.__setattr__(
                self,
                spec.name,
                _checked(spec.name, getattr(self, spec.name), hints[spec.name], spec.metadata),
            )

    def replace(self, **changes: Any) -> Self:
        """A copy with some settings changed, checked again."""
        return replace(self, **changes)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def help_of(cls, name: str) -> str:
        """The sentence that explains a setting."""
        (text,) = (spec.metadata["help"] for spec in fields(cls) if spec.name == name)
        return text

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Inverse of `to_json`. Raises InputError on malformed JSON or an unknown setting."""
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            raise InputError(f"the {cls.__name__} is not valid JSON: {error}") from error
        known = {spec.name for spec in fields(cls)}
        if not isinstance(values, dict) or not set(values) <= known:
            raise InputError(f"a {cls.__name__} has only the settings {', '.join(sorted(known))}")
        try:
            return cls(**values)
        except TypeError as error:
            raise InputError(f"the {cls.__name__} is incomplete: {error}") from error


def differences(one: Settings, other: Settings) -> dict[str, tuple[Any, Any]]:
    """The settings in which two configs of one kind differ, with both values."""
    values, others = asdict(one), asdict(other)
    return {name: (values[name], others[name]) for name in values if values[name] != others[name]}


@cache
def _type_hints(config: type) -> dict[str, Any]:
    return get_type_hints(config)


KINDS = {int: "a whole number", float: "a number", bool: "on or off", str: "text", tuple: "a list"}


def _told(value: Any) -> str:
    """A value in a sentence, however long it is."""
    if type(value) is int and abs(value) < 10**15:
        return f"{value:,}"
    number = type(value) in (int, float) and abs(value) <= 1e308
    told = f"{value:g}" if number else repr(value)
    return told if len(told) <= 40 else f"{told[:40]}…"


def _checked(name: str, value: Any, hint: Any, bounds: Mapping[str, Any]) -> Any:
    """`value` as the type of its field and within its bounds, or an InputError that names it."""
    kinds = get_args(hint) or (hint,)
    if value is None and type(None) in kinds:
        return None
    if float in kinds and type(value) is int:
        value = float(value)
    told = f"{{{name}}} is {_told(value)}"
    if type(value) not in kinds:
        wanted = " or ".join(KINDS[kind] for kind in kinds if kind is not type(None))
        raise SettingError(f"{told}: it has to be {wanted}")
    choices = bounds.get("choices")
    if choices and value not in choices:
        raise SettingError(f"{told}: choose of {', '.join(choices)}")
    if isinstance(value, float) and not math.isfinite(value):
        raise SettingError(f"{told}: it has to be a finite number")
    low, high = bounds.get("low"), bounds.get("high")
    if low is not None and value < low:
        raise SettingError(f"{told}: the least is {_told(low)}")
    if high is not None and value > high:
        raise SettingError(f"{told}: the most is {_told(high)}")
    return value


MOST_RESTARTS = 200  # of one run
RESTART_SHARE = 0.3
LONGEST_STOP = 100  # characters
MAX_BIGRAM_ROWS = 2**14  # one for each pair of up to 128 tokens; of more tokens, pairs share


@dataclass(frozen=True)
class GPTConfig(Settings):
    """The shape of a GPT. Raises InputError when a setting is out of bounds or they clash."""

    vocab_size: int = setting(100, "How many different tokens the model knows.", low=1, high=65_536)
    block_size: int = setting(
        64,
        "The context: how many tokens the model sees at once. What lies further back it cannot "
        "know.",
        low=1,
        high=4_096,
    )
    n_layer: int = setting(
        2,
        "How many layers follow each other: in each, tokens look at each other (attention), and "
        "then each is worked on by itself (MLP).",
        low=1,
        high=48,
    )
    n_head: int = setting(
        4,
        "How many attention heads each layer has: each looks at the earlier tokens in its own way.",
        low=1,
        high=64,
    )
    n_embd: int = setting(
        64,
        "The width: how many numbers the model keeps for each token. A multiple of the heads.",
        low=1,
        high=2_048,
    )
    dropout: float = setting(
        0.0,
        "The share of the model's inner numbers set to zero at random in each step of training, "
        "against learning by heart: 0.1 silences one in ten.",
        low=0.0,
        high=0.9,
    )
    bias: bool = setting(
        True,
        "Whether each sum inside the model also adds a number it learned: ax + b, not only ax.",
    )
    tie_weights: bool = setting(
        False,
        "Whether the numbers that stand for a token when it is read (its embedding) also serve to "
        "guess it, which saves parameters (Press & Wolf 2017).",
    )
    norm: str = setting(
        "layernorm",
        "How the numbers of a token are kept at one size on their way, so that none grows without "
        "end: rmsnorm divides them by their size (Zhang & Sennrich 2019); layernorm first shifts "
        "their mean to zero, and learns how large each should be (Ba et al. 2016).",
        choices=("layernorm", "rmsnorm"),
    )
    position: str = setting(
        "learned",
        "How the model knows which token stands where. learned: each place has numbers of its own, "
        "which are learned. rope: what two tokens compare is turned like the hand of a clock, "
        "further with every place, so that it tells their distance (Su et al. 2021).",
        choices=("learned", "rope"),
    )
    activation: str = setting(
        "gelu",
        "The bend in the MLP: without one, all layers together could draw but straight lines. "
        "gelu lets positive numbers pass and negative ones hardly, with a soft bend (Hendrycks & "
        "Gimpel 2016); relu2 makes negative ones 0 and squares positive ones (So et al. 2021); "
        "swiglu lets one half of the numbers decide how much of the other passes (Shazeer 2020).",
        choices=("gelu", "relu2", "swiglu"),
    )
    qk_norm: bool = setting(
        False,
        "In attention, what a token looks for (its query) meets what the others offer (their "
        "keys). Whether both are first brought to one length, so that no match becomes extreme "
        "at high learning rates (Henry et al. 2020).",
    )
    qk_gain: float = setting(
        0.0,
        "With QK-norm: how large a match can become, and so how sharply a head can look. A match "
        "of 8 draws e⁸ = 2,981 times the attention that one of 0 does, whatever the size of the "
        "heads. 0 leaves it at the square root of that size: 4 in heads of 16.",
        low=0.0,
        high=100.0,
    )
    zero_init: bool = setting(
        False,
        "Whether every layer, and an output layer of its own, begins by adding nothing, so that "
        "the first steps are calm (Zhang et al. 2019; Yang et al. 2022).",
    )
    bigram: bool = setting(
        False,
        "Whether each pair of neighbouring tokens (a bigram, like t and h) has learned numbers of "
        "its own, so that attention need not learn what merely counting pairs can tell.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n_embd % self.n_head:
            raise SettingError(
                f"{{n_embd}} is {self.n_embd} and {{n_head}} is {self.n_head}: "
                "the width has to be a multiple of the number of heads"
            )
        if self.position == "rope" and self.head_size % 2:
            raise SettingError(
                f"{{n_embd}} is {self.n_embd} and {{n_head}} is {self.n_head}, so each head has "
                f"{self.head_size} numbers: rope turns them in pairs, choose an even width per head"
            )

    @property
    def head_size(self) -> int:
        return self.n_embd // self.n_head

    @property
    def attention_scale(self) -> float:
        """What makes logits of q·k: 1/√D, or g/D, with which those of normed q and k, each of the
        length √D, reach the gain g and no further (Henry et al. 2020, eq. 8)."""
        if self.qk_norm and self.qk_gain:
            return self.qk_gain / self.head_size
        return 1 / math.sqrt(self.head_size)

    @property
    def n_hidden(self) -> int:
        """The width inside the MLP. A gate is a third matrix, so SwiGLU gets two thirds of the
        usual 4 × n_embd, up to a multiple of 8 (Shazeer 2020, section 2)."""
        return -(-self.n_embd // 3) * 8 if self.activation == "swiglu" else 4 * self.n_embd

    @property
    def bigram_rows(self) -> int:
        """How many vectors stand for pairs of tokens: one each, or so many that pairs share."""
        return min(self.vocab_size**2, MAX_BIGRAM_ROWS)

    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every weight of `GPT(self)`, told without building it."""
        C, V, L = self.n_embd, self.vocab_size, range(self.n_layer)
        norms = {f"h.{i}.ln_{n}": (C,) for i in L for n in (1, 2)} | {"ln_f": (C,)}
        if self.norm == "rmsnorm":
            norms = {}
        gates = 2 if self.activation == "swiglu" else 1
        linears = {
            f"h.{i}.{name}": shape
            for i in L
            for name, shape in {
                "attn.c_attn": (3 * C, C),
                "attn.c_proj": (C, C),
                "mlp.c_fc": (gates * self.n_hidden, C),
                "mlp.c_proj": (C, self.n_hidden),
            }.items()
        }
        if not self.tie_weights:
            linears["lm_head"] = (V, C)
        shapes = {"wte.weight": (V, C)}
        if self.bigram:
            shapes["bigram.weight"] = (self.bigram_rows, C)
        if self.position == "learned":
            shapes["wpe.weight"] = (self.block_size, C)
        for name, shape in (norms | linears).items():
            shapes[f"{name}.weight"] = shape
            if self.bias:
                shapes[f"{name}.bias"] = shape[:1]
        return shapes

    def num_parameters(self) -> int:
        return sum(math.prod(shape) for shape in self.weight_shapes().values())


@dataclass(frozen=True)
class Restart(Settings):
    """A longer training: from which step to which the learning rate falls once more, and from
    where (a warm restart; Loshchilov & Hutter 2017, who call it SGDR)."""

    start: int = setting(1, "After how many steps it began.", low=1, high=1_000_000)
    end: int = setting(2, "At how many steps the rate comes to its end.", low=2, high=1_000_000)
    share: float = setting(
        RESTART_SHARE,
        "How far the learning rate is raised once more, as a share of its peak. Higher moves the "
        "model further and unsettles it more at first; lower polishes what it knows.",
        low=0.01,
        high=1.0,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.end <= self.start:
            raise InputError(f"a longer training cannot go from step {self.start} to {self.end}")


@dataclass(frozen=True)
class TrainConfig(Settings):
    """How a model is trained: the batches, the optimizer, and its pace over the steps."""

    max_steps: int = setting(
        1_000,
        "How many steps the training makes: in each the model reads one batch and is adjusted a "
        "little.",
        low=1,
        high=1_000_000,
    )
    batch_size: int = setting(
        8,
        "How many pieces of text each step learns from, each as long as the context. More make a "
        "step calmer, and slower.",
        low=1,
        high=1_024,
    )
    optimizer: str = setting(
        "adamw",
        "The rule that turns what a batch has shown into a change of the parameters. adamw gives "
        "each its own length of step (Loshchilov & Hutter 2019). muon moves the tables of numbers "
        "(matrices) inside the layers equally far in all directions (Jordan et al. 2024), and "
        "leaves the rest to adamw.",
        choices=("adamw", "muon"),
    )
    learning_rate: float = setting(
        1e-3,
        "How far each step moves the parameters. Too high and the loss jumps; too low and it "
        "crawls.",
        low=1e-6,
        high=1.0,
    )
    muon_learning_rate: float = setting(
        0.02, "The same for the matrices that muon moves.", low=1e-5, high=1.0
    )
    schedule: str = setting(
        "cosine",
        "How the learning rate falls: large steps first, small ones to finish. cosine: along a "
        "smooth curve from the start. trapezoid: it stays at its peak and then falls in a straight "
        "line (Hägele et al. 2024).",
        choices=("cosine", "trapezoid"),
    )
    cooldown: float = setting(
        0.5,
        "Of a trapezoid: the share of the steps, at their end, over which the rate falls. 0.5: "
        "over the last half.",
        low=0.0,
        high=1.0,
    )
    min_lr_ratio: float = setting(
        0.1,
        "Where the learning rate ends, as a share of its peak: 0.1 is a tenth.",
        low=0.0,
        high=1.0,
    )
    warmup_steps: int = setting(
        50, "Over how many first steps the learning rate rises from zero.", low=0, high=100_000
    )
    lr_decay_steps: int | None = setting(
        None,
        "Over how many steps the learning rate falls to its end, where it stays; none means all.",
        low=1,
        high=1_000_000,
    )
    weight_decay: float = setting(
        0.1,
        "How strongly each step pulls the parameters (those in matrices and embeddings) towards "
        "zero, so that the model does not rest on a few huge ones.",
        low=0.0,
        high=10.0,
    )
    beta1: float = setting(
        0.9, "AdamW: how long the average of gradients remembers.", low=0.0, high=0.9999
    )
    beta2: float = setting(
        0.99, "AdamW: how long the average of squared gradients remembers.", low=0.0, high=0.99999
    )
    grad_clip: float = setting(
        1.0,
        "The gradient tells how each parameter should move. Where all of it together is longer "
        "than this, it is shortened, so that one odd batch cannot do much harm. 0 switches it off.",
        low=0.0,
        high=1e6,
    )
    accumulation_steps: int = setting(
        1,
        "In how many parts a batch is read, one after the other: the same step with less memory.",
        low=1,
        high=1_024,
    )
    precision: str = setting(
        "float32",
        "How exactly the model multiplies: float32 keeps about seven digits, bfloat16 two or "
        "three. bfloat16 is faster on graphics cards and the newest processors; elsewhere float32 "
        "is used.",
        choices=("float32", "bfloat16"),
    )
    val_fraction: float = setting(
        0.1,
        "The share of the text, from its end, that the model never learns from, kept for its "
        "exam (validation).",
        low=0.0,
        high=0.5,
    )
    eval_interval: int = setting(
        50,
        "After how many steps the loss on unseen text is measured and a sample is written.",
        low=1,
        high=100_000,
    )
    eval_batches: int = setting(
        8, "How many batches of unseen text that measurement reads.", low=1, high=1_000
    )
    seed: int = setting(
        1, "The start of all chance: the same seed gives the same run.", low=0, high=2**32 - 1
    )
    restarts: tuple = setting(  # of Restart
        (), "Each longer training of a run that had come to its end: from where it began anew."
    )

    def __post_init__(self) -> None:
        if isinstance(self.restarts, list | tuple):  # JSON knows neither tuples nor ours
            known = [r if isinstance(r, Restart) else Restart(**r) for r in self.restarts]
            object.__setattr__(self, "restarts", tuple(known))
        super().__post_init__()
        if len(self.restarts) > MOST_RESTARTS:
            raise InputError(
                f"this run was made longer {MOST_RESTARTS} times, which is the most: start a new "
                "one with its settings"
            )
        if any(later.start < earlier.end for earlier, later in pairwise(self.restarts)):
            raise InputError("a longer training cannot begin before the one before it has ended")
        if self.accumulation_steps > self.batch_size:
            raise SettingError(
                f"{{accumulation_steps}} is {self.accumulation_steps} and {{batch_size}} is "
                f"{self.batch_size}: a batch cannot be read in more parts than it has pieces"
            )

    @property
    def planned_steps(self) -> int:
        """At how many steps the learning rate comes to its end."""
        return self.restarts[-1].end if self.restarts else self.lr_decay_steps or self.max_steps

    def longer(self, step: int, steps: int, share: float = RESTART_SHARE) -> Self:
        """The training of a run that has ended at `step` and is to go on for `steps` more.

        What is left of its plan, of a run that was stopped before its end, stays as it was; beyond
        that the learning rate falls once more, from `share` of its peak. Raises InputError.
        """
        if type(steps) is not int or steps < 1:
            raise SettingError(f"{{longer}} is {_told(steps)}: it has to be a whole number from 1")
        end, planned = step + steps, max(step, self.planned_steps)
        restart = (Restart(planned, end, share),) if end > planned else ()
        return self.replace(
            max_steps=end,
            lr_decay_steps=self.lr_decay_steps or self.max_steps,
            restarts=self.restarts + restart,
        )

    def afresh(self) -> Self:
        """The same for a run that begins at step 0: without what made this one longer."""
        return self.replace(lr_decay_steps=None, restarts=())


@dataclass(frozen=True)
class SampleConfig(Settings):
    """How the next token is chosen. Temperature 0 always takes the most likely one."""

    max_new_tokens: int = setting(200, "How many tokens to write.", low=1, high=10_000)
    temperature: float = setting(
        0.8,
        "Low: safe and repetitive. High: bold, with mistakes. 0: always the likeliest token.",
        low=0.0,
        high=5.0,
    )
    top_k: int | None = setting(
        None,
        "Only the k most likely tokens may be chosen: with 3, one of the three likeliest.",
        low=1,
        high=65_536,
    )
    top_p: float | None = setting(
        None,
        "Only the most likely tokens that together reach this probability may be chosen: with 0.9, "
        "as many of the likeliest as make up nine tenths (nucleus sampling, Holtzman et al. 2020).",
        low=0.01,
        high=1.0,
    )
    min_p: float | None = setting(
        None,
        "Only tokens that are at least this share as likely as the likeliest may be chosen: with "
        "0.1, those at least a tenth as likely as it (Nguyen et al. 2024).",
        low=0.0,
        high=1.0,
    )
    repetition_penalty: float = setting(
        1.0,
        "Makes a token that already stands in the prompt or in the text less likely: its score is "
        "divided by this number, or multiplied where it is below zero. 1 changes nothing (Keskar "
        "et al. 2019).",
        low=1.0,
        high=5.0,
    )
    stop: str | None = setting(
        None,
        "Writing ends as soon as these characters stand in what was written; none: it goes on to "
        "its full length.",
    )
    seed: int = setting(
        1, "The start of all chance: the same seed gives the same text.", low=0, high=2**32 - 1
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.stop is not None and not 1 <= len(self.stop) <= LONGEST_STOP:
            raise SettingError(
                f"{{stop}} has {counted(len(self.stop), 'character')}: it has to have between 1 "
                f"and {LONGEST_STOP}"
            )
        if 0 < self.temperature < 0.01:
            raise SettingError(
                f"{{temperature}} is {self.temperature:g}: choose 0, or at least 0.01"
            )


@dataclass(frozen=True)
class BeamConfig(Settings):
    """How a beam search looks for the likeliest text."""

    width: int = setting(
        4,
        "How many texts are followed at once: at every token only so many of the likeliest go on. "
        "1 always takes the likeliest token.",
        low=1,
        high=16,
    )
    max_new_tokens: int = setting(32, "How many tokens to write.", low=1, high=1_000)
    length_penalty: float = setting(
        0.0,
        "Of texts that end at a stop, which lengths are held better: each log-probability is "
        "divided by the number of tokens to this power. Above 0 longer ones gain, below 0 shorter "
        "ones; 0 changes nothing.",
        low=-5.0,
        high=5.0,
    )
