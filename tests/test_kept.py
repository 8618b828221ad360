"""What is kept for all sessions is bounded by its bytes, and made once."""

import threading
import time

import numpy as np
import pytest

from minigpt.config import InputError
from minigpt.tokenizers import CharTokenizer
from minigpt.ui.kept import Kept, drop, weight


def test_above_so_many_bytes_those_go_that_nobody_asked_for_longest():
    kept = Kept(3_000)
    for name in "abc":
        kept.keep(name, np.zeros(1_000, np.uint8))
    kept.known("a")
    kept.keep("d", np.zeros(1_500, np.uint8))
    assert [name for name in "abcd" if kept.known(name) is not None] == ["a", "d"]
    assert kept.bytes() == 2_500


def test_what_alone_is_larger_is_handed_on_and_pushes_out_nothing():
    kept = Kept(1_000)
    kept.keep("a", np.zeros(500, np.uint8))
    assert len(kept.once("b", lambda: np.zeros(2_000, np.uint8))) == 2_000
    assert kept.known("b") is None and kept.known("a") is not None


def test_what_ten_ask_for_at_once_is_made_once():
    kept, calls, found = Kept(10_000), [], []

    def make(name):
        calls.append(name)
        time.sleep(0.02)
        return np.full(3, name)

    asking = [
        threading.Thread(target=lambda i=i: found.append(kept.once(i % 2, lambda: make(i % 2))[0]))
        for i in range(10)
    ]
    for one in asking:
        one.start()
    for one in asking:
        one.join()
    assert sorted(calls) == [0, 1] and sorted(found) == [0] * 5 + [1] * 5


def test_what_could_not_be_made_is_tried_again():
    def refuse():
        raise InputError("too short")

    kept = Kept(1_000)
    for _ in range(2):
        with pytest.raises(InputError):
            kept.once("x", refuse)
    assert kept.once("x", lambda: 1) == 1


def test_a_result_weighs_what_it_holds(tiny_model):
    assert weight(np.zeros((10, 100))) == 8_000
    assert weight(tiny_model) == 4 * tiny_model.num_parameters()
    small, large = (CharTokenizer.train("".join(map(chr, range(40, n)))) for n in (50, 5_050))
    assert weight(large) - weight(small) > 5_000 * 50  # a string of one character takes so much
    assert weight({"a": [np.zeros(100), (b"x" * 1_000,)]}) > 1_800


def test_all_that_is_about_a_text_goes_with_it_and_nothing_else():
    counts, answers = Kept(9_000), Kept(9_000)
    for about in (("cut", "mine", "bpe"), ("cut", "yours", "bpe"), ("chance", 3)):
        counts.keep(about, np.zeros(9))
    answers.keep(("sample", "run of mine", True), np.zeros(9))
    answers.keep("mine", np.zeros(9))
    drop(["mine", "run of mine"])
    assert [*counts._results] == [("cut", "yours", "bpe"), ("chance", 3)]
    assert [*answers._results] == ["mine"], "not a name of parts"
