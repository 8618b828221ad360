"""The command line: train, ablate-recipe, runs, corpus, tokenize, generate, evaluate and more.

Each command is a function of its parsed arguments that prints for people and returns what
`--json` prints for machines. It works on the same store as the app.
"""

import json
import os
import signal
import sys
from collections.abc import Sequence

from minigpt import bundle
from minigpt.cli import terminal
from minigpt.cli.options import called
from minigpt.cli.parsing import arguments, parser
from minigpt.config import InputError, SettingError
from minigpt.limits import Limits
from minigpt.store import Store, home

__all__ = ["main", "parser"]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Returns 0 when it worked, 1 with a sentence on stderr when it could not, and as a shell has it
    when it was told to end: 130 after Ctrl-C, 143 after SIGTERM, 141 when nobody reads any more.
    """
    terminal.accept_any_text()
    try:
        with terminal.told_to_end() as told:
            status = _run(argv)
            return 128 + told.signal if told.signal else status
    except KeyboardInterrupt:
        terminal.aside("stopped")
        return 128 + (told.signal or signal.SIGINT)
    except BrokenPipeError:
        terminal.forget_reader()
        return terminal.PIPE_CLOSED


def _run(argv: Sequence[str] | None) -> int:
    leads = (os.environ.get("RANK") or "0") == "0"  # of a job of torchrun, one process writes
    try:
        args = arguments(argv)
        Limits.from_environment()  # a setting that cannot be is told before anything begins
        store = Store(home())
        if leads:
            bundle.ensure_demo(store)
        try:
            result = args.command(store, args)
        except SettingError as error:
            raise InputError(error.called(called(args))) from error
        if args.json and leads:
            terminal.say(json.dumps(result))
        sys.stdout.flush()  # here an error of it has its sentence
        return 0
    except InputError as error:
        terminal.aside(f"error: {error}")
    except BrokenPipeError:
        raise
    except OSError as error:
        terminal.aside(
            f"error: {error.filename or 'the output'} cannot be written: {error.strerror}"
        )
    return 1
