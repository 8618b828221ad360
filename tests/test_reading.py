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
from minigpt.corpus.damage import DROP

RUSSIAN = "В старой деревне у реки жил мельник, и были у него три сына и одна мельница.\n" * 20
JAPANESE = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。\n" * 20
FRENCH = (
    "Longtemps, je me suis couché de bonne heure. Parfois, à peine ma bougie éteinte, mes yeux se "
    "fermaient si vite que je n’avais pas le temps de me dire : « Je m’endors. »\n"
)
GREEK = "Μια φορά κι έναν καιρό ήταν ένας βασιλιάς που είχε τρεις κόρες.\n" * 20


WITHOUT_NUL = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1)


@given(WITHOUT_NUL)
def test_marked_utf8_is_read_exactly(text):
    assert read_text(codecs.BOM_UTF8 + text.encode()) == text


@given(WITHOUT_NUL)
def test_valid_utf8_is_read_exactly(text):
    if not text.encode().startswith(
        (b"PK", b"\x1f\x8b", b"%PDF", b"BZh", b"GIF8", b"7z", b"{\\rtf", b"\xef\xbb\xbf", b"\x7fE")
    ):
        assert read_text(text.encode()) == text


@pytest.mark.parametrize(
    "text",
    ["one\r\ntwo\rthree\n", "e\u0301 \u202e\u2066 \u200f",
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
    assert RUSSIAN in {read_text(data, "a.txt", name, DROP) for name in reading.encodings(data)}
    assert "utf-8" in reading.encodings(data)


def test_a_cut_off_file_is_a_guess_that_tells_what_would_be_left_out():
    for text in (RUSSIAN, "a" + RUSSIAN * 30, RUSSIAN * 30):
        data = text.encode()[:-3]
        guess = read_file(data, "cut.txt")
        assert (guess.sure, guess.encoding) == (False, "utf-8")
        assert (guess.damage.at_end, guess.damage.left_out, guess.damage.read_as) == (True, 1, DROP)
        assert text.startswith(guess.text)
        assert str(guess.damage).startswith("its last byte, the beginning of a character")
        assert reading.encodings(data)[0] == "utf-8"


def test_an_encoding_that_does_not_fit_is_refused():
    with pytest.raises(InputError, match="not text in utf-8: choose another"):
        read_file(b"\xe0\xa0", "a.txt", "utf-8")  # half a character and nothing else
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
     (gzip.compress(b"hello", mtime=0), "gzip"),
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


TALE = "It’s a tale – of a café by the sea, says Zoë.\n"


def spoilt(text: str, *places: tuple[int, bytes]) -> bytes:
    """The text in UTF-8 with bytes put before the characters at some places."""
    parts, before = [], 0
    for at, junk in places:
        parts += [text[before:at].encode(), junk]
        before = at
    return b"".join([*parts, text[before:].encode()])


@pytest.mark.parametrize("junk", [b"\x92", b"\x96", b"\x85", b"\xe9", b"\xff"])
@pytest.mark.parametrize("text", [TALE * 300, RUSSIAN * 20, JAPANESE * 20, GREEK * 5])
def test_one_bad_byte_leaves_a_text_in_utf8(text, junk):
    at = len(text) // 2
    found = read_file(spoilt(text, (at, junk)), "a.txt")
    assert (found.sure, found.encoding, found.damage.count) == (False, "utf-8", 1)
    assert found.damage.line == text.count("\n", 0, at) + 1
    assert found.text == text[:at] + junk.decode("cp1252") + text[at:]
    assert read_text(spoilt(text, (at, junk)), "a.txt", None, DROP) == text


def test_bad_bytes_are_told_by_number_first_byte_and_line_and_shown_in_place():
    lines = [TALE] * 300
    text = "".join(lines)
    places = [sum(map(len, lines[:150])) + 7, sum(map(len, lines[:200])) + 2, len(text) - 3]
    data = spoilt(text, *((at, b"\x92") for at in places))
    with pytest.raises(
        InputError, match=r"UTF-8 but for 3 bytes, the first of them 0x92 in line 151"
    ):
        read_text(data, "a.txt")
    shown = reading.excerpts(data, "utf-8", "cp1252")
    assert [line for line, _, _ in shown] == [151, 201, 300]
    assert all("<0x92>" in passage and "’" in read for _, passage, read in shown)
    assert read_text(data, "a.txt", None, "cp1252").count("’") == 303
    with pytest.raises(InputError, match="bad bytes cannot be read in klingon"):
        read_text(data, "a.txt", None, "klingon")


@pytest.mark.parametrize("mark", ["’", "–", "é"])
def test_plain_letters_with_a_few_windows_marks_are_windows_1252(mark):
    text = "the quick brown fox jumps over the lazy dog. " * 200
    spoiled = text[:4000] + mark + text[4000:6000] + mark + text[6000:]
    found = read_file(spoiled.encode("cp1252"), "a.txt")
    assert (found.sure, found.encoding, found.text) == (False, "cp1252", spoiled)
    assert reading.encodings(spoiled.encode("cp1252"))[:2] == ["cp1252", "utf-8"]


@pytest.mark.parametrize("first_share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize(
    "other, encoding",
    [(RUSSIAN, "cp1251"), (RUSSIAN, "koi8-r"), (GREEK, "cp1253"), (TALE * 40, "cp1252")],
)
def test_a_file_glued_of_utf8_and_another_encoding_comes_back_whole(first_share, other, encoding):
    lines = other.splitlines(keepends=True)
    cut = int(first_share * len(lines)) + 1
    data = "".join(lines[:cut]).encode() + "".join(lines[cut:]).encode(encoding)
    found = read_file(data, "a.txt")
    assert (found.sure, found.encoding) == (False, "utf-8")
    assert found.damage.line == cut + 1
    assert read_text(data, "a.txt", None, encoding) == other


def test_zeros_are_told_and_left_out():
    text = "a download that was cut\n" * 50
    for data in (text.encode() + bytes(len(text) * 3), spoilt(text, (40, b"\0"))):
        found = read_file(data, "a.txt")
        assert (found.sure, found.encoding, found.text) == (False, "utf-8", text)
        assert found.damage.first == 0 and found.damage.left_out == data.count(0)


def test_utf16_behind_plain_letters_is_not_taken_for_the_whole():
    text = "a log that another program went on with\n" * 50
    found = read_file(text.encode() + text.encode("utf-16-le"), "a.txt")
    assert (found.sure, found.encoding, found.text) == (False, "utf-8", text + text)


def test_a_bad_byte_in_another_encoding_leaves_it_that_encoding():
    data = JAPANESE.encode("cp932")
    broken = data.replace(b"\n", b"\x81\n", 1)  # half a character
    found = read_file(broken, "a.txt", "cp932")
    assert (found.sure, found.damage.count, found.damage.line) == (False, 1, 1)
    assert read_text(broken, "a.txt", "cp932", DROP) == JAPANESE
    assert "cp932" in reading.encodings(broken)


def test_the_passages_of_a_guess_show_what_the_first_lines_do_not():
    text = (
        "plain words and nothing else\n" * 500 + "a word like Š\n" + "plain again\n" * 500 + "ž\n"
    )
    data = (TALE * 3 + text).encode("cp1250")
    lines = {line for line, _, _ in reading.excerpts(data, "cp1250", DROP)}
    assert {1, 504, 1005} <= lines


def test_half_a_character_that_utf_7_can_spell_is_no_text():
    with pytest.raises(InputError, match="not text in utf-7"):
        read_file(b"hi +2AA- there", "notes.txt", "utf-7")


LONG = b"far \x91 from any other, " + b"word " * 60 + b"and \x93two\x94 near\n"


@pytest.mark.parametrize("before", [b"", b"a line before\n"])
def test_a_line_is_shown_once_with_all_of_its_bad_bytes(before):
    data = before + LONG + "übrig\n".encode() * 9 + b"one \x92\x92 \x91 more\n"
    (line, first, read), (_, last, _) = reading.excerpts(data, "utf-8", "cp1252")
    assert line == 1 + len(before.splitlines())
    assert [first.count(f"<0x{byte}>") for byte in ("91", "93", "94")] == [1, 1, 1]
    assert "“two” near" in read and first.count(" … ") == 1, "what lies between is left out"
    assert last == "one <0x92><0x92> <0x91> more"
