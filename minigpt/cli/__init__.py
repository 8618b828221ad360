"""The command line: train, ablate-recipe, runs, corpus, tokenize, generate, evaluate and more.

Each command is a function of its parsed arguments that prints for people and returns what
`--json` prints for machines. It works on the same store as the app.
"""

import json
import os
import sys
from collections.abc import Sequence

from minigpt import bundle
from minigpt.cli.parsing import parser
from minigpt.config import InputError
from minigpt.store import Store, home

__all__ = ["main", "parser"]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; 0 when it worked, 1 with a sentence on stderr when it could not."""
    args = parser().parse_args(argv)
    leads = os.environ.get("RANK", "0") == "0"  # of a job of torchrun, one process writes
    try:
        store = Store(home())
        if leads:
            bundle.ensure_demo(store)
        result = args.command(store, args)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error.filename} cannot be written: {error.strerror}", file=sys.stderr)
        return 1
    if args.json and leads:
        print(json.dumps(result))
    return 0
