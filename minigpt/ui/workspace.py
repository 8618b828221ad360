"""Whose browser this is: a random id kept in its localStorage, shared by its tabs and reloads.

Whoever knows the id controls what belongs to it. So it stands in no page, and it can be renewed.
"""

import os
import re
import secrets

import streamlit as st

from minigpt.store import Store

KEY = "workspace"
FRESH, RENEWED = "fresh_workspace", "renewed_workspace"  # in the session

_component = st.components.v2.component(
    "minigpt_workspace",
    js="""
export default function ({ data, setStateValue }) {
  const name = "minigpt-workspace"
  let id = data.renewed ?? localStorage.getItem(name)
  if (!/^[0-9a-f]{32}$/.test(id ?? "")) id = data.fresh
  localStorage.setItem(name, id)
  setStateValue("id", id)
  const follow = ({ key, newValue }) => key === name && newValue && setStateValue("id", newValue)
  window.addEventListener("storage", follow) // another tab renewed it
  return () => window.removeEventListener("storage", follow)
}
""",
)


def workspace() -> tuple[str, bool]:
    """The workspace of this visitor: `MINIGPT_WORKSPACE` where it is set, else this browser's.

    Until the browser has answered, it is the fresh id that a new browser would keep, and the
    second value is False.
    """
    if name := os.environ.get("MINIGPT_WORKSPACE"):
        return name, True
    fresh = st.session_state.setdefault(FRESH, secrets.token_hex(16))
    renewed = st.session_state.get(RENEWED)
    answer = _component(
        data={"fresh": fresh, "renewed": renewed}, key=KEY, on_id_change=lambda: None, height=1
    )
    kept = getattr(answer, "id", None)
    if renewed is not None:
        if kept == renewed:  # the browser has it now
            del st.session_state[RENEWED]
        return renewed, True
    # The answer comes from the browser, so it is checked like any input.
    if isinstance(kept, str) and re.fullmatch("[0-9a-f]{32}", kept, re.ASCII):
        return kept, True
    return fresh, False


def can_be_renewed() -> bool:
    """Whether it is this browser's own, and not one that the installation gave to everybody."""
    return not os.environ.get("MINIGPT_WORKSPACE")


def renew(store: Store, old: str) -> None:
    """Gives all that is this browser's a new id: whoever knew the old one controls nothing."""
    new = secrets.token_hex(16)
    store.hand_over(old, new)
    st.session_state[RENEWED] = new
