import codecs
import gzip
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from minigpt.config import InputError
from minigpt.corpus import read_file, read_text, reading

RUSSIAN = "В старой деревне у реки жил мельник, и были у него три сына и одна мельница.\n" * 20
JAPANESE = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。\n" * 20
FRENCH = (
    "Longtemps, je me suis couché de bonne heure. Parfois, à peine ma bougie éteinte, mes yeux se "
    "fermaient si vite que je n’avais pas le temps de me dire : « Je m’endors. »\n"
)
GREEK = "Μια φορά κι έναν καιρό ήταν ένας βασιλιάς που είχε τρεις κόρες.\n" * 20


@given(st.text(min_size=1))
def test_marked_utf8_is_read_exactly(text):
    assert read_text(codecs.BOM_UTF8 + text.encode()) == text


@given(st.text(min_size=1))
def test_valid_utf8_is_read_exactly(text):
    if text.count("\0") * 10 <= len(text) and not text.encode().startswith(
        (b"PK", b"\x1f\x8b", b"%PDF", b"BZh", b"GIF8", b"7z", b"{\\rtf", b"\xef\xbb\xbf", b"\x7fE")
    ):
        assert read_text(text.encode()) == text


@pytest.mark.parametrize(
    "text",
    ["one\r\ntwo\rthree\n", "a\0b and much more than that", "e\u0301 \u202e\u2066 \u200f",
     "👩\u200d👩\u200d👧 🏳️\u200d🌈", "שלום עליكم", "你好，世界", "\ufeffin the middle \ufeff"],
)  # fmt: skip
def test_whatever_is_in_a_text_survives(text):
    assert read_text(text.encode()) == text.removeprefix("\ufeff")


@pytest.mark.parametrize(
    "mark, encoding",
    [(codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"),
     (codecs.BOM_UTF16_BE, "utf-16-be"), (codecs.BOM_UTF32_LE, "utf-32-le"),
     (codecs.BOM_UTF32_BE, "utf-32-be")],
)  # fmt: skip
def test_a_byte_order_mark_tells_the_encoding(mark, encoding):
    assert read_text(mark + "Привет, κόσμε\r\n".encode(encoding)) == "Привет, κόσμε\r\n"


@pytest.mark.parametrize(
    "text, encoding",
    [(RUSSIAN, "cp1251"), (RUSSIAN, "utf-16-le"), (JAPANESE, "cp932"), (JAPANESE, "utf-16-be"),
     (GREEK, "cp1253"), (FRENCH, "cp1252"),
     ("plain English words\n" * 20, "utf-16-le"), ("plain English words\n" * 20, "utf-16-be")],
)  # fmt: skip
def test_another_encoding_is_guessed_but_never_taken_silently(text, encoding):
    data = text.encode(encoding)
    guess = read_file(data, "letter.txt")
    assert not guess.sure
    assert guess.text == text
    with pytest.raises(InputError, match=r"letter\.txt is not valid UTF-8; it looks like"):
        read_text(data, "letter.txt")
    assert read_text(data, "letter.txt", encoding) == text


def test_a_wrong_guess_can_be_corrected_for_the_right_one_is_among_the_others():
    data = RUSSIAN.encode("koi8-r")
    assert RUSSIAN in {read_text(data, "a.txt", name) for name in reading.encodings(data)}


def test_a_cut_off_file_is_a_guess_that_tells_what_would_be_left_out():
    for text in (RUSSIAN, "a" + RUSSIAN * 30, RUSSIAN * 30):
        data = text.encode()[:-3]
        guess = read_file(data, "cut.txt")
        assert (guess.sure, guess.encoding, guess.dropped) == (False, "utf-8", 1)
        assert text.startswith(guess.text)
        assert reading.encodings(data)[0] == "utf-8"


def test_an_encoding_that_does_not_fit_is_refused():
    with pytest.raises(InputError, match="not text in utf-8: choose another"):
        read_file(RUSSIAN.encode("cp1251"), "a.txt", "utf-8")
    with pytest.raises(InputError, match="not text in klingon"):
        read_file(b"abc", "a.txt", "klingon")
    with pytest.raises(InputError, match="not text in rot13"):
        read_file(b"abc", "a.txt", "rot13")


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("word/document.xml", "<w:t>hello</w:t>")
    return file.getvalue()


@pytest.mark.parametrize(
    "data, said",
    [(b"", "empty"), (codecs.BOM_UTF8, "empty"), (zipped(), "save it as plain text"),
     (b"\x89PNG\r\n\x1a\n\x00\x00", "picture"), (b"\xff\xd8\xff\xe0 jpeg", "picture"),
     (gzip.compress(b"hello"), "gzip"),
         (codecs.BOM_UTF16_LE + b"\x00\xd8a\x00", "cannot be read so"),
     (b"{\\rtf1 hello}", "rich text"), (bytes(range(256)) * 40, "not text in any encoding"),
     (bytes(1000), "not text in any encoding")],
)  # fmt: skip
def test_what_is_not_text_is_refused_by_the_file_s_name(data, said):
    with pytest.raises(InputError, match=rf"photo\.txt.*{said}"):
        read_file(data, "photo.txt")


def pdf(*pages: str, password: str | None = None) -> bytes:
    """A PDF with these words, each on a page of its own."""
    writer = PdfWriter()
    for words in pages:
        page = writer.add_blank_page(300, 300)
        font = DictionaryObject(
            {
                NameObject("/Type"): NameObject("/Font"),
                NameObject("/Subtype"): NameObject("/Type1"),
                NameObject("/BaseFont"): NameObject("/Helvetica"),
            }
        )
        page[NameObject("/Resources")] = DictionaryObject(
            {NameObject("/Font"): DictionaryObject({NameObject("/F1"): writer._add_object(font)})}
        )
        content = DecodedStreamObject()
        content.set_data(f"BT /F1 12 Tf 20 200 Td ({words}) Tj ET".encode() if words else b"")
        page[NameObject("/Contents")] = writer._add_object(content)
    if password is not None:
        writer.encrypt(password, algorithm="RC4-128")
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def test_the_words_of_a_pdf_are_read_page_by_page():
    assert read_text(pdf("Once upon a time", "there was a model"), "a.pdf") == (
        "Once upon a time\n\nthere was a model"
    )


@pytest.mark.parametrize(
    "data, said",
    [(pdf("secret", password="key"), "password"), (pdf("", ""), "2 pages and no text"),
     (b"%PDF-1.7 and nothing else", "broken PDF"), (pdf("hello")[:-200], "broken PDF|^$")],
)  # fmt: skip
def test_a_pdf_without_words_is_refused(data, said):
    try:
        assert read_text(data, "paper.pdf") == "hello"  # a repaired one is fine
    except InputError as error:
        assert said.split("|")[0] in str(error)


def test_a_pdf_that_only_says_it_is_locked_can_be_read():
    assert read_text(pdf("open", password=""), "a.pdf") == "open"
