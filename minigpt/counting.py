"""How a number of things is said.

>>> counted(1, "character"), counted(1200, "token"), counted(0, "step")
('1 character', '1,200 tokens', '0 steps')
>>> times_over(1234.5), times_over(5.26), times_over(0.01)
('1,234 times over', '5.3 times over', 'less than 0.1 times over')
>>> rounded(268_123.4, 3), rounded(118.0, 2), rounded(0.01234, 2)
('268,000', '120', '0.012')
>>> percent(0.1234), percent(0.5, 0), percent(1), percent(0), percent(0.0002), percent(0.9998)
('12.3 %', '50 %', '100 %', '0 %', 'under 0.1 %', 'over 99.9 %')
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


def percent(share: float, digits: int = 1) -> str:
    """A share of 1, with so many digits behind the point. What is not quite nothing, or all, is
    not called so."""
    if share in (0, 1):
        return f"{100 * share:.0f} %"
    least = 10.0**-digits
    if 0 < 100 * share < least / 2:
        return f"under {least:.{digits}f} %"
    if 100 - least / 2 <= 100 * share < 100:
        return f"over {100 - least:.{digits}f} %"
    return f"{100 * share:.{digits}f} %"
