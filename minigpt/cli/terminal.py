"""What the command line says."""

import sys


def note(sentence: str) -> None:
    """A remark beside the output."""
    print(f"note: {sentence}", file=sys.stderr)
