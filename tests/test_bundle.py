import hashlib

import numpy as np
import pytest
import torch

from minigpt import bundle, tokenizers, weights
from minigpt.bundle.format import open_header
from minigpt.config import GPTConfig, InputError, TrainConfig
from minigpt.corpus import split
from minigpt.corpus.worlds import Copy
from minigpt.engine import worker
from minigpt.engine.launch import launch
from minigpt.interpret import head_scores, held_out_windows
from minigpt.limits import Limits
from minigpt.metrics import Results
from minigpt.store import EVERYONE
from minigpt.tokenizers import BPETokenizer, CharTokenizer
from tests.bundles import changed, unpacked, without


def test_an_imported_run_is_the_exported_one(fresh_store, small_run, exported, other_store):
    before = fresh_store.run(small_run)
    after = other_store.run(bundle.import_run(other_store, exported, "you"))
    assert (after.name, after.state, after.step) == (before.name, "finished", 20)
    assert (after.model, after.train, after.tokenizer) == (
        before.model,
        before.train,
        before.tokenizer,
    )
    assert after.text_id is None  # the text itself does not travel
    for field in ("step", "train_loss", "val_loss"):
        np.testing.assert_array_equal(
            getattr(other_store.curves(after.id), field),
            getattr(fresh_store.curves(small_run), field),
        )
    assert other_store.samples(after.id) == fresh_store.samples(small_run)
    assert other_store.snapshot_steps(after.id) == fresh_store.snapshot_steps(small_run)
    for step in (None, 4):
        ours, theirs = (
            weights.load_model(store, run, step)
            for store, run in ((fresh_store, before), (other_store, after))
        )
        assert all(
            torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True)
        )


def test_a_run_finds_its_text_again_when_its_owner_brings_it_back(fresh_store, small_run, exported):
    again = fresh_store.run(bundle.import_run(fresh_store, exported, "me"))
    assert again.text_id == fresh_store.run(small_run).text_id


def test_nobody_else_finds_the_text_by_the_file_even_who_has_it(
    fresh_store, exported, simple_text, other_store
):
    """Else whoever has the file could try texts until one is found."""
    for store, who in ((fresh_store, "you"), (other_store, "me")):
        store.add_text(who, "a guess", simple_text)
        assert store.run(bundle.import_run(store, exported, who)).text_id is None


def test_a_file_holds_no_hash_of_its_text(fresh_store, small_run, exported, simple_text):
    told = unpacked(exported)[0]["text"]
    again = unpacked(bundle.export_run(fresh_store, fresh_store.run(small_run)))[0]["text"]
    assert told.keys() == again.keys() == {"salt", "mark"}
    assert not {*told.values()} & {*again.values()}
    hashed = hashlib.sha256(simple_text.encode()).hexdigest()
    assert hashed == fresh_store.run(small_run).text_id
    assert hashed.encode() not in exported
    salted = [told["salt"] + simple_text, told["salt"] + hashed, f"{told['salt']} {hashed} me"]
    assert told["mark"] not in [hashlib.sha256(words.encode()).hexdigest() for words in salted]


@pytest.mark.parametrize("named", [{"text": {"id": "of it"}}, {"text_id": "of it"}])
def test_a_file_that_names_a_text_is_believed_by_its_readers_only(
    fresh_store, small_run, exported, named
):
    text_id = fresh_store.run(small_run).text_id
    (key,) = named
    data = changed(exported, {"text": None, key: {"id": text_id} if key == "text" else text_id})
    if key == "text_id":
        data = without(data, "text")  # as earlier versions wrote it
    found = {
        who: fresh_store.run(bundle.import_run(fresh_store, data, who)).text_id
        for who in ("me", "you")
    }
    assert found == {"me": text_id, "you": None}


def test_a_file_keeps_nobody_elses_text_from_being_cleared(fresh_store, small_run, exported):
    text_id = fresh_store.run(small_run).text_id
    bundle.import_run(fresh_store, changed(exported, {"text": {"id": text_id}}), "you")
    fresh_store.delete_run(small_run)
    fresh_store.forget_texts([("me", text_id), ("you", text_id)])
    with pytest.raises(InputError, match="no longer here"):
        fresh_store.text(text_id)


