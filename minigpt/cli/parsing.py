"""All commands with their options, help and an example each."""

import argparse
from collections.abc import Callable, Sequence

from minigpt.cli.files import export, import_
from minigpt.cli.looking import evaluate, generate, inspect, runs
from minigpt.cli.options import (
    LONGER,
    NEW_RUN,
    OUR_FORMAT,
    RESUMED,
    add_settings,
    name,
    number,
    option,
    settled,
    whole,
    words,
)
from minigpt.cli.texts import BAD_BYTES, add_merges, add_options, corpus, tokenize
from minigpt.cli.training import ablate_recipe, train
from minigpt.config import (
    DEFAULT_PRESET,
    PRESETS,
    RESTART_SHARE,
    GPTConfig,
    InputError,
    SampleConfig,
    TrainConfig,
)

MOST_SEEDS = 100


class Parser(argparse.ArgumentParser):
    """Says in one sentence what it cannot read."""

    def error(self, message: str) -> None:
        raise InputError(f"{message} (`{self.prog} --help` tells what there is)")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The arguments of a command line, checked and complete. Raises InputError."""
    return settled(parser().parse_args(argv))


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
        sub.set_defaults(command=function, options=sub._actions)
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
    sub.add_argument("--resume", metavar="RUN", help="go on with a paused run")
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
        places=(LONGER,),
        usual=RESTART_SHARE,
        type=number(),
        metavar="SHARE",
        help="with --longer: how far the learning rate is raised, as a share of its peak",
    )
    add_settings(sub.add_argument_group("the model"), GPTConfig)
    add_settings(sub.add_argument_group("the training"), TrainConfig)

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
    sub.add_argument("run", help="a run's id, or its first characters")
    sub.add_argument("--prompt", type=words, required=True, help="the text to continue")
    add_settings(sub, SampleConfig)

    sub = command(evaluate, "1a2b3c other.txt")
    sub.add_argument("run", help="a run's id, or its first characters")
    sub.add_argument("file", help="a text file")
    sub.add_argument("--encoding", help="how the file is encoded, where it is not UTF-8")
    sub.add_argument("--bad-bytes", metavar="ENCODING", help=BAD_BYTES)

    sub = command(inspect, '1a2b3c --prompt "once upon a time" --layer 0 --head 1')
    sub.add_argument("run", help="a run's id, or its first characters")
    sub.add_argument("--prompt", type=words, required=True, help="the text to look at")
    option(sub, "--layer", usual=0, type=whole(None), help="which layer, from 0")
    option(sub, "--head", usual=0, type=whole(None), help="which head of that layer, from 0")
    sub.add_argument("--output", default="attention.html", help="the file to write")

    sub = command(export, "1a2b3c --output run.safetensors")
    sub.add_argument("run", help="a run's id, or its first characters")
    sub.add_argument("--output", help="what to write (default: run.safetensors, or the folder run)")
    sub.add_argument(
        "--format",
        choices=["minigpt", "huggingface"],
        default="minigpt",
        help="minigpt: one file that import reads; huggingface: a folder for GPT2LMHeadModel",
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
