"""What a learner takes on a chip: LUTs, flip-flops, block RAMs and multipliers, by a formula.

The formulas count the parts of the cells as they are written in hw/rtl, like those of dataflow/cost.py; their constants
were read off Yosys on small learners. tests/unit/test_learn_cost.py has what Yosys counts of larger ones.
"""

from __future__ import annotations

from lutwright.dataflow.cost import Cost, adder, adder_tree, memory
from lutwright.dataflow.parts import FAMILIES, total
from lutwright.ir.graph import Graph
from lutwright.learn.chip import BLOCK_BITS
from lutwright.learn.clocks import EVERY, row_groups
from lutwright.learn.config import EXAMPLE_BITS, LearnerConfig
from lutwright.learn.versions import Views

_WORD = 32
_USER = 6  # bits that come with an image: of some classes
_DSP_BITS = 18  # of an operand of a DSP block, signed
_DSP_STEP = 17  # what each further block adds to that


def learner_cost(config: LearnerConfig, lanes: int, family: str) -> Cost:
    """The cell hw/rtl/learner.sv with `lanes` lanes on parts of `family`; on "ice40" it was not set beside synthesis.

    What is returned has LUTs (as they are placed; sites on Gowin), flip-flops, block RAMs of 18 kbit and DSP blocks.
    Raises BadLearner where `lanes` do not divide the subspaces.
    """
    return learner_parts(config, lanes).on(family)


def learner_parts(config: LearnerConfig, lanes: int) -> Cost:
    """The same before a family is chosen."""
    groups = row_groups(config, lanes)
    return _lane(config, groups).times(lanes) + _control(config, lanes, groups) + _port(config, lanes)


def _lane(config: LearnerConfig, groups: int) -> Cost:
    """hw/rtl/learner_lane.sv."""
    width, anchor, count = config.width, config.anchor_bits, config.count_bits
    rows = max(2, groups * config.classes * config.anchors)
    in_row = width * anchor + count
    features = memory(2 << _bits(groups), width * config.feature_bits, 0)
    anchors = _rows(rows, in_row) + _rows(rows, width * count)
    held = in_row + width * count  # behind the memories; what goes into them is chosen
    rows_made = Cost(logic=held, ff=held, loose=held)
    return features + anchors + rows_made + _distance(config) + _search(config) + _update(config)


