"""The menu of pages on a phone, a drawer over the page: it closes once a page was chosen."""

import streamlit as st

_component = st.components.v2.component(
    "minigpt_drawer",
    js=r"""
const shut = () => {
  const narrow = matchMedia("(max-width: 768px)").matches  // where Streamlit makes it a drawer
  const drawer = document.querySelector('[data-testid="stSidebar"][data-collapsed="false"]')
  if (narrow) drawer?.querySelector('[data-testid="stSidebarCollapseButton"] button')?.click()
}

const pathOf = (address) => new URL(address, location.href).pathname.replace(/\/$/, "")

export default function () {
  // A tap before a page had its listener is seen by the next page: it is not at the path of the
  // page before it, nor, where that was the first and too slow to say so, at the document's own.
  const [loaded] = performance.getEntriesByType("navigation")
  const here = pathOf(location.href)
  if (here !== (window.minigptPath ?? pathOf(loaded.name))) shut()
  window.minigptPath = here
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
