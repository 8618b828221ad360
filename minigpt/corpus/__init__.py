"""From bytes to batches: reading texts, the library, the split, and baselines to compare with."""

from minigpt.corpus.baselines import Baselines, fit_baselines
from minigpt.corpus.batches import as_ids, batch, split, split_at, trained_on, windows
from minigpt.corpus.cleaning import CLEANINGS, clean
from minigpt.corpus.downloads import DOWNLOADS
from minigpt.corpus.library import LIBRARY
from minigpt.corpus.reading import read_file, read_text
from minigpt.corpus.statistics import Statistics, describe
from minigpt.corpus.worlds import WORLDS, Exam, World

__all__ = [
    "CLEANINGS",
    "DOWNLOADS",
    "LIBRARY",
    "WORLDS",
    "Baselines",
    "Exam",
    "Statistics",
    "World",
    "as_ids",
    "batch",
    "clean",
    "describe",
    "fit_baselines",
    "read_file",
    "read_text",
    "split",
    "split_at",
    "trained_on",
    "windows",
]
