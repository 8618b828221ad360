import pytest
import torch

from minigpt.cache import KVCache
from minigpt.config import InputError, SampleConfig
from minigpt.generation import generate, generate_together, stops, window_start
from minigpt.tokenizers import BPETokenizer, CharTokenizer

BOLD = SampleConfig(max_new_tokens=60, temperature=2.0, seed=3)
CONFIGS = [BOLD.replace(seed=seed, temperature=0.4 * (seed % 5), top_k=9) for seed in range(16)]


def written(model, ids, **settings) -> list[int]:
    return [step.id for step in generate(model, ids, SampleConfig(**settings))]


def test_the_same_seed_writes_the_same_text_and_another_another(tiny_model):
    first = written(tiny_model, [3, 4], max_new_tokens=12, seed=1, temperature=2.0)
    assert first == written(tiny_model, [3, 4], max_new_tokens=12, seed=1, temperature=2.0)
    assert first != written(tiny_model, [3, 4], max_new_tokens=12, seed=2, temperature=2.0)


def test_temperature_0_takes_the_argmax_each_time(tiny_model):
    ids = [3, 4]
    for _ in range(10):
        ids.append(int(tiny_model(torch.tensor([ids]))[0, -1].argmax()))
    assert written(tiny_model, [3, 4], max_new_tokens=10, temperature=0.0) == ids[2:]


def test_a_prompt_longer_than_the_context_is_read_from_its_newest_tokens(tiny_model):
    long = [5] * 30 + [3, 4] * 8
    assert written(tiny_model, long, max_new_tokens=1, temperature=0.0) == written(
        tiny_model, long[-16:], max_new_tokens=1, temperature=0.0
    )


def test_writing_goes_on_past_the_end_of_the_context(tiny_model):
    assert len(written(tiny_model, [3], max_new_tokens=100)) == 100


def test_past_the_context_it_reads_its_newer_half(tiny_model):
    ids = [3, *written(tiny_model, [3], max_new_tokens=16, temperature=0.0)]
    expected = int(tiny_model(torch.tensor([ids[-8:]]))[0, -1].argmax())
    assert written(tiny_model, [3], max_new_tokens=17, temperature=0.0)[-1] == expected


def test_candidates_are_the_likeliest_with_both_probabilities(tiny_model):
    (step,) = generate(tiny_model, [3], SampleConfig(max_new_tokens=1, temperature=0.5, top_k=2))
    base = [rival.prob for rival in step.candidates]
    final = [rival.drawn_from for rival in step.candidates]
    assert base == sorted(base, reverse=True)
    assert sum(final) == pytest.approx(1, abs=1e-5)
    assert [p > 0 for p in final[:3]] == [True, True, False]
    assert step.prob == pytest.approx({rival.id: rival.prob for rival in step.candidates}[step.id])


def test_a_step_tells_its_rank_what_it_was_drawn_from_and_where_its_window_began(tiny_model):
    prompt, config = [5] * 7 + [3, 4] * 8, SampleConfig(max_new_tokens=12, temperature=2.0)
    ids = list(prompt)
    for step in generate(tiny_model, prompt, config):
        with torch.inference_mode():
            logits = tiny_model(torch.tensor([ids[step.window :]]))[0, -1]
        order = logits.argsort(descending=True).tolist()
        assert step.rank == order.index(step.id) + 1
        assert step.prob == pytest.approx(logits.softmax(-1)[step.id].item(), abs=1e-4)
        assert step.drawn_from == pytest.approx((logits / 2).softmax(-1)[step.id].item(), abs=1e-4)
        ids.append(step.id)
    assert step.window > 7


def test_the_drawn_token_is_always_among_the_candidates(tiny_model):
    config = SampleConfig(max_new_tokens=40, temperature=2.0)
    beyond = 0
    for step in generate(tiny_model, [5], config, candidates=2):
        likeliest, own = step.candidates[:2], (step.id, step.prob, step.drawn_from, None, step.rank)
        assert likeliest[0].prob >= likeliest[1].prob
        assert own in step.candidates and len(step.candidates) == (2 if step.rank <= 2 else 3)
        beyond += step.rank > 2
    assert beyond > 5


@pytest.mark.parametrize("ids", [[], [11], [-1]])
def test_an_empty_or_foreign_prompt_is_refused_at_once(tiny_model, ids):
    with pytest.raises(InputError):
        generate(tiny_model, ids, SampleConfig())


def test_a_context_of_one_token_still_writes(tiny_config):
    from minigpt.model import GPT

    assert len(written(GPT(tiny_config.replace(block_size=1)), [3, 4], max_new_tokens=5)) == 5


def test_without_candidates_the_same_text_is_written(tiny_model):
    config = SampleConfig(max_new_tokens=30, seed=4)
    bare = list(generate(tiny_model, [3], config, candidates=0))
    whole = list(generate(tiny_model, [3], config))
    assert [(s.id, s.prob) for s in bare] == [(s.id, s.prob) for s in whole]
    assert all(s.candidates == [] for s in bare) and all(len(s.candidates) >= 10 for s in whole)


