"""How long one page waits for what another does to the store: reads beside an import, and beside
another program that holds the file.

    python -m tests.benchmarks.waiting

The first figures are the worst and the median wait of a visitor who reads what a page reads, again
and again, while 20 MB of a run are imported in the same process; the last is how long a page's
reads and its note that somebody looks take while another program holds the file for writing.
"""

import argparse
import sqlite3
import statistics
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from minigpt import bundle
from minigpt.config import InputError, TrainConfig
from minigpt.limits import Limits
from minigpt.metrics import Metrics, Results
from minigpt.model import new_model
from minigpt.recipes import PRESETS
from minigpt.store import EVERYONE, Store
from minigpt.tokenizers import CharTokenizer
from minigpt.weights import snapshot_bytes, to_bytes

HELD_SECONDS = 8.0


def large_file(store: Store, megabytes: int) -> bytes:
    """A run of about so many megabytes, most of them snapshots."""
    tokenizer = CharTokenizer.train("".join(map(chr, range(32, 127))))
    config = PRESETS["modern"].model(tokenizer.vocab_size)
    model, steps = new_model(config, seed=1), 20_000
    kept = np.linspace(0, steps, 1_000_000 * megabytes // (2 * config.num_parameters()) - 2)
    weights = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    half = snapshot_bytes(model)
    rows = [Metrics(n, n * 2048, 2.5, None, 1e-3, 0.5, n * 0.1) for n in range(1, steps + 1)]
    train = TrainConfig(max_steps=steps, batch_size=2048 // config.block_size)
    run_id = store.create_run(
        EVERYONE, "large", None, tokenizer.to_json(), config, train,
        results=Results(
            rows,
            snapshots=[(round(step), half) for step in kept],
            checkpoint=(steps, to_bytes(weights)),
            state="finished",
        ),
    )  # fmt: skip
    data = bundle.export_run(store, store.run(run_id))
    store.delete_run(run_id)
    return data


def page_reads(store: Store, run_id: str) -> None:
    run = store.run(run_id)
    store.runs("me")
    store.may_read("me", run.text_id)
    store.curves(run_id, most=300)


def waits_beside_import(store: Store, run_id: str, data: bytes) -> tuple[list[float], float]:
    """How long each round of a page's reads took while the file was imported, and the import."""
    waits, started = [], time.perf_counter()
    importing = threading.Thread(
        target=bundle.import_run, args=(store, data, "you"), kwargs={"limits": Limits()}
    )
    importing.start()
    while importing.is_alive():
        before = time.perf_counter()
        page_reads(store, run_id)
        waits.append(time.perf_counter() - before)
        time.sleep(0.005)
    return waits, time.perf_counter() - started


def wait_beside_a_writer(store: Store, run_id: str) -> float:
    """How long a page takes to read, and to note that somebody looks, while another program holds
    the file."""
    other = sqlite3.connect(store.folder / "store.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    letting_go = threading.Timer(HELD_SECONDS, lambda: None)
    letting_go.start()
    started = time.perf_counter()
    thread = threading.Thread(target=_look, args=(store, run_id))
    thread.start()
    while thread.is_alive() and letting_go.is_alive():
        thread.join(0.01)
    if thread.is_alive():
        other.execute("ROLLBACK")
        thread.join()
    waited = time.perf_counter() - started
    other.close()
    return waited


def _look(store: Store, run_id: str) -> None:
    page_reads(store, run_id)
    try:
        store.look(run_id)
    except InputError as error:
        print(f"told: {error}")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--megabytes", type=int, default=20)
    arguments.add_argument("--rounds", type=int, default=5)
    args = arguments.parse_args()
    now = 0.0
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder), clock=lambda: now)
        demo, data = bundle.ensure_demo(store), large_file(store, args.megabytes)
        print(f"a file of {len(data) / 1e6:.1f} MB")
        worst, all_waits, seconds = [], [], []
        for _ in range(args.rounds):
            waits, took = waits_beside_import(store, demo, data)
            worst.append(max(waits))
            all_waits += waits
            seconds.append(took)
        print(f"import: {statistics.median(seconds):.2f} s")
        print(
            f"reads beside it, ms: median {1e3 * statistics.median(all_waits):.0f}, "
            f"worst {1e3 * max(worst):.0f} (median of the rounds' worst "
            f"{1e3 * statistics.median(worst):.0f})"
        )
        now = 1e9
        print(
            f"a page beside a program that holds the file for {HELD_SECONDS:.0f} s: "
            f"{wait_beside_a_writer(store, demo):.2f} s"
        )


if __name__ == "__main__":
    main()
