"""How a number of things is said.

>>> counted(1, "character"), counted(1200, "token"), counted(0, "step")
('1 character', '1,200 tokens', '0 steps')
"""


def counted(n: int, noun: str) -> str:
    """The number and its noun, which is plural but for one. For nouns that take an s."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
