"""What the command line tells: losses with what they are compared with, what to do next, and which
option was meant."""

import json
import os
import re
import stat
from pathlib import Path

import pytest

from minigpt.cli import main, parser, training
from minigpt.cli.options import _shown
from minigpt.recipes import DEFAULT_PRESET, PRESETS, Preset
from minigpt.store import Store
from minigpt.store import home as home_folder

SMALL = ["--block-size=16", "--n-layer=1", "--n-embd=16", "--n-head=2", "--eval-interval=10"]
TEXT = "hello world, hello moon, hello sun. " * 60


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINIGPT_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="module")
def text_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("texts") / "simple.txt"
    path.write_text(TEXT)
    return path


@pytest.fixture(scope="module")
def trained(text_file) -> str:
    words = ["train", str(text_file), "--preset=gpt2", "--steps=20", "--name=three skies", *SMALL]
    assert main(words) == 0
    return Store(home_folder()).runs()[0].id


def told(capsys, *words: str) -> tuple[str, str]:
    """What a command that works writes."""
    capsys.readouterr()
    assert main(words) == 0, capsys.readouterr().err
    return capsys.readouterr()


def refused(capsys, *words: str) -> str:
    """The one sentence of a command that does not."""
    capsys.readouterr()
    assert main(words) == 1, words
    return capsys.readouterr().err


def test_a_training_ends_with_its_losses_what_they_compare_with_a_sample_and_what_is_next(
    text_file, capsys
):
    out, _ = told(capsys, "train", str(text_file), "--steps", "20", *SMALL, "--json")
    result = json.loads(out.splitlines()[-1])
    assert f"loss: {result['val_loss']:.3f} nats per token on unseen text" in out
    assert f"{result['train_loss']:.3f} nats per token in training" in out
    for line in ("blind guessing", "unigram", "bigram", "trigram"):
        assert re.search(rf"to compare: .*{line}\)? \d\.\d{{3}}", out), line
    assert "sample at step 20:\n    " in out
    for command in ("generate", "inspect", "train --resume"):
        assert f"python -m minigpt {command} {result['run']}" in out
    assert f"--resume {result['run']} --longer 10" in out


def test_without_unseen_text_only_the_loss_in_training_is_told(text_file, capsys):
    words = ["train", str(text_file), "--steps", "2", *SMALL, "--val-fraction", "0"]
    out, _ = told(capsys, *words)
    assert re.search(r"^loss: \d\.\d{3} nats per token in training$", out, re.MULTILINE)
    assert "to compare: blind guessing" in out and "trigram" not in out


def test_runs_are_listed_under_a_header_with_their_loss_on_unseen_text(trained, capsys):
    out, _ = told(capsys, "runs", "--json")
    units, header, *_ = out.splitlines()
    assert "nats per token" in units and header.split() == [
        "run", "begun", "state", "step", "unseen", "training", "name",
    ]  # fmt: skip
    (row,) = (row for row in json.loads(out.splitlines()[-1])["runs"] if row["run"] == trained)
    line = next(line for line in out.splitlines() if line.startswith(trained[:12]))
    assert f"{row['val_loss']:.3f}" in line and f"{row['train_loss']:.3f}" in line
    assert header.index("name") == line.index("three skies")


def test_a_run_is_asked_by_its_name(trained, capsys):
    ask = ["--prompt", "hello", "--max-new-tokens", "3"]
    assert told(capsys, "generate", "three skies", *ask)[0].startswith("hello")
    assert "did you mean 'three skies'?" in refused(capsys, "generate", "three sky", *ask)


def test_a_finished_run_says_that_it_can_train_longer(trained, capsys):
    said = refused(capsys, "train", "--resume", trained)
    assert "is finished at step 20, and goes on only when trained longer" in said
    assert f"--resume {trained} --longer STEPS" in said


def test_a_run_that_found_its_text_again_is_told_what_it_lacks(trained, tmp_path, capsys):
    file = tmp_path / "run.safetensors"
    told(capsys, "export", trained, "--output", str(file))
    out, _ = told(capsys, "import", str(file), "--json")
    again = json.loads(out.splitlines()[-1])["run"]
    for more in ([], ["--longer", "5"]):
        said = refused(capsys, "train", "--resume", again, *more)
        assert "without what its optimizer knew, so it cannot train on" in said
        assert "its text" not in said


