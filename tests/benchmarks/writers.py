"""How fast a text comes to those who let a model write, and how soon it begins.

    python -m tests.benchmarks.writers [--writers 10] [--tokens 400] [--rounds 9]

Writers are sessions of their own over websockets, all at once, each with another seed and the model
of a finished run of `classic`, while another run of it trains. One person in a browser presses
Write, with nobody else there: how soon the first token stands in the page.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import websockets
from playwright.sync_api import Page
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from minigpt.corpus import LIBRARY
from minigpt.recipes import PRESETS
from minigpt.store import EVERYONE, Store
from minigpt.tokenizers import CharTokenizer
from tests.benchmarks.classroom import new_run
from tests.browsers import open_browser
from tests.servers import app_server

FRAME = b'title="probability'  # of a text while it is written: each token tells its own
WHOLE = b"minigpt_strip"  # which stands in its place once it is whole

# At the next click, notes the time, and when a token stands there that did not stand there before.
WATCH = """() => document.addEventListener("click", () => {
  window.pressed = performance.now()
  window.came = null
  const tokens = '[title^="probability"]'
  for (const old of document.querySelectorAll(tokens)) old.dataset.old = "1"
  const look = () => {
    if (document.querySelector(tokens + ":not([data-old])")) window.came = performance.now()
    else requestAnimationFrame(look)
  }
  requestAnimationFrame(look)
}, { once: true, capture: true })"""


def finished(store: Store) -> str:
    """A run of `classic` that has trained for a moment."""
    text, preset = LIBRARY["tales"].read(), PRESETS["classic"]
    tokenizer = CharTokenizer.train(text)
    run_id = store.create_run(
        EVERYONE, "classic", store.add_text(EVERYONE, "tales", text), tokenizer.to_json(),
        preset.model(tokenizer.vocab_size), preset.train.replace(max_steps=20, warmup_steps=1),
    )  # fmt: skip
    while store.run(run_id).state != "finished":
        time.sleep(0.2)
    return run_id


async def write(address: str, run_id: str, seed: int, tokens: int) -> tuple[float, float]:
    """Seconds to the first token, and from there tokens a second."""
    async with websockets.connect(
        f"ws{address.removeprefix('http')}/_stcore/stream",
        subprotocols=["streamlit"], origin=address, max_size=None,
    ) as socket:  # fmt: skip
        ask = BackMsg()
        ask.rerun_script.query_string = f"run={run_id}&seed={seed}&length={tokens}&temperature=1.2"
        ask.rerun_script.page_name = "Generate"
        start, first = time.monotonic(), None
        await socket.send(ask.SerializeToString())
        while True:
            said = await asyncio.wait_for(socket.recv(), 120)
            message = ForwardMsg()
            message.ParseFromString(said)
            kind = message.WhichOneof("type")
            if kind == "delta" and FRAME in said:
                first = first or time.monotonic()
            if kind == "delta" and WHOLE in said and first:
                return first - start, tokens / (time.monotonic() - first)
            if kind == "script_finished" and message.script_finished == 0:
                raise RuntimeError("the page ended without a text")


def measure_writers(address: str, run_id: str, writers: int, tokens: int, while_: str) -> None:
    async def all_of_them() -> list[tuple[float, float]]:
        return await asyncio.gather(
            *(write(address, run_id, seed, tokens) for seed in range(writers))
        )

    firsts, speeds = zip(*asyncio.run(all_of_them()), strict=True)
    print(
        f"{writers} {'writer' if writers == 1 else 'writers'} of {tokens} tokens, {while_}: "
        f"{min(speeds):,.0f} tokens/s (least), {statistics.median(speeds):,.0f} (median); the "
        f"first after {statistics.median(firsts):.2f} s, at most {max(firsts):.2f}"
    )


def measure_press(page: Page, address: str, run_id: str, rounds: int) -> None:
    """From the click on Write to the first token of the new text in the page."""
    page.goto(f"{address}/Generate?run={run_id}&length=200")
    app, found = page.get_by_test_id("stApp"), []
    button = page.get_by_role("button", name="Another seed")
    for _ in range(rounds):
        app.and_(page.locator('[data-test-script-state="notRunning"]')).wait_for(timeout=60_000)
        page.evaluate(WATCH)
        button.click()
        page.wait_for_function("window.came", polling=20)
        found.append(page.evaluate("(window.came - window.pressed) / 1000"))
    print(f"from the click to the first token: median {statistics.median(found):.2f} s, "
          f"most {max(found):.2f} s")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--writers", type=int, default=10)
    parser.add_argument("--tokens", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, app_server(Path(folder)) as server:
        with open_browser() as browser:
            page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
            page.goto(f"{server.address}/Generate")  # the worker starts, and torch is loaded
            page.get_by_text("by the model of step").wait_for(timeout=120_000)
            store = Store(Path(folder))
            run_id = finished(store)
            measure_press(page, server.address, run_id, args.rounds)
        measure_writers(server.address, run_id, 1, args.tokens, "nothing trains")
        trains = new_run(store, 1)
        while not store.run(trains).step:
            time.sleep(0.2)
        for writers in (1, args.writers):
            measure_writers(server.address, run_id, writers, args.tokens, "a run trains")
        store.wish(trains, "deleted")
        store.close()


if __name__ == "__main__":
    main()
