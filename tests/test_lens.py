"""What a model would answer if it stopped early, and what of it each part wrote."""

import math

import numpy as np
import pytest
import torch
import transformers

from minigpt import weights
from minigpt.config import GPTConfig, InputError, NotFinite
from minigpt.huggingface import export_huggingface
from minigpt.interpret import Recorder, attribute, chain, decision_depth, decisions, lens
from minigpt.interpret.lens import MEASURES, Lens, log_probs, residuals
from minigpt.model import GPT, new_model
from minigpt.recipes import PRESETS
from tests.test_huggingface import trained
from tests.test_model import SWITCHES

SMALL = {"block_size": 16, "n_layer": 2, "n_embd": 24}
SHAPES = {
    **{"-".join(map(str, switches.values())): switches for switches in SWITCHES},
    **{name: {**preset.shape, **SMALL} for name, preset in PRESETS.items()},
}


def far_from_zero(config: GPTConfig) -> GPT:
    """Every part writes, gains and biases too, so that attention and logits are far from even."""
    model, noise = new_model(config, seed=2), torch.Generator().manual_seed(2)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.3 * torch.randn(weight.shape, generator=noise))
    return model.eval()


@pytest.fixture(params=SHAPES)
def any_model(request, tiny_config) -> GPT:
    return far_from_zero(tiny_config.replace(**SHAPES[request.param]))


@pytest.fixture
def read(ids) -> torch.Tensor:
    return ids[0]


@torch.inference_mode()
def test_the_last_row_is_the_output_and_parts_sum_to_the_logit(any_model, read):
    logits = any_model(read[None])[0]
    rows = residuals(any_model, read)
    last = log_probs(any_model, rows["layer 1, MLP (output)"])
    torch.testing.assert_close(last, logits.log_softmax(-1), atol=1e-5, rtol=0)
    found = lens(any_model, read)
    assert found.rows == list(rows) and found.likeliest[-1].tolist() == logits.argmax(-1).tolist()
    assert not found.kl[-1].any()
    after = logits[-1].double()
    for target, against in ((4, None), (9, 2)):
        said = attribute(any_model, read, target, against)
        expected = after[target] - (after.mean() if against is None else after[against])
        assert said.amounts.sum() == pytest.approx(said.logit, abs=1e-4)
        assert said.logit == pytest.approx(expected.item(), abs=1e-4)
        assert (said.amounts != 0).all(), "each of them counts"


@torch.inference_mode()
def test_with_nothing_written_a_model_is_the_head_on_the_embedding(any_model, read):
    def silent(name, tensor):
        return torch.zeros_like(tensor) if name.endswith(("attn.out", "mlp.out")) else tensor

    recorder = Recorder()
    logits = any_model(read[None], tap=chain(silent, recorder))
    embedding = recorder.activations["embed"]
    assert torch.equal(logits, any_model.unembed(any_model.ln_f(embedding)))
    first = log_probs(any_model, residuals(any_model, read)["embedding"])
    torch.testing.assert_close(logits[0].log_softmax(-1), first, atol=1e-6, rtol=0)
    for block in any_model.h:
        for part in (block.attn.c_proj, block.mlp.c_proj):
            for weight in part.parameters():
                weight.zero_()
    found = lens(any_model, read)
    for measure in MEASURES:
        rows = getattr(found, measure)
        np.testing.assert_array_equal(rows, np.broadcast_to(rows[-1], rows.shape))
    assert not decision_depth(found).any()


