"""`trace RUN FILE`: what of a file stands word for word in a run's training text."""

import json
import re
from pathlib import Path

import pytest

from minigpt import bundle
from minigpt.cli import main, tracing
from minigpt.corpus.overlap import Source
from minigpt.store import EVERYONE, Store
from minigpt.tokenizers import CharTokenizer

TALES = (Path(__file__).resolve().parents[1] / "assets" / "tales.txt").read_text()
CUT = len(TALES) - len(TALES) // 10


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A store with the demo run in it."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("home")
        patch.setenv("MINIGPT_HOME", str(folder))
        store = Store(folder)
        bundle.ensure_demo(store)
        yield store
        store.close()


def traced(capsys, *words: str) -> tuple[list[str], dict, str]:
    """What is printed, its JSON, and the notes beside it."""
    assert main(["trace", *words, "--json"]) == 0, capsys.readouterr().err
    said = capsys.readouterr()
    *lines, last = said.out.splitlines()
    return lines, json.loads(last), said.err


@pytest.fixture
def file(tmp_path) -> Path:
    """A copy of 100 characters, two passages of held-out text, and a copy of 300."""
    path = tmp_path / "written.txt"
    parts = TALES[700:800], TALES[-900:-600], TALES[5_000:5_300]
    path.write_text("§".join(parts))
    return path


def test_copies_are_listed_longest_first_in_their_place(home, file, capsys):
    lines, found, notes = traced(capsys, "demo", str(file))
    assert found["trained_on"] == CUT and notes == ""
    first, second = found["passages"][:2]
    assert first == {
        "text": TALES[5_000:5_300], "start": 402, "end": 702, "places": [5_000], "count": 1
    }  # fmt: skip
    assert (second["start"], second["end"], second["places"]) == (0, 100, [700])
    lengths = [len(row["text"]) for row in found["passages"]]
    assert lengths == sorted(lengths, reverse=True) and lengths[-1] >= found["least"]
    written = file.read_text()
    assert all(written[row["start"] : row["end"]] == row["text"] for row in found["passages"])
    assert f"702 characters, looked up in the {CUT:,} that" in lines[0]
    assert lines[0].endswith("the longest match has 300")
    row = next(line for line in lines if line.split()[:3] == ["300", "1", "5,000"])
    around = TALES[4_980:5_000], TALES[5_000:5_060], TALES[5_300:5_320]
    assert "{}[{}…]{}".format(*around).replace("\n", r"\n") in row


def test_the_share_stands_beside_held_out_text_s_and_a_trigram_model_s(home, file, capsys):
    lines, found, _ = traced(capsys, "demo", str(file), "--show", "0")
    again = Source.of(TALES, CharTokenizer.train(TALES), 0.1).trace(file.read_text())
    assert (found["share"], found["least"]) == (again.share, again.least)
    assert 0.55 < found["share"] < 0.8
    for name, told in (("held_out_share", "held-out text"), ("trigram_share", "a trigram model")):
        beside = getattr(again, name)
        assert found[name] == beside._asdict() and beside.characters == 702
        line = next(line for line in lines if told in line and "pieces" in line)
        assert line.startswith(f"{beside.mean:6.1%}") and f"to {beside.high:.1%}" in line
    assert lines[-1] == f"and {len(found['passages'])} more passages, none longer"


def test_what_cannot_be_told_is_a_note(home, tmp_path, capsys):
    (tmp_path / "short.txt").write_text("The")
    lines, found, notes = traced(capsys, "demo", str(tmp_path / "short.txt"))
    assert len(lines) == 1 and found["share"] is None and found["passages"] == []
    assert re.fullmatch(r"note: what was written has 3 characters, and .* can tell\n", notes)


def test_bad_input_is_a_sentence(home, tmp_path, monkeypatch, capsys):
    empty, image, long = (tmp_path / name for name in ("empty.txt", "image.png", "long.txt"))
    empty.write_bytes(b"")
    image.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    long.write_text("too long")
    monkeypatch.setattr(tracing, "MOST_CHARACTERS", 7)
    for words, why in {
        ("nope", str(long)): "no run begins",
        ("demo", str(tmp_path / "missing.txt")): "cannot be read",
        ("demo", str(empty)): "empty",
        ("demo", str(image)): "picture (PNG), not text",
        ("demo", str(long)): "the file has 8 characters, at most 7 are looked up at once",
        ("demo", str(long), "--show", "-1"): "the least is 0",
    }.items():
        assert main(["trace", *words]) == 1
        err = capsys.readouterr().err
        assert re.fullmatch(r"error: [^\n]+\n", err) and why in err, (words, err)


def test_a_run_without_its_text_says_so(exported, other_store, monkeypatch, file, capsys):
    run = bundle.import_run(other_store, exported, EVERYONE)
    monkeypatch.setenv("MINIGPT_HOME", str(other_store.folder))
    assert main(["trace", run, str(file)]) == 1
    assert "text that small was trained on is not here" in capsys.readouterr().err
