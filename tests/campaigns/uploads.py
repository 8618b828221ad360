"""Uploads of every kind, whole and broken: each gives a text or a sentence, in under 5 s of a core
and under 200 MB and three times the file.

    python -m tests.campaigns.uploads 10000

Every case goes the way of the Data page: read, guess, describe, clean up, cut by characters and by
BPE, count, show. What is raised has to be an InputError; what is cut has to come back exactly.
Many of them are known texts, spoilt: with stray bytes, glued of two encodings, cut off, filled
up with zeros. Such a text is never taken without a word unless it is right, and the right one is
among what is offered.
"""

import argparse
import codecs
import gzip
import io
import time
import zipfile
from dataclasses import dataclass

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pypdf import PdfWriter

from minigpt import tokenizers
from minigpt.config import InputError
from minigpt.corpus import CLEANINGS, clean, describe, fit_baselines, read_file, reading
from minigpt.corpus.damage import DROP
from minigpt.corpus.guessing import BYTE_SETS
from minigpt.ui import tokens
from tests.campaigns.peak import Peak, check

SECONDS = 5.0
LARGE = 1_000_000  # bytes or characters of the largest cases
CUT_CHARACTERS = 50_000  # are cut by BPE; a larger text differs in nothing but time


@dataclass
class Tally:
    """What became of the cases so far."""

    cases: int = 0
    texts: int = 0
    guesses: int = 0
    refused: int = 0
    spoilt: int = 0
    spoilt_guessed_right: int = 0
    slowest: float = 0.0
    largest_mb: int = 0


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("word/document.xml", "<w:t>hello</w:t>")
    return file.getvalue()


def _pdf() -> bytes:
    writer, file = PdfWriter(), io.BytesIO()
    writer.add_blank_page(200, 200)
    writer.add_metadata({"/Title": "A page"})
    writer.write(file)
    return file.getvalue()