@pytest.mark.parametrize("name", PRESETS)
@torch.inference_mode()
def test_what_a_part_gives_is_what_the_logit_loses_without_it_while_the_norm_stands_still(
    name, tiny_config, read
):
    model = far_from_zero(tiny_config.replace(**SHAPES[name]))
    recorder = Recorder()
    logits = model(read[None], tap=recorder)[0, -1].double()
    x = recorder.activations["h.1.resid_post"][0, -1].double()
    layernorm = model.config.norm == "layernorm"
    scale = math.sqrt(float(x.var(correction=0) if layernorm else (x**2).mean()) + 1e-5)
    model = model.double()

    def without(part: torch.Tensor) -> float:
        left = x - part.double()
        left = (left - left.mean() if layernorm else left) / scale
        if layernorm:
            left = left * model.ln_f.weight
            left = left if model.ln_f.bias is None else left + model.ln_f.bias
        without = model.unembed(left)
        return float(logits[5] - logits.mean() - (without[5] - without.mean()))

    expected, D = {}, model.config.head_size
    for tapped, words in (("token", "token"), ("bigram", "bigram"), ("position", "position")):
        if f"embed.{tapped}" in recorder.activations:
            part = recorder.activations[f"embed.{tapped}"].reshape(-1, model.config.n_embd)[-1]
            expected[f"{words} embedding"] = without(part)
    for layer, block in enumerate(model.h):
        for head in range(model.config.n_head):
            z = recorder.activations[f"h.{layer}.attn.z"][0, head, -1].double()
            columns = block.attn.c_proj.weight[:, head * D : (head + 1) * D]
            expected[f"layer {layer}, head {head}"] = without(columns @ z)
        if model.config.bias:
            expected[f"layer {layer}, attention bias"] = without(block.attn.c_proj.bias)
        expected[f"layer {layer}, MLP"] = without(recorder.activations[f"h.{layer}.mlp.out"][0, -1])
    said = attribute(model.float(), read, 5)
    found = dict(zip(said.names, said.amounts, strict=True))
    biases = {
        part: found.pop(part) for part in ("final norm's bias", "output's bias") if part in found
    }
    assert list(found) == list(expected) and len(biases) == (2 if name == "classic" else 0)
    for part, amount in expected.items():
        assert found[part] == pytest.approx(amount, abs=1e-4), part


@torch.inference_mode()
def test_every_measure_is_what_plain_loops_find(tiny_model, read):
    found, stream = lens(tiny_model, read), residuals(tiny_model, read)
    norm, head = tiny_model.ln_f, tiny_model.lm_head
    chances = []
    for x in stream.values():
        for place in x.double().tolist():
            mean = sum(place) / 8
            scale = math.sqrt(sum((number - mean) ** 2 for number in place) / 8 + 1e-5)
            normed = [
                (number - mean) / scale * float(norm.weight[i]) + float(norm.bias[i])
                for i, number in enumerate(place)
            ]
            powers = [
                math.exp(
                    sum(float(head.weight[t, i]) * normed[i] for i in range(8))
                    + float(head.bias[t])
                )
                for t in range(11)
            ]
            chances.append([power / sum(powers) for power in powers])
    for at, p in enumerate(chances):
        row, place = divmod(at, 16)
        output = chances[len(chances) - 16 + place]
        told = {measure: getattr(found, measure)[row, place] for measure in MEASURES}
        assert told["likeliest"] == max(range(11), key=p.__getitem__)
        assert told["prob"] == pytest.approx(max(p), abs=1e-5)
        assert told["entropy"] == pytest.approx(-sum(c * math.log2(c) for c in p), abs=1e-4)
        kl = sum(o * math.log2(o / c) for o, c in zip(output, p, strict=True))
        assert told["kl"] == pytest.approx(kl, abs=1e-4)
        if place < 15:
            true = int(read[place + 1])
            assert told["true_prob"] == pytest.approx(p[true], abs=1e-5)
            assert told["rank"] == sum(c > p[true] for c in p)
        else:
            assert np.isnan(told["true_prob"]) and told["rank"] == -1


def test_rows_are_read_a_few_places_at_once_where_the_vocabulary_is_large(
    tiny_model, read, monkeypatch
):
    whole = lens(tiny_model, read)
    monkeypatch.setitem(lens.__globals__, "AT_ONCE", 5 * 11)
    parts = lens(tiny_model, read)
    for measure in MEASURES:
        np.testing.assert_allclose(getattr(parts, measure), getattr(whole, measure), atol=1e-6)


def test_of_tokens_that_are_equally_likely_one_ranks_first(tiny_config, read):
    found = lens(new_model(tiny_config.replace(zero_init=True), seed=1), read)
    assert (found.likeliest == 0).all()
    assert (found.rank[:, :-1] == read[1:].numpy()).all() and (found.rank[:, -1] == -1).all()


def test_the_decision_falls_where_the_final_answer_comes_to_stay():
    likeliest = np.array([[7, 1, 7, 1], [7, 7, 1, 1], [7, 7, 7, 2], [7, 7, 7, 7]])
    nothing = np.zeros((4, 4))
    found = Lens(["embedding"] * 4, likeliest, nothing, nothing, nothing, nothing, nothing)
    assert decision_depth(found).tolist() == [0, 1, 2, 3]


