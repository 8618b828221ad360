"""The menu of pages on a phone, a drawer over the page: it closes once a page was chosen."""

import streamlit as st

_component = st.components.v2.component(
    "minigpt_drawer",
    js="""
export default function () {
  const close = ({ target }) => {
    const narrow = matchMedia("(max-width: 768px)").matches  // where Streamlit makes it a drawer
    if (!narrow || !target.closest('[data-testid="stSidebar"] a')) return
    const button = '[data-testid="stSidebarCollapseButton"] button'
    setTimeout(() => document.querySelector(button)?.click())  // once the link was followed
  }
  document.addEventListener("click", close, true)  // before the link is drawn anew
  return () => document.removeEventListener("click", close, true)
}
""",
)


def closes_after_a_tap() -> None:
    """Has the drawer close itself, on this page."""
    _component(key="drawer", height=1)
