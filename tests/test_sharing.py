"""Who can open the address of a run, and what to do so that others can."""

import pytest

from minigpt.ui.train import sharing


def test_an_address_names_the_run_and_keeps_the_rest():
    assert sharing.address("https://gpt.school.org/Train?x=1", "ab") == (
        "https://gpt.school.org/Train?run=ab"
    )
    page = "http://localhost:8501/lab/Train"
    assert sharing.address(page, "ab", "10.0.0.7") == "http://10.0.0.7:8501/lab/Train?run=ab"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "[::1]", "0.0.0.0"])
def test_an_address_that_means_every_computer_itself_is_known(host):
    assert sharing.stays_here(f"http://{host}:8501/Train")


@pytest.mark.parametrize("host", ["192.168.1.5", "lab-3", "x.streamlit.app", "[fe80::1]", ""])
def test_an_address_that_others_can_reach_is_left_alone(host):
    assert not sharing.stays_here(f"http://{host}:8501/Train")


def test_the_advice_names_the_command_only_where_the_server_is_closed():
    page = "http://localhost:8501/Train"
    assert sharing.LISTEN in sharing.advice(page, "localhost")
    assert sharing.LISTEN in sharing.advice(page, "127.0.0.1")
    for listens_to in (None, "0.0.0.0", "192.168.1.5"):
        assert sharing.LISTEN not in sharing.advice(page, listens_to)
        assert "Others cannot open this address" in sharing.advice(page, listens_to)


def test_others_get_this_computer_s_number_or_a_place_for_its_name():
    page = "http://localhost:8501/Train"
    assert sharing.for_others(page, "ab", "10.0.0.7") == "http://10.0.0.7:8501/Train?run=ab"
    for unknown in (None, "127.0.0.1"):  # a computer without a network
        assert sharing.for_others(page, "ab", unknown) == (
            "http://name-of-this-computer:8501/Train?run=ab"
        )
