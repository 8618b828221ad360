"""The campaigns in their small, seeded form; each is a script with a count for the long one."""

from tests.campaigns import (
    appetite,
    disk,
    hostile,
    imports,
    kill_server,
    kill_worker,
    shapes,
    states,
    uploads,
)


def test_a_worker_killed_at_random_leaves_no_trace():
    outcomes = kill_worker.campaign(count=2, seed=7)
    assert all(outcome.intact and outcome.same and outcome.recomputed < 30 for outcome in outcomes)


def test_a_disk_that_is_full_or_broken_loses_nothing_that_was_saved():
    outcomes = disk.campaign([12, 33, 24, 45])
    assert all(outcome.intact and outcome.loads and outcome.same for outcome in outcomes)


def test_a_killed_server_leaves_no_orphan_and_loses_no_run():
    (outcome,) = kill_server.campaign(count=1, seed=7)
    assert outcome.gone_after < kill_server.ORPHAN_SECONDS
    assert outcome.listed and outcome.resumed


def test_no_sequence_of_acts_brings_a_run_into_an_illegal_state():
    states.campaign(count=40, derandomize=True)


def test_whatever_is_uploaded_gives_a_text_or_a_sentence():
    tally = uploads.campaign(count=300, derandomize=True)
    assert tally.texts > 100 and tally.refused > 20 and tally.guesses > 20
    assert tally.spoilt_guessed_right > 0.8 * tally.spoilt > 20


def test_whatever_is_in_a_file_of_a_run_gives_a_run_whose_pages_open_or_a_sentence():
    tally = imports.campaign(count=400, pages=4, seed=7)
    assert tally.taken > 30 and tally.refused > 200 and tally.opened == 4


def test_the_largest_inputs_cost_the_server_little():
    cases = ["merges of 16,384 without spaces", "30 uploads nobody takes"]
    for one in appetite.campaign(cases, scale=0.02, memory_mb=1_000):
        assert (one.said, one.server_mb < 60, one.child_mb < 250) == ("", True, True), one


def test_an_honest_visitor_keeps_what_is_theirs_among_those_who_do_their_worst():
    found = hostile.campaign(sessions=5, seconds=4, afterwards=0, looks=1, largest=2)
    assert found["the worker lives on"] and found["texts and runs are whole"]
    assert found["among them, s"]["pages"] >= 6
    assert found["MB at most"]["server"] < 700, found


def test_a_model_nobody_could_train_here_is_looked_at_within_the_memory_there_is():
    """Both took more than 12 GB."""
    visits = [
        ("Inside", f"instrument={name}", "Text to look at") for name in ("Lens", "Arithmetic")
    ]
    for seen in shapes.campaign(["heads"], memory=1_000, visits=visits):
        assert seen.more < 250, seen
