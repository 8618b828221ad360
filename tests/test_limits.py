"""The settings of an installation are looked at before anything begins."""

import os
import subprocess
import sys

import pytest

from minigpt import cli
from minigpt.config import InputError
from minigpt.limits import Limits

WRONG = [
    ("MINIGPT_THREADS", "abc", "a whole number from 0 to 1,024"),
    ("MINIGPT_THREADS", "1000000", "a whole number from 0 to 1,024"),
    ("MINIGPT_THREADS", "-1", "a whole number from 0 to 1,024"),
    ("MINIGPT_COMPILE", "yes", "a whole number from 0 to 1"),
    ("MINIGPT_MAX_STEPS", "0", "a whole number from 1"),
    ("MINIGPT_MAX_STEPS", "1e5", "a whole number from 1"),
    ("MINIGPT_MAX_DISK_MB", "9" * 5_000, "a whole number from 1"),
    ("MINIGPT_MAX_AGE_DAYS", "ten", "a whole number from 1"),
    ("MINIGPT_WORKSPACE", "two\nlines", "a name of up to 80 characters"),
    ("MINIGPT_WORKSPACE", "x" * 81, "a name of up to 80 characters"),
    ("MINIGPT_WORKSPACE", "caf\udce9", "a name of up to 80 characters"),
]


@pytest.mark.parametrize(("name", "value", "allowed"), WRONG, ids=lambda part: part[:20])
def test_a_wrong_setting_is_told_with_its_name_its_value_and_what_is_allowed(name, value, allowed):
    with pytest.raises(InputError) as told:
        Limits.from_environment({name: value})
    assert str(told.value).startswith(f"{name} is {value[:40]!r}: it has to be {allowed}")


def test_whole_numbers_and_names_are_taken():
    limits = Limits.from_environment(
        {"MINIGPT_THREADS": " 2 ", "MINIGPT_MAX_STEPS": "7", "MINIGPT_WORKSPACE": "Klasse 7b"}
    )
    assert (limits.threads, limits.max_steps) == (2, 7)


def test_the_command_line_tells_a_wrong_setting_before_it_begins(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MINIGPT_THREADS", "abc")
    assert cli.main(["runs"]) == 1
    assert "error: MINIGPT_THREADS is 'abc'" in capsys.readouterr().err
    assert not (tmp_path / "home").exists()


def test_a_worker_ends_with_that_sentence_alone(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-m", "minigpt.engine.worker"],
        env={**os.environ, "MINIGPT_HOME": str(tmp_path), "MINIGPT_THREADS": "abc"},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ended.returncode == 1
    assert ended.stderr.startswith("MINIGPT_THREADS is 'abc'") and ended.stderr.count("\n") == 1
