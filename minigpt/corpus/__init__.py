"""From bytes to batches: reading texts, the library, the split, and baselines to compare with."""

from minigpt.corpus.baselines import Baselines, NGrams, counted_text, fit_baselines
from minigpt.corpus.batches import as_ids, batch, measured_on, split, split_at, trained_on, windows
from minigpt.corpus.cleaning import CLEANINGS, clean
from minigpt.corpus.downloads import DOWNLOADS
from minigpt.corpus.library import LIBRARY
from minigpt.corpus.reading import read_file, read_text
from minigpt.corpus.statistics import Statistics, describe, distinct_pairs
from minigpt.corpus.units import bits_per_character, characters_per_token, in_bits
from minigpt.corpus.worlds import WORLDS, Exam, World

__all__ = [
    "CLEANINGS",
    "DOWNLOADS",
    "LIBRARY",
    "WORLDS",
    "Baselines",
    "Exam",
    "NGrams",
    "Statistics",
    "World",
    "as_ids",
    "batch",
    "bits_per_character",
    "characters_per_token",
    "clean",
    "counted_text",
    "describe",
    "distinct_pairs",
    "fit_baselines",
    "in_bits",
    "measured_on",
    "read_file",
    "read_text",
    "split",
    "split_at",
    "trained_on",
    "windows",
]
