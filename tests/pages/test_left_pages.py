"""Fields that the browser still sends of a page that was left before it was whole."""

import re

import pytest
import streamlit as st

from minigpt.ui.fields import changed
from tests.pages.visits import ROOT


def test_what_stands_in_a_field_is_handed_on():
    seen = []
    st.session_state["there"] = 3
    changed("there", seen.append)()
    assert seen == [3]


def test_a_field_whose_name_is_forgotten_chooses_nothing():
    changed("gone", pytest.fail)()


def test_no_field_reads_its_own_value_without_asking_whether_it_is_there():
    for path in (ROOT / "minigpt" / "ui").rglob("*.py"):
        assert not re.search(r"on_(change|click)=lambda[^\n]*session_state\[", path.read_text()), (
            path
        )
