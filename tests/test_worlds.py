import math
import re

import numpy as np
import pytest

from minigpt.config import InputError
from minigpt.corpus import WORLDS, fit_baselines, worlds
from minigpt.corpus.worlds import Addition, Brackets, Copy, Facts, Induction, Markov, Reverse
from minigpt.tokenizers import CharTokenizer


@pytest.mark.parametrize("world", WORLDS.values())
def test_a_seed_always_writes_the_same_whole_lines(world):
    text = world(seed=3).text(5_000)
    assert text == world(seed=3).text(5_000) != world(seed=4).text(5_000)
    assert 5_000 <= len(text) < 7_000
    assert world(seed=3).text(9_000).startswith(text)


@pytest.mark.parametrize("world", WORLDS.values())
def test_a_world_out_of_json_is_the_same(world):
    assert worlds.load(world(seed=7).to_json()) == world(seed=7)


def test_a_text_from_no_world_has_none():
    assert worlds.load("") is None


@pytest.mark.parametrize("bits", [0.5, 1.0, 2.0, 3.5])
def test_a_markov_chain_has_the_entropy_that_was_asked_for(bits):
    world = Markov(seed=2, bits=bits)
    moves = world.transitions()
    assert np.allclose(moves.sum(axis=1), 1)
    points = np.frombuffer(world.text(600_000).encode(), np.uint8) - ord("a")
    surprise = -np.log2(moves[points[:-1], points[1:]])
    assert surprise.mean() == pytest.approx(bits, rel=0.01)


def test_counting_pairs_reaches_the_floor_of_a_markov_chain_and_no_less():
    world = Markov(bits=2.0)
    text = world.text(400_000)
    ids = np.array(CharTokenizer.train(text).encode(text))
    lines = fit_baselines(ids[:300_000], ids[300_000:], 19)
    assert lines.bigram == pytest.approx(world.floor, rel=0.01)
    assert lines.trigram > world.floor * 0.99


def bits_of(choices: list[float]) -> float:
    return sum(-math.log(p) for p in choices)


@pytest.mark.parametrize("world", [Induction(), Copy(), Reverse(), Addition(), Brackets(), Facts()])
def test_the_floor_is_the_surprise_of_whoever_knows_the_rule(world):
    """Measured on a long text with the true probabilities of every choice the rule leaves."""
    text = world.text(300_000)
    nats = 0.0
    for line in text.splitlines():
        if isinstance(world, Induction):
            nats += bits_of([1 / 6, *(1 / (16 - i) for i in range(len(line) // 4))])
        elif isinstance(world, Copy | Reverse):
            nats += bits_of([1 / 8, *([1 / 10] * len(line.partition("|")[0]))])
        elif isinstance(world, Addition):
            nats += bits_of([1 / 90, 1 / 90])
        elif isinstance(world, Facts):
            told = len(re.findall(r"The \w+ is in the \w+\.", line))
            things = [1 / (3 - i) for i in range(told)]
            nats += bits_of([1 / 3, *things, *([1 / 6] * told), 1 / told])
        else:
            nats += bits_of(choices_of_brackets(line, world))
    assert nats / len(text) == pytest.approx(world.floor, rel=0.01)


def choices_of_brackets(line: str, world: Brackets) -> list[float]:
    depth, choices = 0, []
    for i, character in enumerate(f"{line}\n"):
        if character == "\n":
            choices.append(world.p_end)
        elif character in world.opening:
            first, full = i == 0, depth == world.depth
            p = 1.0 if first else (1 - world.p_end) if depth == 0 else world.p_open
            assert not full
            choices.append(p / 3)
            depth += 1
        else:
            choices.append(1.0 if depth == world.depth else 1 - world.p_open)
            depth -= 1
    return choices


@pytest.mark.parametrize(
    "world, line, fixed",
    [(Induction(), "abcabcabcabc\n", "    bcabcabc\n"), (Induction(), "abcda", "     "),
     (Copy(), "abc|abc\n", "    abc\n"), (Copy(), "abc", "   "), (Reverse(), "ab|ba\n", "   ba\n"),
     (Addition(), "12+34=46\n", "      46\n"), (Brackets(), "([])\n", "  ]) "),
     (Facts(), "The key is in the box. Where is the key? In the box.\n", f"{'b':>49}    "),
     (Facts(), "The key is in the box. Where is the key? In the", " " * 47),
     (Markov(), "abab", "    "), (Copy(), "", "")],
)  # fmt: skip
def test_right_answers_are_asked_where_the_rule_fixes_them(world, line, fixed):
    assert world.answers(line) == [character != " " for character in fixed]


def test_an_exam_begins_where_lines_begin_and_asks_what_is_fixed():
    world = Copy()
    text = world.text(4_000)
    tokenizer = CharTokenizer.train(text)
    ids = np.array(tokenizer.encode(text))
    exam = worlds.exam(world, text, ids, block_size=48)
    assert exam.inputs.shape == exam.targets.shape == exam.asked.shape == (64, 48)
    assert (exam.inputs[:, 1:] == exam.targets[:, :-1]).all()
    for row, asked in zip(exam.targets, exam.asked, strict=True):
        shown = "".join(c if a else " " for c, a in zip(tokenizer.decode(row), asked, strict=True))
        lines = (tokenizer.decode(exam.inputs[0][:1]) + tokenizer.decode(row)).splitlines()
        assert len(shown) == 48
        assert asked.any()
        assert lines


def test_facts_answer_with_what_they_told_and_begin_where_a_place_has_to_be_looked_up():
    world = Facts(seed=5)
    first_letters = [place[0] for places in world.places.values() for place in places]
    assert len(set(first_letters)) == len(first_letters) == 18
    for line in world.text(20_000).splitlines():
        where = dict(re.findall(r"The (\w+) is in the (\w+)\.", line))
        asked, place = re.search(r" Where is the (\w+)\? In the (\w+)\.$", line).groups()
        assert 1 <= len(where) <= 3 and where[asked] == place
        assert [*np.flatnonzero(world.answers(line))] == [len(line) - len(place) - 1]
        assert len(line) < 128, "a context of modern holds it"
    for seed in range(20):
        beginning = Facts(seed).beginning()
        told = beginning.splitlines()[-1].count(" is in the ")
        assert beginning.endswith("? In the ") and told > 1
        assert Facts(seed).text(1_000).startswith(beginning)


@pytest.mark.parametrize("world", [Markov(), Copy()])
def test_there_is_no_exam_where_nothing_is_fixed_or_the_text_is_too_short(world):
    text = world.text(40 if isinstance(world, Copy) else 4_000)[:4_000]
    ids = np.arange(len(text))
    assert worlds.exam(world, text, ids, block_size=64) is None


@pytest.mark.parametrize(
    "make",
    [lambda: Markov(bits=0), lambda: Markov(bits=4.0), lambda: Markov(bits=float("nan")),
     lambda: Copy(seed=-1), lambda: Copy(seed=1.5)],
)  # fmt: skip
def test_impossible_worlds_are_refused(make):
    with pytest.raises(InputError, match="choose"):
        make()
