"""What all sessions of one server share: the store, the worker's supervisor, loaded models, and
what was counted on texts.

Short texts are counted on here; what is heavy goes into the one bounded child. Streamlit's caches
hold nothing of it: any visitor's browser may ask the server to clear them.
"""

import gc
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequestType
from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext

from minigpt import bundle, findings, host, memory, tokenizers
from minigpt.config import GPTConfig, InputError, TrainConfig
from minigpt.corpus import LIBRARY, Baselines, Statistics, reading, worlds
from minigpt.corpus.damage import Damage
from minigpt.corpus.statistics import Forms
from minigpt.engine import launch as launching
from minigpt.engine import works
from minigpt.engine.bounded import Bounded
from minigpt.engine.speed import Speed
from minigpt.engine.supervisor import Supervisor
from minigpt.limits import Limits, most_that
from minigpt.store import LIBRARY_SHELF, NO_WEIGHTS, Run, Store, home
from minigpt.tokenizers.bpe import check_vocabulary
from minigpt.ui import untaken
from minigpt.ui.kept import Kept
from minigpt.ui.turn import Turn

if TYPE_CHECKING:
    from minigpt.corpus.overlap import Copied
    from minigpt.model import GPT

FLOOR = findings.FLOOR
USUAL_VOCABULARY = 2_048  # of BPE; whoever looks at a text's merges looks at so many
LITTLE = 300_000  # characters or bytes; of so many all but sorting takes under half a second
MOST_SORTED = 2_000_000  # characters of a training text whose sorting is kept here
COLLECT_SECONDS = 10.0  # each time takes everybody some hundredths of a second
KEPT_BYTES, KEPT_SHARE = 128_000_000, 1 / 20  # of models and counts; at most, and of the memory


@dataclass(frozen=True)
class Server:
    """What this process serves from one folder."""

    store: Store
    supervisor: Supervisor
    child: Bounded


_kept = Kept(KEPT_BYTES)
turn = Turn()
_servers: dict[Path, Server] = {}
_opening = threading.Lock()


def store() -> Store:
    """The store of this server, with the library and the demo run in it."""
    return _open(home().resolve())


def _open(folder: Path) -> Store:
    return _server(folder).store


def _server(folder: Path) -> Server:
    with _opening:
        if folder not in _servers:
            host.keep_heap_small()
            # A worker of settings that cannot be would only end again.
            limits = Limits.from_environment()
            _kept.most_bytes = min(KEPT_BYTES, int(KEPT_SHARE * 1e6 * limits.memory_mb))
            turn.most_bytes = 1_000_000 * limits.max_look_mb
            untaken.limit(limits)
            opened = Store(folder)
            try:
                opened.add_text(LIBRARY_SHELF, LIBRARY["tales"].title, LIBRARY["tales"].read())
                bundle.ensure_demo(opened)
                _servers[folder] = Server(opened, Supervisor(folder), Bounded(limits.max_work_mb))
            except BaseException:
                opened.close()
                raise
            # All that is imported by now stays: the collector need not look at it again.
            gc.collect()
            gc.freeze()
            if runtime.exists():
                threading.Thread(target=_collect, daemon=True).start()
        return _servers[folder]


def _collect() -> None:
    """Gives back now and then what sessions have left behind. They hold each other in circles, and
    Python by itself looks for such only among as many new objects as a quarter of the old."""
    while runtime.exists():
        time.sleep(COLLECT_SECONDS)
        gc.collect()
        host.give_back()


def close() -> None:
    """Lets the workers save and leave, and closes the stores, as the end of the process would."""
    with _opening:
        while _servers:
            _, server = _servers.popitem()
            server.child.close()
            server.supervisor.close()
            server.store.close()
    _kept.clear()


def speed() -> Speed | None:
    """How fast this machine trains; None until the worker has measured it."""
    measured = store().speed()
    return Speed.from_json(measured[1]) if measured else None


def trouble() -> str:
    """What keeps the worker from working, in words; empty when nothing does."""
    return _server(home().resolve()).supervisor.trouble


