"""All commands with their options, help and an example each."""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import Any

from minigpt.cli.files import export, import_
from minigpt.cli.inspecting import LOOKS, inspect
from minigpt.cli.looking import evaluate, runs
from minigpt.cli.options import (
    ABLATION,
    ATTENTION,
    ATTRIBUTION,
    LONGER,
    NEW_RUN,
    ONE_PROMPT,
    OUR_FORMAT,
    RESUMED,
    add_settings,
    escaped,
    name,
    number,
    option,
    settled,
    whole,
    words,
)
from minigpt.cli.texts import BAD_BYTES, add_cleaning, add_merges, add_options, corpus, tokenize
from minigpt.cli.tracing import trace
from minigpt.cli.training import ablate_recipe, train
from minigpt.cli.writing import generate
from minigpt.config import (
    RESTART_SHARE,
    BeamConfig,
    GPTConfig,
    InputError,
    SampleConfig,
    TrainConfig,
)
from minigpt.recipes import DEFAULT_PRESET, PRESETS

MOST_SEEDS = 100
RUN = "a run's id, its first characters, or its name"
FORCE = "write over what is there already"


class Parser(argparse.ArgumentParser):
    """Says in one sentence what it cannot read, and what may have been meant."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        known = self._option_string_actions
        for word in () if self._subparsers else args:
            option = word.split("=")[0]
            if word == "--":
                break
            if option.startswith("--") and not any(name.startswith(option) for name in known):
                near = "" if " " in word else _nearest(option, known)
                self.error(f"there is no option {option}{near}")
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> None:
        raise InputError(f"{message} (`{self.prog} --help` tells what there is)")


def _nearest(word: str, known: Iterable[str]) -> str:
    """A question about the nearest of those that are known; empty where none is near."""
    names = {name.strip("-"): name for name in known}  # which all begin alike
    near = get_close_matches(word.strip("-"), names, n=1)
    return f": did you mean {names[near[0]]}?" if near else ""


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The arguments of a command line, checked and complete. Raises InputError."""
    args, unknown = parser().parse_known_args(sys.argv[1:] if argv is None else argv)
    if unknown:
        args.parser.error(f"unrecognized: {' '.join(unknown)}")
    return settled(args)


