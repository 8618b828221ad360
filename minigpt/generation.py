"""Writing text one token at a time.

Not `generate.py`: a submodule of that name would hide the function `minigpt.generate`.
"""

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from struct import Struct
from typing import NamedTuple

import torch

from minigpt import sampling
from minigpt.cache import KVCache
from minigpt.config import InputError, SampleConfig
from minigpt.corpus import as_ids
from minigpt.memory import AT_ONCE
from minigpt.model import GPT, Tap
from minigpt.tokenizers import Tokenizer

CANDIDATES = 10
CUTS = (None, *sampling.FILTERS)
ROW = Struct("=IddBI")  # a Candidate, its `cut_by` as a place in CUTS

Ends = Callable[[Sequence[int]], bool]  # of the ids written so far, the prompt not among them


class Candidate(NamedTuple):
    """A token that could have been the next."""

    id: int
    prob: float  # by the bare model
    drawn_from: float  # its probability after repetition penalty, temperature and filters
    cut_by: str | None  # the filter that left it none, as `sampling.cut_by` tells it
    rank: int  # 1 + how many tokens the bare model holds likelier


def packed(candidates: Iterable[Candidate]) -> bytes:
    """Candidates as a `Step` holds them, in a quarter of the memory: a text of 2,000 tokens has
    20,000, and a server keeps a text of every visitor's."""
    return b"".join(
        ROW.pack(id, prob, drawn_from, CUTS.index(cut), rank)
        for id, prob, drawn_from, cut, rank in candidates
    )


@dataclass(frozen=True, slots=True)
class Step:
    """One written token: its id, the probability the bare model gave it, and its rivals."""

    id: int
    prob: float
    rivals: bytes  # `packed`
    drawn_from: float  # the probability of `id` itself after repetition penalty and the others
    rank: int  # 1 + how many tokens the bare model held likelier; 0 where no candidates are asked
    window: int  # how many tokens before it lay too far back to be read

    @property
    def candidates(self) -> list[Candidate]:
        """The likeliest by the bare model first, `id` always among them."""
        rows = ROW.iter_unpack(self.rivals)
        return [Candidate(id, prob, drawn, CUTS[cut], rank) for id, prob, drawn, cut, rank in rows]

    @property
    def nats(self) -> float:
        """Its surprise, by the bare model."""
        return -math.log(max(self.prob, sys.float_info.min))


def generate(
    model: GPT,
    ids: Iterable[int],
    config: SampleConfig,
    candidates: int = CANDIDATES,
    *,
    written: Iterable[int] = (),
    ends: Ends | None = None,
    tap: Tap | None = None,
) -> Iterator[Step]:
    """Continues `ids`, a list, an array or a tensor (n,), one step a token; the same seed writes
    the same tokens.

    Each step names the most likely `candidates`, and the drawn token behind them where it is none
    of these; 0 of them is the fastest.
    Only the newest `block_size` tokens are read. When the context is full, its older half is let
    go and the newer half is read again, so a token costs the same wherever it stands. The
    repetition penalty counts every token of prompt and text, also those too far back to be read.
    `written` are tokens that stand behind the prompt already: the text goes on behind them as it
    would have, had it come to them by itself, and they count towards `max_new_tokens`.
    `ends(ids)` is asked behind each token, with all that is written, and True makes it the last.
    Raises InputError at once when `ids` is empty or not of this vocabulary, and NotFinite at a
    token whose logits are no numbers.
    """
    steps = generate_together(model, ids, [config], candidates, written=written, ends=ends, tap=tap)
    return (step for (step,) in steps if step is not None)


def generate_together(
    model: GPT,
    ids: Iterable[int],
    configs: Sequence[SampleConfig],
    candidates: int = CANDIDATES,
    *,
    written: Iterable[int] = (),
    ends: Ends | None = None,
    tap: Tap | None = None,
) -> Iterator[list[Step | None]]:
    """Continues one prompt with several configs in one batch: the same texts as `generate` writes
    with each alone, and sooner.

    Yields a step for each config, None where its text has ended already. Raises as `generate` does.
    """
    size = model.config.vocab_size
    prompt, behind = as_ids(ids, size).tolist(), as_ids(written, size).tolist()
    if not prompt:
        raise InputError("the prompt is empty: write at least one character")
    return _steps(model, prompt, behind, configs, candidates, ends, tap)


def stops(tokenizer: Tokenizer, stop: str | None) -> Ends | None:
    """The `ends` of a text that is to stop where `stop` stands in it; None where it is None."""
    if stop is None:
        return None
    return lambda ids: stop in tokenizer.decode(ids)


