"""Beam search equals an exhaustive search, and that of Hugging Face's transformers."""

import math
from itertools import product

import pytest
import torch
import transformers

from minigpt import tokenizers, weights
from minigpt.beam import beam_search
from minigpt.config import GPTConfig, InputError, NotFinite, SampleConfig
from minigpt.engine import worker
from minigpt.generation import generate, window_start
from minigpt.huggingface import export_huggingface
from minigpt.model import GPT, new_model
from minigpt.recipes import PRESETS
from minigpt.store import Store

NEW = 20


def sharp(**shape) -> GPT:
    """A model of random weights whose odds are far from even."""
    model = new_model(GPTConfig(n_layer=2, n_head=2, n_embd=8, **shape), seed=2)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(9) if weight.dim() > 1 else None
    return model.eval()


def log_prob(model: GPT, prompt: list[int], new: list[int]) -> float:
    """By a fresh pass over the window of each token."""
    ids, total = list(prompt), 0.0
    for token in new:
        start = window_start(len(prompt), len(ids), model.config.block_size)
        with torch.inference_mode():
            logits = model(torch.tensor([ids[start:]]))[0, -1]
        total += logits.double().log_softmax(-1)[token].item()
        ids.append(token)
    return total


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory) -> tuple[GPT, transformers.GPT2LMHeadModel, tokenizers.Tokenizer]:
    """A model of the preset gpt2 after a few steps, with a longer context: ours, and exported."""
    folder = tmp_path_factory.mktemp("gpt2")
    text = "hello world, hello moon, hello sun. where is the sun? the moon ate it.\n" * 40
    tokenizer, preset = tokenizers.train(text), PRESETS["gpt2"]
    store = Store(folder / "home")
    run_id = store.create_run(
        "me",
        "beams",
        store.add_text("me", "skies", text),
        tokenizer.to_json(),
        preset.model(tokenizer.vocab_size, block_size=96),
        preset.train.replace(max_steps=12, batch_size=4, warmup_steps=2, eval_interval=50),
    )
    trainer = worker.Worker(store)
    while trainer.turn():
        pass
    run = store.run(run_id)
    export_huggingface(store, run, folder / "theirs")
    theirs = transformers.GPT2LMHeadModel.from_pretrained(folder / "theirs").eval()
    theirs.generation_config.eos_token_id = None
    ours = weights.load_model(store, run)
    store.close()
    return ours, theirs, tokenizer


def their_beams(theirs, prompts, width, **settings) -> tuple[list[list[int]], list[float]]:
    """New tokens and scores, best first, of each prompt; what pads them is left out."""
    ids = torch.tensor(prompts)
    found = theirs.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        num_beams=width,
        num_return_sequences=width,
        max_new_tokens=NEW,
        do_sample=False,
        return_dict_in_generate=True,
        output_scores=True,
        **settings,
    )
    new = [row[ids.size(1) :].tolist() for row in found.sequences]
    end = settings.get("eos_token_id")
    new = [row[: row.index(end) + 1] if end in row else row for row in new]
    if width == 1:  # their greedy search has no score of its own
        return new, [None]
    return new, found.sequences_scores.tolist()


PROMPTS = {
    "of 1 token": "h",
    "of 60 tokens": ("hello world, hello moon, where is the sun? " * 2)[:60],
}


@pytest.mark.parametrize("width", [1, 2, 4])
@pytest.mark.parametrize("penalty", [0.0, 1.0, -0.7], ids=["no penalty", "1", "-0.7"])
@pytest.mark.parametrize("end", [None, "u", "o"])
@pytest.mark.parametrize("prompt", PROMPTS)
def test_texts_and_scores_are_those_of_transformers(gpt2, width, penalty, end, prompt):
    ours, theirs, tokenizer = gpt2
    ids = tokenizer.encode(PROMPTS[prompt])
    last = tokenizer.encode(end)[0] if end else None
    ends = (lambda new: new[-1] == last) if end else None
    tree = beam_search(ours, ids, width, NEW, penalty, ends)
    settings = {"length_penalty": penalty} | ({"eos_token_id": last} if end else {})
    texts, scores = their_beams(theirs, [ids], width, **settings)
    best = tree.finished[:width]
    assert [one.ids for one in best] == texts
    if width > 1:
        assert [one.score for one in best] == pytest.approx(scores, abs=1e-4)
    for one in best:
        assert one.log_prob == pytest.approx(log_prob(ours, ids, one.ids), abs=1e-4)
        assert one.score == pytest.approx(one.log_prob / len(one.ids) ** penalty)


def test_prompts_in_their_batch_give_what_ours_give_alone(gpt2):
    ours, theirs, tokenizer = gpt2
    prompts = [tokenizer.encode(text) for text in ("hello", "where", "moon,")]
    texts, scores = their_beams(theirs, prompts, 4, length_penalty=1.0)
    for at, prompt in enumerate(prompts):
        found = beam_search(ours, prompt, 4, NEW, 1.0).finished
        assert [one.ids for one in found] == texts[4 * at : 4 * at + 4]
        assert [one.score for one in found] == pytest.approx(scores[4 * at : 4 * at + 4], abs=1e-4)