def _rows(words: int, bits: int) -> Cost:
    """A memory in block RAM; where no one shape is deep enough in as few blocks, what is read is chosen."""
    family, made = FAMILIES["ecp5"], memory(words, bits, 1)
    one_deep = min((-(-bits // wide) for deep, wide in family.blocks if deep >= words), default=words)
    if one_deep <= family.block_rams(words, bits):
        return made
    rest = words - (1 << (words.bit_length() - 1))
    deep = min(family.blocks, key=lambda shape: -(-bits // shape[1]) * -(-rest // shape[0]))[0]
    return made + Cost(logic=bits * (-(-words // deep) + 1) / 2)


def _distance(config: LearnerConfig) -> Cost:
    """hw/rtl/learner_distance.sv."""
    width, anchor = config.width, config.anchor_bits
    made = (adder(anchor + 1) + Cost(ff=anchor + 1)).times(width)
    if config.distance == "l2":
        term = 2 * anchor
        made += Cost(ff=term, dsp=_dsps(anchor + 2, anchor + 1)).times(width)
    else:
        term = anchor
        made += (adder(anchor) + Cost(ff=anchor)).times(width)
    return made + adder_tree(width, term, EVERY)


def _search(config: LearnerConfig) -> Cost:
    """hw/rtl/learner_scan.sv, with the score before it."""
    bits, count = config.distance_bits, config.count_bits
    delay = 2 + -(-_levels(config) // EVERY)
    made = Cost(ff=delay, loose=delay)
    if config.policy == "weighted":
        made = Cost(ff=delay * count, loose=delay * count, dsp=_dsps(bits + 1, count + 1))
        bits += count
        made += Cost(ff=bits)
    names = _bits(config.classes) + _bits(config.anchors)
    return made + adder(bits) + Cost(logic=12 + 2 * names, ff=bits + 2 * names + 2)


def _update(config: LearnerConfig) -> Cost:
    """hw/rtl/learner_update.sv."""
    width, anchor, count = config.width, config.anchor_bits, config.count_bits
    steps = max(anchor, count) + 1
    made = adder(steps + 1) + adder(count + 2) + adder(anchor)
    made += Cost(logic=2 * steps + 2 * count, ff=steps + count + anchor, loose=0.75 * anchor)
    return made.times(width) + adder(count) + Cost(ff=count)


def _control(config: LearnerConfig, lanes: int, groups: int) -> Cost:
    """Sequence, frames, votes, generator, classes, commands and results."""
    label, votes, pointer = config.label_bits, config.vote_bits, _bits(config.anchors)
    row = _bits(groups * config.classes * config.anchors)
    classes = memory(1 << _bits(config.classes), EXAMPLE_BITS + pointer, 0)
    classes += adder(EXAMPLE_BITS) + Cost(logic=2 * EXAMPLE_BITS)
    tally = Cost(rams=((1 << _bits(config.classes), votes),), logic=4 * votes + 4 * lanes, ff=2 * votes + label)
    tally += (adder(votes).times(4)) + Cost(ff=lanes * (1 + _bits(config.classes)), logic=lanes * _bits(config.classes))
    sequence = Cost(logic=105 + 4 * row, ff=60 + 3 * row, chains=4) + adder(row).times(3)
    stream = Cost(logic=2 * label, ff=2 * (label + 2) + 2 * label + 2 * votes + 4)
    taken = 3 + label + _WORD
    commands = Cost(ff=taken + _WORD + 4, logic=_WORD + 4, loose=taken)
    draw = Cost(ff=16, logic=20 + (16 + 2 * pointer) * lanes if config.policy == "random" else 20)
    return total([classes, tally, sequence, stream, commands, draw])


def _port(config: LearnerConfig, lanes: int) -> Cost:
    """hw/rtl/learner_port.sv."""
    words = -(-config.row_bits // _WORD)
    buffer = Cost(logic=words * _WORD, ff=words * _WORD + _WORD, select=(lanes - 1) * config.row_bits)
    row = _bits(config.classes * config.anchors * config.subspaces)
    return buffer + Cost(logic=60 + 4 * row + 3 * _WORD, ff=20 + 3 * row)


def _levels(config: LearnerConfig) -> int:
    """Levels of the adder tree."""
    return (config.width - 1).bit_length()


def _bits(values: int) -> int:
    """Bits of a counter of so many values, as the cells declare it."""
    return max(1, (values - 1).bit_length())


def _dsps(a: int, b: int) -> int:
    """DSP blocks of a product of operands of `a` and `b` bits, signed."""
    blocks = 1
    for bits in (a, b):
        blocks *= 1 if bits <= _DSP_BITS else -(-(bits - 1) // _DSP_STEP)
    return blocks


def views_cost(graph: Graph, views: Views | None) -> Cost:
    """The cell hw/rtl/views.sv before the feature graph `graph`, with two images; nothing where there are no views.

    Before a family is chosen: `on` and `netlist` of what is returned say what it takes there.
    """
    if views is None:
        return Cost()
    tensor = graph.tensors[graph.input]
    words, bits = views.image[0] * views.image[1] * tensor.channels, tensor.type.width
    address, row, column = _bits(words), _bits(views.crop[0]), _bits(views.crop[1])
    counters = adder(address).times(2) + adder(row) + adder(column)
    held = 2 * address + row + column + _bits(views.count) + 3 * _USER
    stored = _rows(2 * words, bits) if 2 * words * bits > BLOCK_BITS else memory(2 * words, bits, 0)
    return counters + Cost(logic=2 * address + 64, ff=held + 15, loose=_USER) + stored
