"""Data: texts, clean-ups, tokens, merges."""

import pytest

from minigpt.config import GPTConfig, InputError, TrainConfig
from minigpt.corpus.downloads import Download
from minigpt.metrics import Results
from minigpt.store import LIBRARY_SHELF
from minigpt.tokenizers import CharTokenizer
from minigpt.ui import choosing, untaken
from minigpt.ui.data import sources
from tests.pages.visits import by_label, data_page, html_of, opened, well


@pytest.mark.parametrize(
    "name, data, said",
    [
        ("empty.txt", b"", "empty"),
        ("one.txt", b"a", "1 character"),
        ("photo.txt", b"\x89PNG\r\n\x1a\n\x00\x00\xff", "picture (PNG), not text"),
        ("noise.txt", bytes(range(256)) * 9, "not text in any encoding"),
    ],
)
def test_a_bad_upload_is_refused_in_a_sentence(home_page, store, name, data, said):
    opened(home_page, "pages/1_Data.py")
    home_page.file_uploader[0].set_value((name, data, "text/plain")).run()
    assert not home_page.exception
    assert name in home_page.error[0].value and said in home_page.error[0].value
    assert name not in [text.name for text in store.texts("class")]


def test_an_uploaded_text_is_kept_chosen_and_shown(home_page, store):
    opened(home_page, "pages/1_Data.py")
    body = "Ein Zwölftel Käse.\n" * 50
    home_page.file_uploader[0].set_value(("käse.txt", body.encode(), "text/plain")).run()
    well(home_page)
    chosen = by_label(home_page.selectbox, "Look at")
    assert "käse.txt" in chosen.format_func(chosen.value)
    assert home_page.metric[0].value == f"{len(body):,}"
    assert store.text(chosen.value) == body


def test_an_empty_paste_is_refused(home_page):
    data_page(home_page, "Paste")
    by_label(home_page.button, "Keep this text").click().run()
    assert "at least 2" in home_page.error[0].value


def test_a_pasted_text_that_looks_like_html_stays_text(home_page):
    data_page(home_page, "Paste")
    home_page.text_area[0].set_value("<script>alert(1)</script> <img src=x> " * 5).run()
    by_label(home_page.button, "Keep this text").click().run()
    well(home_page)
    shown = html_of(home_page)
    assert ">&lt;</bdi>" in shown  # each character is a chip of its own
    assert "><</bdi>" not in shown
    assert "&lt;script&gt;" in shown  # and the preview
    assert "<script>" not in shown


RUSSIAN = "В старой деревне у реки жил мельник, и были у него три сына и мельница.\n" * 30


def test_a_guessed_encoding_waits_for_the_person_and_good_files_do_not_wait(home_page, store):
    opened(home_page, "pages/1_Data.py")
    files = [
        ("letter.txt", RUSSIAN.encode("cp1251"), "text/plain"),
        ("nothing.txt", b"", "text/plain"),
        ("fine.txt", b"all is well here, all is well", "text/plain"),
    ]
    home_page.file_uploader[0].set_value(files).run()
    assert not home_page.exception
    assert [error.value for error in home_page.error] == [
        "nothing.txt is empty: choose a file with some text in it."
    ]
    names = {text.name for text in store.texts("class")}
    assert "fine.txt" in names and "letter.txt" not in names
    assert by_label(home_page.selectbox, "Encoding").value == "cp1251"
    assert "мельник" in html_of(home_page)
    by_label(home_page.button, "It reads well, take it").click().run()
    assert not home_page.exception
    kept = next(text for text in store.texts("class") if text.name == "letter.txt")
    assert store.text(kept.id) == RUSSIAN


