"""Beam search: the likeliest text, looked for in several hypotheses at once.

Conventions are those of Hugging Face's transformers, so that scores can be compared. There is no
chance in it, and temperature plays no part.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch

from minigpt.cache import KVCache
from minigpt.config import BeamConfig, InputError, NotFinite
from minigpt.corpus import as_ids
from minigpt.generation import Ends, read, window_start
from minigpt.model import GPT


@dataclass(frozen=True)
class Node:
    """A token that was considered behind a hypothesis."""

    parent: int | None  # the node before it; None right behind the prompt
    id: int
    prob: float  # given all before it
    log_prob: float  # of all tokens behind the prompt down to it, in nats
    depth: int  # how many tokens that are
    kept: bool  # whether it went on or was finished; else better ones pruned it


@dataclass(frozen=True)
class Hypothesis:
    """A finished text."""

    ids: list[int]  # those behind the prompt
    log_prob: float  # in nats
    score: float  # what it is judged by: log_prob / len(ids) ** length_penalty
    node: int  # its last


@dataclass(frozen=True)
class BeamTree:
    """All that a beam search considered, step by step, in each the likeliest first."""

    nodes: list[Node]
    finished: list[Hypothesis]  # the best score first

    @property
    def best(self) -> Hypothesis:
        return self.finished[0]

    def path(self, node: int) -> list[int]:
        """The nodes from the prompt down to `node`, itself the last."""
        found, at = [], node
        while at is not None:
            found.append(at)
            at = self.nodes[at].parent
        return found[::-1]


def beam_search(
    model: GPT,
    ids: Iterable[int],
    width: int = 4,
    max_new_tokens: int = 32,
    length_penalty: float = 0.0,
    ends: Ends | None = None,
) -> BeamTree:
    """The tree of a beam search behind the prompt `ids` (n,).

    At each step the 2 · `width` likeliest continuations of all hypotheses are candidates. Those of
    them that `ends` (see `generate`) are finished where they are among the first `width`; the first
    `width` others go on. At `max_new_tokens` all are finished, and before it as soon as `width`
    are, and none that goes on has a better score, by its length so far, than the worst of these.
    Without `ends` all are equally long, and the length penalty changes no order.
    Past the context the window is that of `generate`, the same for all hypotheses.
    Raises InputError when `ids` is empty or not of this vocabulary or a setting is out of bounds,
    and NotFinite at a token whose logits are no numbers.
    """
    config = BeamConfig(width, max_new_tokens, length_penalty)
    prompt = as_ids(ids, model.config.vocab_size).tolist()
    if not prompt:
        raise InputError("the prompt is empty: write at least one character")
    return _search(model, prompt, config, ends)


@torch.inference_mode()
def _search(model: GPT, prompt: list[int], config: BeamConfig, ends: Ends | None) -> BeamTree:
    tree = BeamTree([], [])
    texts, last = [prompt], [None]  # of the hypotheses that go on: their ids, and their last nodes
    cache, window = KVCache(model.config, dtype=model.dtype, device=model.device), 0
    for depth in range(1, config.max_new_tokens + 1):
        start = window_start(len(prompt), len(texts[0]), model.config.block_size)
        if start != window:
            cache.clear()
            window = start
        logits = read(model, texts, window, cache)  # (B, V)
        sums = [tree.nodes[at].log_prob if at is not None else 0.0 for at in last]
        grown, rows, new = [], [], []
        for place, (row, token, prob, log_prob) in enumerate(_likeliest(logits, sums, config)):
            text = [*texts[row], token]
            over = depth == config.max_new_tokens or bool(ends and ends(text[len(prompt) :]))
            kept = place < config.width if over else len(grown) < config.width
            tree.nodes.append(Node(last[row], token, prob, log_prob, depth, kept))
            at = len(tree.nodes) - 1
            if kept and over:
                score = log_prob / depth**config.length_penalty
                tree.finished.append(Hypothesis(text[len(prompt) :], log_prob, score, at))
            elif kept:
                grown.append(text)
                rows.append(row)
                new.append(at)
        tree.finished.sort(key=lambda one: -one.score)
        if not grown or _is_settled(tree, new[0], config):
            break
        cache.pick(torch.tensor(rows))
        texts, last = grown, new
    return tree


def _likeliest(
    logits: torch.Tensor, sums: list[float], config: BeamConfig
) -> list[tuple[int, int, float, float]]:
    """The likeliest continuations of hypotheses whose log-probabilities are `sums` (B,), best
    first: row, token, its probability, and the log-probability of both. logits: (B, V)."""
    edges = logits.double().log_softmax(dim=-1)
    totals = edges + torch.tensor(sums, dtype=torch.float64)[:, None]
    best = totals.flatten().topk(min(2 * config.width, totals.numel()))
    if best.values.isnan().any():
        raise NotFinite
    places = (divmod(at, logits.size(-1)) for at in best.indices.tolist())
    probs = edges.flatten()[best.indices].exp().tolist()
    found = zip(places, probs, best.values.tolist(), strict=True)
    return [(row, token, prob, total) for (row, token), prob, total in found]


def _is_settled(tree: BeamTree, leader: int, config: BeamConfig) -> bool:
    """Whether no hypothesis that goes on is better than the worst of `width` finished ones."""
    if len(tree.finished) < config.width:
        return False
    node = tree.nodes[leader]
    reached = node.log_prob / node.depth**config.length_penalty
    return reached <= tree.finished[config.width - 1].score
