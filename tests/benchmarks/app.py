"""How fast Home appears, and what an open page costs the training.

    python -m tests.benchmarks.app

First paint: from navigation to the page's title on screen; cold is the first visitor of a server
that has just begun to answer, warm a browser that comes back to a server in use. Beside it, in
turns, an app of one line (`st.title`): what Streamlit itself takes on this machine.
Cost: tokens/s of one `classic` run with the Train page open in a browser on this same machine,
against the same run with no page open, in turns.
"""

import argparse
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext

from minigpt import tokenizers
from minigpt.corpus import LIBRARY
from minigpt.recipes import PRESETS
from minigpt.store import EVERYONE, Store
from tests.browsers import open_browser
from tests.servers import app_server


def first_paint(context: BrowserContext, address: str) -> float:
    """Seconds until a visitor sees the title."""
    page = context.new_page()
    start = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.get_by_role("heading", level=1).wait_for()
    seconds = time.perf_counter() - start
    page.close()
    return seconds


def measure_first_paint(browser: Browser, rounds: int) -> None:
    seconds: dict[str, list[float]] = {"Home, cold": [], "Home, warm": [], "one line, warm": []}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder, ExitStack() as servers:
            one_line = Path(folder) / "one_line.py"
            one_line.write_text("import streamlit as st\nst.title('one line')\n")
            bare = servers.enter_context(app_server(Path(folder), one_line)).address
            address = servers.enter_context(app_server(Path(folder))).address
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            seconds["Home, cold"].append(first_paint(context, address))
            first_paint(context, bare)
            time.sleep(8)  # the demo has written its text, torch is loaded
            for _ in range(3):
                seconds["Home, warm"].append(first_paint(context, address))
                time.sleep(2)
                seconds["one line, warm"].append(first_paint(context, bare))
                time.sleep(2)
            context.close()
    for name, times in seconds.items():
        print(
            f"first paint, {name}: median {statistics.median(times):.2f} s, "
            f"most {max(times):.2f} s of {len(times)}"
        )


def tokens_per_second(store: Store, run_id: str, seconds: float) -> float:
    """By the wall clock, from what the worker has recorded."""
    tokens, start = store.curves(run_id).tokens[-1], time.perf_counter()
    time.sleep(seconds)
    return (store.curves(run_id).tokens[-1] - tokens) / (time.perf_counter() - start)


def measure_cost_of_an_open_page(browser: Browser, rounds: int, seconds: float) -> None:
    with tempfile.TemporaryDirectory() as folder, app_server(Path(folder)) as server:
        address = server.address
        first_paint(browser.new_context(), address)  # opens the store and starts the worker
        store = Store(Path(folder))
        text = LIBRARY["tales"].read()
        tokenizer = tokenizers.CharTokenizer.train(text)
        preset = PRESETS["classic"]
        run_id = store.create_run(
            EVERYONE, "benchmark", store.add_text(EVERYONE, "tales", text), tokenizer.to_json(),
            preset.model(tokenizer.vocab_size), preset.train.replace(max_steps=1_000_000),
        )  # fmt: skip
        while store.run(run_id).step < 20 or store.curves(run_id).seconds[-1] < 35:
            time.sleep(0.5)  # past the first half minute, when the page ticks quickly
        ratios = []
        for _ in range(rounds):
            alone = tokens_per_second(store, run_id, seconds)
            page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
            page.goto(f"{address}/Train?run={run_id}")
            page.locator("canvas").first.wait_for()
            time.sleep(5)  # the page has loaded
            watched = tokens_per_second(store, run_id, seconds)
            page.context.close()
            time.sleep(1)
            ratios.append(watched / alone)
            print(f"  alone {alone:,.0f} tokens/s, watched {watched:,.0f}: {ratios[-1]:.3f}")
        store.wish(run_id, "deleted")
        print(f"watched / alone: median {statistics.median(ratios):.3f} of {rounds} rounds")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=float, default=15, help="of training, each side")
    arguments.add_argument("--only", choices=["paint", "cost"])
    args = arguments.parse_args()
    with open_browser() as browser:
        if args.only != "cost":
            measure_first_paint(browser, args.rounds)
        if args.only != "paint":
            measure_cost_of_an_open_page(browser, args.rounds, args.seconds)


if __name__ == "__main__":
    main()
