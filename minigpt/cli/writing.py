"""The command that lets a run write: token by token with chance, or the likeliest text by beams."""

import argparse
import math
from typing import TYPE_CHECKING, Any

from minigpt import tokenizers
from minigpt.cli.looking import tell_unknown
from minigpt.cli.options import called, given
from minigpt.cli.terminal import note, say, write
from minigpt.config import BeamConfig, InputError, SampleConfig
from minigpt.counting import counted
from minigpt.store import Run, Store

if TYPE_CHECKING:
    from minigpt.beam import BeamTree, Hypothesis
    from minigpt.generation import Step
    from minigpt.model import GPT

BY_CHANCE = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty", "seed")


def generate(store: Store, args: argparse.Namespace) -> dict[str, Any]:
    """Continue a prompt with a run's model."""
    from minigpt.weights import load_model

    run = store.find_run(args.run)
    tokenizer = tokenizers.load(run.tokenizer)
    config = SampleConfig(**given(args, SampleConfig))
    _check_kept(store, run, args.snapshot)
    ids = tokenizer.encode(args.prompt)
    tell_unknown(store, run, tokenizer, args.prompt)
    if len(ids) > run.model.block_size:
        note(
            f"the prompt has {counted(len(ids), 'token')}: only the newest "
            f"{run.model.block_size:,} are read"
        )
    model = load_model(store, run, args.snapshot)
    at = store.weights_step(run.id) if args.snapshot is None else args.snapshot
    found = {"run": run.id, "step": at, "prompt": args.prompt}
    if args.strategy == "beam":
        return found | _beams(model, tokenizer, ids, config, args)
    return found | _sampled(model, tokenizer, ids, config, args)


def _check_kept(store: Store, run: Run, step: int | None) -> None:
    """Raises InputError, with those there are, when the weights of a step are not kept."""
    kept = {*store.snapshot_steps(run.id), store.checkpoint_step(run.id)} - {None}
    if step is not None and kept and step not in kept:
        raise InputError(
            f"the weights of step {step:,} are not kept: this run has those of "
            f"{', '.join(map(str, sorted(kept)))}"
        )


def _sampled(
    model: "GPT",
    tokenizer: tokenizers.Tokenizer,
    ids: list[int],
    config: SampleConfig,
    args: argparse.Namespace,
) -> dict[str, Any]:
    """Writes the text as it comes, and tells how likely each token was."""
    from minigpt.generation import generate, stops

    steps: list[Step] = []

    def coming():
        for step in generate(model, ids, config, ends=stops(tokenizer, config.stop)):
            steps.append(step)
            yield step.id

    new, pieces = coming(), []
    write(args.prompt)
    try:
        for piece in tokenizer.pieces(new):
            pieces.append(piece)
            write(piece)
    finally:  # also after Ctrl-C: what was written stays
        write("\n")
    text = "".join(pieces)
    _tell_unmet(config, len(steps), text)
    tokens = [
        _token(tokenizer, step.id, step.prob) | {"rank": step.rank, "drawn_from": step.drawn_from}
        for step in steps
    ]
    return {"text": text, "tokens": tokens}


def _beams(
    model: "GPT",
    tokenizer: tokenizers.Tokenizer,
    ids: list[int],
    config: SampleConfig,
    args: argparse.Namespace,
) -> dict[str, Any]:
    """Writes the best text a beam search finds, and tells of all that were finished."""
    from minigpt.beam import beam_search
    from minigpt.generation import stops

    if unheard := [called(args)[name] for name in given(args, SampleConfig) if name in BY_CHANCE]:
        note(f"a beam search draws nothing, so this changes nothing: {', '.join(unheard)}")
    beams = BeamConfig(max_new_tokens=config.max_new_tokens, **given(args, BeamConfig))
    tree = beam_search(
        model, ids, beams.width, beams.max_new_tokens, beams.length_penalty,
        stops(tokenizer, config.stop),
    )  # fmt: skip
    hypotheses = [_hypothesis(tree, tokenizer, one) for one in tree.finished]
    best = hypotheses[0]["text"]
    write(f"{args.prompt}{best}\n")
    say("finished texts, the best first, each with its log-probability in nats:")
    for one in hypotheses:
        say(f"{one['log_probability']:10.3f}  {one['text']}")
    _tell_unmet(config, len(tree.best.ids), best)
    return {"text": best, "hypotheses": hypotheses}


def _hypothesis(
    tree: "BeamTree", tokenizer: tokenizers.Tokenizer, one: "Hypothesis"
) -> dict[str, Any]:
    nodes = [tree.nodes[at] for at in tree.path(one.node)]
    return {
        "text": tokenizer.decode(one.ids),
        "log_probability": one.log_prob,
        "score": one.score,
        "tokens": [_token(tokenizer, node.id, node.prob) for node in nodes],
    }


def _token(tokenizer: tokenizers.Tokenizer, token: int, prob: float) -> dict[str, Any]:
    """A written token; its surprise in bits is None where its probability is too small for one."""
    bits = math.log2(1 / prob) if prob else None
    return {"id": token, "token": tokenizer.tokens[token], "probability": prob, "bits": bits}


def _tell_unmet(config: SampleConfig, tokens: int, text: str) -> None:
    if config.stop is not None and config.stop not in text:
        note(f"the stop was not met in {counted(tokens, 'token')}")
