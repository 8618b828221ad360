"""How a number of things is said.

>>> counted(1, "character"), counted(1200, "token"), counted(0, "step")
('1 character', '1,200 tokens', '0 steps')
>>> times_over(1234.5), times_over(5.26), times_over(0.01)
('1,234 times over', '5.3 times over', 'less than 0.1 times over')
>>> rounded(268_123.4, 3), rounded(118.0, 2), rounded(0.01234, 2)
('268,000', '120', '0.012')
"""


def counted(n: int, noun: str) -> str:
    """The number and its noun, which is plural but for one. For nouns that take an s."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def times_over(n: float) -> str:
    """How often a text was read."""
    told = f"{n:,.0f}" if n >= 10 else f"{n:.1f}" if n >= 0.1 else "less than 0.1"
    return f"{told} times over"


def rounded(x: float, digits: int) -> str:
    """A number by so many of its digits, as people write it: never 2.68e+05."""
    value = float(f"{x:.{digits}g}")
    return f"{value:,.0f}" if abs(value) >= 10 ** (digits - 1) else f"{value:g}"
