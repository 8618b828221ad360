"""From the bytes of a file to its text, exactly, or a refusal that says why."""

import codecs

from minigpt.config import InputError

# The longer marks come first: UTF-32's little-endian one begins with UTF-16's.
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def read_text(data: bytes, name: str = "the file") -> str:
    """The text in `data`: by its byte order mark, or else as strict UTF-8.

    Nothing is normalised or replaced. Raises InputError when the file is empty or is not text.
    """
    if not data:
        raise InputError(f"{name} is empty: choose a file with some text in it")
    body, encoding = data, "utf-8"
    for mark, marked_encoding in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            body, encoding = data[len(mark) :], marked_encoding
            break
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name} is not {encoding.upper()} text (byte {error.start:,} cannot be read): "
            "save it as plain text in UTF-8 and choose it again"
        ) from error
    if not text:
        raise InputError(f"{name} is empty: choose a file with some text in it")
    if encoding == "utf-8" and text.count("\0") * 10 > len(text):
        raise InputError(
            f"{name} is mostly zero bytes, so it is not text in UTF-8: "
            "save it as plain text in UTF-8 and choose it again"
        )
    return text
