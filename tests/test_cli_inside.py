"""`inspect RUN --what ablation` and `--what surprise`: as tables, for machines, as files."""

import numpy as np
import pandas as pd
import pytest

from minigpt import tokenizers, weights
from minigpt.corpus import trained_on
from minigpt.interpret import held_out_windows, surprise, token_effect, what_matters
from tests.test_cli_heads import home, refused, told, trained  # noqa: F401

PROMPT = "hello world, he"


@pytest.fixture
def run(fresh_store, trained):  # noqa: F811
    return fresh_store.run(trained)


@pytest.mark.parametrize("kind", ["zero", "resample"])
def test_the_ablation_is_a_line_for_each_part(fresh_store, run, kind, capsys):
    ask = ["inspect", run.id, "--what", "ablation", "--instead", kind, "--prompt", PROMPT]
    lines, said = told(capsys, *ask)
    model, tokenizer = weights.load_model(fresh_store, run), tokenizers.load(run.tokenizer)
    ids = tokenizer.encode_array(fresh_store.text(run.text_id))
    held = ids[trained_on(len(ids), run.train.val_fraction) :]
    windows = held_out_windows(held, run.model.block_size)
    found = what_matters(model, windows, kind)
    assert said["loss"] == pytest.approx(found.loss) and said["level"] == found.level
    for line, part, delta, told_of in zip(
        lines[2:], found.parts, found.delta, said["parts"], strict=False
    ):
        assert line.startswith(part.name) and f"{delta:+.4f}" in line
        assert told_of["delta"] == pytest.approx(delta) and told_of["kind"] == part.kind
    seen = ["no effect seen" not in line for line in lines[2 : 2 + len(found.parts)]]
    assert seen == found.seen.tolist()
    most = max(
        (i for i, part in enumerate(found.parts) if part.kind != "layer"),
        key=lambda i: found.delta[i],
    )
    rises = token_effect(model, tokenizer.encode(PROMPT), found.parts[most], windows, kind)
    np.testing.assert_allclose(said["most"]["rises"], rises, rtol=1e-6)


def test_surprise_is_a_line_for_each_token_but_the_first(fresh_store, run, capsys):
    lines, said = told(capsys, "inspect", run.id, "--what", "surprise", "--prompt", PROMPT)
    bits = surprise(
        weights.load_model(fresh_store, run), tokenizers.load(run.tokenizer).encode(PROMPT)
    )
    np.testing.assert_allclose(said["bits"], bits)
    assert len(said["bits"]) == 14 and "".join(said["read"]) == PROMPT
    for line, bit in zip(lines[1:], bits, strict=False):
        assert f"{bit:.2f}" in line
    assert "single token" in refused(
        capsys, "inspect", run.id, "--what", "surprise", "--prompt", "h"
    )


@pytest.mark.parametrize("what", ["ablation", "surprise"])
def test_what_was_seen_is_a_file_where_one_is_asked_for(run, tmp_path, what, capsys):
    for ending in ("svg", "html", "csv"):
        file = tmp_path / f"seen.{ending}"
        ask = ["inspect", run.id, "--what", what, "--prompt", PROMPT, "--output", str(file)]
        assert told(capsys, *ask)[1]["file"] == str(file)
    assert (tmp_path / "seen.svg").read_text().startswith("<svg")
    assert len(pd.read_csv(tmp_path / "seen.csv")) == (14 if what == "surprise" else 4)


def test_a_kind_of_ablation_without_an_ablation_is_refused(run, capsys):
    ask = ["inspect", run.id, "--what", "lens", "--instead", "mean", "--prompt", PROMPT]
    assert "--what ablation" in refused(capsys, *ask)
