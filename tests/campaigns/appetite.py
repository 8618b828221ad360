"""What the largest inputs that are allowed cost: seconds, and megabytes of server and child.

    python -m tests.campaigns.appetite --scale 1 --memory 1000

Each case is a process of its own, which does what the pages do and may allocate no more than
`--memory` MB, as on a small host; its child has its own limit. An input is taken, or refused in a
sentence; the server goes on. `--scale` shortens the texts, `--cases` takes those whose names begin
so.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import numpy as np

from tests.campaigns.peak import megabytes

ROOT = Path(__file__).resolve().parents[2]
MB = 1_000_000
LARGEST = 20 * MB  # characters of the largest text, bytes of the largest upload
UPLOADS = 30  # that nobody takes


@dataclass
class Outcome:
    """What became of a case."""

    case: str
    said: str  # the sentence of a refusal; empty where it was done
    seconds: float
    server_mb: int  # by which the server grew at most
    left_mb: int  # by which it is larger afterwards
    child_mb: int  # of the child in all, at most


def letters(n: int) -> str:
    """Without spaces: every piece is a new one."""
    return _rng().integers(97, 123, n, dtype=np.uint8).tobytes().decode()


def words(n: int) -> str:
    """Words as frequent as in a language, and lines of a dozen of them."""
    rng = _rng()
    known = [
        bytes(rng.integers(97, 123, rng.integers(2, 12), dtype=np.uint8)).decode()
        for _ in range(200_000)
    ]
    drawn = (rng.zipf(1.2, n // 5) % len(known)).tolist()
    return " ".join(known[word] + ("\n" if i % 12 == 0 else "") for i, word in enumerate(drawn))[:n]


def chinese(n: int) -> str:
    """8,000 different characters by chance: hardly any three stand together twice."""
    return _rng().integers(0x4E00, 0x4E00 + 8_000, n).astype("<u4").tobytes().decode("utf-32-le")


def _rng() -> np.random.Generator:
    return np.random.default_rng(7)


def keep(body: str) -> str:
    from minigpt.ui import services

    return services.store().add_text("me", "a text", body)


def look_at(text_id: str) -> None:
    """What the Data page counts on a text."""
    from minigpt.ui import services

    services.statistics(text_id)
    for kind, size in (("char", 0), ("bpe", 512), ("bpe", 2_048)):
        services.cut(text_id, kind, size)


def two_texts(scale: float) -> None:
    for body in (words, lambda n: words(n)[::-1]):
        look_at(keep(body(int(LARGEST * scale))))


def merges_without_spaces(scale: float) -> None:
    from minigpt.ui import services

    services.cut(keep(letters(int(LARGEST * scale))), "bpe", 16_384)


def every_three_different(scale: float) -> None:
    from minigpt.ui import services

    services.cut(keep(chinese(int(LARGEST * scale))), "char", 0)


def all_cleanings(scale: float) -> None:
    from minigpt.corpus import CLEANINGS
    from minigpt.ui import services

    services.cleaned(keep(words(int(LARGEST * scale))), [*CLEANINGS])


def what_is_copied(scale: float) -> None:
    from minigpt import tokenizers
    from minigpt.config import GPTConfig, TrainConfig
    from minigpt.ui import services

    body = words(int(LARGEST * scale))
    text_id, store = keep(body), services.store()
    tokenizer = tokenizers.train(body)
    model = GPTConfig(tokenizer.vocab_size, 16, 1, 2, 8)
    run_id = store.create_run("me", "x", text_id, tokenizer.to_json(), model, TrainConfig())
    for start in (0, 1_000):
        services.trace(store.run(run_id), body[start : start + 800])


def many_heads(scale: float) -> None:
    """The attention of a model of 48 × 64 heads over 256 tokens."""
    from minigpt.ui import services
    from minigpt.ui.attention import reading

    run_id = _run_of_many_heads(max(1, int(48 * scale)))
    view = reading.view(services.store().run(run_id), "abcdefgh" * 32, None)
    view.norms(0, 1)


def _run_of_many_heads(layers: int) -> str:
    import safetensors.torch

    from minigpt import tokenizers
    from minigpt.config import GPTConfig, TrainConfig
    from minigpt.metrics import Results
    from minigpt.model import new_model
    from minigpt.ui import services

    text_id, tokenizer = keep("abcdefgh\n" * 900), tokenizers.train("abcdefgh\n")
    config = GPTConfig(tokenizer.vocab_size, 256, layers, 64, 128)
    weights = {f"model.{name}": one for name, one in new_model(config, 1).state_dict().items()}
    packed = safetensors.torch.save({name: one.contiguous() for name, one in weights.items()})
    results = Results(checkpoint=(0, packed), snapshots=[(0, packed)], state="stopped")
    return services.store().create_run(
        "me", "heads", text_id, tokenizer.to_json(), config, TrainConfig(max_steps=3),
        results=results,
    )  # fmt: skip


def uploads_nobody_takes(scale: float) -> None:
    """Thirty at once, of which a look at them leaves what is allowed."""
    from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
    from streamlit.runtime.uploaded_file_manager import UploadedFileRec

    from minigpt.ui import untaken

    manager = MemoryUploadedFileManager("/upload")
    for number in range(UPLOADS):
        data = bytes(_rng().integers(32, 255, int(LARGEST * scale), dtype=np.uint8))
        manager.add_file("me", UploadedFileRec(str(number), "x.txt", "text/plain", data))
        untaken.look(manager, lambda session: True, {})


def slow_page(scale: float) -> None:
    """A PDF of one page, which takes far longer than all that is looked at between two pages."""
    from minigpt.ui import services

    services.read(pdf(int(2_000_000 * scale)), "slow.pdf")


def pdf(operations: int) -> bytes:
    """A PDF of one page with so many operations."""
    page = zlib.compress(b"BT /F 9 Tf " + b"1 0 0 1 9 9 Tm (a) Tj " * operations + b"ET", 1)
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] /Contents 4 0 R /Resources "
        b"<< /Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Courier >> >> >> >>",
        b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(page), page),
    ]
    data, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, start=1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return data + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\n"
        b"startxref\n%d\n%%%%EOF" % (len(parts) + 1, table, len(parts) + 1, len(data))
    )


def unknown_encoding(scale: float) -> None:
    """A file whose encoding has to be guessed, as the page does it: twice, with passages."""
    from minigpt.ui import services

    line = "В старой деревне у реки жил мельник, и были у него три сына и мельница.\n"
    data = (line * int(LARGEST * scale / len(line))).encode("cp1251")
    services.read(data, "old.txt")
    services.read(data, "old.txt", services.encodings(data)[0], shows=True)


CASES: dict[str, Callable[[float], None]] = {
    "merges of 16,384 without spaces": merges_without_spaces,
    "two texts looked at": two_texts,
    "Chinese by chance": every_three_different,
    "cleaned up": all_cleanings,
    "what is copied": what_is_copied,
    "48 × 64 heads": many_heads,
    "30 uploads nobody takes": uploads_nobody_takes,
    "a page of a PDF": slow_page,
    "a guessed encoding": unknown_encoding,
}


class Watch:
    """Looks at the bounded child until the end of the block, and says how large it became."""

    def __enter__(self) -> Self:
        self.highest, self._ends = 0, threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def _look(self) -> None:
        from minigpt.store import home
        from minigpt.ui import services

        while not self._ends.wait(0.02):
            child = services._server(home().resolve()).child._child
            if child is not None:
                self.highest = max(self.highest, megabytes("VmHWM", child.pid))

    def __exit__(self, *exception: object) -> None:
        self._ends.set()
        self._thread.join()


def perform(case: str, scale: float) -> Outcome:
    """Does a case in this process, as a server would."""
    import torch  # noqa: F401 – as every server has, once a page showed a model

    from minigpt.config import InputError
    from minigpt.store import home
    from minigpt.ui import services

    services.store()
    before = megabytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    started, said = time.monotonic(), ""
    with Watch() as child:
        try:
            CASES[case](scale)
        except InputError as error:
            said = str(error)
    seconds = time.monotonic() - started
    highest, after = megabytes("VmHWM"), megabytes("VmRSS")
    services._server(home().resolve()).child.close()  # the worker, which may be busy, ends with us
    return Outcome(case, said, seconds, highest - before, after - before, child.highest)


def campaign(cases: list[str], scale: float, memory_mb: int) -> list[Outcome]:
    """Each case in a process that may allocate so much."""
    outcomes = []
    for case in cases:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
            done = subprocess.run(
                [sys.executable, "-m", "tests.campaigns.appetite",
                 "--one", case, "--scale", str(scale)],
                cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False,
                env={**os.environ, "MINIGPT_HOME": home, "STREAMLIT_LOGGER_LEVEL": "error"},
                preexec_fn=lambda: resource.setrlimit(
                    resource.RLIMIT_DATA, (memory_mb * MB, memory_mb * MB)
                ),
            )  # fmt: skip
        if done.returncode:
            raise AssertionError(f"the server did not survive {case!r}: {done.returncode}")
        outcomes.append(Outcome(**json.loads(done.stdout.splitlines()[-1])))
    return outcomes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--memory", type=int, default=1_000)
    parser.add_argument("--cases", default="")
    parser.add_argument("--one", choices=[*CASES], help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(asdict(perform(asked.one, asked.scale))))
        return
    print(f"{'':32} seconds  server  after  child")
    for case in [case for case in CASES if case.startswith(asked.cases)]:
        (one,) = campaign([case], asked.scale, asked.memory)
        print(
            f"{one.case:32} {one.seconds:6.1f} {one.server_mb:+6,} {one.left_mb:+6,} "
            f"{one.child_mb:6,}  {one.said}",
            flush=True,
        )


if __name__ == "__main__":
    main()