def test_what_an_earlier_version_exported_is_imported(exported, other_store):
    """Without a checksum, its text by name, perhaps with a sample of a step it had not yet kept."""
    about, _ = unpacked(exported)
    late = [*about["samples"], [19, "later"]] if about["step"] < 19 else about["samples"]
    earlier = without(changed(exported, {"text_id": "a" * 64, "samples": late}), "text")
    after = other_store.run(bundle.import_run(other_store, earlier, "you"))
    assert (after.name, after.step, after.text_id) == ("small", 20, None)


def test_a_sample_after_the_kept_step_is_not_exported(fresh_store, small_run):
    trainer = worker.Worker(fresh_store)
    while fresh_store.run(small_run).step < 4:
        trainer.turn()
    fresh_store.wish(small_run, "paused")
    trainer.turn()
    step = fresh_store.checkpoint_step(small_run)
    fresh_store.record(small_run, Results(samples=[(step + 1, "it has trained on")]))
    data = bundle.export_run(fresh_store, fresh_store.run(small_run))
    assert max(at for at, _ in unpacked(data)[0]["samples"]) <= step
    bundle.import_run(fresh_store, data, "me")


def test_snapshots_can_be_thinned_keeping_the_first_and_the_last(fresh_store, small_run, exported):
    thin = bundle.export_run(fresh_store, fresh_store.run(small_run), most_snapshots=3)
    _, tensors = unpacked(thin)
    steps = {int(name.split(".")[1]) for name in tensors if name.startswith("snapshots.")}
    assert len(steps) == 3 and {0, 20} <= steps
    assert len(thin) < len(exported)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_as_many_snapshots_go_into_a_file_as_fit(fresh_store, small_run, exported, other_store, n):
    run, kept = fresh_store.run(small_run), fresh_store.snapshot_steps(small_run)
    most = bundle.contents(fresh_store, run, most_snapshots=n).bytes
    found = bundle.contents(fresh_store, run, most_bytes=most)
    assert len(found.steps) == n < found.kept == len(kept)
    assert (found.steps[0], found.steps[-1]) == (kept[0], kept[-1])
    data = bundle.export_run(fresh_store, run, most_bytes=most)
    assert len(data) <= found.bytes == most < len(exported)
    after = bundle.import_run(other_store, data, "you")
    assert other_store.snapshot_steps(after) == found.steps


def test_a_run_whose_weights_do_not_fit_is_refused_with_a_way_to_take_it(
    fresh_store, small_run, exported
):
    run = fresh_store.run(small_run)
    most = bundle.contents(fresh_store, run, most_snapshots=2).bytes - 1
    for act in (bundle.contents, bundle.export_run):
        with pytest.raises(InputError, match=r"two snapshots.*python -m minigpt export"):
            act(fresh_store, run, most_bytes=most)