def window_start(prompt: int, length: int, block_size: int) -> int:
    """At which of `length` tokens the window begins that is read behind them, of a text whose first
    `prompt` tokens were given.

    >>> [window_start(2, length, block_size=4) for length in range(2, 10)]
    [0, 0, 0, 3, 3, 3, 6, 6]
    """
    first = max(0, prompt - block_size)
    if length - first <= block_size:
        return first
    half = max(1, block_size // 2)
    over, period = first + block_size + 1, block_size + 1 - half  # where it is full, first and then
    return over - half + (length - over) // period * period


@dataclass
class _Text:
    """One of the texts that are written together."""

    config: SampleConfig
    ids: list[int]  # the prompt's and those behind it
    chance: Random
    step: Step | None = None  # its newest


def _steps(
    model: GPT,
    prompt: list[int],
    written: list[int],
    configs: Sequence[SampleConfig],
    candidates: int,
    ends: Ends | None,
    tap: Tap | None,
) -> Iterator[list[Step | None]]:
    texts = [_Text(config, prompt + written, Random(config.seed)) for config in configs]
    for text in texts:
        for _ in written:
            text.chance.random()  # each token has its own number, whoever chose the token
    given = len(prompt)

    def goes_on(text: _Text) -> bool:
        new = len(text.ids) - given
        return new < text.config.max_new_tokens and not (ends and new and ends(text.ids[given:]))

    running = [text for text in texts if goes_on(text)]
    cache = KVCache(model.config, len(running), dtype=model.dtype, device=model.device)
    window = 0
    while running:
        start = window_start(given, len(running[0].ids), model.config.block_size)
        if start != window:
            cache.clear()
            window = start
        _step(model, running, window, cache, candidates, tap)
        yield [text.step for text in texts]
        still = [row for row, text in enumerate(running) if goes_on(text)]
        if len(still) < len(running):
            for text in running:
                text.step = None
            cache.pick(torch.tensor(still, dtype=torch.long))
            running = [running[row] for row in still]


def read(
    model: GPT, texts: list[list[int]], window: int, cache: KVCache, tap: Tap | None = None
) -> torch.Tensor:
    """The logits behind texts of one length, whose windows begin at `window`: (B, V). What the
    cache does not hold of them is read, and it holds it afterwards. For inference mode.

    Where a whole prompt's logits, or the scores of its heads, would be too many, it is read in
    parts."""
    if model.training:
        model.eval()  # which asks every module, as long as a small model takes for a token
    known = window + cache.length
    unread = torch.tensor([ids[known:] for ids in texts], device=model.device)  # (B, T)
    config = model.config
    of_each = len(texts) * max(config.vocab_size, config.n_head * config.block_size)
    for part in unread.split(max(1, AT_ONCE // of_each), dim=1):
        logits = model(part, cache, tap)  # (B, T', V)
    return logits[:, -1].float().cpu()


@torch.inference_mode()
def _step(
    model: GPT, texts: list[_Text], window: int, cache: KVCache, candidates: int, tap: Tap | None
) -> None:
    """Draws the next token of each text."""
    logits = read(model, [text.ids for text in texts], window, cache, tap)  # (B, V)
    for row, text in enumerate(texts):
        text.step = _choose(logits[row], text, candidates, window)
        text.ids.append(text.step.id)


def _choose(logits: torch.Tensor, text: _Text, candidates: int, window: int) -> Step:
    """Draws the next token of a text from its logits (V,)."""
    p_base = logits.softmax(dim=-1)
    p_final = sampling.probabilities(logits, text.config, text.ids)
    chosen = sampling.draw(p_final, text.chance)
    prob, drawn_from = p_base[chosen].item(), p_final[chosen].item()
    rivals, rank = [], 0
    if candidates:
        rank = 1 + int((p_base > p_base[chosen]).sum())
        likeliest = p_base.topk(min(candidates, len(p_base))).indices
        ids, base, final = (x.tolist() for x in (likeliest, p_base[likeliest], p_final[likeliest]))
        cuts = sampling.cut_by(logits, text.config, text.ids, ids)
        # They fall; of equals, each has the rank of the first.
        ranks = (1 + torch.searchsorted(-p_base[likeliest], -p_base[likeliest])).tolist()
        rivals = [*map(Candidate, ids, base, final, cuts, ranks)]
        if chosen not in ids:
            rivals.append(Candidate(chosen, prob, drawn_from, None, rank))
    return Step(chosen, prob, packed(rivals), drawn_from, rank, window)
