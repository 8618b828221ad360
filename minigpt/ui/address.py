"""Page state ⇄ URL: what a page shows stands in its address, and whoever opens it sees the same.

A field that takes part asks `place` or `bind`. It shows what the address says, checked like
any input; else what was chosen before in this session; else the usual, which no address needs to
say. Links between pages carry all of it. A text stands in an address only when somebody typed it
into such a field and it is short: a longer one goes along in the session.
"""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from minigpt.config import InputError
from minigpt.counting import counted
from minigpt.store import Run
from minigpt.tokenizers.visible import brief
from minigpt.ui.fields import changed
from minigpt.ui.pages import Page
from minigpt.ui.words import boxed, says

RUN = "run"
BESIDE = "beside"  # the runs that are compared with the one there
KEPT = "address_kept"  # in the session: what was chosen, by the key of its field
PAST = "address_past"  # in the session: what the address said of a field and does not any more
USUALS = "address_usual"  # in the session: what was usual when a field was drawn last, by its key
REFUSED = "address_refused"  # in the session: what of the address cannot be, by name
HERE = "address_here"  # in the session: the page that is open, and what its fields showed last
CHOSEN = "address_run"  # in the session: the run chosen last, the one before, and until when
SOON = 3.0  # seconds in which a browser may still send the address as it was before
LAST = -1  # in the place of a token's number: it stays the last as the text grows
AVERAGE = "average"  # in the place of a head
MOST_TYPED = 200  # characters of a text in an address
TOLD = 40  # characters of what cannot be


def _whole(said: str) -> int:
    if not re.fullmatch(r"-?\d{1,15}", said, re.ASCII):
        raise InputError("it has to be a whole number in digits, like 256")
    return int(said)


def _number(said: str) -> float:
    if not re.fullmatch(r"-?\d{1,15}(\.\d{1,15})?", said, re.ASCII):
        raise InputError("it has to be a number, like 0.8")
    return float(said)


def _typed(said: str) -> str:
    if len(said) > MOST_TYPED:
        raise InputError(
            f"it has {counted(len(said), 'character')}, and from an address at most {MOST_TYPED} "
            "are taken: put it into the field instead"
        )
    return said


def one_of(names: Sequence[str]) -> Callable[[str], str]:
    """A check that a word is one of these."""

    def check(name: str) -> str:
        if name not in names:
            raise InputError(f"it can be {', '.join(names[:-1])} or {names[-1]}")
        return name

    return check


def _head(said: str) -> int | str:
    return said if said == AVERAGE else _whole(said)


def _tokens(said: str) -> list[int]:
    if not said:
        return []
    if not re.fullmatch(r"\d{1,6}(,\d{1,6}){0,19}", said, re.ASCII):
        raise InputError("it has to be up to 20 numbers of tokens, like 0,3,7")
    return [int(number) for number in said.split(",")]


def _choices(said: str) -> list[tuple[int, int]]:
    if not said:
        return []
    if not re.fullmatch(r"\d{1,5}:\d{1,6}(,\d{1,5}:\d{1,6}){0,19}", said, re.ASCII):
        raise InputError("it has to be up to 20 pairs of a place and a token, like 12:45,30:7")
    pairs = [tuple(map(int, pair.split(":"))) for pair in said.split(",")]
    if [at for at, _ in pairs] != sorted({at for at, _ in pairs}):
        raise InputError("its places have to go upwards")
    return pairs


def _steps(said: str) -> list[int]:
    if not re.fullmatch(r"(|[1-6](,[1-6]){0,5})", said, re.ASCII):
        raise InputError("it has to be up to six numbers of steps, like 1,3")
    return [int(number) for number in said.split(",") if number]


def _row(said: str) -> list[tuple[int, ...]]:
    one = r"\d{1,2}:\d{1,2}:\d{1,4}:\d{1,3}"
    if not re.fullmatch(rf"(|{one}(,{one}){{0,19}})", said, re.ASCII):
        raise InputError("it has to be layer:head:place:percent, up to 20 times, like 0:1:12:60")
    return [tuple(map(int, cell.split(":"))) for cell in said.split(",") if cell]


@dataclass(frozen=True)
class Parameter:
    """Something that an address can say, and whose it is: of each run, of runs alike, of all."""

    name: str
    label: str
    read: Callable[[str], Any]  # raises InputError
    scope: Callable[[Run], object] | None = None  # runs of the same share it; None: all do

    def key(self, run: Run) -> str:
        """Of its field."""
        return f"{self.name}-{self.scope(run)}" if self.scope else self.name


