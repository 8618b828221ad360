"""The command line as a shell runs it: encodings, pipes, signals."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from minigpt.cli import main
from minigpt.engine.supervisor import lock_path
from minigpt.store import EVERYONE, Store

ROOT = Path(__file__).resolve().parents[1]
TALES = str(ROOT / "assets" / "tales.txt")
TINY = [
    "--preset=speedrun", "--n-embd=16", "--n-layer=1", "--block-size=16", "--batch-size=8",
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINIGPT_HOME", str(folder))
        yield folder


def started(*arguments: str, stdout: object = subprocess.PIPE, **environment: str):
    return subprocess.Popen(
        [sys.executable, "-m", "minigpt", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=stdout,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_output_in_any_encoding_ends_in_no_traceback(encoding, tmp_path):
    (tmp_path / "caf\udce9 ς.txt").write_text("wörter · слова € \n" * 40)
    ask = ["tokenize", os.fsencode(tmp_path / "caf\udce9 ς.txt"), "--tokenizer", "bpe", "--json"]
    process = started(*ask, PYTHONIOENCODING=encoding)
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, b"")
    assert out.decode(encoding).splitlines()[-1].startswith('{"vocab_size"')
    missing = [*ask[:1], os.fsencode(tmp_path / "caf\udce9.txt")]
    process = started(*missing, PYTHONIOENCODING=encoding)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.startswith(b"error: ") and errors.count(b"\n") == 1 and b"caf\\udce9" in errors


@pytest.mark.parametrize("ask", ["corpus", "nonsense", "--help"])
def test_a_pipe_that_nobody_reads_ends_quietly(ask):
    """As `head` leaves one; of help, which Python prints, the status is its own."""
    reader, writer = os.pipe()
    os.close(reader)
    process = started(ask, stdout=writer)
    os.close(writer)
    _, errors = process.communicate(timeout=60)
    if ask == "nonsense":
        assert errors.startswith(b"error: ") and process.returncode == 1
    else:
        assert errors == b"" and process.returncode == (0 if ask == "--help" else 141)


def test_two_pipes_that_nobody_reads_end_quietly_too():
    shell = f"'{sys.executable}' -m minigpt nonsense 2>&1 | true; exit ${{PIPESTATUS[0]}}"
    assert subprocess.run(["bash", "-c", shell], cwd=ROOT).returncode == 141


def test_a_full_disk_behind_the_output_is_told():
    with open("/dev/full", "w") as full:
        process = started("corpus", stdout=full)
        assert b"error: the output cannot be written: No space" in process.stderr.read()
        assert process.wait(timeout=60) == 1


def test_closed_streams_do_no_harm():
    shell = f"'{sys.executable}' -m minigpt corpus --json >&- 2>&-"
    assert subprocess.run(shell, shell=True, cwd=ROOT).returncode == 0


def test_ctrl_c_while_it_writes_leaves_what_was_written():
    process = started("generate", "demo", "--prompt", "Nell ", "--max-new-tokens", "10000")
    beginning = process.stdout.read(40)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, b"stopped\n")
    assert (beginning + out).startswith(b"Nell ") and out.endswith(b"\n")


@pytest.mark.parametrize("ask", [["ablate-recipe", TALES, "--target", "0.01"]], ids=["ablate"])
@pytest.mark.parametrize("seconds", [1.5, 6.0])
def test_a_signal_ends_any_command_in_one_line(ask, seconds):
    process = started(*ask)
    time.sleep(seconds)  # while it loads, or while it trains
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (143, b"stopped\n")


@pytest.mark.parametrize("ask", ["runs", "corpus", "tokenize", "generate", "import", "export"])
def test_ctrl_c_in_every_command_is_one_line(ask, monkeypatch, capsys):
    def interrupted(folder: Path) -> Store:
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("the signal came before")

    monkeypatch.setattr("minigpt.cli.Store", interrupted)
    more = {"tokenize": [TALES], "generate": ["demo", "--prompt", "a"], "import": ["x"]}
    assert main([ask, *more.get(ask, ["demo"] if ask == "export" else [])]) == 130
    assert capsys.readouterr().err == "stopped\n"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler, "as it was before"


def test_a_run_whose_command_is_told_to_end_or_killed_does_not_stand_as_running(home, capsys):
    process = started("train", TALES, *TINY, "--steps", "100000")
    run = _once_it_trains(home, 0)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    process.send_signal(signal.SIGTERM)  # as `timeout` does; it is told once all the same
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 143, errors
    assert f"go on with: python -m minigpt train --resume {run.id}" in out.decode()
    store = Store(home)
    ended = store.run(run.id)
    assert (ended.state, ended.wish) == ("paused", "paused")
    assert store.checkpoint_step(run.id) == ended.step > 0

    process = started("train", "--resume", run.id)
    _once_it_trains(home, ended.step)
    process.kill()
    process.communicate()
    _once_nobody_serves(home)
    assert main(["runs"]) == 0
    said = capsys.readouterr()
    assert " queued " in next(line for line in said.out.splitlines() if run.id[:12] in line)
    assert "nothing trains now" in said.err
    again = store.run(run.id)
    assert again.step > ended.step and store.checkpoint_step(run.id) == again.step

    store.wish(run.id, "paused")  # as a page may, or a command that was told to end twice
    assert main(["runs"]) == 0
    assert store.run(run.id).state == "paused"
    assert "nothing trains" not in capsys.readouterr().err
    store.close()


def _once_it_trains(home: Path, beyond: int):
    store, end = Store(home), time.monotonic() + 90
    try:
        while time.monotonic() < end:
            runs = [run for run in store.runs(EVERYONE) if not run.id.startswith("demo")]
            if runs and runs[0].state == "running" and runs[0].step > beyond:
                return runs[0]
            time.sleep(0.1)
    finally:
        store.close()
    raise AssertionError("it did not begin to train")


def _once_nobody_serves(home: Path) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            with FileLock(lock_path(home)).acquire(timeout=0):
                return
        except Timeout:
            time.sleep(0.1)
    raise AssertionError("the worker stays though its parent is gone")
