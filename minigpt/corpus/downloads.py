"""Texts from the network, fetched when a person asks for one, and then kept."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from minigpt.config import InputError
from minigpt.corpus.cleaning import clean
from minigpt.corpus.reading import read_text

TIMEOUT_SECONDS = 20
FOLDER = "downloads"


@dataclass(frozen=True)
class Download:
    """A text with an address; `sha256` where the file there never changes."""

    title: str
    about: str
    licence: str
    url: str
    sha256: str | None = None

    @property
    def file(self) -> str:
        return self.url.rsplit("/", 1)[1]

    def kept(self, home: Path) -> bool:
        """Whether it has been fetched before."""
        return (home / FOLDER / self.file).exists()

    def read(self, home: Path, progress: Callable[[int, int], None] | None = None) -> str:
        """The text, from the folder of downloads in `home` or else from its address.

        `progress(bytes so far, bytes in all)` is told on the way. Raises InputError when there is
        no network, or what came is not what was expected; then nothing is kept.
        """
        import pooch  # brings an HTTP library along, which few visitors need
        from requests.exceptions import RequestException

        downloader = pooch.HTTPDownloader(
            timeout=TIMEOUT_SECONDS, progressbar=_Progress(progress) if progress else False
        )
        try:
            path = pooch.retrieve(
                self.url, self.sha256, self.file, home / FOLDER, downloader=downloader
            )
        except (RequestException, OSError) as error:
            raise InputError(
                f"{self.title} could not be downloaded ({type(error).__name__}): check that this "
                "machine is online, or choose a text that is already here"
            ) from error
        except ValueError as error:  # what pooch says of a wrong hash
            raise InputError(
                f"{self.title} came with other contents than expected, and was not kept: "
                "try again later, or choose another text"
            ) from error
        return clean(read_text(Path(path).read_bytes(), self.title), ["gutenberg", "line-ends"])


class _Progress:
    """What pooch expects of a progress bar."""

    def __init__(self, tell: Callable[[int, int], None]) -> None:
        self.total, self._tell, self._done = 0, tell, 0

    def update(self, count: int) -> None:
        self._done += count
        self._tell(self._done, int(self.total))

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        """Nothing is left to close."""


def _novel(number: int, title: str, author: str, about: str) -> tuple[str, Download]:
    """A book of Project Gutenberg's by its number there. They correct their texts now and then, so
    no hash is known beforehand."""
    return f"gutenberg/{number}", Download(
        title=f"{title}, {author}",
        about=about,
        licence="Public domain in the USA, from Project Gutenberg, without its header and footer",
        url=f"https://www.gutenberg.org/cache/epub/{number}/pg{number}.txt",
    )


DOWNLOADS: Mapping[str, Download] = MappingProxyType(
    {
        "tinyshakespeare": Download(
            title="Tiny Shakespeare",
            about="1.1 MB of the plays: the text that most small language models are measured on.",
            licence="Public domain, put together by Andrej Karpathy",
            url="https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
            sha256="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        )
    }
    | dict(
        [
            _novel(11, "Alice's Adventures in Wonderland", "Carroll", "Short, and full of talk."),
            _novel(35, "The Time Machine", "Wells", "A short novel in plain, even prose."),
            _novel(43, "Dr Jekyll and Mr Hyde", "Stevenson", "Short, with long winding sentences."),
            _novel(84, "Frankenstein", "Shelley", "Letters within letters, in the first person."),
            _novel(98, "A Tale of Two Cities", "Dickens", "Long, with turns that come again."),
            _novel(120, "Treasure Island", "Stevenson", "Speech as sailors speak it."),
            _novel(345, "Dracula", "Stoker", "Diaries with dates: see when the model learns them."),
            _novel(1342, "Pride and Prejudice", "Austen", "Dialogue, titles and names in plenty."),
            _novel(1661, "The Adventures of Sherlock Holmes", "Doyle", "Twelve stories, one tone."),
            _novel(
                2701, "Moby-Dick", "Melville", "A large vocabulary, and over a million letters."
            ),
            _novel(
                2600, "War and Peace", "Tolstoy", "Three million letters: for a longer training."
            ),
            _novel(
                2000, "Don Quijote (Spanish)", "Cervantes", "See a model learn another language."
            ),
            _novel(17489, "Les Misérables I (French)", "Hugo", "French, with all its accents."),
            _novel(2229, "Faust I (German)", "Goethe", "German, in verse."),
        ]
    )
)