@pytest.mark.parametrize(
    "words, command, meant",
    [
        (["train", "FILE", "--stepz", "5"], "train", "--steps"),
        (["train", "FILE", "--stepz=5"], "train", "--steps"),
        (["generate", "RUN", "--promt", "a"], "generate", "--prompt"),
        (["export", "RUN", "--ouput", "x"], "export", "--output"),
        (["train", "FILE", "--nothing-like-it"], "train", None),
        (["runs", "more"], "runs", None),
    ],
)
def test_a_mistyped_option_names_the_help_of_its_command(
    trained, text_file, capsys, words, command, meant
):
    known = {"FILE": str(text_file), "RUN": trained}
    said = refused(capsys, *(known.get(word, word) for word in words))
    assert f"`python -m minigpt {command} --help`" in said
    assert (f"did you mean {meant}?" in said) if meant else "did you mean" not in said


def test_what_looks_like_an_option_may_be_a_text_and_a_beginning_is_enough(trained, capsys):
    out, _ = told(capsys, "generate", trained, "--prompt=--hello", "--max-new=2")
    assert out.startswith("--hello")


@pytest.mark.parametrize(
    "words, said",
    [
        (["train", "FILE", "--steps", "0"], "--steps is 0"),
        (["train", "FILE", "--n-embd", "10"], "--n-embd is 10 and --n-head is 4"),
        (["train", "FILE", "--steps", "200000"], "--steps is 200,000"),
        (["train", "FILE", "--accumulation-steps", "99"], "--accumulation-steps is 99 and --batch"),
        (["train", "--resume", "RUN", "--longer", "5", "--restart-share", "7"], "--restart-share"),
        (["train", "--resume", "RUN", "--longer", "999999"], "--longer is 999,999"),
        (["generate", "RUN", "--prompt", "a", "--top-p", "7"], "--top-p is 7"),
    ],
)
def test_a_setting_that_cannot_be_is_called_by_its_option(trained, text_file, capsys, words, said):
    known = {"FILE": str(text_file), "RUN": trained}
    assert said in refused(capsys, *(known.get(word, word) for word in words))


def test_the_help_of_every_option_has_its_default(capsys):
    for name, command in parser()._subparsers._group_actions[0].choices.items():
        for action in command._actions:
            usual = getattr(action, "usual", None) or action.default
            if usual not in (None, False, "==SUPPRESS=="):
                assert f"default: {usual}" in action.help, (name, action.dest)
    told_ = " ".join(parser()._subparsers._group_actions[0].choices["train"].format_help().split())
    preset = PRESETS[DEFAULT_PRESET]
    assert f"Defaults are those of --preset {DEFAULT_PRESET}" in told_
    for settings in (preset.model(100), preset.train):
        for name in set(vars(settings)) - {"vocab_size", "restarts"}:
            option = f"--{name.replace('_', '-')}"
            value = re.escape(_shown(getattr(settings, name)))
            assert re.search(rf"{option}\b[^\[]*?\(default: {value}\)", told_), option


def test_a_text_in_another_form_is_evaluated_with_the_clean_up_its_note_names(
    text_file, tmp_path, capsys
):
    one, several = tmp_path / "one.txt", tmp_path / "several.txt"
    one.write_text("für über Tür\n" * 60)
    several.write_text("fu\u0308r u\u0308ber Tu\u0308r\n" * 9)
    out, _ = told(capsys, "train", str(one), "--steps", "2", *SMALL, "--json")
    run = json.loads(out.splitlines()[-1])["run"]
    out, notes = told(capsys, "evaluate", run, str(several), "--json")
    assert "`--clean one-form`" in notes and "on Data" not in notes
    cleaned, notes = told(capsys, "evaluate", run, str(several), "--clean", "one-form", "--json")
    assert notes == ""
    assert json.loads(cleaned.splitlines()[-1])["loss"] < json.loads(out.splitlines()[-1])["loss"]


@pytest.mark.parametrize("characters", [2, 16, 17, 18, 40, 100])
def test_every_token_but_the_first_is_scored(trained, tmp_path, capsys, characters):
    import torch
    from torch.nn import functional as F

    from minigpt import tokenizers
    from minigpt.weights import load_model

    file = tmp_path / "text.txt"
    file.write_text(TEXT[:characters])
    out, _ = told(capsys, "evaluate", trained, str(file), "--json")
    result = json.loads(out.splitlines()[-1])
    assert result["tokens"] == characters - 1
    assert "all but the first; blind guessing gives" in out
    store = Store(home_folder())
    run = store.run(trained)
    model = load_model(store, run).eval()
    ids = torch.tensor(tokenizers.load(run.tokenizer).encode(TEXT[:characters]))
    losses = []
    for start in range(0, characters - 1, 16):  # one window after the other, by hand
        piece = ids[start : start + 17]
        with torch.no_grad():
            losses += F.cross_entropy(model(piece[None, :-1])[0], piece[1:], reduction="none")
    assert result["loss"] == pytest.approx(float(torch.stack(losses).mean()), rel=1e-4)


