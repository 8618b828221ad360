"""From the bytes of a file to its text: exactly, or as a guess to confirm, or a refusal."""

import io
import logging
import re
import time
from dataclasses import dataclass

from minigpt.config import InputError
from minigpt.corpus import damage
from minigpt.corpus.damage import DROP, MARK, Damage
from minigpt.corpus.guessing import (
    encodings,
    is_character_set,
    is_half_zero,
    is_hopeless,
    is_utf8,
    likely_reading,
    looks_like_text,
    marked_as,
    unmarked,
)
from minigpt.counting import counted

SAVE_AS_TEXT = "open it in the program that made it, save it as plain text in UTF-8, and bring that"
# How files begin that are not text, whatever they are called.
SIGNATURES = (
    (b"PK\x03\x04", "a zip archive (also .docx, .odt and .epub files are)", SAVE_AS_TEXT),
    (b"PK\x05\x06", "an empty zip archive", "bring a file with some text in it"),
    (b"\xd0\xcf\x11\xe0", "an old Office document", SAVE_AS_TEXT),
    (b"{\\rtf", "a document in rich text format", SAVE_AS_TEXT),
    (b"\x1f\x8b", "a gzip archive", "unpack it, and bring the text that was in it"),
    (b"BZh", "a bzip2 archive", "unpack it, and bring the text that was in it"),
    (b"\xfd7zXZ", "an xz archive", "unpack it, and bring the text that was in it"),
    (b"7z\xbc\xaf", "a 7-zip archive", "unpack it, and bring the text that was in it"),
    (b"\x89PNG", "a picture (PNG)", "bring a file with text in it"),
    (b"\xff\xd8\xff", "a picture (JPEG)", "bring a file with text in it"),
    (b"GIF8", "a picture (GIF)", "bring a file with text in it"),
    (b"\x7fELF", "a program", "bring a file with text in it"),
    (b"SQLite format 3\0", "a database", "export a table of it as .csv, and bring that"),
)
HALVES = re.compile("[\ud800-\udbff\udd00-\udfff]")  # of characters; the others are marks
PDF = b"%PDF-"  # how one begins
PDF_SECONDS = 4.0  # a PDF that takes longer to read is refused


@dataclass(frozen=True)
class Reading:
    """The text of a file, and how it was read."""

    text: str
    encoding: str
    sure: bool  # marked, valid UTF-8, a PDF, or as the person said; else a guess to confirm
    damage: Damage | None = None  # bytes that are no text in that encoding


def read_file(
    data: bytes, name: str, encoding: str | None = None, bad_bytes: str | None = None
) -> Reading:
    """The text in `data`: by its byte order mark, as strict UTF-8, or by a detector's best guess.

    Nothing is normalised or replaced. With `encoding`, by that and nothing else. What is no text in
    it is read in the encoding `bad_bytes`, or left out where that is DROP; where nobody says, as is
    most likely, and the reading is a guess. Raises InputError when the file is empty, is not text,
    or cannot be read so.
    """
    if not data:
        raise InputError(f"{name} is empty: choose a file with some text in it")
    if data.startswith(PDF):
        return _read_pdf(data, name)
    for signature, what, instead in SIGNATURES:
        if data.startswith(signature):
            raise InputError(f"{name} is {what}, not text: {instead}")
    if bad_bytes is not None and bad_bytes != DROP and not is_character_set(bad_bytes):
        raise InputError(f"bad bytes cannot be read in {bad_bytes}: choose another, or {DROP}")
    if encoding is not None:
        reading = _decoded(data, encoding, bad_bytes)
        if reading is None or (reading.damage and not reading.text):
            raise InputError(f"{name} is not text in {encoding}: choose another encoding")
    else:
        reading = (
            _marked(data, name, bad_bytes) or _utf8(data, bad_bytes) or _guessed(data, bad_bytes)
        )
        if reading is None:
            raise InputError(
                f"{name} is not text in any encoding we know: "
                "save it as plain text in UTF-8 and choose it again"
            )
    if not reading.text:
        raise InputError(f"{name} is empty: choose a file with some text in it")
    return reading


