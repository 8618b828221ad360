"""What a run's curve says, under it."""

import streamlit as st

from minigpt.findings import MOST_SAID, Finding, findings
from minigpt.store import Curves, Run
from minigpt.ui import services


def found(run: Run, curves: Curves) -> list[Finding]:
    """The most important things that the curve says by now."""
    return findings(run, curves, services.levels(run))[:MOST_SAID]


def show(said: list[Finding]) -> None:
    for finding in said:
        st.markdown(f"**{finding.title}:** {finding.numbers} {finding.advice}")
