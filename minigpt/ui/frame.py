"""The frame every page stands in: page settings, menu, workspace, and the chosen run."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from minigpt import bundle, plots
from minigpt.config import InputError, SettingError
from minigpt.limits import Limits
from minigpt.store import DEMO_PREFIX, EVERYONE, Run, Store, StoreError
from minigpt.ui import drawer, services
from minigpt.ui.glossary import GLOSSARY, NAMES, explain
from minigpt.ui.workspace import workspace

MENU = (
    ("app.py", "Home", ":material/home:"),
    ("pages/1_Data.py", "Data", ":material/menu_book:"),
    ("pages/2_Train.py", "Train", ":material/trending_down:"),
    ("pages/3_Attention.py", "Attention", ":material/grid_on:"),
    ("pages/4_Generate.py", "Generate", ":material/edit_note:"),
)

BESIDE = "beside"  # in the URL: the runs that are compared with the one there

# A picture of our own: Streamlit's icons would be fetched from a font host for the browser's tab.
ICON = Path(__file__).parents[2] / "assets" / "icon.svg"
# Streamlit writes white on the accent, which in the dark is bright because it is written in too.
STYLE = """<style>
[data-testid^="stBaseButton-primary"], [data-testid="stMultiSelectTagsContainer"] > span > span {
  background-color: #0F766E; border-color: #0F766E; }
[data-testid^="stBaseButton-primary"]:hover { background-color: #0C5F59; border-color: #0C5F59; }
[data-testid="stCaptionContainer"] code { font-size: 0.875rem; color: inherit; padding: 1px 3px;
  background: color-mix(in srgb, currentColor 10%, transparent); }
</style>"""


@dataclass(frozen=True)
class Visit:
    """Who looks at a page, at which run."""

    store: Store
    workspace: str
    workspace_known: bool  # False while the browser has not yet said whose it is
    run: Run
    demo_id: str
    limits: Limits

    @property
    def owns_run(self) -> bool:
        return self.run.workspace == self.workspace

    @property
    def reads_text(self) -> bool:
        """Whether the run's text is the visitor's own, or the library's."""
        return self.store.may_read(self.workspace, self.run.text_id)

    def runs(self) -> list[Run]:
        """The visitor's own runs, newest first, then those meant for everyone."""
        own = self.store.runs(self.workspace)
        return own + [run for run in self.store.runs(EVERYONE) if run.workspace != self.workspace]


def open_page(title: str, about: str, *words: str, tells_trouble: bool = True) -> Visit:
    """Paints the frame and the page's title; returns whose visit it is and the run in the URL.

    `words` are those of `about` that a newcomer may not know.
    A page that moves tells by itself, not on top of it, what keeps the worker from working.
    Stops the script with a sentence on the page when the store cannot be opened.
    """
    st.set_page_config(
        page_title=title if title == "minigpt" else f"{title} · minigpt",
        page_icon=ICON,
        layout="wide",
    )
    with st.sidebar:
        st.markdown("### minigpt")
        for page, label, icon in MENU:
            st.page_link(page, label=label, icon=icon, query_params=_run_in_url())
        run_choice = st.container()
        drawer.closes_after_a_tap(title)
    st.html(STYLE)
    st.title(title if title != "minigpt" else "Understand a GPT by training one", anchor=False)
    st.markdown(about, help=explain(*words) if words else None)
    try:
        visit = _visit(tells_trouble)
    except InputError as error:
        st.error(sentence(error))
        st.stop()
    with run_choice:
        _choose_run(visit)
    return visit


def show_words(*words: str) -> None:
    """The words that stand on a page, explained at its foot, to be read in one go."""
    with st.expander("Words on this page", icon=":material/dictionary:"):
        st.markdown(explain(*sorted(words, key=str.lower)))


def hold(key: str, usual: object) -> object:
    """Puts into the field of that key what stands in it, or the usual; returns it.

    A value that came from us and that nobody touched does not go along to another page, or come
    back from one: there the field would begin anew. So it is put there whenever it is drawn.
    """
    st.session_state[key] = st.session_state.get(key, usual)
    return st.session_state[key]


def sentence(error: object) -> str:
    """An error's words as a sentence, settings called as their fields are; a file's name in front
    stays as it is."""
    words = plain(error.called(NAMES) if isinstance(error, SettingError) else str(error))
    first = words.split(maxsplit=1)[0]
    return f"{words[0].upper() if first.isalpha() else words[0]}{words[1:]}."


# What markdown marks up, anywhere and at the start of a line: a backslash before it is enough.
MARKS = re.compile(r"[\\`*_\[\]$~<>#|]|&(?=#?\w)|^[-+=]|(?<=^\d)[.)]|(?<=^\d\d)[.)]")
# What becomes an address, an emoji, an icon or an arrow once markdown was read and all backslashes
# are gone: a joiner that has no width and no glyph parts it.
PARTED = re.compile(r"(:(?=[\w+/-])|@(?=[-\w])|www(?=\.)|(?<!\S)[-<>~](?=[-<>=]+(?!\S)))", re.I)
JOINER = "\u2060"


def plain(text: str) -> str:
    """Somebody's words for a place that reads markdown: nothing in them is a link, a picture, an
    icon or a formula."""
    return MARKS.sub(r"\\\g<0>", PARTED.sub(rf"\1{JOINER}", text))


def boxed(token: str) -> str:
    """A token, made visible, as a chip in a place that reads markdown."""
    fence = "`" * (1 + max(map(len, re.findall("`+", token)), default=0))
    pad = " " * (token[:1] == "`" or token[-1:] == "`")
    return f"{fence}{pad}{token}{pad}{fence}"


def clock(seconds: float) -> str:
    """A length of time: 0:04, 12:30, 1:05:00."""
    minutes, seconds = divmod(math.ceil(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def rough(seconds: float) -> str:
    """A length of time that is only estimated, no closer than it is known.

    >>> [rough(seconds) for seconds in (0.3, 7.2, 43, 161, 800, 6000)]
    ['1 s', '7 s', '45 s', '2.5 min', '15 min', '1.5 h']
    """
    size, unit = (3_600, "h") if seconds >= 5_400 else (60, "min") if seconds >= 90 else (1, "s")
    number = max(1, seconds / size)
    to = 5 if number >= 10 else 0.5 if number < 3 and unit != "s" else 1
    return f"{to * round(number / to):g} {unit}"


def look(store: Store, run: Run) -> None:
    """Notes that somebody looks at the run, or says why that cannot be written down."""
    try:
        store.look(run.id)
    except StoreError as error:
        st.error(sentence(error))


def _run_in_url() -> dict[str, str]:
    """What of the address a page passes on to the next."""
    return {name: st.query_params[name] for name in ("run", BESIDE) if st.query_params.get(name)}


def go(page: str) -> None:
    """Opens another page, with the same run."""
    st.switch_page(page, query_params=_run_in_url())


def show_run(run_id: str) -> None:
    """Makes a run the one in the URL: it survives a reload, and every page shows it."""
    leave_run()
    st.query_params["run"] = run_id


def leave_run() -> None:
    """Makes the demo the run that is shown, as on a first visit."""
    st.query_params.pop("run", None)
    show_beside([])


def beside() -> list[str]:
    """The runs in the URL that lie over the one there."""
    return st.query_params.get(BESIDE, "").split(",")


def show_beside(run_ids: Sequence[str]) -> None:
    """Has these runs lie over the one in the URL, after a reload too."""
    st.query_params.pop(BESIDE, None)
    if run_ids:
        st.query_params[BESIDE] = ",".join(run_ids)


def _visit(tells_trouble: bool) -> Visit:
    store, (who, known) = services.store(), workspace()
    demo_id = bundle.ensure_demo(store)  # it comes back, whatever became of it
    wanted = st.query_params.get("run", DEMO_PREFIX)
    try:
        run = store.run(demo_id if wanted == DEMO_PREFIX else wanted)
    except InputError as error:
        st.error(f"{sentence(error)} The demo is shown instead.", icon=":material/link_off:")
        run = store.run(demo_id)
    look(store, run)
    if tells_trouble and (trouble := services.trouble()):
        st.error(f"Training waits: {plain(trouble)}.", icon=":material/hard_drive:")
    return Visit(store, who, known, run, demo_id, Limits.from_environment())


def file_name(run: Run) -> str:
    """A run's name as the start of a file's."""
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in run.name) or "run"


def _choose_run(visit: Visit) -> None:
    runs = {run.id: run for run in [*visit.runs(), visit.run]}
    # A new key when the run or its name changes: the browser tells options apart by their labels.
    key = f"choose-{visit.run.id}-{visit.run.name}"
    st.selectbox(
        "Run",
        list(runs),
        index=list(runs).index(visit.run.id),
        format_func=lambda run_id: run_label(runs[run_id]),
        key=key,
        on_change=lambda: show_run(st.session_state[key]),
        help=f"{GLOSSARY['run']} Every page shows the run chosen here.",
    )
    tell_whole(run_label(visit.run), 206)


def run_label(run: Run) -> str:
    """A run's name and the start of its id, and nothing that changes while a page is open: an
    option whose label has changed is no longer the one that was chosen."""
    return f"{run.name} · {run.id[:4]}"


def tell_whole(label: str, room: int) -> None:
    """What a choice shows, once more in full, where its field of `room` pixels cuts it."""
    if pixels(label) > room:
        st.caption(plain(label))


def pixels(label: str) -> float:
    """About how wide a label is in a field, where letters are drawn 16 pixels high."""
    return sum(
        16 if plots.columns(letter) > 1 else next((w for of, w in WIDTHS if letter in of), 8.2)
        for letter in label
    )


def list_runs(runs: list[Run]) -> None:
    """Runs as rows with their state, each with a link to its page."""
    for run in runs[:12]:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.text(run.name, width="stretch")
            st.caption(
                f"{run.standing}, step {run.step:,} of {run.train.max_steps:,}", width="content"
            )
            st.page_link(
                "pages/2_Train.py",
                label="Open",
                icon=":material/open_in_new:",
                query_params={"run": run.id},
            )


# Pixels of the letters that are much narrower or wider than most.
WIDTHS = ((" ijl.,:;'|!·", 3.9), ("frt()[]-", 5.3), ("mwMWQO@%", 13.0), ("ABCDEGHKNPRSTUVXYZ", 9.3))

TOUR = (
    ("pages/1_Data.py", "Data", "Bring a text and see what the model will see."),
    ("pages/2_Train.py", "Train", "Watch the loss fall and the samples turn into words."),
    (
        "pages/3_Attention.py",
        "Attention",
        "See where the model looks, at every moment of training.",
    ),
    ("pages/4_Generate.py", "Generate", "Make it bolder or more careful, and watch its choices."),
)


def show_tour() -> None:
    """A card for each page."""
    for column, (page, label, about) in zip(st.columns(len(TOUR)), TOUR, strict=True):
        with column, st.container(border=True, height="stretch"):
            st.page_link(page, label=label, query_params=_run_in_url())
            st.caption(about)
