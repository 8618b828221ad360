"""Options: their numbers, the places where they have a meaning, a config's settings as options."""

import argparse
import math
import re
from collections.abc import Callable, Container
from dataclasses import dataclass, fields
from typing import Any, get_args, get_type_hints

from minigpt.config import GPTConfig, InputError, SampleConfig, Settings
from minigpt.corpus import WORLDS
from minigpt.counting import counted
from minigpt.recipes import DEFAULT_PRESET, PRESETS
from minigpt.store import MAX_NAME, as_name

Read = Callable[[str], Any]


def whole(least: int | None = 1, most: int | None = None) -> Read:
    """Reads a whole number within bounds, for an option's `type`."""

    def read(text: str) -> int:
        try:
            return _bounded(int(text), least, most)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{_short(text)} is no whole number") from None

    return read


def number(least: float | None = None, most: float | None = None) -> Read:
    """Reads a finite number within bounds, for an option's `type`."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{_short(text)} is no number") from None
        if not math.isfinite(value):
            raise argparse.ArgumentTypeError(f"{_short(text)}: it has to be a finite number")
        return _bounded(value, least, most)

    return read


def _bounded(value: Any, least: float | None, most: float | None) -> Any:
    if least is not None and value < least:
        raise argparse.ArgumentTypeError(f"{_short(value)}: the least is {least:,}")
    if most is not None and value > most:
        raise argparse.ArgumentTypeError(f"{_short(value)}: the most is {most:,}")
    return value


def _short(what: object, most: int = 40) -> str:
    text = str(what)
    return text if len(text) <= most else f"{text[:most]}…"


def words(text: str) -> str:
    """Reads a text that is kept or read by a model: bytes of another encoding become a mark."""
    return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)


def escaped(text: str) -> str:
    r"""The same, where `\n` is read as a line end, `\t` as a tab and `\\` as a backslash.

    >>> escaped(r"a\nb\\n")
    'a\nb\\n'
    """
    meant = {"n": "\n", "t": "\t", "\\": "\\"}
    return re.sub(r"\\([nt\\])", lambda found: meant[found[1]], words(text))


def name(text: str) -> str:
    """Reads what to call a run."""
    if len(text) > MAX_NAME or not as_name(text):
        raise argparse.ArgumentTypeError(
            f"the name has {counted(len(text), 'character')}: it has to have between 1 and "
            f"{MAX_NAME}"
        )
    return as_name(text)


@dataclass(frozen=True)
class Place:
    """Where an option has a meaning: in words, and as a question to the arguments."""

    words: str
    holds: Callable[[argparse.Namespace], bool]


def _recipe(args: argparse.Namespace, setting: str) -> Any:
    """A setting of the model or the training as it was asked for, or as the preset has it."""
    preset = PRESETS[args.preset or DEFAULT_PRESET]
    usual = (
        preset.model(vocab_size=1) if setting in GPTConfig.__dataclass_fields__ else preset.train
    )
    asked = getattr(args, _dest(type(usual), setting), None)
    return getattr(usual, setting) if asked is None else asked


NEW_RUN = Place(
    "for a new run, and one that goes on keeps its text and settings",
    lambda args: getattr(args, "resume", None) is None,
)
RESUMED = Place("for --resume RUN", lambda args: args.resume is not None)
LONGER = Place("for --resume RUN --longer STEPS", lambda args: args.longer is not None)
FILE = Place("for a text FILE", lambda args: args.file is not None)
WORLD = Place(f"for --corpus and a world ({', '.join(WORLDS)})", lambda args: args.corpus in WORLDS)
MARKOV = Place("for the world markov", lambda args: args.corpus == "markov")
BPE = Place("for --tokenizer bpe", lambda args: args.tokenizer == "bpe")
OUR_FORMAT = Place("for --format minigpt", lambda args: args.format != "huggingface")
ONE_PROMPT = Place("for a look at one prompt, without --heads", lambda args: not args.heads)
ATTENTION = Place("for --what attention", lambda args: args.what in (None, "attention"))
ATTRIBUTION = Place("for --what attribution", lambda args: args.what == "attribution")
ABLATION = Place("for --what ablation", lambda args: args.what == "ablation")
BEAM = Place("for --strategy beam", lambda args: args.strategy == "beam")
BEAM_TO_STOP = Place(
    "for --strategy beam with --stop TEXT, as without one all texts are equally long",
    lambda args: args.strategy == "beam" and given(args, SampleConfig).get("stop") is not None,
)
MUON = Place("for --optimizer muon", lambda args: _recipe(args, "optimizer") == "muon")
TRAPEZOID = Place("for --schedule trapezoid", lambda args: _recipe(args, "schedule") == "trapezoid")
QK_NORM = Place("for --qk-norm", lambda args: _recipe(args, "qk_norm"))
# Settings that others switch off.
PLACE_OF = {
    "muon_learning_rate": MUON, "cooldown": TRAPEZOID, "qk_gain": QK_NORM, "width": BEAM,
    "length_penalty": BEAM_TO_STOP,
}  # fmt: skip


def option(parser: Any, *names: str, places: tuple[Place, ...] = (), usual: Any = None, **about):
    """Adds an option to a parser or a group of one. `settled` refuses it where its places do not
    hold, and gives it its usual value where it was not given."""
    if usual is not None:
        about["help"] += f" (default: {usual})"
    action = parser.add_argument(*names, **about)
    action.places, action.usual = places, usual


def settled(args: argparse.Namespace) -> argparse.Namespace:
    """The arguments, complete. Raises InputError when one was given where it has no meaning."""
    for action in args.options:
        given = getattr(args, action.dest, None) is not None
        for place in getattr(action, "places", ()) if given else ():
            if not place.holds(args):
                called = " or ".join(action.option_strings) or action.dest.upper()
                raise InputError(f"{called} is {place.words}: leave it out")
    for action in args.options:
        if getattr(args, action.dest, None) is None:
            setattr(args, action.dest, getattr(action, "usual", None))
    return args


def _dest(config: type[Settings], setting: str) -> str:
    """Where the arguments keep a setting: apart from all options that merely have its name."""
    return f"{config.__name__}.{setting}"


def add_settings(
    parser: Any, config: type[Settings], usual: Settings, without: Container[str] = ()
) -> None:
    """One option per setting, with the field's sentence and its usual value as its help, but for
    those `without` one."""
    hints = get_type_hints(config)
    for spec in fields(config):
        if spec.name in without:
            continue
        names = [f"--{spec.name.replace('_', '-')}"]
        if spec.name == "max_steps":
            names.append("--steps")
        (kind,) = {*(get_args(hints[spec.name]) or (hints[spec.name],))} - {type(None)}
        help = spec.metadata["help"].replace("%", "%%")
        if kind is str and not spec.metadata["choices"]:
            help += r" (\n is a line end, \t a tab, \\ a backslash)"
        about: dict[str, Any] = {
            "dest": _dest(config, spec.name),
            "help": f"{help} (default: {_shown(getattr(usual, spec.name))})",
            "places": (NEW_RUN, *((PLACE_OF[spec.name],) if spec.name in PLACE_OF else ())),
        }
        choices = spec.metadata["choices"]
        if kind is bool:
            about["action"] = argparse.BooleanOptionalAction
        elif choices:
            about["choices"] = choices
        else:  # the config itself knows their bounds
            reads = {int: whole(None), float: number(), str: escaped}
            about |= {"metavar": "TEXT" if kind is str else kind.__name__, "type": reads[kind]}
        option(parser, *names, **about)


def _shown(value: Any) -> str:
    """A setting's value as an option has it."""
    if isinstance(value, bool):
        return ("off", "on")[value]
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def called(args: argparse.Namespace) -> dict[str, str]:
    """How this command calls each setting that can be asked for: by its option."""
    return {
        action.dest.split(".")[-1]: action.option_strings[-1]
        for action in args.options
        if action.option_strings
    }


def given(args: argparse.Namespace, config: type[Settings]) -> dict[str, Any]:
    """The settings of a config that were given as options."""
    values = {spec.name: getattr(args, _dest(config, spec.name), None) for spec in fields(config)}
    return {name: value for name, value in values.items() if value is not None}