@pytest.mark.parametrize("block_size", [8, 2], ids=["in the context", "past it"])
@pytest.mark.parametrize("vocabulary, length, width", [(3, 3, 9), (4, 3, 16), (2, 5, 16)])
def test_a_beam_as_wide_as_all_texts_finds_the_likeliest_of_all(
    vocabulary, length, width, block_size
):
    model, prompt = sharp(vocab_size=vocabulary, block_size=block_size), [1, 0]
    every = {new: log_prob(model, prompt, new) for new in product(range(vocabulary), repeat=length)}
    found = beam_search(model, prompt, width, length).finished
    assert len({tuple(one.ids) for one in found}) == width  # of texts as likely, any may be there
    assert [one.log_prob for one in found] == pytest.approx(
        [every[tuple(one.ids)] for one in found]
    )
    assert [one.log_prob for one in found] == pytest.approx(
        sorted(every.values())[: -width - 1 : -1]
    )


def test_width_1_is_what_temperature_0_writes(tiny_model):
    config = SampleConfig(max_new_tokens=60, temperature=0.0)
    greedy = list(generate(tiny_model, [3, 4], config))
    tree = beam_search(tiny_model, [3, 4], 1, 60)
    assert tree.best.ids == [step.id for step in greedy]
    assert tree.best.log_prob == pytest.approx(sum(math.log(step.prob) for step in greedy))
    assert len(tree.finished) == 1


def test_a_wider_beam_finds_what_is_likelier_than_greedy(tiny_model):
    scores = [beam_search(tiny_model, [3, 4], width, 12).best.log_prob for width in (1, 4, 16)]
    assert scores[0] < scores[1] <= scores[2]


@pytest.mark.parametrize("prompt", [[3], [5] * 7 + [3, 4] * 8], ids=["short", "past the context"])
def test_past_the_context_every_hypothesis_is_read_from_one_window(tiny_model, prompt):
    tree = beam_search(tiny_model, prompt, 5, 40)
    for one in tree.finished:
        assert len(one.ids) == 40
        assert one.log_prob == pytest.approx(log_prob(tiny_model, prompt, one.ids), abs=1e-4)


def test_the_tree_holds_all_that_was_considered(tiny_model):
    width, new = 3, 20
    tree = beam_search(tiny_model, [3], width, new, ends=lambda ids: ids[-1] == 7)
    depths = [node.depth for node in tree.nodes]
    assert depths == sorted(depths) and max(depths) <= new
    for node in tree.nodes:
        before = tree.nodes[node.parent] if node.parent is not None else None
        assert node.depth == (before.depth + 1 if before else 1)
        expected = (before.log_prob if before else 0.0) + math.log(node.prob)
        assert node.log_prob == pytest.approx(expected)
        assert before is None or (before.kept and before.id != 7)
    for depth in set(depths):
        step = [node for node in tree.nodes if node.depth == depth]
        assert [node.log_prob for node in step] == sorted((n.log_prob for n in step), reverse=True)
        assert len(step) == 2 * width
        going_on = [node for node in step if node.kept and node.id != 7]
        assert len(going_on) <= width
        assert all(n.kept == (at < width) for at, n in enumerate(step) if n.id == 7)
    for one in tree.finished:
        assert [tree.nodes[at].id for at in tree.path(one.node)] == one.ids
        assert tree.nodes[one.node].log_prob == one.log_prob
        assert one.ids[-1] == 7 or len(one.ids) == new
    assert len(tree.finished) >= width


def test_a_search_ends_where_every_candidate_does(tiny_model):
    tree = beam_search(tiny_model, [3], 4, 30, ends=lambda ids: True)
    assert [len(one.ids) for one in tree.finished] == [1] * 4
    assert len(tree.nodes) == 8


def test_more_beams_than_the_vocabulary_fill_up_step_by_step():
    tree = beam_search(sharp(vocab_size=3, block_size=8), [1], 16, 4)
    kept = [sum(n.kept for n in tree.nodes if n.depth == depth) for depth in (1, 2, 3, 4)]
    assert kept == [3, 9, 16, 16]
    single = beam_search(sharp(vocab_size=1, block_size=4), [0], 16, 9)
    assert [one.ids for one in single.finished] == [[0] * 9] and single.best.log_prob == 0


@pytest.mark.parametrize(
    "bad, sentence",
    [
        ({"width": 0}, "width is 0: the least is 1"),
        ({"width": 17}, "width is 17: the most is 16"),
        ({"max_new_tokens": 0}, "max_new_tokens is 0"),
        ({"max_new_tokens": 10**6}, "max_new_tokens is 1,000,000: the most is 1,000"),
        ({"length_penalty": math.nan}, "length_penalty is nan: it has to be a finite number"),
        ({"ids": []}, "the prompt is empty"),
        ({"ids": [11]}, "token ids of this model run from 0 to 10"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_cannot_be_is_a_sentence(tiny_model, bad, sentence):
    with pytest.raises(InputError, match=sentence):
        beam_search(tiny_model, **{"ids": [3]} | bad)


def test_numbers_that_are_none_are_told(tiny_model):
    with torch.no_grad():
        tiny_model.h[0].mlp.c_fc.weight[0, 0] = math.nan
    with pytest.raises(NotFinite):
        beam_search(tiny_model, [3])