def test_each_candidate_names_the_filter_that_cut_it(tiny_model):
    config = SampleConfig(max_new_tokens=20, temperature=1.0, top_k=6, top_p=0.9, min_p=0.4)
    seen = set()
    for step in generate(tiny_model, [3], config, candidates=11):
        assert [row.id for row in step.candidates if row.cut_by is None] == [
            row.id for row in step.candidates if row.drawn_from > 0
        ]
        seen |= {row.cut_by for row in step.candidates}
    assert seen == {None, "top_k", "top_p", "min_p"}


def test_the_repetition_penalty_counts_prompt_and_text_also_out_of_the_window(tiny_model):
    prompt = [9] + [5] * 20
    config = SampleConfig(max_new_tokens=30, temperature=1.0, repetition_penalty=2.0)
    ids, windows = list(prompt), set()
    for step in generate(tiny_model, prompt, config):
        with torch.inference_mode():
            logits = tiny_model(torch.tensor([ids[step.window :]]))[0, -1].tolist()
        for token in set(ids):
            logits[token] = logits[token] * 2 if logits[token] < 0 else logits[token] / 2
        odds = torch.tensor(logits).softmax(-1)
        for row in step.candidates:
            assert row.drawn_from == pytest.approx(odds[row.id].item(), abs=1e-4)
        ids.append(step.id)
        windows.add(step.window)
    assert len(windows) > 2


