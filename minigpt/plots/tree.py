"""A beam search's tree: where everything of it stands, and the tree as an SVG file."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal, get_args

from minigpt.plots.heads import short
from minigpt.plots.picture import FAINT, INK, LETTER, LINE, document
from minigpt.plots.theme import LABELS, LETTERS, TRAIN, escaped
from minigpt.tokenizers.visible import columns, legible

MOST_PRUNED = 3  # children of one node
GAP = 54  # pixels in front of a column: for edges and their percentages
TURN = 8  # pixels behind a column, where edges turn
ROW, HIGH = 27, 20  # pixels from row to row, and of a box
PAD, THIN = 5, 1  # pixels at both ends of a box, and on both sides of a token within it
TOP = 28  # pixels above the first row: for the steps' numbers
START = 8  # pixels where the prompt ends

ABOVE = "Above a line: how likely the model held all in the box behind it, given what is before."

Fate = Literal["pruned", "alive", "best"]
FATES: tuple[Fate, ...] = get_args(Fate)  # what is drawn later lies above


@dataclass(frozen=True)
class Branch:
    """A token that a beam search considered."""

    parent: int | None  # the index of the one before it; None right behind the prompt
    label: str  # as tokens are shown everywhere: `tokenizers.visible`
    prob: float  # given all before it
    log_prob: float  # of all tokens behind the prompt down to it, in nats
    depth: int  # how many tokens that are
    kept: bool  # among the best at its depth
    ended: bool = False  # a finished text: it cannot be pruned any more


@dataclass(frozen=True)
class Box:
    """A token, or a chain of tokens without a fork, at its place in pixels."""

    nodes: tuple[int, ...]  # none where it stands for branches that are left out
    labels: tuple[str, ...]
    edges: tuple[float, ...]  # where each label's cell begins, and where the last one ends
    y: float  # of its middle
    parent: int | None  # the index of the box before it; None right behind the prompt
    fate: Fate
    prob: float | None  # of all its tokens together, given what is before them


@dataclass(frozen=True)
class Layout:
    """The tree as it is drawn, in pixels, each box behind its parent."""

    boxes: list[Box]
    start: tuple[float, float]  # where the prompt ends
    steps: list[float]  # where the column of each depth begins, that of depth 1 first
    width: float
    height: float

    def edge(self, box: Box) -> str:
        """The line to a box from the one before it, as an SVG path."""
        before = self.boxes[box.parent] if box.parent is not None else None
        x, y = (before.edges[-1], before.y) if before else self.start
        path, left = f"M{x:.1f} {y:.1f}", box.edges[0]
        if y != box.y:
            path += f"H{left - GAP + TURN:.1f}V{box.y:.1f}"
        return f"{path}H{left:.1f}"


def alive(nodes: Sequence[Branch], depth: int) -> set[int]:
    """What a search that has come to a depth has not pruned: the nodes kept there, the texts that
    ended before, and all before these."""
    found: set[int] = set()
    for i, node in enumerate(nodes):
        if node.kept and (node.depth == depth or (node.ended and node.depth < depth)):
            at: int | None = i
            while at is not None and at not in found:
                found.add(at)
                at = nodes[at].parent
    return found


def percent(prob: float) -> str:
    """A probability as it stands on an edge.

    >>> percent(0.123), percent(0.004), percent(0.9999), percent(1)
    ('12 %', '<1 %', '>99 %', '100 %')
    """
    if 0 < prob < 0.01:
        return "<1 %"
    return ">99 %" if 0.995 <= prob < 1 else f"{100 * prob:.0f} %"


def layout(nodes: Sequence[Branch], best: Sequence[int] = (), shown: int | None = None) -> Layout:
    """Where the nodes down to the depth `shown`, all by default, stand: a column each depth.

    Of a node's pruned children the `MOST_PRUNED` likeliest are drawn, each as one chain with the
    likeliest behind it, and what is left out is counted. best: the winning path, which is lit once
    all is shown: only then it has won.
    """
    return _Drawing(nodes, best, shown).layout()


class _Drawing:
    """Boxes in rows, from the top: the first child in its parent's row, each further one in the
    first row below in which all columns are free that its line of first children goes through. So
    no line from a parent to its children crosses anything."""

    def __init__(self, nodes: Sequence[Branch], best: Sequence[int], shown: int | None) -> None:
        last = max((node.depth for node in nodes), default=0)
        depth = last if shown is None else min(shown, last)
        winning, living = set(best), alive(nodes, depth)
        self.nodes = nodes
        self.boxes: list[Box] = []
        self.fates: list[Fate] = [
            "best" if i in winning and depth == last else "alive" if i in living else "pruned"
            for i in range(len(nodes))
        ]
        within = sorted(
            (i for i, node in enumerate(nodes) if node.depth <= depth),
            key=lambda i: (nodes[i].depth, i not in winning, i not in living, -nodes[i].prob),
        )
        self.children: dict[int | None, list[int]] = {i: [] for i in [None, *within]}
        wide = [0.0] * depth
        for i in within:
            self.children[nodes[i].parent].append(i)
            wide[nodes[i].depth - 1] = max(wide[nodes[i].depth - 1], _wide(short(nodes[i].label)))
        self.reach = [node.depth for node in nodes]  # how deep its line of first children goes
        for i in reversed(within):
            if self.children[i]:
                self.reach[i] = self.reach[self.children[i][0]]
        self.ends = [START + end for end in accumulate(GAP + w for w in wide)]
        self.lefts = [end - w for end, w in zip(self.ends, wide, strict=True)]
        self.free = [0] * depth  # of each column the first row below all that stands in it

    def layout(self) -> Layout:
        self._grow(None, None, 0)
        width = max((box.edges[-1] for box in self.boxes), default=START)
        height = TOP + ROW * max([1, *self.free])
        return Layout(self.boxes, (START / 2, TOP + ROW / 2), self.lefts, width + PAD, height)

    def _grow(self, parent: int | None, box: int | None, row: int) -> None:
        """Draws all behind a node whose box stands in that row."""
        first = self.nodes[parent].depth if parent is not None else 0  # the column
        children = self.children[parent]
        for child in children:
            if self.fates[child] != "pruned":
                chain = self._chain(child)
                at = max(row, *self.free[first : self.reach[child]])
                self._put(chain, 0, first, first + len(chain), at, box)
                self._grow(chain[-1], len(self.boxes) - 1, at)
        pruned = [i for i in children if self.fates[i] == "pruned"]
        for child in pruned[:MOST_PRUNED]:
            chain, left_out = self._likeliest(child)
            self._put(chain, left_out, first, first, row, box)
        if pruned[MOST_PRUNED:]:
            self._put([], len(pruned[MOST_PRUNED:]), first, first, row, box)

    def _chain(self, node: int) -> list[int]:
        """A node that is alive and those behind it, up to the first fork or change of fate."""
        chain = [node]
        while len(self.children[chain[-1]]) == 1:
            (behind,) = self.children[chain[-1]]
            if self.fates[behind] != self.fates[node]:
                break
            chain.append(behind)
        return chain

    def _likeliest(self, node: int) -> tuple[list[int], int]:
        """A pruned node with its likeliest child, that one's, and so on; how many others are
        behind these."""
        chain, others = [node], 0
        while behind := self.children[chain[-1]]:
            others += len(behind) - 1
            chain.append(behind[0])
        return chain, others

    def _put(
        self, chain: list[int], left_out: int, first: int, end: int, row: int, parent: int | None
    ) -> None:
        """Draws a box over the columns from `first` to `end`, or more where it is wider, in that
        row or the next below that is free."""
        labels = [short(self.nodes[i].label) for i in chain]
        labels += [f"+{left_out} more"] if left_out else []
        edges = _cells(labels, len(chain), self.lefts[first])
        end = max(end, first + 1 + sum(x < edges[-1] for x in self.ends[first:-1]))
        row = max(row, *self.free[first:end])
        self.free[first:end] = [row + 1] * (end - first)
        fate = self.fates[chain[0]] if chain else "pruned"
        prob = math.prod(self.nodes[i].prob for i in chain) if chain else None
        y = TOP + (row + 0.5) * ROW
        self.boxes.append(Box(tuple(chain), tuple(labels), edges, y, parent, fate, prob))


def _wide(label: str) -> float:
    return LETTER * columns(label) + 2 * PAD


def _cells(labels: Sequence[str], tokens: int, left: float) -> tuple[float, ...]:
    """Where the cells of a box begin, and its right end: tokens close together, as text is."""
    wide = [LETTER * columns(label) + 2 * THIN for label in labels]
    wide[0] += PAD - THIN
    wide[-1] += PAD - THIN if tokens == len(labels) or tokens == 0 else 2 * (PAD - THIN)
    return tuple(accumulate(wide, initial=left))


def step_name(depth: int) -> str:
    """What stands above a column."""
    return "step 1" if depth == 1 else str(depth)


def tree_svg(
    nodes: Sequence[Branch], best: Sequence[int], title: str, shown: int | None = None
) -> str:
    """The tree of `layout` as a standalone SVG file, in the palette of `TEMPLATE`."""
    plan = layout(nodes, best, shown)
    x, y = plan.start
    body = [f'<circle cx="{x}" cy="{y}" r="4" fill="{FAINT}"/>']
    for depth, left in enumerate(plan.steps, start=1):
        body.append(LINE.format(left, 14, f'fill="{FAINT}" font-size="12"', step_name(depth)))
    for box in sorted(plan.boxes, key=lambda box: FATES.index(box.fate)):
        color = {"best": TRAIN, "alive": INK, "pruned": FAINT}[box.fate]
        thick = {"best": 3, "alive": 1.5, "pruned": 1}[box.fate]
        edge = f'fill="none" stroke="{color}" stroke-width="{thick}"'
        left, y = box.edges[0], box.y
        body.append(f'<path d="{plan.edge(box)}" {edge}/>')
        if box.prob is not None:
            about = f'text-anchor="end" font-size="12" fill="{color}"'
            body.append(LINE.format(left - 5, y - 4, about, escaped(percent(box.prob))))
        if box.nodes:
            body.append(
                f'<rect x="{left:.1f}" y="{y - HIGH / 2:.1f}" width="{box.edges[-1] - left:.1f}" '
                f'height="{HIGH}" rx="4" fill="white" stroke="{color}"/>'
            )
        for k, (label, x) in enumerate(zip(box.labels, box.edges, strict=False)):
            about = f'class="token" fill="{color}"'
            x += THIN if 0 < k < len(box.nodes) else PAD
            body.append(LINE.format(x, y + LABELS / 3, about, escaped(label)))
    heading = LINE.format(
        8, 24, f'font-size="{LETTERS + 2}" font-weight="600"', escaped(legible(title))
    )
    said = f"Teal: the winning path. Grey: pruned. {ABOVE}"
    foot = LINE.format(8, plan.height + 64, f'fill="{FAINT}"', said)
    drawn = f'<g transform="translate(8 40)">{chr(10).join(body)}</g>'
    return document([heading, drawn, foot], max(plan.width + 16, 760), plan.height + 80)
