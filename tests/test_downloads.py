"""Downloads against a server of our own: nothing here needs the network."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from minigpt.config import InputError
from minigpt.corpus import DOWNLOADS
from minigpt.corpus.downloads import Download

BODY = b"Once upon a time.\r\n" * 5_000


@pytest.fixture
def address():
    """A server that gives BODY at /book.txt, an error elsewhere, and counts who asks."""

    class Shelf(BaseHTTPRequestHandler):
        asked = 0

        def do_GET(self):
            Shelf.asked += 1
            found = self.path == "/book.txt"
            self.send_response(200 if found else 404)
            self.send_header("Content-Length", str(len(BODY) if found else 0))
            self.end_headers()
            if found:
                self.wfile.write(BODY)

        def log_message(self, *_):
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Shelf)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", Shelf
    server.shutdown()
    server.server_close()


def book(url: str, sha256: str | None = None) -> Download:
    return Download("A book", "About.", "Free", url, sha256)


def test_a_text_is_fetched_once_checked_and_told_of(address, tmp_path: Path):
    url, shelf = address
    entry, told = book(f"{url}/book.txt", hashlib.sha256(BODY).hexdigest()), []
    assert not entry.kept(tmp_path)
    text = entry.read(tmp_path, lambda done, total: told.append((done, total)))
    assert text == BODY.decode().replace("\r\n", "\n")
    assert told[-1] == (len(BODY), len(BODY))
    assert entry.kept(tmp_path)
    assert entry.read(tmp_path) == text
    assert shelf.asked == 1


def test_other_contents_than_expected_are_not_kept(address, tmp_path: Path):
    entry = book(f"{address[0]}/book.txt", "0" * 64)
    with pytest.raises(InputError, match="other contents"):
        entry.read(tmp_path)
    assert not entry.kept(tmp_path)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/book.txt", "{}/missing.txt"])
def test_without_a_network_or_a_file_it_says_so(address, tmp_path: Path, url):
    entry = book(url.format(address[0]))
    with pytest.raises(InputError, match=r"could not be downloaded.*online"):
        entry.read(tmp_path)
    assert not entry.kept(tmp_path)


def test_every_download_has_an_address_and_says_what_it_is():
    files = [entry.file for entry in DOWNLOADS.values()]
    assert len(set(files)) == len(files) >= 13
    for entry in DOWNLOADS.values():
        assert entry.url.startswith("https://")
        assert entry.about.endswith(".")
    assert len(DOWNLOADS["tinyshakespeare"].sha256) == 64
