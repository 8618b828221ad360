"""The commands that bring a run into a file and back: each prints for people and returns what
`--json` prints."""

import argparse
from pathlib import Path
from typing import Any

from minigpt import bundle
from minigpt.cli.terminal import say
from minigpt.cli.texts import read_bytes
from minigpt.config import InputError
from minigpt.huggingface import export_huggingface
from minigpt.limits import Limits
from minigpt.store import EVERYONE, Store


def unused(path: Path, force: bool) -> Path:
    """Where something is to be written. Raises InputError when there is a file, or a folder with
    something in it, and it was not asked to be replaced."""
    if not force and (path.is_file() or (path.is_dir() and any(path.iterdir()))):
        raise InputError(
            f"{path} is there already: name another --output, or give --force to write over it"
        )
    return path


def export(store: Store, args: argparse.Namespace) -> dict[str, Any]:
    """Write a run to one .safetensors file, or as a folder for Hugging Face's transformers."""
    run = store.find_run(args.run)
    usual = {"minigpt": "run.safetensors", "huggingface": "run"}[args.format]
    output = unused(Path(args.output or usual), args.force)
    if args.format == "huggingface":
        export_huggingface(store, run, output)
        size = sum(file.stat().st_size for file in output.iterdir() if file.is_file())
    else:
        size = output.write_bytes(bundle.export_run(store, run, args.snapshots))
    say(f"wrote {output} ({size / 1e6:.2f} MB)")
    return {"run": run.id, "file": str(output), "bytes": size}


def import_(store: Store, args: argparse.Namespace) -> dict[str, Any]:
    """Add a run from a file that `export` wrote."""
    path, limits = Path(args.file), Limits.from_environment()
    data = read_bytes(path, limits.max_import_mb)
    bundle.check_size(len(data), limits)
    run_id = bundle.import_run(store, data, EVERYONE, limits=limits)
    say(f"run {run_id}")
    return {"run": run_id}
