"""The text of the files beside the components."""

from pathlib import Path

FOLDER = Path(__file__).parent


def source(*names: str) -> str:
    """These files one after the other: what a component's JavaScript uses stands before it."""
    return "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in names)