def test_every_number_of_a_file_stands_at_a_multiple_of_its_width(exported):
    entries, _, start = open_header(exported)
    assert {entry["dtype"] for entry in entries.values()} == {"F16", "F32", "F64"}
    for entry in entries.values():
        assert (start + entry["data_offsets"][0]) % (int(entry["dtype"][1:]) // 8) == 0


def test_a_run_without_weights_cannot_be_exported(fresh_store, small_run):
    for act in (bundle.contents, bundle.export_run):
        with pytest.raises(InputError, match="no weights"):
            act(fresh_store, fresh_store.run(small_run))


@pytest.mark.parametrize("gone", ["deleted", "wished to be deleted"])
def test_a_demo_that_is_gone_comes_back(fresh_store, gone):
    demo = bundle.ensure_demo(fresh_store)
    if gone == "deleted":
        fresh_store.delete_run(demo)
    else:  # as an earlier version allowed it
        with fresh_store._db.transaction() as db:
            db.execute("UPDATE runs SET wish = 'deleted'")
    assert bundle.ensure_demo(fresh_store) == demo
    assert fresh_store.run(demo).step == fresh_store.weights_step(demo) > 0


def test_nobody_can_ask_for_the_demo_to_be_deleted(fresh_store):
    demo = bundle.ensure_demo(fresh_store)
    with pytest.raises(InputError, match="came with the app"):
        fresh_store.wish(demo, "deleted")
    worker.Worker(fresh_store).turn()
    assert fresh_store.run(demo)


def test_the_demo_is_there_whatever_visitors_may_bring(fresh_store, monkeypatch):
    for limit in ("MAX_PARAMETERS", "MAX_STEPS", "MAX_IMPORT_MB"):
        monkeypatch.setenv(f"MINIGPT_{limit}", "1")
    assert fresh_store.run(bundle.ensure_demo(fresh_store))


def test_the_demo_is_unpacked_once_for_everyone(fresh_store):
    first = bundle.ensure_demo(fresh_store)
    assert bundle.ensure_demo(fresh_store) == first
    (demo,) = fresh_store.runs(EVERYONE)
    assert demo.id == first
    assert demo.state == "finished" and fresh_store.may_read("anybody", demo.text_id)
    assert len(fresh_store.snapshot_steps(first)) >= 8
    assert bundle.DEMO.stat().st_size <= 5_000_000


def test_the_demo_has_a_head_for_the_token_before_and_one_with_another_role(fresh_store):
    demo = fresh_store.run(bundle.ensure_demo(fresh_store))
    ids = tokenizers.load(demo.tokenizer).encode_array(fresh_store.text(demo.text_id))
    _, held_out = split(ids, demo.train.val_fraction, demo.model.block_size)
    windows = held_out_windows(held_out, demo.model.block_size)
    scores = head_scores(weights.load_model(fresh_store, demo), windows)
    roles = {role for layer in scores.roles for role in layer}
    assert "previous token" in roles and len(roles - {"unclear"}) > 1


def test_a_run_on_a_world_keeps_its_right_answers_in_the_file(fresh_store, other_store):
    world = Copy()
    text = world.text(6_000)
    tokenizer = CharTokenizer.train(text)
    text_id = fresh_store.add_text("me", "copy", text, world.to_json())
    run_id = launch(
        fresh_store, Limits(), "me", "copying", text_id, tokenizer,
        GPTConfig(tokenizer.vocab_size, block_size=16, n_layer=1, n_head=2, n_embd=8),
        TrainConfig(max_steps=4, batch_size=2, eval_interval=2),
    )  # fmt: skip
    trainer = worker.Worker(fresh_store)
    while trainer.turn():
        pass
    before = fresh_store.curves(run_id).accuracy
    assert np.isnan(before).tolist() == [False, False, True, False]
    data = bundle.export_run(fresh_store, fresh_store.run(run_id))
    after = other_store.curves(bundle.import_run(other_store, data, "you")).accuracy
    np.testing.assert_array_equal(after, before)
    bent = changed(data, tensors={"accuracy": np.array([0.5, 2.0, np.nan, 0.1])})
    with pytest.raises(InputError, match="accuracy is not a share"):
        bundle.import_run(other_store, bent, "you")


def test_a_bpe_run_travels_with_its_merges_and_its_measure(fresh_store, simple_text, other_store):
    tokenizer = BPETokenizer.train(simple_text, 280)
    text_id = fresh_store.add_text("me", "simple", simple_text)
    run_id = launch(
        fresh_store, Limits(), "me", "bpe", text_id, tokenizer,
        GPTConfig(tokenizer.vocab_size, block_size=8, n_layer=1, n_head=2, n_embd=8),
        TrainConfig(max_steps=3, batch_size=2),
    )  # fmt: skip
    assert fresh_store.run(run_id).characters_per_token > 2
    trainer = worker.Worker(fresh_store)
    while trainer.turn():
        pass
    data = bundle.export_run(fresh_store, fresh_store.run(run_id))
    after = other_store.run(bundle.import_run(other_store, data, "you"))
    assert tokenizers.load(after.tokenizer).merges == tokenizer.merges
    assert after.characters_per_token == fresh_store.run(run_id).characters_per_token
    for measure in (0.0, -1.0, "2", float("inf")):
        with pytest.raises(InputError, match=r"how many characters|not finite"):
            bundle.import_run(other_store, changed(data, {"characters_per_token": measure}), "you")