PDF, ZIP = _pdf(), _zip()
SCRIPTS = st.sampled_from(
    ["abcdefghij \n", "абвгдежзик \n", "αβγδεζηθικ \n", "你好世界一二三四五六。", "אבגדהוזחט \n",
     "ابتثجحخدذ \n", "e\u0301a\u0300 \u200d👩🏳️\u202e\u2066", "\0\x01\x1b \n", "\r\n\t \v\f"],
)  # fmt: skip
TEXTS = st.one_of(
    SCRIPTS.flatmap(lambda letters: st.text(st.sampled_from(letters), max_size=3_000)),
    st.text(max_size=400),
)
ENCODED = st.builds(
    lambda text, encoding, mark: mark + text.encode(encoding, "ignore"),
    TEXTS,
    st.sampled_from(
        ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "cp1251", "koi8-r", "cp1252", "cp1253",
         "cp1256", "gb18030", "shift_jis", "euc-kr", "big5", "latin-1"]
    ),
    st.sampled_from([b"", b"", codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF32_BE]),
)  # fmt: skip
LARGE_CASES = st.builds(
    lambda kind, n: {
        "one character": b"a" * n,
        "one line": (b"words and words " * (n // 16))[:n],
        "blank lines": b"\n" * n,
        "spaces": b" " * n,
        "no spaces": bytes(np.random.default_rng(n).integers(97, 123, n, dtype=np.uint8)),
        "all different": "".join(map(chr, range(0x4E00, 0x4E00 + min(n, 20_000)))).encode(),
        "half characters": b"\xd0" * n,
        "noise": np.random.default_rng(n).bytes(n),
        "carriage returns": b"\r" * n,
        "high bytes": b"\xe9t\xe9 " * (n // 4),
    },
    st.none(),
    st.sampled_from([1, 2, 1_000, 65_536, LARGE]),
).flatmap(lambda cases: st.sampled_from(sorted(cases.values(), key=len)))
FOREIGN = st.sampled_from(
    [b"", ZIP, PDF, gzip.compress(b"hello" * 99), b"\x89PNG\r\n\x1a\n" + bytes(99),
     b"\xff\xd8\xff\xe0", b"{\\rtf1 hello}", b"%PDF-1.7", b"SQLite format 3\0", b"\x7fELF\x02"]
)  # fmt: skip
WHOLE = st.one_of(ENCODED, ENCODED, st.binary(max_size=2_000), FOREIGN)


@st.composite
def _broken(draw: st.DrawFn) -> bytes:
    """A file cut off, with bytes turned, or two files in one."""
    data = bytearray(draw(WHOLE))
    if draw(st.booleans()) and data:
        del data[draw(st.integers(0, len(data) - 1)) :]
    for _ in range(draw(st.integers(0, 3))):
        if data:
            data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data) + draw(st.one_of(st.just(b""), WHOLE))


LINES = {
    "cp1251": ["В старой деревне у реки жил мельник,", "и были у него три сына и одна мельница."],
    "koi8-r": ["Все счастливые семьи похожи друг на друга,", "а несчастливы они по-своему."],
    "cp1253": ["Μια φορά κι έναν καιρό ήταν ένας βασιλιάς", "που είχε τρεις κόρες."],
    "cp1250": ["Dawno, dawno temu, za siedmioma górami,", "żył sobie król, który miał trzy córki."],
    "cp1252": ["Longtemps, je me suis couché de bonne heure,", "à peine ma bougie éteinte – déjà."],
    "cp1254": [
        "Bir varmış bir yokmuş, evvel zaman içinde",
        "bir padişah yaşarmış, üç oğlu varmış.",
    ],
}
STRAY = st.sampled_from("’“”–…éü")


@dataclass(frozen=True)
class Spoilt:
    """A file made of a known text: what it should be read as, and the choice that gives it."""

    data: bytes
    text: str
    encoding: str
    bad_bytes: str | None

    def __repr__(self) -> str:
        return f"{self.encoding}, {self.bad_bytes}: {self.data!r}"


@st.composite
def _spoilt(draw: st.DrawFn) -> Spoilt:
    encoding = draw(st.sampled_from(sorted(LINES)))
    lines = [f"{n}. {LINES[encoding][n % 2]}\n" for n in range(draw(st.integers(6, 60)))]
    text, at = "".join(lines), draw(st.integers(2, len(lines) - 2))
    head, tail = "".join(lines[:at]), "".join(lines[at:])
    kind = draw(st.sampled_from(["stray", "plain", "glued", "cut", "zeros", "page"]))
    if kind == "stray":
        mark = draw(STRAY)
        data = head.encode() + mark.encode("cp1252") + tail.encode()
        return Spoilt(data, head + mark + tail, "utf-8", "cp1252")
    if kind == "plain":
        mark, words = draw(STRAY), "plain words in a row, and more of them. " * 40
        text = words + mark + words
        return Spoilt(text.encode("cp1252"), text, "cp1252", None)
    if kind == "glued":
        parts = [head.encode(), tail.encode(encoding)]
        text = head + tail
        if draw(st.booleans()):
            parts, text = parts[::-1], tail + head
        return Spoilt(b"".join(parts), text, "utf-8", encoding)
    if kind == "cut":
        data = text.encode()[: draw(st.integers(200, len(text.encode())))]
        return Spoilt(data, data.decode(errors="ignore"), "utf-8", DROP)
    if kind == "zeros":
        return Spoilt(text.encode() + bytes(draw(st.integers(1, 9_000))), text, "utf-8", DROP)
    page = "<html><title>504</title>Délai dépassé – réessayez</html>\n"
    return Spoilt(text.encode() + page.encode("cp1252"), text + page, "utf-8", "cp1252")


def spoil(case: Spoilt, tally: Tally) -> None:
    """A spoilt file is right, or a guess with the right choice among the others."""
    tally.spoilt += 1
    found = read_file(case.data, "file.txt")
    tally.spoilt_guessed_right += found.text == case.text
    if found.sure:
        assert found.text == case.text
        return
    assert case.encoding in reading.encodings(case.data)
    chosen = read_file(case.data, "file.txt", case.encoding, case.bad_bytes)
    assert chosen.sure and chosen.text == case.text
    if chosen.damage:
        assert case.bad_bytes in (DROP, *BYTE_SETS)
        shown = reading.excerpts(case.data, case.encoding, case.bad_bytes)
        assert chosen.damage.line in [line for line, _, _ in shown]
        assert all("<0x" in passage for _, passage, _ in shown)


def upload(data: bytes, tally: Tally) -> None:
    """What the Data page does with a file. Raises whatever it should not."""
    started = time.process_time()
    tally.cases += 1
    with Peak() as peak:
        try:
            found = read_file(data, "file.txt")
            tally.texts += 1
            if not found.sure:
                tally.guesses += 1
                assert found.encoding in reading.encodings(data)
                for encoding in reading.encodings(data)[:4]:
                    try:
                        read_file(data, "file.txt", encoding)
                    except InputError as error:  # its end is not what its beginning promised
                        assert "choose another encoding" in str(error)
            look(found.text)
        except InputError as error:
            tally.refused += 1
            assert str(error) and "\n" not in str(error)
    seconds = time.process_time() - started
    tally.slowest = max(tally.slowest, seconds)
    tally.largest_mb = max(tally.largest_mb, peak.megabytes)
    assert seconds < SECONDS, f"{seconds:.1f} s"
    check(peak.megabytes, data)


def look(text: str) -> None:
    """Everything the page shows of a text."""
    numbers = describe(text)
    assert numbers.characters == len(text)
    clean(text, list(CLEANINGS))
    tokens.running(text[:2_000], marks=True).encode()
    if len(text.strip()) < 2:
        raise InputError("too short")
    for kind in tokenizers.KINDS:
        body = text[:CUT_CHARACTERS] if kind == "bpe" else text
        tokenizer = tokenizers.train(body, kind, 300)
        ids = tokenizer.encode(body)
        assert tokenizer.decode(ids) == body
        counts = np.bincount(ids, minlength=tokenizer.vocab_size)
        tokens.coloured(ids[:2_000], tokenizer.tokens, counts.tolist()).encode()
        cut = len(ids) - max(2, len(ids) // 10)
        if cut > 1:
            lines = fit_baselines(np.array(ids[:cut]), np.array(ids[cut:]), tokenizer.vocab_size)
            assert np.isfinite(list(vars(lines).values())).all()


def campaign(count: int, *, derandomize: bool = False) -> Tally:
    """Runs `count` uploads and returns their tally. Raises at the first that goes wrong."""
    tally = Tally()

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=derandomize,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(WHOLE, WHOLE, WHOLE, _broken(), _broken(), LARGE_CASES, _spoilt(), _spoilt()))
    def run(case: bytes | Spoilt) -> None:
        if isinstance(case, Spoilt):
            spoil(case, tally)
        upload(getattr(case, "data", case), tally)
        if tally.cases % 100 == 0 and not derandomize:
            print(f"\r{tally.cases:,} uploads", end="", flush=True)

    run()
    return tally


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=10_000)
    print(f"\r{campaign(parser.parse_args().count)}")