@pytest.mark.parametrize("block_size", [1, 2, 3, 4, 7, 16])
@pytest.mark.parametrize("prompt", [1, 3, 16, 40])
def test_the_window_follows_from_the_lengths_alone(block_size, prompt):
    start = max(0, prompt - block_size)
    for length in range(prompt, prompt + 5 * block_size + 2):
        if length - start > block_size:  # full: the newer half is kept
            start = length - max(1, block_size // 2)
        assert window_start(prompt, length, block_size) == start


@pytest.mark.parametrize("prompt", [[3], [5] * 7 + [3, 4] * 8], ids=["short", "past the context"])
def test_a_branch_goes_on_as_the_whole_text_did(tiny_model, prompt):
    config = BOLD.replace(top_p=0.9, repetition_penalty=1.2)
    whole = list(generate(tiny_model, prompt, config))
    for at in (0, 1, 7, 15, 16, 17, 31, 59, 60):
        written = [step.id for step in whole[:at]]
        branch = list(generate(tiny_model, prompt, config, written=written))
        assert [step.id for step in branch] == [step.id for step in whole[at:]]
        for one, other in zip(branch, whole[at:], strict=True):
            assert (one.rank, one.window) == (other.rank, other.window)
            assert (one.prob, one.drawn_from) == pytest.approx((other.prob, other.drawn_from))


def test_another_choice_changes_the_text_but_not_the_chance_of_each_place(tiny_model):
    class Uniform:  # a model that holds all tokens alike: what is drawn is the chance itself
        config, dtype, device = tiny_model.config, torch.float32, tiny_model.device
        training = False

        def __call__(self, ids, cache, tap):
            cache.advance(ids)
            return torch.zeros(*ids.shape, 11)

    whole = [step.id for step in generate(Uniform(), [3], BOLD)]
    other = [i % 10 + 1 for i in whole[:5]]
    assert [step.id for step in generate(Uniform(), [3], BOLD, written=other)] == whole[5:]


@pytest.mark.parametrize("prompt", [[3], [5] * 7 + [3, 4] * 8], ids=["short", "past the context"])
def test_sixteen_together_write_what_each_writes_alone(tiny_model, prompt):
    together = list(generate_together(tiny_model, prompt, CONFIGS))
    assert len(together) == 60
    for steps, config in zip(zip(*together, strict=True), CONFIGS, strict=True):
        alone = list(generate(tiny_model, prompt, config))
        assert [step.id for step in steps] == [step.id for step in alone]
        assert [step.prob for step in steps] == pytest.approx([step.prob for step in alone])
        assert [step.window for step in steps] == [step.window for step in alone]


def test_texts_of_different_lengths_end_each_at_its_own(tiny_model):
    configs = [
        c.replace(max_new_tokens=n) for c, n in zip(CONFIGS, (5, 40, 5, 1, 23), strict=False)
    ]

    def ends(ids):
        return ids[-2:] == [ids[-1]] * 2

    together = list(generate_together(tiny_model, [3], configs, ends=ends))
    for steps, config in zip(zip(*together, strict=True), configs, strict=True):
        alone = [step.id for step in generate(tiny_model, [3], config, ends=ends)]
        assert [step.id for step in steps if step] == alone
        assert not any(steps[len(alone) :])
        assert len(alone) == config.max_new_tokens or ends(alone)
        assert not any(ends(alone[:n]) for n in range(1, len(alone)))


def test_without_a_cache_the_same_text_is_written(tiny_model):
    """Every token from a fresh pass over the window that its step names."""
    from random import Random

    from minigpt import sampling

    prompt, chance = [5] * 7 + [3, 4] * 8, Random(BOLD.seed)
    ids = list(prompt)
    for step in generate(tiny_model, prompt, BOLD):
        with torch.inference_mode():
            logits = tiny_model(torch.tensor([ids[step.window :]]))[0, -1]
        assert sampling.draw(sampling.probabilities(logits, BOLD), chance) == step.id
        ids.append(step.id)


def test_a_text_stops_behind_the_token_that_completes_its_stop():
    for tokenizer in (CharTokenizer.train("a\nbé"), BPETokenizer.train("a\nbé" * 9, 260)):
        ends = stops(tokenizer, "é\n")
        ids = tokenizer.encode("ab\né\na")
        assert [ends(ids[:n]) for n in range(len(ids) + 1)].index(True) == len(ids) - 1
    assert stops(tokenizer, None) is None


def test_a_text_that_has_met_its_stop_does_not_go_on(tiny_model):
    ends = stops(CharTokenizer("abcdefgh"), "b")
    (*before, last) = generate(tiny_model, [3], BOLD, ends=ends)
    assert last.id == 4 and 4 not in [step.id for step in before]
    written = [step.id for step in (*before, last)]
    assert list(generate(tiny_model, [3], BOLD, ends=ends, written=written)) == []
    assert (
        len(list(generate(tiny_model, [4], BOLD, ends=stops(CharTokenizer("abcdefgh"), "zz"))))
        == 60
    )


def test_a_tap_is_there_for_every_token(tiny_model):
    def off(name, tensor):
        return torch.zeros_like(tensor) if name == "h.0.attn.out" else tensor

    def seen(name, tensor):
        return tensor

    plain = [step.id for step in generate(tiny_model, [3], BOLD)]
    assert [step.id for step in generate(tiny_model, [3], BOLD, tap=seen)] == plain
    ids = [3]
    for step in generate(tiny_model, [3], BOLD, tap=off):
        with torch.inference_mode():
            logits = tiny_model(torch.tensor([ids[step.window :]]), tap=off)[0, -1]
        assert step.prob == pytest.approx(logits.softmax(-1)[step.id].item(), abs=1e-4)
        ids.append(step.id)
    assert ids[1:] != plain


@pytest.mark.parametrize("written", [[11], [-1], [[3]]], ids=["above", "below", "two rows"])
def test_foreign_written_tokens_are_refused_at_once(tiny_model, written):
    with pytest.raises(InputError):
        generate(tiny_model, [3], BOLD, written=written)


def test_picked_rows_of_a_cache_go_on_as_their_own(tiny_model, ids):
    with torch.inference_mode():
        cache = KVCache(tiny_model.config, 2)
        tiny_model(ids[:, :8], cache)
        cache.pick(torch.tensor([1, 1, 0]))
        rows = ids[[1, 1, 0]]
        rows[0, 8] = 5  # each has keys of its own
        found = tiny_model(rows[:, 8:10], cache)
        torch.testing.assert_close(found, tiny_model(rows[:, :10])[:, 8:], atol=1e-4, rtol=0)


def test_a_prompt_is_read_in_parts_where_its_logits_or_scores_would_be_too_many(
    tiny_model, monkeypatch
):
    """One of 4,096 tokens of 60,000 made a server hold 4.4 GB, with all their logits at once."""
    prompt, config = [3, 4, 5, 6, 7, 8], SampleConfig(max_new_tokens=6, seed=1)
    whole = list(generate(tiny_model, prompt, config))
    sizes: list[int] = []

    def tap(name: str, tensor: torch.Tensor) -> torch.Tensor:
        if name == "logits":
            sizes.append(tensor.size(1))
        return tensor

    assert [step.id for step in generate(tiny_model, prompt, config, tap=tap)] == [
        step.id for step in whole
    ]
    assert sizes[0] == 6
    sizes.clear()
    shape = tiny_model.config
    at_once = 2 * max(shape.vocab_size, shape.n_head * shape.block_size)
    monkeypatch.setattr("minigpt.generation.AT_ONCE", at_once)
    parted = list(generate(tiny_model, prompt, config, tap=tap))
    assert sizes[:3] == [2, 2, 2]
    for one, other in zip(whole, parted, strict=True):
        assert one.id == other.id and one.prob == pytest.approx(other.prob, rel=1e-4)


def test_candidates_of_equal_probability_have_one_rank(tiny_model):
    with torch.no_grad():
        for weight in tiny_model.parameters():
            weight.zero_()
    (step,) = generate(tiny_model, [3], SampleConfig(max_new_tokens=1), candidates=5)
    assert {one.rank for one in step.candidates} == {1} and step.rank == 1
