"""Where a beam search's tree stands, and which of it is alive."""

import math
import random
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from xml.etree import ElementTree

import pytest

from minigpt.plots import tree_svg
from minigpt.plots.tree import HIGH, MOST_PRUNED, ROW, Branch, Layout, alive, layout


def searched(
    width: int, depth: int, seed: int = 0, vocab: int = 30
) -> tuple[list[Branch], list[int]]:
    """The nodes of a beam search through random distributions, and its winning path."""
    rng, nodes, last = random.Random(seed), [], [None]
    for step in range(1, depth + 1):
        found = []
        for parent in last:
            before = nodes[parent].log_prob if parent is not None else 0.0
            weights = [rng.gammavariate(0.25, 1) + 1e-9 for _ in range(vocab)]
            for token, weight in enumerate(weights):
                prob = weight / sum(weights)
                found.append((before + math.log(prob), parent, token, prob))
        found.sort(key=lambda one: -one[0])
        last = []
        for place, (log_prob, parent, token, prob) in enumerate(found[: 2 * width]):
            label = (
                "·" * (token % 3 == 0) + "abcdefghijklmnop"[token % 10 : token % 10 + 1 + token % 5]
            )
            nodes.append(Branch(parent, label, prob, log_prob, step, place < width))
            if place < width:
                last.append(len(nodes) - 1)
    return nodes, path(nodes, last[0])


def path(nodes: Sequence[Branch], node: int | None) -> list[int]:
    found = []
    while node is not None:
        found.append(node)
        node = nodes[node].parent
    return found[::-1]


@pytest.fixture(
    params=[(1, 1), (1, 9), (2, 3), (4, 9), (8, 24)], ids="{0[0]} wide, {0[1]} deep".format
)
def search(request) -> tuple[list[Branch], list[int]]:
    return searched(*request.param)


