"""The figures of the learner behind a real backbone as a Markdown page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backbone_features import Features
from backbone_learn import Row
from backbone_rtl import Played
from backbone_sizes import multipliers, title

from lutwright.learn import LearnerConfig
from lutwright.learn.clocks import learn_clocks, predict_clocks

_METHOD = """\
EfficientNet-Lite0, trained on ImageNet and frozen, in float: an image is stretched to {size} x {size} pixels, and the
mean of each of the 1,280 channels of the last layer is a feature. Its square root is quantised (unsigned, one scale for
all, fitted on training features of the first half of the classes) and goes to the learner in a fixed shuffled order.
Classes arrive one after another, their examples one at a time, {examples} of each at most; nothing is seen twice.
The sizes below were found by trying some on 200 queries of each class of CIFAR-10 and on all of the faces.

- *mean*: the nearest class mean in float64, squared distance, on the features as they are.
- *float TILDA*: the same subspaces, anchors and policy in float64, on the roots.
- *reference*: the integer learner.
- *hardware*: hw/rtl/learner.sv in Verilator. It learns every example itself, from the first; after each class it
  answers {asked} queries of the classes so far (all, where there are fewer), and at the end its whole state is read.
  Every result and every word is the reference's, and the clocks are those of `learn.clocks`, or there would be no page.

*kbit*: anchors, remainders and counts, as `LearnerConfig.memory_bits` has them. *multipliers*: w squarers, which take a
subvector a clock; l1 has none; the policy weighted takes one for count times distance. *clocks*: from frame to frame.
"""
_NAMES = {"cifar10": "CIFAR-10", "orl-faces": "ORL faces"}
_EARLIER = """\
Earlier hardware (the README of ILOC) reports 81 % on CIFAR-10 with 200 anchors of 2,048 features of 16 bits: 6.6 Mbit
and 2,048 squarers. It has another backbone: the figures say what the task takes, and not which learner is better.
"""


@dataclass(frozen=True)
class Measured:
    """All figures of a data set. others: learners and their accuracy after the last class, the best among them."""

    data: str
    features: Features
    best: LearnerConfig
    rows: Sequence[Row]
    played: Played
    others: Sequence[tuple[LearnerConfig, float]]


def page(head: Sequence[str], settings: dict[str, int], measured: Sequence[Measured]) -> str:
    """The page; head: its first lines. settings: of the command."""
    lines = ["# The learner behind a real backbone", "", *head, ""]
    lines += [_METHOD.format(**settings)]
    for one in measured:
        lines += [f"## {_NAMES.get(one.data, one.data)}", "", *_curve(one), "", *_sizes(one), ""]
        if one.data == "cifar10":
            lines += [_EARLIER]
    return "\n".join(lines).rstrip() + "\n"


def _curve(one: Measured) -> list[str]:
    played, images, queries = one.played, len(one.features.train_labels), len(one.features.test_labels)
    return [
        f"{images:,} training images, {queries:,} queries. Learner: {_full(one.best)}.",
        f"The hardware learnt {played.learnt:,} examples and answered {played.predicted:,} queries; its state at the",
        f"end has {played.words:,} words. 0 differ.",
        "",
        "| classes | queries | mean | float TILDA | reference | hardware, right of asked |",
        "|--:|--:|--:|--:|--:|--:|",
        *(_row(row) for row in one.rows),
    ]


def _row(row: Row) -> str:
    shares = " | ".join(_percent(share) for share in (row.mean, row.floating, row.integer))
    return f"| {row.classes} | {row.queries:,} | {shares} | {row.right:,} of {row.asked:,} |"


def _sizes(one: Measured) -> list[str]:
    lines = [
        "After the last class, the reference alone, by memory; in bold what no smaller learner here reaches.",
        "",
        "| learner | kbit | multipliers | clocks to learn | clocks to predict | accuracy |",
        "|:--|--:|--:|--:|--:|--:|",
    ]
    top = 0.0
    for config, share in sorted(one.others, key=lambda pair: (pair[0].memory_bits, -pair[1])):
        cells = [f"{config.memory_bits / 1000:,.0f}", str(multipliers(config))]
        cells += [f"{clocks(config):,}" for clocks in (learn_clocks, predict_clocks)]
        shown = f"**{_percent(share)}**" if share > top else _percent(share)
        top = max(top, share)
        mark = " (above)" if config == one.best else ""
        lines.append(f"| {title(config)}{mark} | {' | '.join(cells)} | {shown} |")
    return lines


def _full(config: LearnerConfig) -> str:
    return f"d={config.features} P={config.subspaces} C={config.classes} {title(config)}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
