"""What the README and the docstrings show is what happens."""

import doctest
import re
import shlex
from pathlib import Path

import minigpt
from minigpt import ingredients
from minigpt.cli import parser
from minigpt.config import PRESETS
from minigpt.corpus import cleaning, library
from minigpt.limits import Limits
from minigpt.plots import theme
from minigpt.tokenizers import bpe, char

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()


def test_every_command_in_the_readme_is_understood():
    commands = re.findall(r"^python -m minigpt (.+)$", README.replace("\\\n", " "), re.MULTILINE)
    assert len(commands) >= 9
    for command in commands:
        parser().parse_args(shlex.split(command))


def test_the_package_example_runs(monkeypatch, capsys):
    (code,) = re.findall(r"```python\n(.+?)```", README, re.DOTALL)
    monkeypatch.chdir(ROOT)
    exec(code.replace("max_steps=200", "max_steps=2"), {})
    out = capsys.readouterr().out
    assert "The " in out and out.endswith("torch.Size([4, 4, 7, 7])\n")


def test_the_readme_names_every_preset_and_limit():
    for name, preset in PRESETS.items():
        assert f"`{name}`" in README
        assert f"{preset.model(vocab_size=100).num_parameters():,}" in README
    for name in vars(Limits()):
        assert f"MINIGPT_{name.upper()}" in README


def test_every_file_and_picture_the_readme_names_is_there():
    for target in re.findall(r"\]\((?!http)([^)]+)\)", README):
        assert (ROOT / target).exists(), target
    tree = README.split("```\napp.py")[1].split("```")[0]
    for name in re.findall(r"^  ([\w/]+(?:\.py)?) ", tree, re.MULTILINE):
        assert (ROOT / "minigpt" / name).exists(), name


def test_the_examples_in_docstrings_hold():
    for module in (minigpt, char, bpe, cleaning, ingredients, library, theme):
        assert doctest.testmod(module).failed == 0