def test_how_deep_answers_are_decided_is_the_mean_of_each_class_with_its_interval(tiny_model):
    windows = np.random.default_rng(0).integers(3, 11, (12, 16))
    classes = ["special"] * 3 + ["low"] * 4 + ["high"] * 4
    depths: dict[str, list[int]] = {}
    for window in windows:
        likeliest = lens(tiny_model, window).likeliest.T.tolist()
        for column in likeliest:
            depth = len(column) - 1
            while depth and column[depth - 1] == column[-1]:
                depth -= 1
            depths.setdefault(classes[column[-1]], []).append(depth)
    found = decisions(tiny_model, windows, classes)
    assert set(found.names) == set(depths) and found.count.sum() == windows.size
    for name, mean, low, high, count in zip(
        found.names, found.mean, found.low, found.high, found.count, strict=True
    ):
        assert count == len(depths[name])
        assert mean == pytest.approx(sum(depths[name]) / count)
        assert low <= mean <= high and (low < high or mean in (0, 4))
    assert np.isnan(decisions(tiny_model, windows[:7], classes).low).all()


@pytest.mark.parametrize("bias, tie_weights", [(False, True), (True, True), (False, False)])
def test_transformers_has_the_same_residual_stream_and_reads_the_same_in_it(
    fresh_store, small_run, tmp_path, bias, tie_weights
):
    shape = {"bias": bias, "tie_weights": tie_weights, "n_layer": 2}
    run = fresh_store.run(trained(fresh_store, small_run, **shape))
    export_huggingface(fresh_store, run, tmp_path / "out")
    theirs = transformers.GPT2LMHeadModel.from_pretrained(tmp_path / "out").eval()
    theirs.requires_grad_(False)
    ours = weights.load_model(fresh_store, run)
    read = torch.randint(3, run.model.vocab_size, (16,), generator=torch.Generator().manual_seed(0))
    middle = []
    for block in theirs.transformer.h:
        block.ln_2.register_forward_pre_hook(lambda module, given: middle.append(given[0][0]))
    kept = theirs(read[None], output_hidden_states=True)
    embedding, first, normed = (x[0] for x in kept.hidden_states)  # the last is behind their ln_f
    stream = residuals(ours, read)
    expected = [embedding, middle[0], first, middle[1]]
    for (row, x), their_x in zip(stream.items(), expected, strict=False):
        torch.testing.assert_close(x, their_x, atol=1e-4, rtol=0, msg=row)
        logits = theirs.lm_head(theirs.transformer.ln_f(their_x))
        torch.testing.assert_close(log_probs(ours, x), logits.log_softmax(-1), atol=1e-4, rtol=0)
    last = stream["layer 1, MLP (output)"]
    torch.testing.assert_close(ours.ln_f(last), normed, atol=1e-4, rtol=0)
    chances = kept.logits[0].log_softmax(-1)
    torch.testing.assert_close(log_probs(ours, last), chances, atol=1e-4, rtol=0)


def test_a_model_of_one_layer_and_one_head_over_one_token():
    model = far_from_zero(GPTConfig(11, 16, n_layer=1, n_head=1, n_embd=8))
    found = lens(model, [4])
    assert found.rows == ["embedding", "layer 0, attention", "layer 0, MLP (output)"]
    assert found.prob.shape == (3, 1) and np.isnan(found.true_prob).all()
    said = attribute(model, [4], 2)
    assert said.amounts.sum() == pytest.approx(said.logit, abs=1e-4)


def test_what_cannot_be_read_is_a_sentence(tiny_model):
    for asked in (lens, lambda model, ids: attribute(model, ids, 1)):
        with pytest.raises(
            InputError, match="0 tokens: this model can be looked into over 1 to 16"
        ):
            asked(tiny_model, [])
        with pytest.raises(InputError, match="17 tokens"):
            asked(tiny_model, [1] * 17)
        with pytest.raises(InputError, match="from 0 to 10"):
            asked(tiny_model, [11])
    for target, against in ((11, None), (-1, None), (1, 11)):
        with pytest.raises(InputError, match="from 0 to 10"):
            attribute(tiny_model, [1], target, against)
    with pytest.raises(InputError, match="no more likely than itself"):
        attribute(tiny_model, [1], 3, 3)
    with torch.no_grad():
        tiny_model.wte.weight.fill_(float("nan"))
    for asked in (lens, lambda model, ids: attribute(model, ids, 1)):
        with pytest.raises(NotFinite):
            asked(tiny_model, [1, 2])