STEP = Parameter("step", "moment of training", _whole, lambda run: run.id)
LAYER = Parameter("layer", "layer", _whole, lambda run: run.model.n_layer)
HEAD = Parameter("head", "head", _head, lambda run: run.model.n_head)
SHOWS = Parameter("shows", "share or contribution", one_of(("share", "norm")))
ROLE = Parameter("role", "role", str, lambda run: run.id)
KEPT_TOKENS = Parameter("kept", "kept tokens", _tokens, lambda run: run.id)
AGAINST = Parameter("against", "comparison", one_of(("head", "moment", "run")), lambda run: run.id)
OTHER_RUN = Parameter("other_run", "other run", str, lambda run: run.id)
OTHER_STEP = Parameter("other_step", "other moment", _whole, lambda run: run.id)
OTHER_LAYER = Parameter("other_layer", "other layer", _whole, lambda run: run.id)
OTHER_HEAD = Parameter("other_head", "other head", _whole, lambda run: run.id)
COMPARED = (AGAINST, OTHER_RUN, OTHER_STEP, OTHER_LAYER, OTHER_HEAD)
TEXT = Parameter("text", "text", _typed, lambda run: run.id)
PROMPT = Parameter("prompt", "prompt", _typed, lambda run: run.id)
TEMPERATURE = Parameter("temperature", "temperature", _number)
TOP_K = Parameter("top_k", "top-k", _whole, lambda run: run.model.vocab_size)
TOP_P = Parameter("top_p", "top-p", _number)
MIN_P = Parameter("min_p", "min-p", _number)
REPETITION = Parameter("repetition", "repetition penalty", _number)
LENGTH = Parameter("length", "length", _whole)
STOP = Parameter("stop", "stop string", _typed)
SEED = Parameter("seed", "seed", _whole)
SAMPLING = (TEMPERATURE, TOP_K, TOP_P, MIN_P, REPETITION, LENGTH, STOP, SEED)
CHOICES = Parameter("choices", "chosen tokens", _choices, lambda run: run.id)
WIDTH = Parameter("width", "width of the beam", _whole)
DEPTH = Parameter("depth", "length of the beam search", _whole)
PENALTY = Parameter("penalty", "length penalty", _number)
OFF_LAYER = Parameter("off_layer", "layer of the head switched off", _whole, lambda run: run.id)
OFF_HEAD = Parameter("off_head", "head switched off", _whole, lambda run: run.id)
SIDE = Parameter("side", "open tab", str)  # of Generate
ABLATION = Parameter("ablation", "kind of ablation", one_of(("zero", "mean", "resample")))
PART = Parameter("part", "part of the model", str, lambda run: run.id)
INSTRUMENT = Parameter("instrument", "open tab", str)  # of Inside
LENS = Parameter("lens", "colours of the lens", one_of(("true", "entropy", "kl")))
PLACE = Parameter("place", "position", _whole, lambda run: run.id)
AIM = Parameter("aim", "logit that is taken apart", one_of(("likeliest", "rival", "token")))
AIMED = Parameter("aimed", "token whose logit is taken apart", _whole, lambda run: run.id)
EMBEDDED = Parameter("embedded", "embedding", one_of(("token", "position")), lambda run: run.id)
EXTENT = Parameter("extent", "part of the plane", one_of(("all", "middle")))
NEAR_TOKEN = Parameter("near_token", "token whose neighbours are shown", _whole, lambda run: run.id)
NEAR_PLACE = Parameter("near_place", "place whose neighbours are shown", _whole, lambda run: run.id)
LEARNED_BY = Parameter("learned_by", "grouping of what was learned", one_of(("kind", "order")))
OPENED = Parameter("opened", "opened steps", _steps)
ROW = Parameter("row", "row of attention set by hand", _row, lambda run: run.id)
BEAM = (WIDTH, DEPTH, PENALTY)
PARAMETERS = (
    STEP, LAYER, HEAD, SHOWS, ROLE, KEPT_TOKENS, TEXT, *COMPARED, PROMPT, *SAMPLING, CHOICES, *BEAM,
    OFF_LAYER, OFF_HEAD, SIDE, INSTRUMENT, ABLATION, PART, LENS, PLACE, AIM, AIMED,
    EMBEDDED, EXTENT, NEAR_TOKEN, NEAR_PLACE, LEARNED_BY, OPENED, ROW,
)  # fmt: skip


