"""Files of runs, bent in every way: each is one sentence, or a run whose every page opens.

    python -m tests.campaigns.imports 10000 --pages 500

A bent file is a whole one with bits turned, cut or doubled; or one whose header or tensors say
something else, sealed anew, as whoever writes a file by hand would. What is raised has to be an
InputError of one sentence; what is taken has to open on every page, and its model has to write.
Each takes under 5 s of a core, and under 200 MB and three times the file.
"""

import argparse
import copy
import json
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

from minigpt import bundle
from minigpt.config import GPTConfig, InputError, TrainConfig
from minigpt.engine import worker
from minigpt.limits import Limits
from minigpt.store import Store
from minigpt.tokenizers import BPETokenizer, CharTokenizer, Tokenizer
from minigpt.ui import services
from minigpt.ui.pages import GENERATE, HOME, PAGES
from tests.bundles import packed, unpacked
from tests.campaigns.peak import Peak, check

SECONDS = 5.0  # within which a file is taken or refused
TEXT = "the sun and the moon are up. the sea is calm, and so am i.\n" * 40
ROOT = Path(__file__).resolve().parents[2]
# What stands in for a value anywhere in what a file says.
ODD = [
    None, True, 0, -1, 1, 2**31, 2**63, 2**64, 10**400, 0.0, -0.5, 1e-320, 1e308, float("nan"),
    float("inf"), "", " ", "\0", "\n", "a" * 100_000, "\ud800", "\udfff\ud800", "\u202e", "<b>",
    "<unk>", "<pad>", "0xED", [], [[]], {}, {"a": {}}, [1, 2], ["a", "b"],
]  # fmt: skip
NUMBERS = [0.0, -1.0, 1e-45, 6e4, 1e30, 3e38, -3e38, np.nan, np.inf, -np.inf]


@dataclass
class Tally:
    """What became of the files so far."""

    cases: int = 0
    refused: int = 0
    taken: int = 0
    opened: int = 0
    slowest: float = 0.0
    largest_mb: int = 0


def trained(store: Store, tokenizer: Tokenizer, block_size: int = 8, **shape: Any) -> bytes:
    """A small run's file."""
    text_id = store.add_text("me", "sun and moon", TEXT)
    size = {"block_size": block_size, "n_layer": 1, "n_head": 2, "n_embd": 8}
    model = GPTConfig(tokenizer.vocab_size, **size, **shape)
    train = TrainConfig(max_steps=6, batch_size=2, eval_interval=2)
    run_id = store.create_run("me", "a run", text_id, tokenizer.to_json(), model, train)
    trainer = worker.Worker(store)
    while trainer.turn():
        pass
    return bundle.export_run(store, store.run(run_id))


def turned(data: bytes, chance: random.Random) -> bytes:
    """Some bits turned."""
    bent = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 8])):
        bent[chance.randrange(len(bent))] ^= 1 << chance.randrange(8)
    return bytes(bent)


def cut(data: bytes, chance: random.Random) -> bytes:
    """A part left out or doubled."""
    start, end = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    return chance.choice(
        [data[:start], data[start:], data[:start] + data[end:], data[:end] + data[start:]]
    )


def unsealed(data: bytes, chance: random.Random) -> bytes:
    """As an earlier version wrote it, without a checksum, and with some bits turned."""
    return turned(packed(*unpacked(data), sealed=False), chance)


def places(value: Any, path: tuple = ()) -> Iterator[tuple]:
    """Where a value stands in JSON."""
    yield path
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inner in items:
        yield from places(inner, (*path, key))


def said_otherwise(data: bytes, chance: random.Random) -> bytes:
    """Some values of what a file says replaced, also within its settings and its tokenizer."""
    about, tensors = unpacked(data)
    about = copy.deepcopy(about)
    inner = {name: json.loads(about[name]) for name in ("model", "train", "tokenizer")}
    whole = about | inner
    for _ in range(chance.choice([1, 1, 2, 3])):
        *path, last = chance.choice(list(places(whole))[1:])
        target = whole
        try:
            for key in path:
                target = target[key]
            if chance.random() < 0.15:
                del target[last]
            else:
                target[last] = nearby(target[last], chance)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took it away
    for name in inner:
        if name in whole and chance.random() < 0.95:
            whole[name] = json.dumps(whole[name])
    return packed(whole, tensors, sealed=chance.random() < 0.5)


