"""From the bytes of a file to its text: exactly, or as a guess to confirm, or a refusal."""

import codecs
import io
import logging
import re
import time
from dataclasses import dataclass
from encodings import aliases, normalize_encoding

from minigpt.config import InputError

# The longer marks come first: UTF-32's little-endian one begins with UTF-16's.
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What a person may choose where the detector is wrong, most used first.
ENCODINGS = (
    "utf-8", "cp1252", "cp1251", "koi8-r", "cp1250", "cp1253", "cp1254", "cp1255", "cp1256",
    "gb18030", "big5", "cp932", "euc-jp", "cp949", "utf-16-le", "utf-16-be", "iso8859-2",
    "cp866", "mac-roman",
)  # fmt: skip
# Only Python's own: a package may have taught it to "decode" anything at all.
CHARACTER_SETS = {*aliases.aliases, *aliases.aliases.values()} - {
    name
    for names in aliases.aliases.items()
    if names[1] in {"base64_codec", "bz2_codec", "hex_codec", "quopri_codec", "rot_13", "uu_codec",
                    "zlib_codec"}
    for name in names
}  # fmt: skip
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
BINARY_SHARE = 0.02  # of control characters; more of them, and it is not text
SAMPLE_BYTES = 32_000  # is what the detector looks at
PDF_SECONDS = 4.0  # a PDF that takes longer to read is refused
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")


@dataclass(frozen=True)
class Reading:
    """The text of a file, and how it was read."""

    text: str
    encoding: str
    sure: bool  # marked, valid UTF-8, a PDF, or as the person said; else a guess to confirm
    dropped: int = 0  # bytes at the end that are only the beginning of a character


def read_file(data: bytes, name: str, encoding: str | None = None) -> Reading:
    """The text in `data`: by its byte order mark, as strict UTF-8, or by a detector's best guess.

    Nothing is normalised or replaced. With `encoding`, by that and nothing else. Raises InputError
    when the file is empty, is not text, or cannot be read so.
    """
    if not data:
        raise InputError(f"{name} is empty: choose a file with some text in it")
    if data.startswith(b"%PDF-"):
        return _read_pdf(data, name)
    for signature, what, instead in SIGNATURES:
        if data.startswith(signature):
            raise InputError(f"{name} is {what}, not text: {instead}")
    if encoding is not None:
        reading = _decoded(data, encoding)
        if reading is None:
            raise InputError(f"{name} is not text in {encoding}: choose another encoding")
    else:
        reading = _marked(data, name) or _strict_utf8(data) or _guessed(data)
        if reading is None:
            raise InputError(
                f"{name} is not text in any encoding we know: "
                "save it as plain text in UTF-8 and choose it again"
            )
    if not reading.text:
        raise InputError(f"{name} is empty: choose a file with some text in it")
    return reading


def read_text(data: bytes, name: str = "the file", encoding: str | None = None) -> str:
    """The text in `data` where there is no doubt; a guess is an InputError that names it."""
    reading = read_file(data, name, encoding)
    if not reading.sure:
        cut = ", cut off in its last character" if reading.dropped else ""
        raise InputError(
            f"{name} is not valid UTF-8; it looks like {reading.encoding}{cut}: "
            f"say so with its encoding ({reading.encoding}), or save it in UTF-8"
        )
    return reading.text


def encodings(data: bytes) -> list[str]:
    """The encodings in which `data` may be text, the most likely first, by a part of it."""
    if _is_half_zero(data):
        part = data[:SAMPLE_BYTES]
        likely = ["utf-16-le", "utf-16-be"]
        if part[::2].count(0) > part[1::2].count(0):
            likely.reverse()
    elif _decoded(data, "utf-8"):  # valid up to the last character, which is cut off
        part, likely = data[:SAMPLE_BYTES], ["utf-8"]
    else:
        import charset_normalizer  # takes a while to import, and most files need no guess

        part = _telling_part(data)
        likely = [match.encoding for match in charset_normalizer.from_bytes(part)]
    names = dict.fromkeys(codecs.lookup(encoding).name for encoding in (*likely, *ENCODINGS))
    return [name for name in names if _gives_text(part, name)]


def _gives_text(part: bytes, encoding: str) -> bool:
    reading = _decoded(part, encoding)
    return reading is not None and _looks_like_text(reading.text)


def _guessed(data: bytes) -> Reading | None:
    """By the most likely encoding that fits all of it; None where none gives text."""
    for encoding in encodings(data):
        reading = _decoded(data, encoding, sure=False)
        if reading and _looks_like_text(reading.text):
            return reading
    return None


def _marked(data: bytes, name: str) -> Reading | None:
    """By the byte order mark; None without one. Raises InputError where the mark is wrong."""
    for mark, encoding in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            reading = _decoded(data[len(mark) :], encoding)
            if reading is None:
                raise InputError(
                    f"{name} is marked as {encoding.upper()} and cannot be read so: "
                    "save it as plain text in UTF-8 and choose it again"
                )
            return reading
    return None


def _strict_utf8(data: bytes) -> Reading | None:
    if _is_half_zero(data):
        return None  # UTF-16 without its mark, which happens to be valid UTF-8
    reading = _decoded(data, "utf-8")
    return reading if reading and not reading.dropped else None


def _decoded(data: bytes, encoding: str, *, sure: bool = True) -> Reading | None:
    """`data` by one encoding; None where that does not give text."""
    if normalize_encoding(encoding).lower() not in CHARACTER_SETS:
        return None
    try:
        decoder = codecs.getincrementaldecoder(encoding)()
        text = decoder.decode(data)
        dropped = len(decoder.getstate()[0])
    except UnicodeError:
        return None
    return Reading(text, encoding, sure, dropped) if dropped <= 4 else None


def _looks_like_text(text: str) -> bool:
    """Whether it has few enough control characters; valid UTF-8 need not look like anything."""
    return bool(text) and sum(1 for _ in CONTROLS.finditer(text)) <= BINARY_SHARE * len(text)


def _is_half_zero(data: bytes) -> bool:
    """Whether so many bytes are zero as in UTF-16 of Latin letters."""
    return data.count(0) > len(data) * 0.1


def _telling_part(data: bytes) -> bytes:
    """The beginning, or, where that is nearly all ASCII, the lines that are not."""
    part = bytearray(data[:SAMPLE_BYTES])
    if len(part.translate(None, bytes(range(128)))) > len(part) * 0.01:
        return bytes(part)
    part.clear()
    for line in re.finditer(rb"[^\n]*[\x80-\xff][^\n]*\n?", data):
        part += line.group()
        if len(part) > SAMPLE_BYTES:
            break
    return bytes(part[:SAMPLE_BYTES])


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
            pages.append(page.extract_text().strip())
            if time.monotonic() > until:
                raise InputError(
                    f"{name} takes longer than {PDF_SECONDS:.0f} s to read, up to page "
                    f"{len(pages):,}: save its text as .txt and bring that, or fewer pages"
                )
    except InputError:
        raise
    # A broken PDF can fail anywhere inside the library, with whatever its code met there.
    except Exception as error:
        raise InputError(
            f"{name} is a broken PDF ({type(error).__name__}): save its text as .txt and bring that"
        ) from error
    text = "\n\n".join(page for page in pages if page)
    if not text:
        raise InputError(
            f"{name} has {len(pages):,} pages and no text in them, perhaps only pictures of it: "
            "bring a PDF whose words can be selected, or a text file"
        )
    return Reading(text, "PDF", sure=True)