def arrive(page: Page) -> None:
    """Notes which page is open: on another than before, every field is put anew, for what we put
    into a field does not go along."""
    if st.session_state.get(HERE, ("",))[0] != page.title:
        st.session_state[HERE] = page.title, {}


def settle(run: Run) -> None:
    """Has the address say what was chosen last.

    A browser that is asked for two things in a moment sends the second with the address as it was
    before the first.
    """
    if _went_back():
        return
    for parameter in PARAMETERS:
        key, said = parameter.key(run), st.query_params.get(parameter.name)
        value = st.session_state.get(KEPT, {}).get(key)
        wanted = None if value is None or not _fits(value) else _written(value)
        if said != wanted and (said is None or said in _past(key)):
            _write(parameter.name, wanted)


def within(least: float, most: float) -> Callable[[Any], Any]:
    """A check that a number lies between these, both included."""

    def check(number: float) -> float:
        if not least <= number <= most:
            raise InputError(f"the least is {_told(least)}, the most is {_told(most)}")
        return number

    return check


def place(
    parameter: Parameter,
    run: Run,
    usual: Any,
    check: Callable[[Any], Any] = lambda value: value,
    begins: str = "value",
) -> dict[str, Any]:
    """What a field is given beside its own settings: its key, and what it `begins` with. What
    cannot be is told here, in a sentence.

    `check` returns what the field takes of a value, or raises InputError.
    """
    key = parameter.key(run)
    here = st.session_state.setdefault(HERE, ("", {}))[1]
    stands = st.session_state.get(key)
    drawn = key in here and stands is not None
    if drawn and _written(stands) != here[key] and not _went_back():
        # Changed by hand. Where two fields were at once, only one of them may have called `keep`.
        _say(parameter, key, stands, usual)
    usuals = st.session_state.setdefault(USUALS, {})
    unchosen = key not in st.session_state.get(KEPT, {}) and _written(stands) == usuals.get(key)
    if drawn and unchosen and _written(usual) != usuals[key]:
        del st.session_state[key]  # nobody chose what stands there, and it is not usual any more
    usuals[key] = _written(usual)
    value = _wanted(parameter, key, usual, check)
    put = drawn and _written(stands) != _written(value)
    if put:  # the browser went back, or what is usual has changed
        st.session_state[key] = value
    elif key not in here:  # what stood in a field of the page before is no value for this one
        st.session_state.pop(key, None)
    here[key] = _written(value)
    return {"key": key} if put else {"key": key, begins: value}


def bind(*about: Any, **more: Any) -> dict[str, Any]:
    """The same, for a field that writes into the address whenever it is changed."""
    return place(*about, **more) | {"on_change": keep, "args": about[:3]}


def read(
    parameter: Parameter,
    run: Run,
    usual: Any,
    check: Callable[[Any], Any] = lambda value: value,
) -> Any:
    """What the address says of something that is no field of Streamlit's, as a field would show."""
    return _wanted(parameter, parameter.key(run), usual, check)


def put(parameter: Parameter, run: Run, value: Any, usual: Any) -> None:
    """Chooses for the person: what is drawn next shows this, as if it had been chosen by hand."""
    _say(parameter, parameter.key(run), value, usual)
    st.session_state[KEPT][parameter.key(run)] = value  # the usual too: a field may show another


def _wanted(parameter: Parameter, key: str, usual: Any, check: Callable[[Any], Any]) -> Any:
    """What a field shows by the address, by what was chosen before, or as usual."""
    said = st.query_params.get(parameter.name)
    kept, refused = (st.session_state.setdefault(name, {}) for name in (KEPT, REFUSED))
    if said is None and _went_back() and _fits(kept.get(key)):
        kept.pop(key, None)
        return usual
    try:
        if said is not None:
            kept[key] = parameter.read(said)
        value = check(kept[key]) if key in kept else st.session_state.get(key, usual)
    except InputError as error:
        kept.pop(key, None)
        refused[parameter.name] = said
        shown = boxed(brief(said, TOLD)) if said else "nothing"
        st.warning(
            f"The address says {shown} for the {parameter.label}: {says(error)}. The usual stands "
            "here instead.",
            icon=":material/link_off:",
        )
        return usual
    refused.pop(parameter.name, None)
    if key in kept:
        _say(parameter, key, usual if value == usual else kept[key], usual)
    return value


