"""Who looks at a page, and at which run."""

from dataclasses import dataclass

import streamlit as st

from minigpt import bundle
from minigpt.config import InputError
from minigpt.limits import Limits
from minigpt.store import DEMO_PREFIX, EVERYONE, Run, Store, StoreError
from minigpt.ui import address, services
from minigpt.ui.words import plain, sentence
from minigpt.ui.workspace import workspace


@dataclass(frozen=True)
class Visit:
    """Who looks at a page, at which run."""

    store: Store
    workspace: str
    workspace_known: bool  # False while the browser has not yet said whose it is
    run: Run
    demo_id: str
    limits: Limits

    @property
    def owns_run(self) -> bool:
        return self.run.workspace == self.workspace

    @property
    def reads_text(self) -> bool:
        """Whether the run's text is the visitor's own, or the library's."""
        return self.store.may_read(self.workspace, self.run.text_id)

    def runs(self) -> list[Run]:
        """The visitor's own runs, newest first, then those meant for everyone."""
        own = self.store.runs(self.workspace)
        return own + [run for run in self.store.runs(EVERYONE) if run.workspace != self.workspace]


def arrive(tells_trouble: bool) -> Visit:
    """Whose visit this is, and the run in the URL. Raises InputError when the store cannot be
    opened."""
    store, (who, known) = services.store(), workspace()
    demo_id = bundle.ensure_demo(store)  # it comes back, whatever became of it
    wanted = address.run() or DEMO_PREFIX
    try:
        run = store.run(demo_id if wanted == DEMO_PREFIX else wanted)
    except InputError as error:
        st.error(f"{sentence(error)} The demo is shown instead.", icon=":material/link_off:")
        run = store.run(demo_id)
    look(store, run)
    if tells_trouble and (trouble := services.trouble()):
        st.error(f"Training waits: {plain(trouble)}.", icon=":material/hard_drive:")
    return Visit(store, who, known, run, demo_id, Limits.from_environment())


def look(store: Store, run: Run) -> None:
    """Notes that somebody looks at the run, or says why that cannot be written down."""
    try:
        store.look(run.id)
    except StoreError as error:
        st.error(sentence(error))


def tell(visit: Visit, error: InputError) -> None:
    """What there is to say in place of a picture. That a run has no weights yet is no error: the
    page is drawn again as soon as they come."""
    if visit.run.active and visit.store.weights_step(visit.run.id) is None:
        st.info(sentence(error))
        _await_weights(visit.run.id)
    else:
        st.error(sentence(error))


@st.fragment(run_every=2.0)
def _await_weights(run_id: str) -> None:
    if services.store().weights_step(run_id) is not None:
        st.rerun()