def test_one_bad_byte_is_shown_in_its_line_and_read_as_the_person_says(home_page, store):
    opened(home_page, "pages/1_Data.py")
    text = "Die Mühle am Bach gehört dem Müller.\n" * 200
    data = (
        text.encode().replace(b"Bach", b"\x84Bach\x93", 151).replace(b"\x84Bach\x93", b"Bach", 150)
    )
    home_page.file_uploader[0].set_value(("mill.txt", data, "text/plain")).run()
    assert not home_page.exception
    assert by_label(home_page.selectbox, "Encoding").value == "utf-8"
    told = "UTF-8 but for **2 bytes, the first of them 0x84 in line 151**"
    assert any(told in words.value for words in home_page.markdown)
    shown = html_of(home_page)
    assert "line 151" in shown and "&lt;0x84&gt;" in shown and "am „Bach“ gehört" in shown
    by_label(home_page.selectbox, "Read those bytes as").select("drop").run()
    assert "Those bytes are left out; all else stays." in [c.value for c in home_page.caption]
    by_label(home_page.selectbox, "Read those bytes as").select("cp1252").run()
    by_label(home_page.button, "It reads well, take it").click().run()
    assert not home_page.exception
    kept = next(text for text in store.texts("class") if text.name == "mill.txt")
    lines = store.text(kept.id).splitlines()
    assert lines[150] == "Die Mühle am „Bach“ gehört dem Müller." and lines[149] in text


def test_a_text_of_the_library_and_a_world_are_taken_at_a_click(home_page, store):
    data_page(home_page, "Library")
    by_label(home_page.selectbox, "Which").select("shakespeare/hamlet").run()
    home_page.button(key="take-shakespeare").click().run()
    well(home_page)
    assert "Hamlet" in [text.name for text in store.texts("class")]

    data_page(home_page, "Worlds")
    by_label(home_page.selectbox, "World").select("markov").run()
    by_label(home_page.slider, "Bits per character").set_value(1.5).run()
    by_label(home_page.button, "Write it").click().run()
    well(home_page)
    written = next(text for text in store.texts("class") if "1.5 bits" in text.name)
    assert '"bits": 1.5' in written.origin
    assert any("1.50 bits per character" in caption.value for caption in home_page.caption)


def test_a_text_can_be_deleted_by_its_owner_who_is_told_of_its_runs(home_page, store):
    bodies = ["the first text here", "the second text here", "the third text here"]
    ids = [store.add_text("class", body[4:10], body) for body in bodies]
    tokenizer = CharTokenizer.train(bodies[1])
    run_id = store.create_run(
        "class", "on it", ids[1], tokenizer.to_json(),
        GPTConfig(tokenizer.vocab_size, 4, 1, 1, 4), TrainConfig(),
        results=Results(state="stopped"),
    )  # fmt: skip
    home_page.session_state[choosing.NEXT] = ids[1]
    opened(home_page, "pages/1_Data.py")
    assert by_label(home_page.selectbox, "Look at").value == ids[1]
    assert any("One run of yours uses it: it keeps it" in c.value for c in home_page.caption)
    by_label(home_page.button, "Delete this text").click().run()
    well(home_page)
    assert [told.value for told in home_page.success] == ["Deleted second."]
    assert by_label(home_page.selectbox, "Look at").value == ids[0]  # the next in the list
    assert ids[1] not in [text.id for text in store.texts("class")]
    assert store.text(ids[1]) == bodies[1]
    store.delete_run(run_id)
    assert not store.may_read("class", ids[1])
    with pytest.raises(InputError):
        store.text(ids[1])
    library = store.texts(LIBRARY_SHELF)[0].id
    by_label(home_page.selectbox, "Look at").select(library).run()
    assert not [button for button in home_page.button if button.label == "Delete this text"]


def test_a_download_without_a_network_says_so(home_page, store, monkeypatch):
    book = Download("A book", "About.", "Free", "http://127.0.0.1:9/book.txt")
    monkeypatch.setattr(sources, "DOWNLOADS", {"book": book})
    data_page(home_page, "Downloads")
    by_label(home_page.button, "Download").click().run()
    assert not home_page.exception
    assert "check that this machine is online" in home_page.error[0].value


def test_a_clean_up_says_what_it_changes_and_makes_another_text(home_page, store):
    data_page(home_page, "Paste")
    body = "One\r\ntwo\r\n" * 20
    home_page.text_area[0].set_value(body).run()
    by_label(home_page.button, "Keep this text").click().run()
    by_label(home_page.toggle, "Make all line ends alike").set_value(True).run()
    assert any("It takes out 40 of 200 characters." in c.value for c in home_page.caption)
    by_label(home_page.button, "Keep the cleaned text").click().run()
    well(home_page)
    chosen = by_label(home_page.selectbox, "Look at").value
    assert store.text(chosen) == body.replace("\r", "")
    assert body in [store.text(text.id) for text in store.texts("class")]