def keep(parameter: Parameter, run: Run, usual: Any) -> None:
    """Writes into the address what stands in a field now."""
    for name, said in st.session_state.pop(REFUSED, {}).items():
        if st.query_params.get(name) == said:
            st.query_params.pop(name, None)
    key = parameter.key(run)
    changed(key, lambda value: _say(parameter, key, value, usual))()


def forget(parameter: Parameter, run: Run) -> None:
    """Has a field begin as usual when it is drawn next."""
    key = parameter.key(run)
    for where in (st.session_state.get(KEPT, {}), st.session_state):
        where.pop(key, None)
    _past(key).add(st.query_params.get(parameter.name))
    _write(parameter.name, None)


def _say(parameter: Parameter, key: str, value: Any, usual: Any) -> None:
    """Keeps what was chosen, and has the address say it where that is needed and can be."""
    kept = st.session_state.setdefault(KEPT, {})
    kept[key] = value
    if _written(value) == _written(usual):
        kept.pop(key)
    said, wanted = st.query_params.get(parameter.name), None
    if key in kept and _fits(value):
        wanted = _written(value)
    _past(key).add(said)
    _past(key).discard(wanted)
    if said != wanted:
        _write(parameter.name, wanted)


def _write(name: str, wanted: str | None) -> None:
    if wanted is None:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = wanted


def _past(key: str) -> set[str | None]:
    return st.session_state.setdefault(PAST, {}).setdefault(key, set())


def _written(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(_written, value))
    if isinstance(value, tuple):
        return ":".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _told(number: float) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:g}"


def _fits(value: Any) -> bool:
    return not isinstance(value, str) or len(value) <= MOST_TYPED


def _went_back() -> bool:
    """Whether the browser's back or forward was pressed: then the address knows best."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def carried() -> dict[str, str]:
    """What of the address a page passes on to the next: all that can be."""
    said, refused = st.query_params.to_dict(), st.session_state.get(REFUSED, {})
    names = [name for name in (RUN, BESIDE) if said.get(name)]
    names += [p.name for p in PARAMETERS if p.name in said and refused.get(p.name) != said[p.name]]
    return {name: said[name] for name in names}


def of_run(run_id: str) -> dict[str, str]:
    """What a link to another run passes on: not what belongs to the one that is shown."""
    own = {BESIDE, *(parameter.name for parameter in PARAMETERS if parameter.scope)}
    return {name: said for name, said in carried().items() if name not in own} | {RUN: run_id}


def link(page: Page, label: str = "", icon: str | None = None, run_id: str | None = None) -> None:
    """A link to another page that shows the same, or another run."""
    said = of_run(run_id) if run_id else carried()
    st.page_link(page.file, label=label or page.title, icon=icon, query_params=said)


def go(page: Page) -> None:
    """Opens another page that shows the same."""
    st.switch_page(page.file, query_params=carried())


def run() -> str | None:
    """The run in the URL; the one just chosen, where a browser that was asked for something else in
    the same moment, perhaps by a page's own clock, still sent the address as it was before."""
    said = st.query_params.get(RUN)
    chosen, before, until = st.session_state.get(CHOSEN, (None, None, 0.0))
    if said != before or said == chosen or time.monotonic() > until or _went_back():
        return said
    _write(RUN, chosen)
    return chosen


def show_run(run_id: str) -> None:
    """Makes a run the one in the URL: it survives a reload, and every page shows it."""
    _choose(run_id)


def leave_run() -> None:
    """Makes the demo the run that is shown, as on a first visit."""
    _choose(None)


def _choose(run_id: str | None) -> None:
    st.session_state[CHOSEN] = run_id, st.query_params.get(RUN), time.monotonic() + SOON
    for name in (RUN, *(parameter.name for parameter in PARAMETERS if parameter.scope)):
        st.query_params.pop(name, None)
    show_beside([])
    _write(RUN, run_id)


def beside() -> list[str]:
    """The runs in the URL that lie over the one there, each once."""
    return list(dict.fromkeys(filter(None, st.query_params.get(BESIDE, "").split(","))))


def show_beside(run_ids: Sequence[str]) -> None:
    """Has these runs lie over the one in the URL, after a reload too."""
    st.query_params.pop(BESIDE, None)
    if run_ids:
        st.query_params[BESIDE] = ",".join(run_ids)