def test_a_file_that_is_there_is_kept_unless_told_otherwise(trained, tmp_path, capsys):
    page, file, folder = (tmp_path / name for name in ("page.html", "run.safetensors", "folder"))
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    asks = {
        page: ["inspect", trained, "--prompt", "hello", "--output", str(page)],
        file: ["export", trained, "--output", str(file)],
        folder / "config.json": [
            "export", "gpt", "--format", "huggingface", "--output", str(folder),
        ],
    }  # fmt: skip
    tied = ["train", "--corpus=copy", "--characters=2000", "--preset=gpt2", "--steps=1", *SMALL]
    told(capsys, *tied, "--name=gpt")
    page.write_text("mine")
    file.write_text("mine")
    for path, ask in asks.items():
        assert "is there already: name another --output, or give --force" in refused(capsys, *ask)
        assert not path.exists() or path.read_text() == "mine"
        told(capsys, *ask, "--force")
        assert path.stat().st_size > 100
    assert (folder / "mine.txt").read_text() == "mine"
    told(capsys, *asks[file][:3], "/dev/null")  # no file that could be lost


@pytest.mark.parametrize("mask, mode", [(0o022, 0o644), (0o027, 0o640)])
def test_every_written_file_is_as_open_as_any_other(
    trained, text_file, tmp_path, capsys, monkeypatch, mask, mode
):
    monkeypatch.chdir(tmp_path)
    before = os.umask(mask)
    try:
        for words in (
            ["export", trained],
            ["export", trained, "--format", "huggingface"],
            ["inspect", trained, "--prompt", "hello"],
        ):
            told(capsys, *words)
        monkeypatch.setenv("MINIGPT_HOME", str(tmp_path / "home"))
        told(capsys, "runs")
    finally:
        os.umask(before)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"model.safetensors", "attention.svg", "run.safetensors"} <= {p.name for p in files}
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in files} == {
        path.name: mode for path in files
    }


def test_the_levels_of_a_text_say_on_what_they_were_scored(tmp_path, capsys):
    twice = tmp_path / "twice.txt"
    twice.write_text(TEXT * 2)
    out, _ = told(capsys, "tokenize", str(twice), "--tokenizer", "bpe", "--vocab-size", "270")
    assert re.search(r"nine tenths, scored on the last: \d+ tokens of \d\.\d\d char", out)
    for special in ("<pad>", "<unk>", "<eos>"):
        assert f"{special} " in out
    short = tmp_path / "short.txt"
    short.write_text(TEXT[:900])
    out, _ = told(capsys, "tokenize", str(short), "--json")
    assert "too short to tell how far counting gets: its last tenth has 90 tokens" in out
    assert "trigram" not in out and "bits_per_character" not in out


def test_a_picture_explains_the_tokens_that_are_no_text(trained, tmp_path, capsys):
    ask = ["inspect", trained, "--prompt", "hello €", "--output", str(tmp_path / "page.html")]
    assert "<unk> stands for" in told(capsys, *ask)[0]


@pytest.fixture
def quick(monkeypatch) -> None:
    shape = {**PRESETS["modern"].shape, "block_size": 8, "n_layer": 1, "n_head": 1, "n_embd": 8}
    tiny = Preset("tiny", shape, PRESETS["modern"].train.replace(max_steps=4, batch_size=4))
    monkeypatch.setattr(training, "PRESETS", {"speedrun": tiny})


def test_the_shortest_training_that_was_tried_is_said_to_be_an_upper_bound(
    quick, text_file, capsys
):
    out, _ = told(capsys, "ablate-recipe", str(text_file), "--target", "9", "--json")
    rows = json.loads(out.splitlines()[-1])["recipes"]
    assert out.count(" at most      2 steps ") == len(rows) and all(row["at_most"] for row in rows)
    assert "from 2 to at most 31, until one ends at 9 nats" in out
    assert "Blind guessing gives" in out and "counting triples" in out


@pytest.mark.parametrize(
    "words, said",
    [
        (["FILE", "--target", "0"], "no training gets to a loss of 0"),
        (["FILE", "--target", "-1"], "no training gets to a loss of 0"),
        (["--corpus", "markov", "--bits", "3", "--target", "1.9"], "to a loss of 2.08"),
    ],
)
def test_a_target_that_nothing_reaches_is_refused_before_anything_is_trained(
    quick, text_file, capsys, words, said
):
    words = [str(text_file) if word == "FILE" else word for word in words]
    assert said in refused(capsys, "ablate-recipe", *words)
