import ast
import json
import re
import sqlite3
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from minigpt import cli
from minigpt.cli import main, parser, training
from minigpt.cli.options import given
from minigpt.config import GPTConfig, SampleConfig, TrainConfig
from minigpt.limits import Limits
from minigpt.recipes import PRESETS, WITHOUT, Preset
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
    assert out[-2] == f"train longer: python -m minigpt train --resume {result['run']} --longer 10"
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

    ask = ["inspect", trained, "--prompt", "hello <b>", "--layer", "0", "--head", "1"]
    for name in ("attention.svg", "attention.html", "attention.csv"):
        file = tmp_path / name
        assert main([*ask, "--output", str(file)]) == 0
        assert file.suffix == ".csv" or "layer 0, head 1</text>" in file.read_text()
    numbers = pd.read_csv(file, index_col=0)
    assert list(numbers.index) == list(numbers.columns) and numbers.index[2] == "3 l"
    np.testing.assert_allclose(numbers.sum(axis=1), 1, atol=1e-4)


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
    assert "the training text has no € – there, in 5 places" in notes
    assert "only the newest 16 are read" in notes


NUMBERS = {
    ("--characters", "1000000000000"): "takes at most 20 million",
    ("--characters", "0"): "the least is 1",
    ("--characters", "-4"): "the least is 1",
    ("--characters", "many"): "many is no whole number",
    ("--characters", "9" * 6_000): "no whole number",
    ("--world-seed", "-1"): "the least is 0",
    ("--world-seed", "4294967296"): "from 0 to",
    ("--vocab-size", "0", "--tokenizer", "bpe"): "vocabulary of 0 tokens",
    ("--steps", "1e3"): "1e3 is no whole number",
    ("--dropout", "nan"): "finite",
    ("--dropout", "much"): "no number",
}


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
        ("train", str(text_file), "--steps", "0"): "--steps is 0",
        ("train", str(text_file), "--learning-rate", "-1"): "--learning-rate is -1",
        ("train", str(text_file), "--n-embd", "10"): "multiple",
        ("train", str(text_file), "--block-size", "4000"): "at most",
        ("train", "--resume", trained): "--longer STEPS",
        ("generate", "nope", "--prompt", "a"): "no run begins",
        ("generate", "", "--prompt", "a"): "no run begins",
        ("generate", trained, "--prompt", ""): "prompt is empty",
        ("generate", trained, "--prompt", "a", "--temperature", "-1"): "--temperature is -1",
        ("generate", trained, "--prompt", "a", "--max-new-tokens", "0"): "--max-new-tokens is 0",
        ("inspect", trained, "--prompt", "a", "--output", "a.pdf"): "end --output in .svg",
        ("evaluate", trained, str(empty)): "empty",
        ("evaluate", trained, str(short)): "two tokens",
        ("inspect", trained, "--prompt", ""): "0 tokens",
        ("inspect", trained, "--prompt", "a", "--layer", "1"): "no layer 1",
        ("inspect", trained, "--prompt", "a", "--head", "-1"): "no head -1",
        ("import", str(image)): "not a run",
        ("train", str(text_file), "--nonsense"): "--nonsense",
        ("nonsense",): "invalid choice: 'nonsense'",
        (): "COMMAND",
    } | {("train", "--corpus", "copy", *words): reason for words, reason in NUMBERS.items()}
    refused |= {
        ("tokenize", str(text_file), "--tokenizer", "bpe", "--merges", "-1"): "the least is 0",
        ("tokenize", str(text_file), "--show", "-1"): "the least is 0",
        ("ablate-recipe", str(text_file), "--target", "nan"): "finite",
        ("ablate-recipe", str(text_file), "--target", "2", "--seeds", "0"): "the least is 1",
        ("ablate-recipe", str(text_file), "--target", "2", "--seeds", "1" * 99): "the most is 100",
        ("export", trained, "--snapshots", "-1"): "the least is 2",
        ("inspect", trained, "--prompt", "a", "--layer", "1" * 99): "no layer 1",
        ("train", "--resume", trained, "--longer", "0"): "the least is 1",
        ("train", "--resume", trained, "--longer", "9" * 30): "choose at most 99,980",
        ("train", "--resume", ""): "no run begins",
        ("train", str(text_file), "--name", ""): "has 0 characters",
        ("train", str(text_file), "--name", "n" * 81): "has 81 characters",
    }
    for words, reason in refused.items():
        capsys.readouterr()
        assert main(words) == 1, words
        err = capsys.readouterr().err
        assert re.fullmatch(r"error: [^\n]+\n", err), err
        assert reason in err, (words, err)


MISPLACED = [
    (["train", "FILE", "--longer", "5"], "--longer is for --resume RUN"),
    (["train", "FILE", "--bits", "2"], "--bits is for the world markov"),
    (["train", "FILE", "--world-seed", "2"], "--world-seed is for --corpus and a world"),
    (["tokenize", "FILE", "--characters", "200000"], "--characters is for --corpus and a world"),
    (["train", "--corpus", "tales", "--characters", "9"], "--characters is for --corpus and a"),
    (["train", "--corpus", "copy", "--encoding", "utf-8"], "--encoding is for a text FILE"),
    (["tokenize", "FILE", "--merges", "10"], "--merges is for --tokenizer bpe"),
    (["ablate-recipe", "FILE", "--target", "2", "--vocab-size", "300"], "is for --tokenizer bpe"),
    (["train", "FILE", "--preset", "gpt2", "--cooldown", "0.5"], "is for --schedule trapezoid"),
    (["train", "FILE", "--optimizer", "adamw", "--muon-learning-rate", "0.1"], "optimizer muon"),
    (["train", "FILE", "--no-qk-norm", "--qk-gain", "8"], "--qk-gain is for --qk-norm"),
    (["train", "FILE", "--preset", "gpt2", "--qk-gain", "8"], "--qk-gain is for --qk-norm"),
    (["export", "RUN", "--format", "huggingface", "--snapshots", "3"], "is for --format minigpt"),
]
BESIDE_RESUME = [
    ["FILE"], ["--corpus", "tales"], ["--clean", "line-ends"], ["--tokenizer", "char"],
    ["--preset", "modern"], ["--name", "x"], ["--steps", "5"], ["--no-bias"], ["--dropout", "0"],
]  # fmt: skip