def nearby(value: Any, chance: random.Random) -> Any:
    """Another value: near this one, so that it may pass, or odd."""
    if chance.random() < 0.5:
        return chance.choice(ODD)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + chance.choice([-1, 1, 2, 1_000])
    if isinstance(value, float):
        return value * chance.choice([0.5, 2.0, 1e6, -1.0])
    if isinstance(value, str):
        letters = list(value) or ["x"]
        letters[chance.randrange(len(letters))] = chance.choice(
            "x\n\0<&é👩\u0301\u200d\u202e\ufffd"
        )
        return "".join(letters)
    return value[:-1] if isinstance(value, list) and value else chance.choice(ODD)


def held_otherwise(data: bytes, chance: random.Random) -> bytes:
    """Some tensors of another shape, type or content, left out, or under another name."""
    about, tensors = unpacked(data)
    tensors = {name: tensor.copy() for name, tensor in tensors.items()}
    for _ in range(chance.choice([1, 1, 2])):
        name = chance.choice(sorted(tensors))
        tensor = tensors[name]
        kind = chance.randrange(6)
        if kind == 0:
            del tensors[name]
        elif kind == 1:
            tensors[name.replace(name[chance.randrange(len(name))], chance.choice("x0.é"))] = (
                tensors.pop(name)
            )
        elif kind == 2:
            tensors[name] = tensor[..., :-1].copy()
        elif kind == 3:
            tensors[name] = tensor.astype(
                chance.choice([np.float16, np.float32, np.float64, np.int64])
            )
        elif tensor.size:
            flat = tensor.reshape(-1)
            many = 1 if kind == 4 else flat.size
            with np.errstate(over="ignore", invalid="ignore"):
                flat[chance.randrange(flat.size) :][:many] = chance.choice(NUMBERS)
        if not tensors:
            return data
    return packed(about, tensors, sealed=chance.random() < 0.5)


BENDS: list[Callable[[bytes, random.Random], bytes]] = [
    turned, cut, unsealed, said_otherwise, said_otherwise, held_otherwise, held_otherwise,
]  # fmt: skip


def take(store: Store, data: bytes, tally: Tally) -> str | None:
    """Imports a file; the run's id, or None where it was refused in a sentence."""
    started = time.process_time()
    tally.cases += 1
    with Peak() as peak:
        try:
            run_id = bundle.import_run(store, data, "class", limits=Limits())
            tally.taken += 1
        except InputError as error:
            told = str(error)
            told.encode()
            assert 10 < len(told) < 500 and "\n" not in told, told
            tally.refused += 1
            run_id = None
    seconds = time.process_time() - started
    tally.slowest = max(tally.slowest, seconds)
    tally.largest_mb = max(tally.largest_mb, peak.megabytes)
    assert seconds < SECONDS, f"{seconds:.1f} s"
    check(peak.megabytes, data)
    return run_id


def open_pages(run_id: str) -> None:
    """Every page of a run, and the model writing."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.query_params["run"] = run_id
    app.run()
    for page in PAGES:
        if page is not HOME:
            app.switch_page(page.file).run()
        assert not app.exception, f"{page.title}: {app.exception[0].value}"
    app.switch_page(GENERATE.file).run()
    next(widget for widget in app.number_input if widget.label == "Length").set_value(5)
    next(widget for widget in app.button if widget.label == "Write").click().run()
    assert not app.exception, app.exception[0].value


@contextmanager
def server() -> Iterator[Store]:
    """A store as the pages of this process use it."""
    kept = dict(os.environ)
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"MINIGPT_HOME": home, "MINIGPT_WORKSPACE": "class"}
        os.chdir(ROOT)
        try:
            yield services.store()
        finally:
            services.close()
            os.environ.clear()
            os.environ.update(kept)


def campaign(count: int, pages: int, seed: int = 1) -> Tally:
    """Bends `count` files, and opens the pages of at most `pages` runs that were taken."""
    chance, tally = random.Random(seed), Tally()
    with tempfile.TemporaryDirectory() as elsewhere:
        source = Store(Path(elsewhere))
        whole = [
            trained(source, CharTokenizer.train(TEXT)),
            trained(source, BPETokenizer.train(TEXT, 270), bias=False, position="rope"),
        ]
        source.close()
    with server() as store:
        for case in range(count):
            bend = chance.choice(BENDS)
            data = bend(chance.choice(whole), chance)
            try:
                run_id = take(store, data, tally)
                if run_id and tally.opened < pages:
                    tally.opened += 1
                    open_pages(run_id)
            except BaseException:
                kept = Path(tempfile.gettempdir()) / f"bent-{seed}-{case}.safetensors"
                kept.write_bytes(data)
                print(f"case {case}, {bend.__name__}: kept as {kept}")
                raise
            if run_id:
                store.delete_run(run_id)
    return tally


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int)
    parser.add_argument(
        "--pages", type=int, default=500, help="how many runs to open on every page"
    )
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    print(campaign(args.count, args.pages, args.seed))
