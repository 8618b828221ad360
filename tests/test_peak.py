"""What the campaigns measure of a case's memory."""

import numpy as np
import pytest

from tests.campaigns.peak import MOST_MB, Peak, check


def test_memory_that_was_given_back_counts_and_what_was_there_before_does_not():
    before = np.ones(60_000_000, np.uint8)
    with Peak() as peak:
        np.ones(90_000_000, np.uint8)
    assert 80 < peak.megabytes < 110
    with Peak() as peak:
        before += 1
    assert peak.megabytes < 20


def test_a_case_may_take_three_times_its_file_and_a_room_of_its_own():
    file = bytes(10_000_000)
    check(MOST_MB + 30, file)
    with pytest.raises(AssertionError, match="231 MB for a file of 10,000,000 bytes"):
        check(MOST_MB + 31, file)
