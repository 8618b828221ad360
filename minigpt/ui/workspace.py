"""Whose browser this is: a random id kept in its localStorage, shared by its tabs and reloads."""

import os
import secrets

import streamlit as st

KEY = "workspace"

_component = st.components.v2.component(
    "minigpt_workspace",
    js="""
export default function ({ data, setStateValue }) {
  const name = "minigpt-workspace"
  let id = localStorage.getItem(name)
  if (!/^[0-9a-f]{32}$/.test(id ?? "")) {
    id = data.fresh
    localStorage.setItem(name, id)
  }
  setStateValue("id", id)
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
    fresh = st.session_state.setdefault("fresh_workspace", secrets.token_hex(16))
    answer = _component(data={"fresh": fresh}, key=KEY, on_id_change=lambda: None, height=1)
    kept = getattr(answer, "id", None)
    # The answer comes from the browser, so it is checked like any input.
    if isinstance(kept, str) and len(kept) == 32 and set(kept) <= set("0123456789abcdef"):
        return kept, True
    return fresh, False
