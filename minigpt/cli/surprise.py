"""How much each token of a prompt surprises a run: `inspect RUN --what surprise`."""

import argparse

import numpy as np

from minigpt.cli.looks import Look, Reading
from minigpt.cli.terminal import say
from minigpt.config import InputError
from minigpt.tokenizers.visible import brief

ROW = "{:>5}  {:<12}  {:>7}  {:>6}  {}"


def surprise_of(reading: Reading, args: argparse.Namespace) -> Look:
    """How little a model expected each token of a prompt, and what it expected instead."""
    from minigpt import plots
    from minigpt.interpret import guesses, surprise

    if len(reading.ids) < 2:
        raise InputError("nothing comes before a single token to guess it from: give a longer text")
    bits = surprise(reading.model, reading.ids)
    likeliest, prob, rank = guesses(reading.model, reading.ids)
    names = reading.tokenizer.tokens
    expected = [names[i] for i in likeliest]
    say(ROW.format("place", "token", "bits", "rank", "expected"))
    for at, token in enumerate(reading.tokens[1:]):
        instead = "it" if rank[at] == 1 else f"{brief(expected[at])} ({prob[at]:.1%})"
        say(ROW.format(at + 2, brief(token), f"{bits[at]:.2f}", str(rank[at]), instead))
    blind = np.log2(reading.run.model.vocab_size)
    say(f"{bits.mean():.2f} bits per token, where guessing blindly has {blind:.2f}")
    told = {
        "read": reading.tokens,
        "bits": bits.tolist(),
        "rank": rank.tolist(),
        "expected": expected,
        "prob": prob.tolist(),
    }
    return Look(
        told,
        f"{reading.run.name}: how much each token surprised it",
        lambda title: plots.surprise_svg(reading.tokens, bits, title),
        lambda: plots.surprise_table(reading.tokens, bits, rank),
    )
