"""When what heads do came about, of measurements at several moments."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigpt.interpret import (
    ROLES,
    CopyLosses,
    HeadScores,
    copy_losses_through,
    half_way,
    lifts_through,
    turning_points,
)

STEPS = [0, 1, 2, 4, 8]
NOTHING = {role: np.zeros((1, 2)) for role in ROLES}


def scores(later: float = 3.0, **lifts: list[float]) -> HeadScores:
    """Scores of one layer of two heads, of which only lifts and losses matter here."""
    named = {name.replace("_", " "): np.array([values]) for name, values in lifts.items()}
    copies = CopyLosses(first=3.0, later=later, period=6, copies=4)
    rest = dict.fromkeys(ROLES, 1)
    return HeadScores(
        NOTHING | named, NOTHING, NOTHING, NOTHING, rest, rest, rest, [[]], [[]], copies, []
    )


def half_way_slowly(steps, values, least):
    """The same, one value after another."""
    first, last = values[0], values[-1]
    if not abs(last - first) >= least:
        return None
    middle = (first + last) / 2
    for step, value in zip(steps, values, strict=True):
        if (value >= middle) if last > first else (value <= middle):
            return step
    return None


@given(st.lists(st.integers(-100, 100), min_size=2, max_size=12))
def test_half_way_is_the_first_step_beyond_the_middle(values):
    values = np.array(values, dtype=float)
    steps = list(range(len(values)))
    assert half_way(steps, values, 0.5) == half_way_slowly(steps, values, 0.5)


def test_what_hardly_changes_or_is_not_known_has_no_half_way():
    assert half_way(STEPS, np.array([0, 0.1, 0.0, 0.1, 0.2]), 0.25) is None
    assert half_way(STEPS, np.array([0, np.nan, 0.0, 0.1, np.nan]), 0.25) is None


def test_lifts_and_losses_are_laid_out_by_moment():
    course = [scores(3 - i / 2, induction=[0.1 * i, 0.2]) for i in range(3)]
    assert lifts_through(course, "induction").shape == (3, 1, 2)
    np.testing.assert_allclose(lifts_through(course, "induction")[:, 0, 0], [0, 0.1, 0.2])
    np.testing.assert_allclose(copy_losses_through(course), [(3, 3), (3, 2.5), (3, 2)])
    assert np.isnan(copy_losses_through([replace(course[0], copies=None)])).all()


def test_turning_points_are_those_of_the_head_that_is_strongest_in_the_end():
    early, late = [0, 0.3, 0.3, 0.3, 0.3], [0, 0, 0, 0.5, 0.6]
    course = [
        scores(loss, previous_token=[0.7 * (i > 1), 0], induction=[early[i], late[i]])
        for i, loss in enumerate([3.0, 3.0, 2.9, 1.2, 1.0])
    ]
    assert turning_points(STEPS, course) == {
        "previous token": 2, "induction": 4, "loss on later copies": 4,
    }  # fmt: skip


@pytest.mark.parametrize("losses", [[3.0] * 5, [3.0, 4.0, 5.0, 6.0, 8.0]])
def test_a_loss_that_does_not_fall_never_came_about(losses):
    course = [scores(loss) for loss in losses]
    assert set(turning_points(STEPS, course).values()) == {None}
