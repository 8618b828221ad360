"""All commands with their options, help and an example each."""

import argparse
from collections.abc import Callable

from minigpt.cli.files import export, import_
from minigpt.cli.looking import evaluate, generate, inspect, runs
from minigpt.cli.settings import add_settings
from minigpt.cli.texts import add_options, corpus, tokenize
from minigpt.cli.training import ablate_recipe, train
from minigpt.config import (
    DEFAULT_PRESET,
    PRESETS,
    RESTART_SHARE,
    GPTConfig,
    SampleConfig,
    TrainConfig,
)


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    top = argparse.ArgumentParser(
        prog="python -m minigpt",
        description="Train a small GPT on a text of yours, let it write, and look inside.",
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(function: Callable, example: str) -> argparse.ArgumentParser:
        name = function.__name__.rstrip("_").replace("_", "-")
        sub = commands.add_parser(
            name,
            help=function.__doc__,
            description=function.__doc__,
            epilog=f"example: python -m minigpt {name} {example}".rstrip(),
        )
        sub.add_argument("--json", action="store_true", help="end with one line of JSON")
        sub.set_defaults(command=function)
        return sub

    sub = command(train, "tales.txt --preset classic --steps 500")
    add_options(sub)
    sub.add_argument(
        "--preset", choices=PRESETS, default=DEFAULT_PRESET, help="the recipe to start from"
    )
    sub.add_argument("--name", help="what to call the run")
    sub.add_argument("--resume", metavar="RUN", help="go on with a paused run")
    sub.add_argument(
        "--longer",
        type=int,
        metavar="STEPS",
        help="with --resume: train an ended run for so many steps more, its learning rate raised "
        "once more and falling over them",
    )
    sub.add_argument(
        "--restart-share",
        type=float,
        metavar="SHARE",
        help="with --longer: how far the learning rate is raised, as a share of its peak "
        f"(default: {RESTART_SHARE:g})",
    )
    add_settings(sub.add_argument_group("the model"), GPTConfig)
    add_settings(sub.add_argument_group("the training"), TrainConfig)

    sub = command(ablate_recipe, "tales.txt --preset speedrun --target 2.2")
    add_options(sub)
    sub.add_argument(
        "--preset", choices=PRESETS, default="speedrun", help="the recipe to take apart"
    )
    sub.add_argument(
        "--target", type=float, required=True, help="the validation loss to reach, in nats a token"
    )
    sub.add_argument("--seeds", type=int, default=1, help="how many seeds; medians are shown")

    command(runs, "")
    command(corpus, "")

    sub = command(tokenize, "tales.txt --tokenizer bpe --vocab-size 512 --merges 20")
    add_options(sub)
    sub.add_argument("--show", type=int, default=40, help="how many tokens to show")
    sub.add_argument("--merges", type=int, default=10, help="how many merges to show")

    sub = command(generate, '1a2b3c --prompt "hello" --temperature 0.8 --top-k 40 --seed 1')
    sub.add_argument("run", help="a run's id, or its first characters")
    sub.add_argument("--prompt", required=True, help="the text to continue")
    add_settings(sub, SampleConfig)

    sub = command(evaluate, "1a2b3c other.txt")
    sub.add_argument("run", help="a run's id, or its first characters")
    sub.add_argument("file", help="a text file")
    sub.add_argument("--encoding", help="how the file is encoded, where it is not UTF-8")

    sub = command(inspect, '1a2b3c --prompt "once upon a time" --layer 0 --head 1')
    sub.add_argument("run", help="a run's id, or its first characters")
    sub.add_argument("--prompt", required=True, help="the text to look at")
    sub.add_argument("--layer", type=int, default=0, help="which layer, from 0")
    sub.add_argument("--head", type=int, default=0, help="which head of that layer, from 0")
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
    sub.add_argument(
        "--snapshots", type=int, help="how many snapshots to keep at most (default: all)"
    )

    sub = command(import_, "run.safetensors")
    sub.add_argument("file", help="a file that export wrote")
    return top
