import pytest

from minigpt.config import InputError, SampleConfig
from minigpt.generation import generate


def written(model, ids, **settings) -> list[int]:
    return [step.id for step in generate(model, ids, SampleConfig(**settings))]


def test_the_same_seed_writes_the_same_text_and_another_another(tiny_model):
    first = written(tiny_model, [3, 4], max_new_tokens=12, seed=1, temperature=2.0)
    assert first == written(tiny_model, [3, 4], max_new_tokens=12, seed=1, temperature=2.0)
    assert first != written(tiny_model, [3, 4], max_new_tokens=12, seed=2, temperature=2.0)


def test_temperature_0_takes_the_argmax_each_time(tiny_model):
    import torch

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
    import torch

    ids = [3, *written(tiny_model, [3], max_new_tokens=16, temperature=0.0)]
    expected = int(tiny_model(torch.tensor([ids[-8:]]))[0, -1].argmax())
    assert written(tiny_model, [3], max_new_tokens=17, temperature=0.0)[-1] == expected


def test_candidates_are_the_likeliest_with_both_probabilities(tiny_model):
    (step,) = generate(tiny_model, [3], SampleConfig(max_new_tokens=1, temperature=0.5, top_k=2))
    base = [p for _, p, _ in step.candidates]
    final = [p for _, _, p in step.candidates]
    assert base == sorted(base, reverse=True)
    assert sum(final) == pytest.approx(1, abs=1e-5)
    assert [p > 0 for p in final[:3]] == [True, True, False]
    assert step.prob == pytest.approx(dict((i, p) for i, p, _ in step.candidates)[step.id])


def test_a_step_tells_its_rank_what_it_was_drawn_from_and_where_its_window_began(tiny_model):
    import torch

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
        likeliest, own = step.candidates[:2], (step.id, step.prob, step.drawn_from)
        assert likeliest[0][1] >= likeliest[1][1]
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