@pytest.mark.parametrize(
    "words, said",
    MISPLACED + [(["train", "--resume", "RUN", *more], f"{more[0]} is") for more in BESIDE_RESUME],
)
def test_an_option_without_a_meaning_is_refused_also_at_its_usual_value(
    trained, text_file, capsys, words, said
):
    before = Store(home_folder()).run(trained)
    assert main([{"RUN": trained, "FILE": str(text_file)}.get(word, word) for word in words]) == 1
    assert said in capsys.readouterr().err
    assert Store(home_folder()).run(trained) == before


def test_no_option_is_taken_for_a_setting_that_has_its_name():
    for command in parser()._subparsers._group_actions[0].choices.values():
        dests = [action.dest for action in command._actions]
        assert len(dests) == len(set(dests))
        # The settings of a config keep to themselves, whatever else an option may be called.
        for config in (GPTConfig, TrainConfig, SampleConfig):
            assert given(Namespace(**dict.fromkeys(dests, 1)), config).keys() <= {
                dest.removeprefix(f"{config.__name__}.") for dest in dests if "." in dest
            }


def test_control_characters_of_a_name_do_not_reach_the_terminal(text_file, tmp_path, capsys):
    """Colours, a cursor that goes up, the title of the window, a line turned around, half a
    character; also of a run whose name was kept as it was by a minigpt of before."""
    name = "\x1b[31mred\x1b]0;title\x07\x9b1A \u202eabc caf\udce9"
    file = tmp_path / f"{name}.txt"
    file.write_text(text_file.read_text())
    said = []
    for more in (["--name", name], []):
        assert main(["train", str(file), "--steps", "1", *SMALL, *more, "--json"]) == 0
        said += capsys.readouterr()
    with sqlite3.connect(home_folder() / "store.sqlite") as before:
        before.execute("UPDATE runs SET name = ? WHERE id NOT LIKE 'demo%'", [name[:-1] + "\n"])
    assert main(["runs", "--json"]) == 0
    listed = capsys.readouterr().out
    for out in (*said, listed):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\ud800-\udfff]", out)
    assert "\\x1b[31mred" in listed and "abc caf\\n" in listed
    newest = json.loads(listed.splitlines()[-1])["runs"][0]
    assert newest["name"] == name[:-1] + "\n", "for machines as it is"


@pytest.mark.parametrize("terminal", [True, False])
def test_what_a_model_writes_acts_on_no_terminal_and_reaches_a_file_as_it_is(
    trained, capsys, monkeypatch, terminal
):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    prompt = "a\tb\n\x1b[2J\u202e"
    assert main(["generate", trained, "--prompt", prompt, "--max-new-tokens", "1"]) == 0
    shown = "a\tb\n\\x1b[2J\\u202e" if terminal else prompt
    assert capsys.readouterr().out.startswith(shown)


def test_an_empty_variable_counts_as_unset(monkeypatch):
    monkeypatch.setenv("MINIGPT_HOME", "")
    assert home_folder() == Path(".minigpt")
    empty = {"MINIGPT_MAX_STEPS": "", "MINIGPT_THREADS": ""}
    assert Limits.from_environment(empty) == Limits.from_environment({})


def test_all_that_is_written_goes_through_one_place():
    """Where what would act on a terminal is made harmless: nothing else prints."""
    for path in sorted(Path(cli.__file__).parent.glob("*.py")):
        calls = [
            node.func for node in ast.walk(ast.parse(path.read_text())) if hasattr(node, "func")
        ]
        prints = [call for call in calls if isinstance(call, ast.Name) and call.id == "print"]
        assert not prints or path.name == "terminal.py", path


def test_a_file_that_never_ends_is_refused(trained, monkeypatch, capsys):
    monkeypatch.setenv("MINIGPT_MAX_TEXT_MB", "1")
    monkeypatch.setenv("MINIGPT_MAX_IMPORT_MB", "1")
    for ask in (["train"], ["tokenize"], ["evaluate", trained], ["trace", trained], ["import"]):
        assert main([*ask, "/dev/zero"]) == 1
        assert re.search("zero has more than 4 MB|imports at most 1:", capsys.readouterr().err)


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
        "trace",
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
    assert main([*command[:3], "0.001", "--seeds", "1"]) == 0
    assert "did not reach 0.001 in 8 steps" in capsys.readouterr().out


def test_a_text_too_short_for_the_recipe_is_refused(tmp_path, capsys):
    (tmp_path / "short.txt").write_text("shorter than one context")
    assert main(["ablate-recipe", str(tmp_path / "short.txt"), "--target", "2"]) == 1
    assert "bring more text" in capsys.readouterr().err


def test_a_finished_run_is_made_longer_with_its_rate_raised(trained, capsys):
    before = Store(home_folder()).run(trained)
    ask = ["train", "--resume", trained, "--longer", "10", "--restart-share", "0.4", "--json"]
    assert main(ask) == 0
    said = capsys.readouterr()
    assert "raised to 40 % of its peak" in said.err
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
