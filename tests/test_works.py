"""Every work gives the same in the child as here, and what a page is told of it is a sentence."""

import numpy as np
import pytest

from minigpt import bundle
from minigpt.bundle import DEMO
from minigpt.config import GPTConfig, InputError, TrainConfig
from minigpt.corpus import LIBRARY
from minigpt.corpus.overlap import Copied, Source
from minigpt.engine import works
from minigpt.engine.bounded import Bounded
from minigpt.limits import Limits
from minigpt.store import Store
from minigpt.tokenizers import BPETokenizer, CharTokenizer
from tests.bundles import unpacked

TALES = LIBRARY["tales"].read()[:9_000]
CHAR, BPE = CharTokenizer.train(TALES).to_json(), BPETokenizer.train(TALES, 300).to_json()


@pytest.fixture(scope="module")
def child() -> Bounded:
    found = Bounded(500)
    yield found
    found.close()


@pytest.fixture(scope="module")
def shelf(tmp_path_factory) -> Store:
    store = Store(tmp_path_factory.mktemp("home"))
    yield store
    store.close()


def same(one: object, other: object) -> bool:
    """Whether two results are equal, but that tuples may have become lists."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    return one == other


ON_TEXT = {
    "characters": [], "merges": [300], "cut": [BPE], "met": [CHAR, 0.1], "held_out": [BPE, 0.1],
    "trigram_nats": [BPE, 0.1, np.arange(3, 43).reshape(4, 10)],
    "known_from": [BPE, 0.1, np.arange(3, 43).reshape(4, 10)],
    "frequency_losses": [BPE, 0.1, np.arange(3, 43).reshape(4, 10)],
    "levels": [CHAR, 0.1, 64], "statistics": [], "cleaned": [["line-ends", "lower-case"]],
    "source": [CHAR, 0.1], "trace": [CHAR, 0.1, TALES[500:800]],
}  # fmt: skip


@pytest.mark.parametrize("name", ON_TEXT)
def test_a_work_on_a_text_gives_the_same_in_the_child(child, shelf, name):
    text_id = shelf.add_text("me", "tales", TALES)
    work = works.WORKS[name]._replace(name="on_text")
    with child.turn("me") as asks:
        found = asks(work, str(shelf.folder), text_id, name, *ON_TEXT[name])
    assert same(found, getattr(works, name)(TALES, *ON_TEXT[name]))


def test_what_is_copied_is_the_same_by_whatever_way_it_travelled(child, shelf):
    text_id = shelf.add_text("me", "tales", TALES)
    whole = Source.of(TALES, CharTokenizer.train(TALES), 0.1)
    written = TALES[500:800] + TALES[-300:]
    with child.turn("me") as asks:
        work = works.WORKS["trace"]._replace(name="on_text")
        asked = str(shelf.folder), text_id
        plain = asks(work, *asked, "trace", CHAR, 0.1, written)
        parts = asks(work, *asked, "source", CHAR, 0.1)
    assert Copied.from_plain(plain) == whole.trace(written)
    assert Source.unpacked(TALES, parts).trace(written) == whole.trace(written)


def test_a_text_that_is_gone_is_told_as_here(child, shelf):
    with pytest.raises(InputError, match="no longer here"), child.turn("me") as asks:
        asks(works.WORKS["cut"]._replace(name="on_text"), str(shelf.folder), "0", "cut", CHAR)


@pytest.mark.parametrize("shows", [False, True])
def test_a_file_is_read_alike(child, shows):
    data = "naïve café, déjà vu. ".encode("cp1252") * 30
    asked = data, "old.txt", None, None, shows
    with child.turn("me") as asks:
        found = asks(works.WORKS["read"], *asked)
        likely = asks(works.WORKS["encodings"], data)
    assert same(found, works.read(*asked)) and found["encoding"] == likely[0]
    assert bool(found["passages"]) == shows


def test_a_file_of_a_run_comes_in_and_a_run_is_launched(child, shelf):
    text_id = shelf.add_text("me", "tales", TALES)
    model = GPTConfig(CharTokenizer.train(TALES).vocab_size, 16, 1, 2, 8).to_json()
    train = TrainConfig(max_steps=3).to_json()
    folder, limits = str(shelf.folder), vars(Limits())
    with child.turn("me") as asks:
        came = asks(works.WORKS["import_run"], folder, DEMO.read_bytes(), "me", limits)
        new = asks(works.WORKS["launch"], folder, limits, "me", "new", text_id, CHAR, model, train)
        with pytest.raises(InputError, match="not a run exported by minigpt"):
            asks(works.WORKS["import_run"], folder, b"nonsense" * 9, "me", limits)
    assert shelf.run(came).state == "finished" and shelf.run(new).state == "queued"


def test_a_run_goes_out_as_here_and_what_does_not_fit_is_told_as_here(child, shelf):
    run = shelf.run(bundle.import_run(shelf, DEMO.read_bytes(), "me"))
    asked, work = (str(shelf.folder), run.id), works.WORKS["export_run"]
    with child.turn("me") as asks:
        about, tensors = unpacked(asks(work, *asked, 3_000_000))
        with pytest.raises(InputError, match="whatever its size"):
            asks(work, *asked, 1_000_000)
    here, same_tensors = unpacked(bundle.export_run(shelf, run, most_bytes=3_000_000))
    assert same(about, {**here, "text": about["text"]})
    np.testing.assert_equal(tensors, same_tensors)


def test_every_work_has_its_words_and_its_limit():
    for name, work in works.WORKS.items():
        assert work.name == name and callable(getattr(works, name))
        assert work.doing[0].islower() and 1 <= work.seconds <= 120 and work.instead
