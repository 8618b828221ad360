"""How soon Attention shows what was asked for, and what it sends.

    python -m tests.benchmarks.attention_page [--rounds 5] [--visitors 10]

From a change to its picture in a browser: another text on 6 × 6 heads and 256 tokens and on
`classic` and 512, and another moment of `classic`, with the bytes that came for it. And visitors
who scrub at once, each a session over a websocket that goes from moment to moment of the demo: how
soon the large head is sent.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import websockets
from playwright.sync_api import Page, expect
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from minigpt.config import GPTConfig, TrainConfig
from minigpt.corpus import LIBRARY
from minigpt.recipes import PRESETS
from minigpt.store import EVERYONE, Store
from minigpt.tokenizers import CharTokenizer
from tests.browsers import open_browser
from tests.servers import app_server

TALES = LIBRARY["tales"].read()
TOKENIZER = CharTokenizer.train(TALES)
V = TOKENIZER.vocab_size
SHAPES = {
    "6 × 6 heads": GPTConfig(V, block_size=256, n_layer=6, n_head=6, n_embd=192),
    "classic": PRESETS["classic"].model(V),
}
STEPS = 40  # of each run: enough for several moments


def trained(store: Store) -> dict[str, str]:
    """A run of each shape, a little trained."""
    text = store.add_text(EVERYONE, "tales", TALES)
    train = TrainConfig(max_steps=STEPS, batch_size=4, eval_interval=STEPS, warmup_steps=1)
    runs = {
        name: store.create_run(EVERYONE, name, text, TOKENIZER.to_json(), shape, train)
        for name, shape in SHAPES.items()
    }
    while any(store.run(run_id).state != "finished" for run_id in runs.values()):
        time.sleep(0.2)
    return runs


def shown(page: Page, words: str) -> None:
    """Waits until the large head is that of these words."""
    label = (
        f"[...document.querySelectorAll('*')].some(e => e.shadowRoot?.querySelector('.view .map')\
        ?.getAttribute('aria-label')?.includes({words!r}))"
    )
    page.wait_for_function(label, polling=20)


def seconds_to_picture(page: Page, received: list[int], change, words: str) -> tuple[float, int]:
    """From a change to its picture, and the bytes that came in between."""
    expect(page.get_by_test_id("stApp")).to_have_attribute(
        "data-test-script-state", "notRunning", timeout=120_000
    )
    received.clear()
    start = time.perf_counter()
    change()
    shown(page, words)
    return time.perf_counter() - start, sum(received)


def measure_changes(page: Page, address: str, runs: dict[str, str], rounds: int) -> None:
    received: list[int] = []
    page.on("websocket", lambda socket: socket.on(
        "framereceived", lambda frame: received.append(len(frame))
    ))  # fmt: skip
    field = page.get_by_role("textbox", name="Text to look at")

    def enter() -> None:
        field.press("Control+Enter")

    for name, tokens in (("6 × 6 heads", 256), ("classic", 512)):
        page.goto(f"{address}/Attention?run={runs[name]}")
        found = []
        for i in range(rounds):
            field.fill(TALES[i * 700 : i * 700 + tokens - (i % 2)])  # another length each time
            found.append(
                seconds_to_picture(page, received, enter, f"over {tokens - (i % 2)} tokens")
            )
        tell(f"another text, {name}, {tokens} tokens", found)
    slider, found = page.get_by_role("slider", name="Moment of training"), []
    field.fill(TALES[:64])
    seconds_to_picture(page, received, enter, "over 64 tokens")
    store_steps = [0, 1, 2, 3, 4, 6, 8, 11, 16, 23]
    slider.press("Home")
    shown(page, "step 0:")
    for step in store_steps[1 : rounds + 1]:
        found.append(
            seconds_to_picture(
                page, received, lambda: slider.press("ArrowRight"), f"step {step:,}:"
            )
        )
    tell("another moment, classic, 64 tokens", found)


def tell(what: str, found: list[tuple[float, int]]) -> None:
    seconds, sizes = zip(*found, strict=True)
    print(
        f"{what}: median {statistics.median(seconds):.2f} s, most {max(seconds):.2f} s, "
        f"{statistics.median(sizes) / 1e3:,.0f} KB"
    )


async def scrub(address: str, steps: list[int], times: list[float]) -> None:
    """One visitor, who asks for one moment after another."""
    async with websockets.connect(
        f"ws{address.removeprefix('http')}/_stcore/stream",
        subprotocols=["streamlit"], origin=address, max_size=None,
    ) as socket:  # fmt: skip
        for number, step in enumerate([*steps, *reversed(steps)]):
            ask = BackMsg()
            ask.rerun_script.query_string = f"step={step}"
            ask.rerun_script.page_name = "Attention"
            start = time.monotonic()
            await socket.send(ask.SerializeToString())
            while True:
                message = ForwardMsg()
                message.ParseFromString(await asyncio.wait_for(socket.recv(), 60))
                if b"minigpt_head_view" in message.SerializeToString() and number:
                    times.append(time.monotonic() - start)
                if message.WhichOneof("type") == "script_finished" and message.script_finished == 0:
                    break
            await asyncio.sleep(0.3)


def measure_visitors(store: Store, address: str, visitors: int) -> None:
    steps, times = store.snapshot_steps(store.find_run("demo").id), []

    async def all_of_them() -> None:
        await asyncio.gather(*(scrub(address, steps, times) for _ in range(visitors)))

    asyncio.run(all_of_them())
    times.sort()
    print(
        f"{visitors} visitors who scrub the demo, {len(times)} pictures: "
        f"median {statistics.median(times):.2f} s, p95 {times[int(0.95 * len(times))]:.2f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--visitors", type=int, default=10)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, app_server(Path(folder)) as server:
        with open_browser() as browser:
            page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
            page.goto(f"{server.address}/Attention")  # the worker starts, and torch is loaded
            page.locator(".view .map").first.wait_for(timeout=120_000)
            store = Store(Path(folder))
            measure_changes(page, server.address, trained(store), args.rounds)
        measure_visitors(store, server.address, args.visitors)
        store.close()


if __name__ == "__main__":
    main()
