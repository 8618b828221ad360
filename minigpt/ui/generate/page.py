"""The page: choose a prompt and settings, write, ask every token, and look at it from six sides."""

from dataclasses import replace

import streamlit as st

from minigpt.config import InputError
from minigpt.ui import address, services, sides, written
from minigpt.ui.generate import beam, copied, form, head_off, output, strategies, temperature
from minigpt.ui.generate import through as moments
from minigpt.ui.generate.task import Task
from minigpt.ui.prompts import check_length, notes_on
from minigpt.ui.visit import Visit, tell
from minigpt.ui.words import sentence

SIDES = {
    "Temperature": temperature.show,
    "Beam search": beam.show,
    "Side by side": strategies.show,
    "Copied?": copied.show,
    "Through training": moments.show,
    "A head switched off": head_off.show,
}


def show(visit: Visit) -> None:
    """Prompt and settings, the text beside them, and what else can be asked below."""
    controls, text = st.columns([1, 1.6], gap="large")
    with controls:
        prompt = form.choose_prompt(visit.run)
        pressed = form.ask(visit.run)
        try:
            config = form.choose(visit.run)
        except InputError as error:
            st.error(sentence(error))
            return
    at = services.store().weights_step(visit.run.id) or 0
    task = Task(visit, at, prompt, config)
    with text:
        for note in notes_on(visit.run, prompt):
            st.caption(note)
        writing = output.show(task, pressed)
    if writing is not None:
        _look(replace(task, written=written.body(writing, visit.run)))


def _look(task: Task) -> None:
    """The tools, each behind its tab."""
    name, place = sides.opened(address.SIDE, task.run, list(SIDES))
    with place:
        try:
            check_length(task.prompt)
            SIDES[name](task)
        except InputError as error:
            tell(task.visit, error)