def model(run: Run, step: int | None = None, *, writes: int = 0, keeps: bool = True) -> "GPT":
    """A run's model at a kept step, or as far as it has come, for whoever has the turn: to look
    into, or to write texts of so many tokens, of which it holds keys and values. One of many
    moments it `keeps` not. Raises InputError if it has no weights, or there is no room for them."""
    newest = store().weights_step(run.id)
    if newest is None:
        raise InputError(NO_WEIGHTS[run.state])
    at, folder = newest if step is None else step, home().resolve()
    about = "model", folder, run.id, at, at == newest
    turn.hold(about, memory.of_weights(run.model), memory.of_cache(run.model, writes))

    def load() -> "GPT":
        with st.spinner("Loading the model …") if keeps else nullcontext():
            import torch

            from minigpt.weights import load_model

            torch.set_num_threads(1)  # the cores belong to the worker; one token needs no more
            # While torch was loading, a training run may have replaced the newest checkpoint.
            loaded = load_model(store(), store().run(run.id), None if at == newest else at)
            loaded.register_forward_pre_hook(lambda *_: turn.give_way())
            return loaded

    return _kept.once(about, load) if keeps else _kept.known(about) or load()


def most_read(model: GPTConfig) -> int:
    """How many tokens of a text an instrument has a model read at most: what its context holds, or
    the memory that there is for models that are looked at."""
    return max(
        1, most_that(lambda n: memory.of_look(model, n) <= turn.most_bytes, model.block_size)
    )


def heavy(name: str, *arguments: Any) -> Any:
    """What a work finds in the child, after a place in line that the page tells. Raises
    InputError."""
    with _turn(name) as asks:
        return asks(works.WORKS[name], *arguments)


@contextmanager
def _turn(name: str) -> Iterator[Any]:
    """This session's turn with the child; while it waits, a spinner says how many are before."""
    doing, context = works.WORKS[name].doing.capitalize(), get_script_run_ctx()
    who, last = context.session_id if context else threading.get_ident(), 0
    with ExitStack() as shown:

        def told(before: int) -> None:
            nonlocal last
            st.session_state.get("waits")  # here ends the script of a page that was left
            if before != last:
                last = before
                shown.close()
                shown.enter_context(st.spinner(f"{doing}: {before:,} before you …"))

        with _server(home().resolve()).child.turn(who, told, _leaves(context)) as asks:
            shown.close()
            shown.enter_context(st.spinner(f"{doing} …", show_time=True))
            yield asks


def _leaves(context: ScriptRunContext | None) -> Callable[[], bool]:
    """What tells whether the page whose script runs here was left: its browser is gone, or wants
    another page. What was changed on the same page lets a work go on: it is kept for who comes
    back to it."""
    if context is None or context.script_requests is None:
        return lambda: False
    page, asked = context.page_script_hash, context.script_requests

    def left() -> bool:
        if asked._state is ScriptRequestType.RERUN:
            return asked._rerun_data.page_script_hash not in ("", page)
        gone = runtime.exists() and not runtime.get_instance().is_active_session(context.session_id)
        return gone or asked._state is ScriptRequestType.STOP

    return left


def _of_text(
    name: str, text_id: str, *arguments: Any, little: int | None = None, keeps: bool = True
) -> Any:
    """What a work finds in a text: here, where it has so few characters (LITTLE, unless told), else
    in the child; kept as it is. Raises InputError."""
    folder = home().resolve()
    about = (name, folder, text_id, *arguments) if keeps else None
    if keeps and (found := _kept.known(about)) is not None:
        return found
    turn.check_free()
    if store().characters(text_id) <= (LITTLE if little is None else little):

        def here() -> Any:
            return getattr(works, name)(store().text(text_id), *arguments)

        return _kept.once(about, here) if keeps else here()
    with _turn(name) as asks:
        if keeps and (found := _kept.known(about)) is not None:
            return found  # another page asked while this one waited
        work = works.WORKS[name]._replace(name="on_text")
        found = asks(work, str(folder), text_id, name, *arguments)
        return _kept.keep(about, found) if keeps else found


@dataclass(frozen=True)
class Cut:
    """A text as one tokenizer cuts it: counts, not the tokens themselves, for the store has them
    at hand."""

    tokenizer: tokenizers.Tokenizer
    learned_from: int  # characters of the text that the tokenizer was learned from
    tokens: int
    characters_per_token: float  # where it is validated
    counts: np.ndarray  # int64 (V,): how often each token stands in the text
    joined: np.ndarray | None  # int64 (merges,): how often each merge was applied
    baselines: Baselines | None  # None where the text is too short to keep a part for validation