def read_text(
    data: bytes,
    name: str = "the file",
    encoding: str | None = None,
    bad_bytes: str | None = None,
) -> str:
    """The text in `data` where there is no doubt; a guess is an InputError that names it."""
    reading = read_file(data, name, encoding, bad_bytes)
    if reading.sure:
        return reading.text
    if reading.damage:
        raise InputError(
            f"{name} is {label(reading.encoding)} but for {reading.damage}: say how such bad bytes "
            f"are read (--bad-bytes windows-1252, or another encoding, or {DROP} to leave them "
            "out), say the encoding of all of it (--encoding), or save it in UTF-8"
        )
    raise InputError(
        f"{name} is not valid UTF-8; it looks like {reading.encoding}: "
        f"say so (--encoding {reading.encoding}), or save it in UTF-8"
    )


def label(encoding: str) -> str:
    """An encoding's name for people."""
    return {"utf-8": "UTF-8", "cp1252": "Windows-1252"}.get(encoding, encoding)


def excerpts(data: bytes, encoding: str, read_as: str | None) -> list[tuple[int, str, str]]:
    """Passages that tell whether a file is read rightly: each line's number, the passage with what
    is no text as `<0x92>`, and the same as it would be read."""
    return [
        (line, damage.shown(passage), MARK.sub("", damage.mended(passage, read_as or DROP)))
        for line, passage in damage.excerpts(damage.decode(unmarked(data), encoding))
    ]


def _guessed(data: bytes, bad_bytes: str | None) -> Reading | None:
    """By the most likely encoding that fits all of it; None where none gives text."""
    for encoding in encodings(data):
        reading = _decoded(data, encoding, bad_bytes, sure=False)
        if reading and looks_like_text(reading.text):
            return reading
    return None


def _marked(data: bytes, name: str, bad_bytes: str | None) -> Reading | None:
    """By the byte order mark; None without one. Raises InputError where the mark is wrong."""
    encoding = marked_as(data)
    if encoding is None:
        return None
    reading = _decoded(data, encoding, bad_bytes)
    if reading is None:
        raise InputError(
            f"{name} is marked as {encoding.upper()} and cannot be read so: "
            "save it as plain text in UTF-8 and choose it again"
        )
    return reading


def _utf8(data: bytes, bad_bytes: str | None) -> Reading | None:
    """As UTF-8, where that is what it is but for some bytes."""
    if is_half_zero(data) or not is_utf8(data):
        return None
    reading = _decoded(data, "utf-8", bad_bytes)
    return reading if reading and (not reading.damage or looks_like_text(reading.text)) else None


def _decoded(
    data: bytes, encoding: str, bad_bytes: str | None = None, *, sure: bool = True
) -> Reading | None:
    """`data` by one encoding; None where that does not give text, but for some bytes."""
    if not is_character_set(encoding):
        return None
    try:
        text = damage.decode(unmarked(data), encoding)
    except UnicodeError:
        return None
    if HALVES.search(text):
        return None  # UTF-7 can spell half a character, which no text can hold
    if not MARK.search(text):
        return Reading(text, encoding, sure)
    if bad_bytes is None and is_hopeless(text) and not (encoding == "utf-8" and is_utf8(data)):
        return None
    at_end = damage.NUL not in text and damage.is_cut_off(unmarked(data), encoding)
    read_as = bad_bytes or (DROP if at_end else likely_reading(text))
    whole, found = damage.describe(text, read_as, at_end=at_end)
    return Reading(whole, encoding, sure and bad_bytes is not None, found)


def _read_pdf(data: bytes, name: str) -> Reading:
    """The text of all pages, in their order, a blank line between two."""
    from pypdf import PdfReader  # takes a while to import, and few texts are PDFs

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # the person is told, not the log
    until = time.monotonic() + PDF_SECONDS
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise InputError(f"{name} is locked with a password: save a copy without one")
        pages = []
        for page in reader.pages:
            pages.append(_whole(page.extract_text()).strip())
            if time.monotonic() > until:
                raise InputError(
                    f"{name} takes longer than {PDF_SECONDS:.0f} s to read, up to page "
                    f"{len(pages):,}: save its text as .txt and bring that, or fewer pages"
                )
    except (InputError, MemoryError):
        raise
    # A broken PDF can fail anywhere inside the library, with whatever its code met there.
    except Exception as error:
        raise InputError(
            f"{name} is a broken PDF ({type(error).__name__}): save its text as .txt and bring that"
        ) from error
    text = "\n\n".join(page for page in pages if page)
    if not text:
        raise InputError(
            f"{name} has {counted(len(pages), 'page')} and no text, perhaps only pictures of it: "
            "bring a PDF whose words can be selected, or a text file"
        )
    return Reading(text, "PDF", sure=True)


def _whole(text: str) -> str:
    """The text with its pairs of half characters joined, and � for each that stands alone."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
