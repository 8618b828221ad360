"""From bytes to batches: reading texts, the library, the split, and baselines to compare with."""

from minigpt.corpus.baselines import Baselines, fit_baselines
from minigpt.corpus.batches import batch, split, windows
from minigpt.corpus.library import LIBRARY
from minigpt.corpus.reading import read_text

__all__ = ["LIBRARY", "Baselines", "batch", "fit_baselines", "read_text", "split", "windows"]
