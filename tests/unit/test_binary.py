"""Which tensors hold only -1 and 1: a range that includes 0 is not enough."""

import numpy as np
import pytest
from graphs import Maker

from lutwright.dataflow.binary import has_signs, sign_tensors
from lutwright.dataflow.cost import cost
from lutwright.dataflow.folding import Fold, fold_graph
from lutwright.dataflow.layer_costs import layer_options
from lutwright.dataflow.lower import Target, lower, lower_bare
from lutwright.numerics.steps import Steps, Table

NONE = (0, 0, 0, 0)


def maker(channels=2):
    return Maker(np.random.default_rng(1), (4, 4, channels), 3, True)


def step(m, codes):
    """A step with these codes at -4, -3, ... 3, of both channels."""
    m.add("Step", steps=Table(np.tile(codes, (m.here.channels, 1)), -4, 3), form=None)
    return m.here.name


def test_steps():
    m = maker()
    m.binary()
    first = m.here.name
    m = maker()
    thresholds = np.array([[0, 2], [1, 1]])
    m.add("Step", steps=Steps(thresholds, np.array([-1, -1]), np.array([1, 1]), -4, 3), form=None)
    assert sign_tensors(m.graph()) == set()  # channel 0 is 0 at 0 and 1
    assert (m.here.low, m.here.high) == (-1, 1)
    m = maker()
    m.add("Step", steps=Steps(thresholds[1:].repeat(2, 0), np.array([-1, 1]), np.array([1, -1]), -4, 3), form=None)
    assert sign_tensors(m.graph()) == {first}


@pytest.mark.parametrize("codes", [[-1, 1] * 4, [1, 1, 1, 1, -1, -1, -1, -1], [-1] * 8])
def test_tables(codes):
    m = maker()
    assert sign_tensors(m.graph()) == set()
    assert step(m, codes) in sign_tensors(m.graph())
    assert step(maker(), [*codes[:-1], 0]) not in sign_tensors(m.graph()) - {m.here.name}


def test_nothing_but_ones_has_no_sign_in_its_stream():
    m = maker()
    step(m, [1] * 8)
    m.add("MaxPool", kernel=(2, 2), stride=(1, 1), pads=(0, 0, 0, 0))
    assert sign_tensors(m.graph()) == set()


def test_what_keeps_signs():
    m = maker(4)
    step(m, [-1, 1] * 4)
    signs = {m.here.name}
    m.add("MaxPool", kernel=(2, 2), stride=(1, 1), pads=(1, 0, 0, 0))
    m.add("Pad", pads=(1, 0, 0, 1), value=-1)
    m.add("DepthToSpace", block=2, mode="DCR")
    m.add("Concat", m.here, m.here, axis=0)
    m.add("Flatten")
    signs |= set(m.tensors) - {"input"}
    m.add("Affine", gain=np.array([1]), offset=np.array([0]))
    assert sign_tensors(m.graph()) == signs


def test_padding_with_zeros_makes_zeros():
    m = maker()
    step(m, [-1, 1] * 4)
    before = m.here.name
    m.add("Pad", pads=(1, 0, 0, 0), value=0)
    assert sign_tensors(m.graph()) == {before}


def lowered(weights, pads=NONE):
    m = maker()
    step(m, [-1, 1] * 4)
    m.add("Conv", weights=weights, stride=(1, 1), pads=pads, groups=1)
    graph = m.graph()
    stages = lower(graph, fold_graph(graph, 64), Target(64, 1)).stages
    return graph.nodes[-1], {stage.cell: stage for stage in stages}


def test_the_engine_of_signs():
    w = np.random.default_rng(0).choice([-1, 1], (4, 3, 3, 2))
    node, cells = lowered(w)
    assert has_signs(node)
    assert cells["folded_mac"].parameters["BINARY"] == 1
    assert cells["folded_mac"].parameters["WEIGHTS"].bits == 1
    assert cells["signs"].stream.bits == 1
    node, cells = lowered(w, (1, 1, 1, 1))
    assert not has_signs(node) and "BINARY" not in cells["folded_mac"].parameters
    w[0, 0, 0, 0] = 0
    node, cells = lowered(w)
    assert not has_signs(node) and "signs" not in cells


def test_a_layer_by_itself_is_priced_as_what_it_is_in_the_network():
    m = maker()
    step(m, [-1, 1] * 4)
    m.add("Conv", weights=m.rng.choice([-1, 1], (4, 3, 3, 2)), stride=(1, 1), pads=NONE, groups=1)
    graph, target, fold = m.graph(), Target(64, 1, 1 << 62), Fold(2, 18)
    layer = graph.nodes[-1]
    options = layer_options(graph, layer, [fold], target, "ecp5")
    whole = [stage for stage in lower_bare(graph, {layer.name: fold}, target).stages if stage.node == layer.name]
    assert "signs" in [stage.cell for stage in whole]
    assert options.costs[0][0] == sum(cost(stage).on("ecp5").lut for stage in whole)
