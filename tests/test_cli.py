import json
import re
from pathlib import Path

import pytest

from minigpt.cli import main, parser, training
from minigpt.config import PRESETS, Preset
from minigpt.ingredients import WITHOUT
from minigpt.store import Store
from minigpt.store import home as home_folder

SMALL = ["--block-size=16", "--n-layer=1", "--n-embd=16", "--n-head=2", "--eval-interval=10"]


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory):
    """One store for all commands, with one run in it: a worker takes seconds to start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINIGPT_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="module")
def text_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("texts") / "simple.txt"
    path.write_text("hello world, hello moon, hello sun. " * 60)
    return path


@pytest.fixture(scope="module")
def trained(text_file) -> str:
    assert main(["train", str(text_file), "--steps", "20", *SMALL]) == 0
    return Store(home_folder()).runs()[0].id


def last_json(capsys) -> dict:
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_a_text_is_trained_and_ends_with_the_run_s_id(text_file, capsys):
    assert main(["train", str(text_file), "--steps", "20", *SMALL, "--json"]) == 0
    out = capsys.readouterr().out.splitlines()
    result = json.loads(out[-1])
    assert (result["state"], result["step"]) == ("finished", 20)
    assert result["run"] in out[-2]
    assert any(line.startswith("Not below trigrams: ") for line in out), "what the curve says"
    assert result["val_loss"] > 0 and result["tokens_per_second"] > 0


def test_a_run_is_listed_continued_evaluated_and_inspected(trained, text_file, tmp_path, capsys):
    assert main(["runs", "--json"]) == 0
    assert trained in [run["run"] for run in last_json(capsys)["runs"]]

    ask = ["generate", trained[:8], "--prompt", "hello", "--max-new-tokens", "20", "--seed", "1"]
    assert main([*ask, "--temperature", "0.8", "--top-k", "5", "--json"]) == 0
    first = last_json(capsys)
    assert first["prompt"] == "hello" and len(first["text"]) >= 20
    assert main([*ask, "--temperature", "0.8", "--top-k", "5", "--json"]) == 0
    assert last_json(capsys) == first

    assert main(["evaluate", trained, str(text_file), "--json"]) == 0
    result = last_json(capsys)
    assert result["bits_per_character"] == pytest.approx(result["loss"] / 0.6931, rel=1e-3)

    page = tmp_path / "attention.html"
    ask = ["inspect", trained, "--prompt", "hello <b>", "--layer", "0", "--head", "1"]
    assert main([*ask, "--output", str(page)]) == 0
    assert "layer 0, head 1" in page.read_text()


def test_a_run_travels_as_a_file(trained, tmp_path, capsys):
    file = tmp_path / "run.safetensors"
    assert main(["export", trained, "--output", str(file), "--snapshots", "3"]) == 0
    assert main(["import", str(file), "--json"]) == 0
    assert last_json(capsys)["run"] != trained


def test_the_demo_can_be_asked_before_anything_was_trained(capsys):
    assert main(["generate", "demo", "--prompt", "Nell ", "--max-new-tokens", "5", "--json"]) == 0
    assert len(last_json(capsys)["text"]) == 5


def test_unknown_characters_and_long_prompts_are_told(trained, capsys):
    assert main(["generate", trained, "--prompt", "hello € " * 5, "--max-new-tokens", "1"]) == 0
    notes = capsys.readouterr().err
    assert "5 of the characters were not in the training text" in notes
    assert "only the newest 16 are read" in notes


def test_bad_input_is_one_sentence_and_no_traceback(trained, text_file, tmp_path, capsys):
    empty, short, image = (tmp_path / name for name in ("empty.txt", "short.txt", "image.png"))
    empty.write_bytes(b"")
    short.write_text("h")
    image.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    foreign = tmp_path / "foreign.txt"
    foreign.write_bytes(("В старой деревне у реки жил мельник.\n" * 20).encode("cp1251"))
    refused = {
        ("train",): "FILE",
        ("train", str(tmp_path / "missing.txt")): "cannot be read",
        ("train", str(tmp_path)): "cannot be read",
        ("train", str(empty)): "empty",
        ("train", str(short)): "context of 128",
        ("train", str(image)): "picture (PNG), not text",
        ("train", str(foreign)): "looks like cp1251",
        ("train", str(foreign), "--encoding", "utf-8"): "not text in utf-8",
        ("train", str(text_file), "--corpus", "copy"): "either a text FILE or --corpus",
        ("train", "--corpus", "nope"): "no text 'nope' here",
        ("train", "--corpus", "copy", "--bits", "2"): "leave it out",
        ("train", "--corpus", "markov", "--bits", "9"): "choose between",
        ("train", str(text_file), "--vocab-size", "300"): "for --tokenizer bpe",
        ("train", str(text_file), "--tokenizer", "bpe", "--vocab-size", "9"): "from 260",
        ("tokenize", str(text_file), "--clean", "soap"): "no clean-up 'soap'",
        ("train", str(text_file), "--steps", "0"): "max_steps is 0",
        ("train", str(text_file), "--learning-rate", "-1"): "learning_rate is -1",
        ("train", str(text_file), "--n-embd", "10"): "multiple",
        ("train", str(text_file), "--block-size", "4000"): "at most",
        ("train", "--resume", trained): "finished",
        ("generate", "nope", "--prompt", "a"): "no run begins",
        ("generate", "", "--prompt", "a"): "no run begins",
        ("generate", trained, "--prompt", ""): "prompt is empty",
        ("generate", trained, "--prompt", "a", "--temperature", "-1"): "temperature is -1",
        ("generate", trained, "--prompt", "a", "--max-new-tokens", "0"): "max_new_tokens is 0",
        ("evaluate", trained, str(empty)): "empty",
        ("evaluate", trained, str(short)): "two tokens",
        ("inspect", trained, "--prompt", ""): "0 tokens",
        ("inspect", trained, "--prompt", "a", "--layer", "1"): "no layer 1",
        ("inspect", trained, "--prompt", "a", "--head", "-1"): "no head -1",
        ("import", str(image)): "not a run",
    }
    for words, reason in refused.items():
        capsys.readouterr()
        assert main(words) == 1, words
        err = capsys.readouterr().err
        assert re.fullmatch(r"error: [^\n]+\n", err), err
        assert reason in err, (words, err)


def test_every_command_has_help_with_an_example(capsys):
    commands = parser()._subparsers._group_actions[0].choices
    assert list(commands) == [
        "train",
        "ablate-recipe",
        "runs",
        "corpus",
        "tokenize",
        "generate",
        "evaluate",
        "inspect",
        "export",
        "import",
    ]
    for name, command in commands.items():
        text = " ".join(command.format_help().split())
        assert f"example: python -m minigpt {name}" in text
        assert all(action.help for action in command._actions), name


def test_a_recipe_is_taken_apart(text_file, capsys, monkeypatch):
    shape = {**PRESETS["modern"].shape, "block_size": 8, "n_layer": 1, "n_head": 1, "n_embd": 8}
    train = PRESETS["modern"].train.replace(max_steps=20, batch_size=4)
    monkeypatch.setattr(training, "PRESETS", {"speedrun": Preset("tiny", shape, train)})
    command = ["ablate-recipe", str(text_file), "--target", "2.4", "--seeds", "2", "--json"]
    assert main(command) == 0
    result = last_json(capsys)
    names = [row["recipe"] for row in result["recipes"]]
    assert names == ["the whole recipe", *(f"without {name}" for name in WITHOUT)]
    assert all(row["seconds"] is None or row["seconds"] > 0 for row in result["recipes"])
    assert result["recipes"][0]["steps"] >= 10
    train = train.replace(max_steps=1)
    monkeypatch.setattr(training, "PRESETS", {"speedrun": Preset("tiny", shape, train)})
    assert main([*command[:3], "-9", "--seeds", "1"]) == 0
    assert "did not reach -9 in eight times the steps" in capsys.readouterr().out


def test_a_text_too_short_for_the_recipe_is_refused(tmp_path, capsys):
    (tmp_path / "short.txt").write_text("shorter than one context")
    assert main(["ablate-recipe", str(tmp_path / "short.txt"), "--target", "2"]) == 1
    assert "bring more text" in capsys.readouterr().err


def test_a_finished_run_is_made_longer_with_its_rate_raised(trained, capsys):
    before = Store(home_folder()).run(trained)
    ask = ["train", "--resume", trained, "--longer", "10", "--restart-share", "0.4", "--json"]
    assert main(ask) == 0
    said = capsys.readouterr()
    assert "raised to 40% of its peak" in said.err
    assert json.loads(said.out.splitlines()[-1])["step"] == before.step + 10
    (restart,) = Store(home_folder()).run(trained).train.restarts
    assert (restart.start, restart.end, restart.share) == (before.step, before.step + 10, 0.4)


@pytest.mark.parametrize(
    "ask, said",
    [
        (["train", "--resume", "RUN", "--longer", "10", "--restart-share", "7"], "the most is 1"),
        (["train", "--resume", "RUN", "--longer", "10", "--restart-share", "nan"], "finite"),
        (["train", "--resume", "RUN", "--restart-share", "0.3"], "--longer"),
        (["train", "FILE", "--restart-share", "0.3"], "--longer"),
    ],
)
def test_a_rate_that_cannot_be_is_refused(trained, text_file, capsys, ask, said):
    ask = [{"RUN": trained, "FILE": str(text_file)}.get(word, word) for word in ask]
    assert main(ask) == 1
    assert said in capsys.readouterr().err