def tokenizer(text_id: str, kind: str, vocab_size: int) -> tokenizers.Tokenizer:
    """The tokenizer of that kind for a text. Raises InputError."""
    return _learned(text_id, kind, vocab_size)[0]


def _learned(text_id: str, kind: str, vocab_size: int) -> tuple[tokenizers.Tokenizer, int]:
    """The same, and from how many of the text's characters it was learned."""
    about = "tokenizer", home().resolve(), text_id, kind, vocab_size
    if (known := _kept.known(about)) is not None:
        return known
    if kind == "char":
        chosen = tokenizers.load(_of_text("characters", text_id))
        return _kept.keep(about, (chosen, store().characters(text_id)))
    check_vocabulary(vocab_size)
    # One training serves all smaller vocabularies: their merges are its first ones.
    found = _of_text("merges", text_id, max(vocab_size, USUAL_VOCABULARY))
    chosen = tokenizers.load(found["tokenizer"]).smaller(vocab_size)
    return _kept.keep(about, (chosen, found["learned_from"]))


def cut(text_id: str, kind: str, vocab_size: int) -> Cut:
    """What a tokenizer makes of a text, remembered. Raises InputError."""
    chosen, learned_from = _learned(text_id, kind, vocab_size)
    found = dict(_of_text("cut", text_id, chosen.to_json()))
    if found["baselines"] is not None:
        found["baselines"] = Baselines(**found["baselines"])
    return Cut(chosen, learned_from, **found)


def met(run: Run) -> np.ndarray | None:
    """Which tokens a run's model met in training, bool (V,), remembered; None without its text."""
    if run.text_id is None or not store().may_read(run.workspace, run.text_id):
        return None
    return _of_text("met", run.text_id, run.tokenizer, run.train.val_fraction)


def held_out(run: Run) -> np.ndarray:
    """The ids of a run's text that it is not trained on: uint16 (n,). Raises InputError."""
    asked = run.text_id, run.tokenizer, run.train.val_fraction
    return _of_text("held_out", *asked, keeps=False)


def trigram_nats(run: Run, windows: np.ndarray) -> np.ndarray:
    """What each token of a run's held-out windows (n, T) but the first costs a trigram model of the
    text it is trained on, in nats, remembered: (n, T - 1). Raises InputError."""
    return _of_windows("trigram_nats", run, windows)


def known_from(run: Run, windows: np.ndarray) -> np.ndarray:
    """From how many tokens of history on counting in that text tells each of them, remembered: see
    `histories.known_from`. Raises InputError."""
    return _of_windows("known_from", run, windows)


def frequency_losses(run: Run, windows: np.ndarray) -> np.ndarray:
    """What each of them costs whoever knows only how often each token stands in that text, in nats,
    remembered: (n, T - 1). Raises InputError."""
    return _of_windows("frequency_losses", run, windows)


def _of_windows(name: str, run: Run, windows: np.ndarray) -> np.ndarray:
    about = name, home().resolve(), run.id
    if (found := _kept.known(about)) is None:
        asked = run.text_id, run.tokenizer, run.train.val_fraction, windows
        found = _kept.keep(about, _of_text(name, *asked, keeps=False))
    return found


def statistics(text_id: str) -> Statistics:
    """A text's numbers, remembered."""
    found = _of_text("statistics", text_id)
    return Statistics(**{**found, "forms": Forms(**found["forms"])})


def cleaned(text_id: str, names: list[str]) -> tuple[str, dict[str, tuple[int, int, int]]]:
    """A text after clean-ups, and of each: how many characters there were before it, how many it
    took out, and how many it changed where it took out none."""
    found = _of_text("cleaned", text_id, names, keeps=False)
    return found["text"].decode(), found["did"]


def launch(
    limits: Limits, workspace: str, name: str, text_id: str, tokenizer: tokenizers.Tokenizer,
    model: GPTConfig, train: TrainConfig,
) -> str:  # fmt: skip
    """Puts a run on a stored text into the store; returns its id. Raises InputError."""
    if store().characters(text_id) <= LITTLE:
        return launching.launch(store(), limits, workspace, name, text_id, tokenizer, model, train)
    return heavy(
        "launch", str(home().resolve()), asdict(limits), workspace, name, text_id,
        tokenizer.to_json(), model.to_json(), train.to_json(),
    )  # fmt: skip


