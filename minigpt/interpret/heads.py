"""What each head of a model does, measured on text that it has not seen."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from minigpt.config import InputError, NotFinite
from minigpt.counting import counted
from minigpt.evaluation import nats
from minigpt.interpret import roles
from minigpt.interpret.intervals import LEAST_WINDOWS
from minigpt.interpret.roles import ABOUT_CONTENT, FIRST_ROW, Tally, by_role
from minigpt.interpret.taps import Recorder
from minigpt.interpret.windows import batches, checked, repeated_sequences, too_few
from minigpt.model import GPT, new_model

UNTRAINED_WINDOWS = 4  # every head of a fresh model is asked, so a few of them tell


@dataclass(frozen=True)
class CopyLosses:
    """How well a model foresees sequences of different tokens that are repeated, in nats a token.

    `first` over the first copy; `later` over the copies after it, without the token that begins the
    second, which nothing announces.
    """

    first: float
    later: float
    period: int
    copies: int


@dataclass(frozen=True)
class HeadScores:
    """What each head does. All arrays are (n_layer, n_head), all by the names in `ROLES`.

    `lifts` as in `role_lifts`, with their 95 % interval over windows from `low` to `high`. The
    roles about content are measured on repeated sequences, the others on the text. `shuffled` has
    the same lifts where the text's tokens are shuffled, or, for the roles about content, every copy
    of a sequence by itself, while the looked-for places stay: what survives needs no text that
    makes sense. It has no interval, so every second window is enough. `chance` is the share of its
    attention that a head which looks evenly at all it sees would put there; of `broad`, in how many
    rows an untrained model of this shape is broad.
    `roles[layer][head]` is a name or "unclear"; `likeliest` has the two with the highest lifts.
    `rows` and `windows` count what was measured; `notes` says what could not be measured, and why.
    """

    lifts: dict[str, np.ndarray]
    low: dict[str, np.ndarray]
    high: dict[str, np.ndarray]
    shuffled: dict[str, np.ndarray]
    chance: dict[str, float]
    rows: dict[str, int]
    windows: dict[str, int]
    roles: list[list[str]]
    likeliest: list[list[tuple[str, ...]]]
    copies: CopyLosses | None
    notes: list[str]


def head_scores(model: GPT, windows: np.ndarray, seed: int = 0) -> HeadScores:
    """What each head of a model does on `windows`, int64 (n, T) of held-out ids, beside chance.

    `seed` shuffles the text, draws the repeated sequences and resamples the windows. Raises
    InputError when the ids are not of this vocabulary, or a window is longer than the context or
    not longer than 8 tokens, and NotFinite where the model's numbers are none.
    """
    windows, notes = checked(model, windows), []
    rng = np.random.default_rng(seed)
    chance = _broad_untrained(model, windows[:UNTRAINED_WINDOWS], seed)
    held, _ = _measured(model, windows, windows, chance)
    some = windows[::2]  # enough for what has no interval
    mixed, _ = _measured(model, rng.permuted(some, axis=1), some, chance)
    again = again_mixed = _nothing(held)
    copies = None
    if repeated := repeated_sequences(windows, model.config.block_size, seed):
        sequences, period = repeated
        again, losses = _measured(model, sequences, sequences, chance, apart=True)
        some = sequences[::2]
        once = some.reshape(len(some), -1, period)  # (n, copies, period)
        apart = rng.permuted(once, axis=2).reshape(some.shape)
        again_mixed, _ = _measured(model, apart, some, chance)
        first, later = losses[:, : period - 1].mean(), losses[:, period:].mean()
        copies = CopyLosses(float(first), float(later), period, once.shape[1])
    else:
        notes.append(too_few(model, windows))
    if len(windows) < LEAST_WINDOWS:
        notes.append(
            f"{counted(len(windows), 'window')} of text cannot tell how sure a measurement is: "
            f"without an interval, which takes {LEAST_WINDOWS}, every head is unclear."
        )
    lifts, shuffled = _each(held.lifts, again.lifts), _each(mixed.lifts, again_mixed.lifts)
    low, high = map(_each, held.interval(seed), again.interval(seed))
    near = again.lifts[..., roles.NAMES.index("near")]
    heads = [
        list(zip(*layer, strict=True)) for layer in zip(lifts, low, shuffled, near, strict=True)
    ]
    return HeadScores(
        *map(by_role, (lifts, low, high, shuffled)),
        chance=_by_name(held.chance, again.chance),
        rows=_by_name(held.rows.sum(0), again.rows.sum(0)),
        windows=_by_name(len(held.mass), len(again.mass)),
        roles=[[roles.role_of(*head) for head in layer] for layer in heads],
        likeliest=[[roles.likeliest(head[0]) for head in layer] for layer in heads],
        copies=copies,
        notes=notes,
    )


def _each(held: np.ndarray | int, again: np.ndarray | int) -> np.ndarray:
    """Of each role what was measured on the text, or, where it is about content, on repeated
    sequences: (…, R)."""
    return np.where(ABOUT_CONTENT, again, held)


def _by_name(held: np.ndarray | int, again: np.ndarray | int) -> dict[str, Any]:
    """The same as one number a role."""
    return dict(zip(roles.NAMES, _each(held, again).tolist(), strict=True))


@torch.inference_mode()
def _measured(
    model: GPT, read: np.ndarray, meant: np.ndarray, broad_by_chance: float, *, apart: bool = False
) -> tuple[Tally, np.ndarray]:
    """How much every head looks where each role does in windows `meant` while it reads windows
    `read`, both (n, T); and the nats of each token that was read but the first, (n, T - 1).

    With `apart`, what the roles about content look at counts for no other."""
    mass, by_chance, losses, at = [], [], [], 0
    model.eval()
    for ids in batches(model, read):
        recorder = Recorder(lambda name: name.endswith("attn.pattern"))
        logits = model(ids, tap=recorder)
        losses.append(nats(logits[:, :-1], ids[:, 1:]).cpu().numpy())
        where = roles.masks(meant[at : at + len(ids)])
        if apart:
            where = roles.apart(where)
        patterns = [found.float().cpu().numpy() for found in recorder.activations.values()]
        mass.append(np.stack([roles.masses(one, where) for one in patterns], axis=1))
        by_chance.append(roles.expected(where, broad_by_chance))
        at += len(ids)
    if not all(np.isfinite(part).all() for part in mass + losses):
        raise NotFinite
    uniform, rows = map(np.concatenate, zip(*by_chance, strict=True))
    return Tally(np.concatenate(mass), uniform, rows), np.concatenate(losses)


def _broad_untrained(model: GPT, windows: np.ndarray, seed: int) -> float:
    """In which share of its rows a head of this shape is broad before any training."""
    fresh = new_model(model.config, seed).to(model.device, model.dtype)
    found, _ = _measured(fresh, windows, windows, broad_by_chance=1.0)
    broad = roles.NAMES.index("broad")
    return float((found.mass[..., broad] / found.rows[:, None, None, broad]).mean())


def _nothing(like: Tally) -> Tally:
    """What is known of roles that were not measured."""
    return Tally(like.mass[:0], like.uniform[:0], like.rows[:0])


@dataclass(frozen=True)
class Sharp:
    """A place where a head looks at one token above all: which window, row and column, and the
    weight, 0 to 1."""

    window: int
    row: int
    column: int
    weight: float


@torch.inference_mode()
def sharpest(model: GPT, windows: np.ndarray, layer: int, head: int, most: int = 8) -> list[Sharp]:
    """Where in windows, int64 (n, T), a head gives most of its attention to a single token, the
    sharpest first: at most one place a window, so that they vary.

    Rows 0 to 7 are left out: they have few tokens to choose from. Raises as `head_effects`.
    """
    windows = checked(model, windows)
    check_head(model, layer, head)
    found, name = [], f"h.{layer}.attn.pattern"
    model.eval()
    for ids in batches(model, windows):
        recorder = Recorder(lambda seen: seen == name)
        model(ids, tap=recorder)
        found.append(recorder.activations[name][:, head, FIRST_ROW:].float().cpu().numpy())
    patterns = np.concatenate(found)  # (n, T - 8, T)
    if not np.isfinite(patterns).all():
        raise NotFinite
    places = patterns.reshape(len(patterns), -1).argmax(1)
    rows, columns = np.divmod(places, windows.shape[1])
    weights = patterns[np.arange(len(patterns)), rows, columns]
    order = np.argsort(-weights, kind="stable")[:most]
    return [
        Sharp(int(w), int(rows[w]) + FIRST_ROW, int(columns[w]), float(weights[w])) for w in order
    ]


def check_head(model: GPT, layer: int, head: int) -> None:
    """Raises InputError where there is no such head."""
    L, H = model.config.n_layer, model.config.n_head
    if not (0 <= layer < L and 0 <= head < H):
        raise InputError(
            f"there is no head {head} in layer {layer}: this model has layers 0 to {L - 1}, each "
            f"with heads 0 to {H - 1}"
        )
