"""The menu of pages on a phone, a drawer over the page: it closes once a page was chosen."""

import streamlit as st

_component = st.components.v2.component(
    "minigpt_drawer",
    js="""
const shut = () => {
  const narrow = matchMedia("(max-width: 768px)").matches  // where Streamlit makes it a drawer
  const drawer = document.querySelector('[data-testid="stSidebar"][data-collapsed="false"]')
  if (narrow) drawer?.querySelector('[data-testid="stSidebarCollapseButton"] button')?.click()
}

export default function ({ data }) {
  // A tap before this page had its listener is seen by the next page.
  if (window.minigptPage && window.minigptPage !== data.page) shut()
  window.minigptPage = data.page
  const tap = ({ target }) => {
    if (target.closest('[data-testid="stSidebar"] a')) setTimeout(shut)  // the link comes first
  }
  document.addEventListener("click", tap, true)  // before the link is drawn anew
  return () => document.removeEventListener("click", tap, true)
}
""",
)


def closes_after_a_tap(page: str) -> None:
    """Has the drawer close itself, on this page."""
    _component(key="drawer", data={"page": page}, height=1)
