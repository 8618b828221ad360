"""What the README and the docstrings show is what happens."""

import doctest
import json
import os
import re
import runpy
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import minigpt
from minigpt import generation
from minigpt.cli import main, options, terminal
from minigpt.corpus import cleaning, library, overlap
from minigpt.engine.supervisor import Supervisor
from minigpt.interpret import windows
from minigpt.limits import Limits
from minigpt.recipes import PRESETS, ingredients
from minigpt.store import Store, home
from minigpt.tokenizers import bpe, char, visible

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
MEASURED = (ROOT / "tests" / "benchmarks" / "README.md").read_text()

COMMANDS = re.findall(r"^(.*-m minigpt .+)$", README.replace("\\\n", " "), re.MULTILINE)
SMALL = [
    "--steps",
    "2",
    "--block-size",
    "16",
    "--n-layer",
    "1",
    "--batch-size",
    "2",
    "--eval-batches",
    "1",
]


@pytest.fixture
def reader(tmp_path, monkeypatch) -> Path:
    """Somebody who has the files that the README speaks of, and a small machine."""
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    novel = "hello, said the sea. once upon a time there was a harbour, and nobody came.\n"
    for name in ("novel.txt", "other.txt", "tinyshakespeare.txt"):
        Path(name).write_text(novel * 20)
    Path("letters.txt").write_bytes(
        ("В старой деревне у реки жил мельник.\n" * 20).encode("cp1251")
    )
    Path("assets").mkdir()
    Path("assets/tales.txt").write_text(novel * 20)
    quick = {
        name: replace(preset, train=preset.train.replace(max_steps=2, batch_size=2))
        for name, preset in PRESETS.items()
    }
    monkeypatch.setattr("minigpt.cli.training.PRESETS", quick)
    return tmp_path


def test_every_command_in_the_readme_runs(reader, capsys):
    """Each as it stands there, one after the other, only with fewer steps of smaller models."""
    commands = [shlex.split(line) for line in COMMANDS if line.startswith("python -m minigpt")]
    assert len(commands) >= 19 and len(COMMANDS) == len(commands) + 1  # the one under torchrun
    store = Store(home())
    with Supervisor(store.folder):  # one worker for all of them takes seconds once
        for _, _, _, *words in commands:
            runs = [run for run in store.runs() if not run.bundled]
            ours = [run for run in runs if "huggingface" not in words or "gpt2" in run.name]
            words = [ours[-1].id if word == "RUN" else word for word in words]
            if words[0] == "train":
                words += ["--longer", "2"] if "--resume" in words else SMALL
            if words[0] == "ablate-recipe":
                words += ["--target", "9"]
            assert main([*words, "--json"]) == 0, (words, capsys.readouterr().err)
            json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {"run.safetensors", "folder", "attention.svg"} <= {p.name for p in reader.iterdir()}
    assert all(run.state == "finished" for run in store.runs())
    store.close()


def test_the_command_under_torchrun_runs(reader):
    (command,) = (shlex.split(line) for line in COMMANDS if line.startswith("torchrun"))
    launcher = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
    ]  # on a port of its own
    done = subprocess.run(
        [*launcher, *command[1:], *SMALL, "--n-embd", "48", "--json"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert '"state": "finished"' in done.stdout


@pytest.mark.parametrize(
    "command",
    sorted(set(re.findall(r"`python -m (tests\.[^`]+)`", MEASURED))),
    ids=lambda c: c[6:50],
)
def test_every_benchmark_and_campaign_that_is_named_is_understood(command, monkeypatch, capsys):
    """They take minutes: each is asked for its help behind the arguments it is shown with."""
    module, *arguments = command.split()
    monkeypatch.setattr(sys, "argv", [module, *arguments, "--help"])
    with pytest.raises(SystemExit) as end:
        runpy.run_module(module, run_name="__main__", alter_sys=False)
    assert end.value.code == 0, capsys.readouterr().err


def test_the_package_examples_run(monkeypatch, tmp_path, capsys):
    trains, loads, looks, removes, walks = re.findall(r"```python\n(.+?)```", README, re.DOTALL)
    monkeypatch.chdir(ROOT)
    exec(trains.replace("max_steps=200", "max_steps=2"), {})
    out = capsys.readouterr().out
    assert "The " in out and "torch.Size([4, 4, 7, 7])\n" in out
    assert re.search(r"^3 3 unclear \S+\n\Z", out, re.MULTILINE)
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path))
    assert main(["runs"]) == 0  # which brings the demo into the store
    capsys.readouterr()
    exec(loads, names := {})
    assert re.fullmatch(r"The .{40,}", capsys.readouterr().out, re.DOTALL)
    exec(looks, names)
    parts, logit = names["parts"].amounts, names["parts"].logit
    assert sum(parts) == pytest.approx(logit, abs=1e-4)
    assert f"{logit}\n" in capsys.readouterr().out
    exec(removes, names)
    assert len(names["found"].parts) == 15 and "all of layer 2 " in capsys.readouterr().out
    exec(walks, names)
    out = capsys.readouterr().out
    assert "vowels" in out and names["numbers"].probs.sum() == pytest.approx(1, abs=1e-5)


def test_the_readme_names_every_preset_and_limit():
    for name, preset in PRESETS.items():
        assert f"`{name}`" in README
        assert f"{preset.model(vocab_size=100).num_parameters():,}" in README
    for name in vars(Limits()):
        assert f"MINIGPT_{name.upper()}" in README


def test_every_file_and_picture_the_readme_names_is_there():
    for folder, text in ((ROOT, README), (ROOT / "tests" / "benchmarks", MEASURED)):
        for target in re.findall(r"\]\((?!http)([^)]+)\)", text):
            assert (folder / target).exists(), target
    tree = README.split("```\napp.py")[1].split("```")[0]
    for name in re.findall(r"^  ([\w/]+(?:\.py)?) ", tree, re.MULTILINE):
        assert (ROOT / "minigpt" / name).exists(), name


def test_the_examples_in_docstrings_hold():
    ours = (bpe, char, cleaning, generation, ingredients, library, minigpt, options, terminal)
    for module in (*ours, overlap, visible, windows):
        assert doctest.testmod(module).failed == 0