def depths(nodes: Sequence[Branch]) -> list[int]:
    return sorted({1, 2, nodes[-1].depth // 2, nodes[-1].depth} - {0})


def upright(plan: Layout) -> list[tuple[float, float, float, int | None]]:
    """The upright part of each edge that has one: x, its ends, and the box it comes from."""
    found = []
    for box in plan.boxes:
        turned = re.fullmatch(r"M[\d.]+ ([\d.]+)H([\d.]+)V([\d.]+)H[\d.]+", plan.edge(box))
        if turned:
            y, x, to = map(float, turned.groups())
            found.append((x, y, to, box.parent))
    return found


def test_no_two_boxes_overlap(search):
    nodes, best = search
    for shown in depths(nodes):
        boxes = layout(nodes, best, shown).boxes
        for a, b in combinations(boxes, 2):
            beside = a.edges[-1] < b.edges[0] or b.edges[-1] < a.edges[0]
            assert beside or abs(a.y - b.y) >= ROW > HIGH


def test_no_edge_crosses_a_box_or_the_edge_of_another_parent(search):
    nodes, best = search
    plan = layout(nodes, best)
    assert upright(plan) or nodes[-1].depth == 1 or len(plan.boxes) < 3
    for x, low, high, parent in upright(plan):
        for box in plan.boxes:
            inside = box.edges[0] <= x <= box.edges[-1]
            assert not (inside and low - HIGH / 2 < box.y < high + HIGH / 2)
            if box.parent != parent:  # nor the level part that leads to it
                start = plan.boxes[box.parent].edges[-1] if box.parent is not None else 0
                assert not (start < x < box.edges[0] and low < box.y <= high)
        for x2, low2, high2, other in upright(plan):
            assert other == parent or x != x2 or high <= low2 or high2 <= low


def test_each_box_hangs_on_a_drawn_one_and_no_node_is_drawn_twice(search):
    nodes, best = search
    for shown in depths(nodes):
        boxes = layout(nodes, best, shown).boxes
        drawn = [i for box in boxes for i in box.nodes]
        assert len(drawn) == len(set(drawn))
        assert all(nodes[i].depth <= shown for i in drawn)
        for k, box in enumerate(boxes):
            assert box.parent is None or box.parent < k
            before = boxes[box.parent].nodes[-1] if box.parent is not None else None
            for i in box.nodes:
                assert nodes[i].parent == before
                before = i


def test_what_is_kept_is_drawn_whole_and_what_is_left_out_is_counted(search):
    nodes, best = search
    for shown in depths(nodes):
        boxes, living = layout(nodes, best, shown).boxes, alive(nodes, shown)
        drawn = {i for box in boxes for i in box.nodes}
        assert living <= drawn
        for parent in [None, *living]:
            behind = {i for i, node in enumerate(nodes) if node.parent == parent}
            pruned = {i for i in behind if nodes[i].depth <= shown} - living
            assert len(pruned & drawn) == min(MOST_PRUNED, len(pruned))
            least = min((nodes[i].prob for i in pruned & drawn), default=1)
            assert all(nodes[i].prob <= least for i in pruned - drawn)
            on = [box for box in boxes if not box.nodes and _before(boxes, box) == parent]
            assert [box.labels for box in on] == (
                [(f"+{len(pruned - drawn)} more",)] if pruned - drawn else []
            )
        for box in boxes:
            if box.fate == "pruned" and box.nodes:
                others = sum(
                    nodes[i].depth <= shown and nodes[i].parent in box.nodes and i not in box.nodes
                    for i in range(len(nodes))
                )
                assert box.labels[len(box.nodes) :] == ((f"+{others} more",) if others else ())


def _before(boxes, box):
    return boxes[box.parent].nodes[-1] if box.parent is not None else None


def test_a_node_is_alive_as_long_as_a_hypothesis_goes_through_it(search):
    nodes, _ = search
    for depth in depths(nodes):
        through = set()
        for i, node in enumerate(nodes):
            if node.depth == depth and node.kept:
                through |= set(path(nodes, i))
        assert alive(nodes, depth) == through
        assert all(nodes[i].kept for i in through)


def test_a_node_that_is_pruned_later_is_kept_until_then():
    a = Branch(None, "a", 0.6, math.log(0.6), 1, True)
    b = Branch(None, "b", 0.4, math.log(0.4), 1, True)
    aa = Branch(0, "a", 0.9, math.log(0.54), 2, True)
    ab = Branch(0, "b", 0.1, math.log(0.06), 2, True)
    fates = {1: ["alive", "alive"], 2: ["best", "best", "alive", "pruned"]}
    for shown, expected in fates.items():
        boxes = layout([a, b, aa, ab], [0, 2], shown).boxes
        assert [box.fate for box in boxes] == expected
    finished = [a, replace(b, ended=True), aa, ab]
    assert [box.fate for box in layout(finished, [0, 2]).boxes] == [
        "best",
        "best",
        "alive",
        "alive",
    ]


def test_the_winning_path_is_straight_on_top_and_lit_only_once_it_has_won(search):
    nodes, best = search
    boxes = layout(nodes, best).boxes
    lit = [box for box in boxes if box.fate == "best"]
    assert [i for box in lit for i in box.nodes] == best
    assert {box.y for box in lit} == {min(box.y for box in boxes)}
    if nodes[-1].depth > 1:
        before = layout(nodes, best, nodes[-1].depth - 1).boxes
        assert not any(box.fate == "best" for box in before)


def test_a_chain_without_a_fork_is_one_box_with_the_probability_of_all_of_it():
    nodes = [Branch(i - 1 if i else None, "abc"[i], 0.5, 0.0, i + 1, True) for i in range(3)]
    (box,) = layout(nodes).boxes
    assert (box.nodes, box.labels, box.prob) == ((0, 1, 2), ("a", "b", "c"), 0.125)
    forked = [*nodes, Branch(1, "d", 0.2, 0.0, 3, False)]
    assert [box.nodes for box in layout(forked).boxes] == [(0, 1), (2,), (3,)]


def test_nothing_has_an_empty_tree():
    assert layout([]).boxes == []


def test_the_file_is_svg_in_which_labels_stay_text():
    nodes = [Branch(None, "</text><a&", 0.5, math.log(0.5), 1, True)]
    words = "".join(ElementTree.fromstring(tree_svg(nodes, [0], "<b>\u202e")).itertext())
    assert "</text><a&" in words and "<b><U+202E>" in words and "50 %" in words
