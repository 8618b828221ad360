"""What a run's curve says, in plain sentences with the numbers they rest on. No torch."""

from minigpt.findings.detectors import AT_FLOOR, MOST_SAID, Finding, findings
from minigpt.findings.levels import FLOOR, Levels, levels, levels_of, with_floor

__all__ = [
    "AT_FLOOR",
    "FLOOR",
    "MOST_SAID",
    "Finding",
    "Levels",
    "findings",
    "levels",
    "levels_of",
    "with_floor",
]
