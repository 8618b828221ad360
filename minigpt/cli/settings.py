"""The settings of a config as options: one each, and those that were given."""

import argparse
from dataclasses import fields
from typing import Any, get_args, get_type_hints

from minigpt.config import Settings


def add_settings(parser: argparse.ArgumentParser, config: type[Settings]) -> None:
    """One option per setting, with the field's sentence as its help."""
    hints = get_type_hints(config)
    for spec in fields(config):
        if spec.name in ("vocab_size", "restarts"):
            continue  # the tokenizer knows, and --longer
        names = [f"--{spec.name.replace('_', '-')}"]
        if spec.name == "max_steps":
            names.append("--steps")
        (kind,) = {*(get_args(hints[spec.name]) or (hints[spec.name],))} - {type(None)}
        help = spec.metadata["help"].replace("%", "%%")
        if kind is bool:
            parser.add_argument(*names, action=argparse.BooleanOptionalAction, help=help)
        else:
            choices = spec.metadata["choices"]
            metavar = None if choices else kind.__name__
            parser.add_argument(
                *names, dest=spec.name, type=kind, choices=choices, metavar=metavar, help=help
            )


def given(args: argparse.Namespace, config: type[Settings]) -> dict[str, Any]:
    """The settings of a config that were given as options."""
    values = {spec.name: getattr(args, spec.name, None) for spec in fields(config)}
    return {name: value for name, value in values.items() if value is not None}
