"""Where a text comes from: the clipboard, the library, a world, a download."""

from contextlib import suppress
from functools import partial

import streamlit as st

from minigpt.config import InputError
from minigpt.corpus import DOWNLOADS, LIBRARY, WORLDS, in_bits
from minigpt.corpus.library import LibraryText
from minigpt.corpus.worlds import Markov, World
from minigpt.ui import numbers, tokens
from minigpt.ui.data.keeping import keep, take
from minigpt.ui.glossary import GLOSSARY, explain
from minigpt.ui.visit import Visit
from minigpt.ui.words import sentence

MOST_PASTED = 1_000_000  # characters: a browser sends all of it in one message
WORLD_SIZES = (20_000, 50_000, 200_000, 1_000_000)


def paste(visit: Visit) -> None:
    """A text typed or pasted, and the button that keeps it."""
    body = st.text_area(
        "Your text",
        height=160,
        max_chars=MOST_PASTED,
        placeholder="Paste a poem, a chapter, a song, source code …",
        help=f"At most {MOST_PASTED:,} characters: bring a longer text as a file, under *Upload*.",
        persist_state="session",
        key="pasted_text",
    )
    if st.button("Keep this text", icon=":material/add:", key="keep_paste"):
        first_line = next(iter(body.strip().splitlines()), "Your text")
        take(lambda: keep(visit, first_line[:40], body))


def library(visit: Visit) -> None:
    """Texts that are on this machine."""
    plays = {name: entry for name, entry in LIBRARY.items() if "/" in name}
    for name, entry in LIBRARY.items():
        if name in plays:
            continue
        with st.container(border=True):
            chosen = name
            head, button = st.columns([4, 1], vertical_alignment="center")
            with head:
                st.markdown(f"**{entry.title}**  \n{entry.about}")
                if name == "shakespeare" and plays:
                    chosen = st.selectbox(
                        "Which",
                        [name, *plays],
                        format_func=lambda key: "All plays" if "/" not in key else plays[key].title,
                        label_visibility="collapsed",
                        key="which_play",
                    )
                with suppress(InputError):  # said when one asks for it
                    megabytes = LIBRARY[chosen].bytes() / 1e6
                    st.caption(f"{megabytes:.1f} MB. {entry.licence}.")
            with button:
                if st.button("Take it", key=f"take-{name}", width="stretch"):
                    take(partial(_keep_entry, visit, LIBRARY[chosen]))


def _keep_entry(visit: Visit, entry: LibraryText) -> tuple[str, str]:
    return keep(visit, entry.title, entry.read())


def worlds(visit: Visit) -> None:
    """Texts made by a rule, with the lowest loss that is possible on them."""
    st.markdown(
        "Texts made by a rule. Nobody knows how low the loss can get on a novel; here it is known. "
        "And where the rule leaves no choice, right answers are counted while the model learns.",
        help=GLOSSARY["loss"],
    )
    name = st.selectbox(
        "World",
        list(WORLDS),
        format_func=lambda name: WORLDS[name].title,
        key="world",
        help=GLOSSARY["world"],
    )
    st.caption(WORLDS[name].about)
    left, middle, right = st.columns(3)
    size = left.select_slider(
        "Characters", WORLD_SIZES, 200_000, format_func=lambda n: f"{n:,}", key="world_size"
    )
    with middle:
        seed = numbers.field(
            "Seed", 1, key="world_seed", help="The same seed writes the same text."
        )
    more = {}
    if name == Markov.name:
        more["bits"] = right.slider(
            "Bits per character", 0.1, 3.9, 2.0, 0.1, key="world_bits",
            help="How much chance there is: 0 would be none, 4 a new die for each letter. "
            + GLOSSARY["bits per character"],
        )  # fmt: skip

    def make() -> tuple[str, str]:
        world: World = WORLDS[name](seed=seed, **more)
        title = f"{world.title}, seed {seed}" + "".join(
            f", {bits:g} bits" for bits in more.values()
        )
        return keep(visit, title, world.text(size), world.to_json())

    try:
        world = WORLDS[name](seed=seed, **more)
    except InputError as error:
        st.warning(sentence(error))
        return
    st.caption("So it begins:")
    st.html(tokens.running(world.beginning(), marks=True))
    st.caption(
        f"Lowest possible loss: {world.floor:.3f} nats, {in_bits(world.floor):.2f} bits per "
        "character.",
        help=explain("floor", "nats", "bits per character"),
    )
    if st.button("Write it", icon=":material/auto_awesome:", key="write_world"):
        take(make)


def downloads(visit: Visit) -> None:
    """Texts from the network, fetched only when asked for."""
    st.caption("These are fetched from their addresses when you ask for one, and kept here.")
    home = visit.store.folder
    name = st.selectbox(
        "Text", list(DOWNLOADS), format_func=lambda name: DOWNLOADS[name].title, key="download"
    )
    entry = DOWNLOADS[name]
    kept = " It has been fetched before." if entry.kept(home) else ""
    st.caption(f"{entry.about} {entry.licence}.{kept}")
    if st.button("Download", icon=":material/cloud_download:", key="fetch"):
        bar = st.progress(0.0, f"Asking for {entry.title} …")

        def show(done: int, total: int) -> None:
            share = min(done / total, 1.0) if total else 0.0
            bar.progress(share, f"{done / 1e6:.1f} MB of {entry.title}")

        take(lambda: keep(visit, entry.title, entry.read(home, show)))
        bar.empty()