def test_bpe_can_be_watched_merging_and_its_vocabulary_searched(home_page):
    data_page(home_page, "Paste")
    home_page.text_area[0].set_value("the cat and the hat and the mat\n" * 30).run()
    by_label(home_page.button, "Keep this text").click().run()
    home_page.session_state["tokenizer_kind"] = "bpe"
    well(home_page.run())
    by_label(home_page.number_input, "Vocabulary").set_value(300).run()
    by_label(home_page.text_input, "A sentence of yours").set_value("that cat").run()
    by_label(home_page.slider, "Merges done").set_value(0).run()
    assert any("Before the first merge" in caption.value for caption in home_page.caption)
    by_label(home_page.button, "Next merge here").click().run()
    well(home_page)
    assert any("became one" in caption.value for caption in home_page.caption)
    tables = len(home_page.dataframe)
    by_label(home_page.text_input, "Find").set_value("cat").run()
    well(home_page)
    assert len(home_page.dataframe) == tables
    found = next(table.value for table in home_page.dataframe if "Joined from" in table.value)
    assert found["Token"].str.contains("cat").all() and len(found)


def test_a_merge_of_equal_letters_is_not_called_the_most_frequent(home_page, store):
    body = "aaaa\n" * 200 + "bc\n" * 500  # 600 pairs of a, of which 400 can be joined
    home_page.session_state[choosing.NEXT] = store.add_text("class", "rows", body)
    home_page.session_state["tokenizer_kind"] = "bpe"
    opened(home_page, "pages/1_Data.py")
    by_label(home_page.slider, "Merges done").set_value(1).run()
    well(home_page)
    (said,) = [c.value for c in home_page.caption if c.value.startswith("Merge 1:")]
    assert "400 such pairs were joined" in said and "more often than any" not in said
    by_label(home_page.slider, "Merges done").set_value(2).run()
    (said,) = [c.value for c in home_page.caption if c.value.startswith("Merge 2:")]
    assert "500 times: no other pair did so more often" in said


def test_a_text_without_a_merge_says_where_it_looked(home_page, store):
    home_page.session_state[choosing.NEXT] = store.add_text("class", "lines", "a\nb\n" * 20)
    home_page.session_state["tokenizer_kind"] = "bpe"
    opened(home_page, "pages/1_Data.py")
    well(home_page)
    assert any("within its words" in info.value for info in home_page.info)


def test_letters_in_two_forms_are_told_and_a_clean_up_makes_them_one(home_page, store):
    body = "u\u0308ber die Bru\u0308cke, und über\n" * 10
    home_page.session_state[choosing.NEXT] = store.add_text("class", "forms", body)
    opened(home_page, "pages/1_Data.py")
    (told,) = [c.value for c in well(home_page).caption if "several characters" in c.value]
    assert "20 letters are written as several characters" in told
    assert "of u and U+0308, and 10 of the same letters as one" in told
    by_label(home_page.toggle, "Write each letter in one form").set_value(True).run()
    assert any(
        "It takes out 20 of 280 characters." in caption.value for caption in home_page.caption
    )
    by_label(home_page.button, "Keep the cleaned text").click().run()
    well(home_page)
    assert not any("several characters" in caption.value for caption in home_page.caption)
    chosen = by_label(home_page.selectbox, "Look at").value
    assert store.text(chosen) == "über die Brücke, und über\n" * 10


def test_a_file_that_waited_too_long_is_asked_for_again(home_page, monkeypatch):
    opened(home_page, "pages/1_Data.py")
    data = RUSSIAN.encode("cp1251")
    home_page.file_uploader[0].set_value(("letter.txt", data, "text/plain")).run()
    assert by_label(home_page.selectbox, "Encoding").value == "cp1251"
    monkeypatch.setattr(untaken, "WAIT_SECONDS", 0.0)
    home_page.run()
    assert [error.value for error in home_page.error] == [
        "letter.txt has waited too long, or too much waits: bring it again."
    ]
    assert well(home_page.run())