def parser() -> Parser:
    """The parser of the whole command line."""
    top = Parser(
        prog="python -m minigpt",
        description="Train a small GPT on a text of yours, let it write, and look inside.",
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(function: Callable, example: str) -> Parser:
        name = function.__name__.rstrip("_").replace("_", "-")
        sub = commands.add_parser(
            name,
            help=function.__doc__,
            description=function.__doc__,
            epilog=f"example: python -m minigpt {name} {example}".rstrip(),
        )
        sub.add_argument("--json", action="store_true", help="end with one line of JSON")
        sub.set_defaults(command=function, options=sub._actions, parser=sub)
        return sub

    sub = command(train, "tales.txt --preset classic --steps 500")
    add_options(sub)
    new = (NEW_RUN,)
    option(
        sub,
        "--preset",
        places=new,
        usual=DEFAULT_PRESET,
        choices=PRESETS,
        help="the recipe to start from",
    )
    option(sub, "--name", places=new, type=name, help="what to call the run")
    sub.add_argument(
        "--resume", metavar="RUN", help="go on with a paused run, or an ended one (with --longer)"
    )
    option(
        sub,
        "--longer",
        places=(RESUMED,),
        type=whole(),
        metavar="STEPS",
        help="with --resume: train an ended run for so many steps more, its learning rate raised "
        "once more and falling over them",
    )
    option(
        sub,
        "--restart-share",
        dest="share",
        places=(LONGER,),
        usual=RESTART_SHARE,
        type=number(),
        metavar="SHARE",
        help="with --longer: how far the learning rate is raised, as a share of its peak",
    )
    usual = PRESETS[DEFAULT_PRESET]
    theirs = f"Defaults are those of --preset {DEFAULT_PRESET}; every other preset has its own."
    add_settings(
        sub.add_argument_group("the model", theirs), GPTConfig, usual.model(100),
        without=("vocab_size",),  # the tokenizer knows
    )  # fmt: skip
    add_settings(
        sub.add_argument_group("the training", theirs), TrainConfig, usual.train,
        without=("restarts",),  # --longer
    )  # fmt: skip

    sub = command(ablate_recipe, "tales.txt --preset speedrun --target 2.2")
    add_options(sub)
    option(sub, "--preset", usual="speedrun", choices=PRESETS, help="the recipe to take apart")
    sub.add_argument(
        "--target",
        type=number(),
        required=True,
        help="the validation loss to reach, in nats a token",
    )
    option(
        sub,
        "--seeds",
        usual=1,
        type=whole(most=MOST_SEEDS),
        help="how many seeds; medians are shown",
    )

    command(runs, "")
    command(corpus, "")

    sub = command(tokenize, "tales.txt --tokenizer bpe --vocab-size 512 --merges 20")
    add_options(sub)
    add_merges(sub)

    sub = command(generate, '1a2b3c --prompt "hello" --temperature 0.8 --top-k 40 --seed 1')
    sub.add_argument("run", help=RUN)
    sub.add_argument("--prompt", type=words, required=True, help="the text to continue")
    sub.add_argument(
        "--snapshot",
        type=whole(0),
        metavar="STEP",
        help="write as the model did at this step of its training (default: the newest)",
    )
    option(
        sub,
        "--strategy",
        usual="sample",
        choices=("sample", "beam"),
        help="sample: each token is drawn by chance; beam: several texts are followed at once, to "
        "find the likeliest",
    )
    add_settings(sub, SampleConfig, SampleConfig())
    add_settings(sub, BeamConfig, BeamConfig(), without=("max_new_tokens",))

    def file(sub: Parser) -> None:
        sub.add_argument("run", help=RUN)
        sub.add_argument("file", help="a text file")
        sub.add_argument("--encoding", help="how the file is encoded, where it is not UTF-8")
        sub.add_argument("--bad-bytes", metavar="ENCODING", help=BAD_BYTES)
        add_cleaning(sub)

    file(command(evaluate, "1a2b3c other.txt"))

    sub = command(trace, "1a2b3c written.txt")
    file(sub)
    option(sub, "--show", usual=20, type=whole(0), help="how many of the passages to show")

    sub = command(inspect, '1a2b3c --prompt "once upon a time" --layer 0 --head 1')
    sub.add_argument("run", help=RUN)
    read, one, target = (ONE_PROMPT,), (ONE_PROMPT, ATTENTION), (ONE_PROMPT, ATTRIBUTION)
    option(sub, "--prompt", places=read, type=words, help="the text to look at")
    option(
        sub,
        "--what",
        places=read,
        usual="attention",
        choices=LOOKS,
        help="attention: a picture of where one head looks; lens: what the model would answer if "
        "it stopped after each part, and where the answer is decided; attribution: how much each "
        "part gave to the logit of the next token; ablation: what is lost without each part; "
        "surprise: how little each token was expected",
    )
    option(sub, "--layer", places=one, usual=0, type=whole(None), help="which layer, from 0")
    option(
        sub,
        "--head",
        places=one,
        usual=0,
        type=whole(None),
        help="which head of that layer, from 0",
    )
    option(
        sub,
        "--target",
        places=target,
        type=escaped,
        metavar="TOKEN",
        help="the next token whose logit is taken apart (default: the likeliest)",
    )
    option(
        sub,
        "--against",
        places=target,
        type=escaped,
        metavar="TOKEN",
        help=r"the token it is compared with (default: the mean of all); \n is a line end",
    )
    option(
        sub,
        "--instead",
        places=(ONE_PROMPT, ABLATION),
        usual="zero",
        choices=("zero", "mean", "resample"),
        help="what stands in the place of a part that is taken out: nothing, its average, or what "
        "it is in another piece of text",
    )
    option(
        sub,
        "--output",
        places=read,
        help="the file to write: .svg and .html are a picture, .csv its numbers (default: "
        "attention.svg, and none with another --what)",
    )
    option(sub, "--force", places=read, action="store_true", default=None, help=FORCE)
    sub.add_argument(
        "--heads",
        action="store_true",
        help="instead, measure what each head does on text that the run has not seen, beside what "
        "chance would give, and what is lost without it",
    )

    sub = command(export, "1a2b3c --output run.safetensors")
    sub.add_argument("run", help=RUN)
    sub.add_argument("--output", help="what to write (default: run.safetensors, or the folder run)")
    sub.add_argument("--force", action="store_true", help=FORCE)
    sub.add_argument(
        "--format",
        choices=["minigpt", "huggingface"],
        default="minigpt",
        help="minigpt: one file that import reads; huggingface: a folder for GPT2LMHeadModel "
        "(default: minigpt)",
    )
    option(
        sub,
        "--snapshots",
        places=(OUR_FORMAT,),
        type=whole(2),
        help="how many snapshots to keep at most (default: all)",
    )

    sub = command(import_, "run.safetensors")
    sub.add_argument("file", help="a file that export wrote")
    return top