def import_run(data: bytes, workspace: str, limits: Limits) -> str:
    """Adds the run in a file to the store; returns its id. Raises InputError."""
    if len(data) <= LITTLE:
        return bundle.import_run(store(), data, workspace, limits=limits)
    return heavy("import_run", str(home().resolve()), data, workspace, asdict(limits))


def export_run(run: Run, most_bytes: int, who: str, waits: Callable[[int], None]) -> bytes:
    """A run as the bytes of a file, made in the child for the session `who`. No page is drawn
    meanwhile: `waits` hears how many are before, and may give up the place. Raises InputError."""

    def left() -> bool:
        return runtime.exists() and not runtime.get_instance().is_active_session(who)

    folder = home().resolve()
    with _server(folder).child.turn(who, waits, left) as asks:
        return asks(works.WORKS["export_run"], str(folder), run.id, most_bytes)


def encodings(data: bytes) -> list[str]:
    """The encodings in which a file may be text, the most likely first. Raises InputError."""
    return reading.encodings(data) if len(data) <= LITTLE else heavy("encodings", data)


def read(
    data: bytes, name: str, encoding: str | None = None, bad_bytes: str | None = None,
    *, shows: bool = False,
) -> tuple[reading.Reading, list[tuple[int, str, str]]]:  # fmt: skip
    """The text in a file, and, where that is to be shown, the passages that tell whether it is read
    rightly. Raises InputError."""
    asked = data, name, encoding, bad_bytes, shows
    if len(data) <= LITTLE and not data.startswith(reading.PDF):
        found = works.read(*asked)
    else:
        found = heavy("read", *asked)
    damage = found["damage"] and Damage(**found["damage"])
    # Taken out, so that a long text's bytes are not kept beside its characters.
    whole = reading.Reading(found.pop("text").decode(), found["encoding"], found["sure"], damage)
    return whole, [tuple(passage) for passage in found["passages"]]


def guides(run: Run) -> dict[str, float]:
    """The level lines under a run's curve, in nats per token: what counting reaches on its text,
    and for a world's text the lowest loss possible. Empty without the text or a validation part."""
    known = levels(run)
    return {n: loss for n, loss in known.lines.items() if n != "unigram"} if known else {}


def levels(run: Run) -> findings.Levels | None:
    """All that a run's losses are compared with, remembered; None without its text.

    Whoever may look at a run sees them, and only its owner's own text or the library's lies under
    it; more digits than a picture shows would tell more of that text than the picture.
    """
    if not store().may_read(run.workspace, run.text_id):
        return None
    found = _of_text(
        "levels", run.text_id, run.tokenizer, run.train.val_fraction, run.model.block_size
    )
    known = findings.Levels(**found)
    known = findings.with_floor(known, run, store().origin(run.text_id))
    return replace(known, lines={name: round(loss, 3) for name, loss in known.lines.items()})


def asks(run: Run) -> bool:
    """Whether the run's text is of a world whose rule leaves right answers, which are counted."""
    world = worlds.load(store().origin(run.text_id)) if run.text_id else None
    return world is not None and world.asks and tokenizers.load(run.tokenizer).kind == "char"


def trace(run: Run, written: str) -> "Copied":
    """What of a text is copied from a run's, remembered. Raises InputError without that text."""
    from minigpt.corpus.overlap import Copied, Source

    if run.text_id is None or not store().may_read(run.workspace, run.text_id):
        raise InputError("the text this run learned from is not here any more")
    folder, text_id = home().resolve(), run.text_id
    asked = text_id, run.tokenizer, run.train.val_fraction
    if store().characters(text_id) > MOST_SORTED:
        return Copied.from_plain(_of_text("trace", *asked, written, little=0))
    about = "sorted", folder, *asked
    if (source := _kept.known(about)) is None:
        parts = _of_text("source", *asked, little=0, keeps=False)
        source = _kept.keep(about, Source.unpacked(store().text(text_id), parts))
    return source.trace(written)
