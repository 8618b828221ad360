"""What a person reads of a setting is its name where they are: the field's label on a page, the
option of a command."""

import ast
import re
from dataclasses import fields
from pathlib import Path

import pytest

from minigpt.config import GPTConfig, SampleConfig, SettingError, TrainConfig
from minigpt.engine import worker
from minigpt.limits import Limits
from minigpt.ui.glossary import NAMES as LABELS

ROOT = Path(__file__).resolve().parents[1]
NAMES = {f.name for config in (GPTConfig, TrainConfig, SampleConfig) for f in fields(config)}
RAW = re.compile(rf"(?<![\w{{.\-])({'|'.join(name for name in NAMES if '_' in name)})(?![\w(}}])")
SOURCES = sorted((ROOT / "minigpt").rglob("*.py"))


def words(tree: ast.AST) -> list[str]:
    """All words of a module that are no docstrings and no code's own names."""
    docs = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs
        if " " in node.value.strip()
    ]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_words_name_a_setting_as_the_code_does(path):
    told = words(ast.parse(path.read_text()))
    assert [text for text in told if RAW.search(text) and "SELECT" not in text] == []


def test_why_a_run_cannot_go_on_names_its_settings_as_its_reader_knows_them(fresh_store, small_run):
    run = fresh_store.run(small_run)
    large = fresh_store.create_run(
        "me", "large", run.text_id, run.tokenizer, run.model.replace(block_size=1_024),
        run.train.replace(batch_size=1_024),
    )  # fmt: skip
    fresh_store.wish(small_run, "stopped")
    worker.Worker(fresh_store, Limits(max_running_mb=250)).turn()
    reason = SettingError(fresh_store.run(large).reason)
    on_page = reason.called(LABELS)
    assert on_page.startswith("Batch size is 1,024 and Context is 1,024: training this model")
    assert not RAW.search(on_page) and RAW.search(str(reason))
