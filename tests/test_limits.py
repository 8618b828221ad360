"""The settings of an installation are looked at before anything begins."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from minigpt import cli, host
from minigpt.config import InputError
from minigpt.limits import Limits
from minigpt.recipes import PRESETS

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


HUGE = 2**63 - 4096  # what version 1 says where nothing is limited
GROUPS = {
    "version 2, nested": (
        "0::/app/worker\n",
        "30 1 0:26 / /sys/fs/cgroup rw,relatime shared:4 - cgroup2 cgroup2 rw\n",
        {"app/worker/memory.max": "max\n", "app/memory.max": "1000000000\n"},
        1_000_000_000,
    ),
    "version 2, the narrower of two": (
        "0::/app/worker\n",
        "30 1 0:26 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw\n",
        {"app/worker/memory.max": "700000000\n", "app/memory.max": "1000000000\n"},
        700_000_000,
    ),
    "version 2, in a container": (
        "0::/docker/4f2a\n",  # as the host calls it
        "30 1 0:26 /docker/4f2a /sys/fs/cgroup ro - cgroup2 cgroup rw,nsdelegate\n",
        {"memory.max": "1000000000\n"},
        1_000_000_000,
    ),
    "version 2, in a container that sees only itself": (
        "0::/\n",
        "30 1 0:26 /../../4f2a /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
        {"memory.max": "1000000000\n"},
        1_000_000_000,
    ),
    "version 1, nested": (
        "9:name=systemd:/\n4:cpu,memory:/jobs/one\n0::/\n",
        "34 31 0:31 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,memory\n"
        "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
        {"cpu/jobs/one/memory.limit_in_bytes": f"{HUGE}\n",
         "cpu/jobs/memory.limit_in_bytes": "1000000000\n",
         "cpu/memory.limit_in_bytes": f"{HUGE}\n"},
        1_000_000_000,
    ),
    "version 1, unlimited": (
        "4:memory:/\n",
        "34 31 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
        {"memory/memory.limit_in_bytes": f"{HUGE}\n"},
        None,
    ),
    "version 2, unlimited": (
        "0::/\n",
        "30 1 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
        {"memory.max": "max\n"},
        None,
    ),
    "no groups": ("", "", {}, None),
}  # fmt: skip


@pytest.mark.parametrize("name", GROUPS)
def test_the_memory_of_a_host_is_what_its_control_groups_allow(name, tmp_path):
    group, mounts, files, allowed = GROUPS[name]
    written = {"proc/self/cgroup": group, "proc/self/mountinfo": mounts}
    written |= {f"sys/fs/cgroup/{path}": text for path, text in files.items()}
    for path, text in written.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert host.memory_bytes(tmp_path) == (allowed or machine)


def test_a_host_of_1_gb_gets_limits_that_fit_it():
    small = Limits.from_environment({"MINIGPT_MEMORY_MB": "1000"})
    assert small.max_running_mb == 250
    assert (small.max_text_mb, small.max_import_mb, small.max_work_mb) == (10, 50, 250)
    assert small.max_look_mb == 100
    for name, preset in PRESETS.items():
        if name != "baby":  # made for a graphics card
            small.check_memory(preset.model(100), preset.train)
    with pytest.raises(InputError, match="MB of memory, this installation has 250 MB for runs"):
        small.check_memory(PRESETS["baby"].model(100), PRESETS["baby"].train)


def test_each_limit_can_still_be_set_where_memory_is_small():
    limits = Limits.from_environment({"MINIGPT_MEMORY_MB": "1000", "MINIGPT_MAX_RUNNING_MB": "900"})
    assert (limits.memory_mb, limits.max_running_mb, limits.max_text_mb) == (1_000, 900, 10)


def test_plenty_of_memory_raises_no_limit_but_that_of_runs():
    plenty = Limits.of_host(64_000)
    assert plenty == replace(Limits(), memory_mb=64_000, max_running_mb=31_750)
    assert Limits.of_host(8_000) == Limits()
