"""Which encoding the bytes of a file may be in: by what they are, else by a detector's guess."""

import codecs
import re
from contextlib import suppress
from encodings import aliases, normalize_encoding

from minigpt.corpus import damage
from minigpt.corpus.damage import DROP, beyond_ascii

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
BYTE_SETS = (
    "cp1252", "cp1251", "koi8-r", "cp866", "cp1250", "cp1253", "cp1254", "cp1255", "cp1256",
    "iso8859-2", "mac-roman",
)  # of one byte a character  # fmt: skip
WESTERN = "cp1252"
WESTERN_CHARACTERS = frozenset("‘’‚“”„‹›«»–—…•€£§°©®™¡¿·ŠšŽžŒœŸßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿ")
WESTERN_CHARACTERS |= frozenset("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝ\u00a0\u00ad")
WESTERN_SHARE = 0.05  # of all bytes; a text with more of them tells its language
FEW = 20  # bytes, which tell no language
BAD_SHARE = 0.01  # of a text, of bytes that are none; more of them, and it is no likely encoding
HOPELESS_SHARE = 0.1  # more of them, and nobody who does not ask for it means that encoding
ASCII = bytes(range(128))
UTF8_CHARACTER = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}"
    rb"|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}"
    rb"|\xf4[\x80-\x8f][\x80-\xbf]{2}"
)  # beyond ASCII
BINARY_SHARE = 0.02  # of control characters; more of them, and it is not text
SAMPLE_BYTES = 32_000  # is what the detector looks at
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")


def marked_as(data: bytes) -> str | None:
    """The encoding that a byte order mark tells."""
    return next((encoding for mark, encoding in BYTE_ORDER_MARKS if data.startswith(mark)), None)


def unmarked(data: bytes) -> bytes:
    """The file without its byte order mark."""
    return next((data[len(m) :] for m, _ in BYTE_ORDER_MARKS if data.startswith(m)), data)


def encodings(data: bytes) -> list[str]:
    """The encodings in which `data` may be text, the most likely first, by a part of it.

    UTF-8 and that of a byte order mark are always among them.
    """
    mark, data = marked_as(data), unmarked(data)
    if mark:
        part, likely = data[:SAMPLE_BYTES], [mark]
    elif is_half_zero(data):
        part = data[:SAMPLE_BYTES]
        likely = ["utf-16-le", "utf-16-be"]
        if part[::2].count(0) > part[1::2].count(0):
            likely.reverse()
    elif is_utf8(data):
        part, likely = data[:SAMPLE_BYTES], ["utf-8"]
    else:
        part = _telling_part(data)
        likely = _detected(part)
    names = dict.fromkeys(codecs.lookup(encoding).name for encoding in (*likely, *ENCODINGS))
    return [name for name in names if name in ("utf-8", mark) or _gives_text(part, name)]


def _detected(part: bytes) -> list[str]:
    """A detector's guesses, the best first; a few marks amid plain letters are Windows-1252's,
    which it takes for those of any alphabet."""
    if _is_western(part):
        return [WESTERN]
    import charset_normalizer  # takes a while to import, and most files need no guess

    return [match.encoding for match in charset_normalizer.from_bytes(part)]


def _is_western(part: bytes) -> bool:
    """Whether what is beyond ASCII is rare, stands alone, and is a mark or letter of the West."""
    beyond = part.translate(None, ASCII)
    return (
        0 < len(beyond) <= WESTERN_SHARE * len(part)
        and _stand_alone(part)
        and WESTERN_CHARACTERS.issuperset(beyond.decode(WESTERN, "ignore"))
    )


def _gives_text(part: bytes, encoding: str) -> bool:
    if not is_character_set(encoding):
        return False
    text = damage.decode(part, encoding)
    return damage.count(text) <= BAD_SHARE * len(text) and looks_like_text(text)


def likely_reading(marked: str) -> str:
    """In which encoding bad bytes should be read, if nobody says: mostly one of the West, or what
    the lines they stand in look like; zeros are left out."""
    part = damage.damaged_bytes(marked, SAMPLE_BYTES)
    if part.isascii():
        return DROP
    if damage.count(marked) < FEW and _stand_alone(part):
        return WESTERN
    detected = [codecs.lookup(name).name for name in _detected(part)]
    return next((name for name in detected if name in BYTE_SETS), WESTERN)


def is_hopeless(marked: str) -> bool:
    """Whether so much of a text is marked that its encoding is another."""
    marks = damage.count(marked)
    bad = marks - marked.count(damage.NUL)
    return bad > HOPELESS_SHARE * len(marked) and bad > beyond_ascii(marked) - marks


def is_utf8(data: bytes) -> bool:
    """Whether it is UTF-8 but for some bytes, rather than another encoding altogether.

    By chance some bytes of another encoding are valid together: in 32 samples, of 15 languages in
    up to five encodings each, at most 44 characters for 100 bytes that are not (Thai), where such
    bytes stand alone at most 7 (French on a Mac), and hardly ever all of a line.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    with suppress(UnicodeDecodeError):
        text, (tail, _) = decoder.decode(data), decoder.getstate()
        # Of a character that is cut off, a single byte could as well be a letter of the West.
        return len(tail) != 1 or beyond_ascii(text) > 0
    text = data.decode("utf-8", "ignore")
    valid = beyond_ascii(text)
    bad = len(data.translate(None, ASCII)) - len(text.encode().translate(None, ASCII))
    if valid >= bad:
        return True
    if valid > max(2, 0.1 * bad) and _stand_alone(UTF8_CHARACTER.sub(b"", data)):
        return True
    lines = map(_beyond_in_utf8, data.splitlines())
    return sum(count for count in lines if count >= 6) > 0.05 * (valid + bad)


def _beyond_in_utf8(line: bytes) -> int:
    """How many characters of a line are beyond ASCII; 0 where it is not valid."""
    with suppress(UnicodeDecodeError):
        return 0 if line.isascii() else beyond_ascii(line.decode("utf-8"))
    return 0


def _stand_alone(data: bytes) -> bool:
    """Whether most bytes beyond ASCII have none beside them."""
    runs = re.findall(rb"[\x80-\xff]+", data)
    return sum(len(run) == 1 for run in runs) >= 0.8 * len(runs)


def is_character_set(encoding: str) -> bool:
    return normalize_encoding(encoding).lower() in CHARACTER_SETS


def looks_like_text(text: str) -> bool:
    """Whether it has few enough control characters; valid UTF-8 need not look like anything."""
    return bool(text) and sum(1 for _ in CONTROLS.finditer(text)) <= BINARY_SHARE * len(text)


def is_half_zero(data: bytes) -> bool:
    """Whether so many bytes are zero as in UTF-16: from beginning to end, and on one side."""
    quarter = len(data) // 8 * 2
    for part in (data, data[:quarter], data[-quarter:]):
        zeros, even = part.count(0), part[::2].count(0)
        if zeros <= 0.1 * len(part) or 0.1 * zeros < even < 0.9 * zeros:
            return False
    return True


def _telling_part(data: bytes) -> bytes:
    """The beginning, or, where that is nearly all ASCII, the passages that are not."""
    start = data[:SAMPLE_BYTES]
    if len(start.translate(None, ASCII)) > len(start) * 0.01:
        return start
    part, end = bytearray(), 0
    for run in re.finditer(rb"[\x80-\xff]+", data):
        begin, end = max(end, run.start() - 60), max(end, run.end() + 60)
        part += data[begin:end]
        if len(part) > SAMPLE_BYTES:
            break
    return bytes(part[:SAMPLE_BYTES])
