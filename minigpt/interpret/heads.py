"""What each head of a model does, measured on text that it has not seen."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from minigpt.config import InputError, NotFinite, SampleConfig
from minigpt.corpus import as_ids
from minigpt.corpus import windows as cut
from minigpt.counting import counted
from minigpt.evaluation import nats
from minigpt.generation import generate
from minigpt.interpret import roles
from minigpt.interpret.intervals import LEAST_WINDOWS
from minigpt.interpret.roles import ABOUT_CONTENT, FIRST_ROW, Tally, by_role
from minigpt.interpret.taps import Recorder
from minigpt.model import GPT, new_model

WINDOW, WINDOWS, ROWS = 128, 16, 2_000  # at most so long; at least so many, and rows in them
SHORTEST = 16  # of a window of a short text, where the context holds so many
SHORTEST_PERIOD, LONGEST_PERIOD, COPIES = 6, 25, 4  # of repeated sequences
UNTRAINED_WINDOWS = 4  # every head of a fresh model is asked, so a few of them tell
AT_ONCE = 2**22  # numbers of attention or logits in memory


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
    of a sequence by itself, while the looked-for places stay: what survives goes by place, not by
    content. `chance` is the share of its attention that a head which looks evenly at all it sees
    would put there; of `broad`, in how many rows an untrained model of this shape is broad.
    `roles[layer][head]` is a name or "unclear"; `likeliest` has the two highest, also then.
    `notes` says what could not be measured, and why.
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


def held_out_windows(ids: Iterable[int], block_size: int) -> np.ndarray:
    """Windows of `ids` for the measurements of heads: int64 (n, T), without overlap, evenly spaced.

    T is the context, but at most 128, and of a short text less, so that there are 16 windows, but
    not under 16; n is at most as many as give 2,000 rows from the 8th on, and 16.
    Raises InputError when the context has no such row, or the text not enough for 8 windows.
    """
    ids = np.asarray(ids)
    if block_size <= FIRST_ROW:
        raise InputError(
            f"this model's context holds {counted(block_size, 'token')}: what its heads do is "
            f"measured from the {FIRST_ROW + 1}th token on, so it takes a longer one"
        )
    T = min(block_size, WINDOW, max(SHORTEST, (len(ids) - 1) // WINDOWS))
    if len(ids) <= LEAST_WINDOWS * T:
        raise InputError(
            f"there {'is' if len(ids) == 1 else 'are'} {counted(len(ids), 'token')} to measure "
            f"heads on, and it takes at least {LEAST_WINDOWS * T + 1:,}: bring a longer text"
        )
    return cut(ids, T, max(WINDOWS, -(-ROWS // (T - FIRST_ROW))))[0]


def written_windows(model: GPT, prompt: Iterable[int], seed: int = 0) -> np.ndarray:
    """The same out of what the model itself writes after a prompt, at temperature 1: int64 (n, T).

    For a run whose text nobody else may read.
    """
    T = min(model.config.block_size, WINDOW)
    tokens = T * max(WINDOWS, -(-ROWS // max(1, T - FIRST_ROW))) + 1
    config = SampleConfig(max_new_tokens=tokens, temperature=1.0, seed=seed)
    written = [step.id for step in generate(model, prompt, config, candidates=0)]
    return held_out_windows(written, model.config.block_size)


def repeated_sequences(
    windows: np.ndarray, block_size: int, seed: int = 0
) -> tuple[np.ndarray, int] | None:
    """Sequences of different tokens, repeated, and their period: int64 (n, copies × period).

    The tokens are drawn as often as they stand in `windows`. The period is the longest of 6 to 25
    that the context holds twice and for which there are enough different tokens; of it there are
    four copies, or as many as the context holds. None where even a period of 6 is too long.
    """
    counts = np.bincount(windows.ravel())
    kinds = np.flatnonzero(counts)
    period = min(LONGEST_PERIOD, block_size // 2, len(kinds))
    if period < SHORTEST_PERIOD:
        return None
    copies = min(COPIES, block_size // period)
    rows = copies * period - max(period, FIRST_ROW)  # those that have an earlier copy
    chances, rng = counts[kinds] / counts.sum(), np.random.default_rng(seed)
    once = [
        rng.choice(kinds, period, replace=False, p=chances)
        for _ in range(max(WINDOWS, -(-ROWS // rows)))
    ]
    return np.tile(np.stack(once), copies), period


def head_scores(model: GPT, windows: np.ndarray, seed: int = 0) -> HeadScores:
    """What each head of a model does on `windows`, int64 (n, T) of held-out ids, beside chance.

    `seed` shuffles the text, draws the repeated sequences and resamples the windows. Raises
    InputError when the ids are not of this vocabulary, a window is longer than the context or has
    no row from the 8th on, and NotFinite where the model's numbers are none.
    """
    windows, notes = _checked(model, windows), []
    rng = np.random.default_rng(seed)
    chance = _broad_untrained(model, windows[:UNTRAINED_WINDOWS], seed)
    held, _ = _measured(model, windows, windows, chance)
    mixed, _ = _measured(model, rng.permuted(windows, axis=1), windows, chance)
    again = again_mixed = _nothing(held)
    copies = None
    if repeated := repeated_sequences(windows, model.config.block_size, seed):
        sequences, period = repeated
        again, losses = _measured(model, sequences, sequences, chance)
        once = sequences.reshape(len(sequences), -1, period)
        apart = rng.permuted(once, axis=2).reshape(sequences.shape)
        again_mixed, _ = _measured(model, apart, sequences, chance)
        first, later = losses[:, : period - 1].mean(), losses[:, period:].mean()
        copies = CopyLosses(float(first), float(later), period, once.shape[1])
    else:
        notes.append(_too_few(model, windows))
    if len(windows) < LEAST_WINDOWS:
        notes.append(
            f"{counted(len(windows), 'window')} of text cannot tell how sure a measurement is: "
            f"without an interval, which takes {LEAST_WINDOWS}, every head is unclear."
        )
    lifts, shuffled = _each(held.lifts, again.lifts), _each(mixed.lifts, again_mixed.lifts)
    low, high = map(_each, held.interval(seed), again.interval(seed))
    heads = [list(zip(*layer, strict=True)) for layer in zip(lifts, low, shuffled, strict=True)]
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
    model: GPT, read: np.ndarray, meant: np.ndarray, broad_by_chance: float
) -> tuple[Tally, np.ndarray]:
    """How much every head looks where each role does in windows `meant` while it reads windows
    `read`, both (n, T); and the nats of each token that was read but the first, (n, T - 1)."""
    n, T = read.shape
    L, H, V = model.config.n_layer, model.config.n_head, model.config.vocab_size
    size = max(1, AT_ONCE // (T * max(L * H * T, V)))
    mass, losses, where = [], [], []
    model.eval()
    for start in range(0, n, size):
        ids = torch.from_numpy(read[start : start + size]).to(model.device)
        recorder = Recorder(lambda name: name.endswith("attn.pattern"))
        logits = model(ids, tap=recorder)
        losses.append(nats(logits[:, :-1], ids[:, 1:]).cpu().numpy())
        patterns = [found.float().cpu().numpy() for found in recorder.activations.values()]
        where.append(roles.masks(meant[start : start + size]))
        mass.append(np.stack([roles.masses(one, where[-1]) for one in patterns], axis=1))
    if not all(np.isfinite(part).all() for part in mass + losses):
        raise NotFinite
    found = roles.tally(np.concatenate(mass), np.concatenate(where), broad_by_chance)
    return found, np.concatenate(losses)


def _broad_untrained(model: GPT, windows: np.ndarray, seed: int) -> float:
    """In which share of its rows a head of this shape is broad before any training."""
    fresh = new_model(model.config, seed).to(model.device, model.dtype)
    found, _ = _measured(fresh, windows, windows, broad_by_chance=1.0)
    broad = roles.NAMES.index("broad")
    return float((found.mass[..., broad] / found.rows[:, None, None, broad]).mean())


def _nothing(like: Tally) -> Tally:
    """What is known of roles that were not measured."""
    return Tally(like.mass[:0], like.uniform[:0], like.rows[:0])


def _too_few(model: GPT, windows: np.ndarray) -> str:
    """Why there are no repeated sequences."""
    least, context = SHORTEST_PERIOD, model.config.block_size
    kinds = len(np.unique(windows))
    why = (
        f"this model's context holds {counted(context, 'token')}"
        if context < 2 * least
        else f"this text has {kinds:,}"
        if kinds != 1
        else "this text is one token over and over"
    )
    return (
        "Induction and the same token before are not measured: they are looked for in sequences of "
        f"at least {least} different tokens, twice over, and {why}."
    )


def _checked(model: GPT, windows: np.ndarray) -> np.ndarray:
    """Windows as int64 (n, T). Raises InputError."""
    windows, most = np.asarray(windows), model.config.block_size
    if windows.ndim != 2 or not windows.size:
        raise InputError(f"windows of text are rows of token ids: these are {windows.shape}")
    as_ids(windows.ravel(), model.config.vocab_size)
    if not FIRST_ROW < windows.shape[1] <= most:
        raise InputError(
            f"each window has {counted(windows.shape[1], 'token')}: heads can be measured on "
            f"{FIRST_ROW + 1} to {most:,}, this model's context"
        )
    return windows.astype(np.int64)
