"""`inspect RUN --what lens` and `--what attribution`: as tables, for machines, as files."""

import numpy as np
import pandas as pd
import pytest

from minigpt import tokenizers, weights
from minigpt.interpret import attribute, decision_depth, lens
from tests.test_cli_heads import home, refused, told, trained  # noqa: F401

PROMPT = "hello world, he"


@pytest.fixture
def model(fresh_store, trained):  # noqa: F811
    return weights.load_model(fresh_store, fresh_store.run(trained))


@pytest.fixture
def tokenizer(fresh_store, trained):  # noqa: F811
    return tokenizers.load(fresh_store.run(trained).tokenizer)


def test_the_lens_is_a_line_for_each_token(trained, model, tokenizer, capsys):  # noqa: F811
    lines, said = told(capsys, "inspect", trained, "--what", "lens", "--prompt", PROMPT)
    found = lens(model, tokenizer.encode(PROMPT))
    assert said["tokens"] == 15 and said["rows"] == found.rows
    assert "".join(said["read"]) == PROMPT
    np.testing.assert_allclose(np.array(said["true_prob"], float), found.true_prob, rtol=1e-6)
    np.testing.assert_allclose(said["kl"], found.kl, rtol=1e-6)
    assert said["rank"] == found.rank.tolist() and said["rank"][0][-1] == -1
    assert said["decided"] == decision_depth(found).tolist()
    heading, first = lines[0].split(), lines[1].split()
    assert heading[:3] == ["read", "embedding", "0,"] and first[:2] == ["1", "h"]
    prob, rank = found.true_prob[-1, 0], found.rank[-1, 0] + 1
    assert f"{prob:.1%}" in lines[1] and f"  {rank}  " in lines[1]
    assert lines[15].split()[:2] == ["15", "e"] and "–     –" in lines[15]
    assert "echo" not in "".join(lines), "its output layer is its own"


def test_the_attribution_is_a_line_for_each_part_and_ends_at_the_logit(
    trained, model, tokenizer, capsys  # noqa: F811
):  # fmt: skip
    ask = ["inspect", trained, "--what", "attribution", "--prompt", PROMPT]
    lines, said = told(capsys, *ask)
    ids = tokenizer.encode(PROMPT)
    likeliest = int(lens(model, ids).likeliest[-1, -1])
    found = attribute(model, ids, likeliest)
    assert said["target"] == tokenizer.tokens[likeliest] and said["against"] is None
    assert list(said["parts"]) == found.names
    assert sum(said["parts"].values()) == pytest.approx(said["logit"], abs=1e-4)
    for line, name, amount in zip(lines[2:], found.names, found.amounts, strict=False):
        assert line.startswith(name) and f"{amount:+.3f}" in line
    assert f"{found.logit:+.3f}" in lines[2 + len(found.names)]
    _, said = told(capsys, *ask, "--target", "l", "--against", "o")
    (target,), (against,) = tokenizer.encode("l"), tokenizer.encode("o")
    expected = attribute(model, ids, target, against)
    assert said["logit"] == pytest.approx(expected.logit, rel=1e-6)


@pytest.mark.parametrize("what", ["lens", "attribution"])
def test_what_was_seen_is_a_file_where_one_is_asked_for(trained, tmp_path, capsys, what):  # noqa: F811
    ask = ["inspect", trained, "--what", what, "--prompt", PROMPT]
    assert "file" not in told(capsys, *ask)[1]
    for ending in ("svg", "html", "csv"):
        file = tmp_path / f"seen.{ending}"
        assert told(capsys, *ask, "--output", str(file))[1]["file"] == str(file)
        assert "is there already" in refused(capsys, *ask, "--output", str(file))
    assert (tmp_path / "seen.html").read_text().startswith("<!doctype html>\n<title>small: ")
    parts = 15 * 3 if what == "lens" else 1 + len(told(capsys, *ask)[1]["parts"])
    assert len(pd.read_csv(tmp_path / "seen.csv")) == parts


def test_a_tied_model_is_said_to_echo(fresh_store, small_run, monkeypatch, capsys):
    from tests.test_huggingface import trained as trained_anew

    run = trained_anew(fresh_store, small_run, tie_weights=True)
    monkeypatch.setenv("MINIGPT_HOME", str(fresh_store.folder))
    lines, _ = told(capsys, "inspect", run, "--what", "lens", "--prompt", "hello")
    assert any("echo" in line for line in lines)


def test_what_cannot_be_looked_at_is_a_sentence(trained, capsys):  # noqa: F811
    ask = ["inspect", trained, "--prompt", "hello"]
    assert "invalid choice: 'dreams'" in refused(capsys, *ask, "--what", "dreams")
    attribution = [*ask, "--what", "attribution"]
    assert "'he', 2 tokens of this run" in refused(capsys, *attribution, "--target", "he")
    assert "'', no token of this run" in refused(capsys, *attribution, "--against", "")
    assert "'€', no token of this run" in refused(capsys, *attribution, "--target", "€")
    same = [*attribution, "--target", "h", "--against", "h"]
    assert "no more likely than itself" in refused(capsys, *same)
    for options, words in {
        ("--layer", "0", "--what", "lens"): "--layer is for --what attention",
        ("--target", "h"): "--target is for --what attribution",
        ("--what", "lens", "--heads"): "--what is for a look at one prompt, without --heads",
    }.items():
        assert words in refused(capsys, "inspect", trained, *options)
    assert "0 tokens" in refused(capsys, "inspect", trained, "--what", "lens", "--prompt", "")
