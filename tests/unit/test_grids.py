"""Ties of the float64 model: decided by exact sums, not by what float64 leaves over."""

import numpy as np
from small_models import QONNX, Net

from lutwright.check.grids import Grids
from lutwright.check.rungs import Float64Rung
from lutwright.frontend.translate import Tap, import_with_taps
from lutwright.ir.execute import execute, execute_all
from lutwright.numerics.view import plain


def grids(scale, shape):
    return Grids([Tap("y", "y.out", "y", np.atleast_1d(np.float64(scale)), plain(shape))])


def test_what_rounding_leaves_is_removed():
    settled = grids(0.1, (4,)).settle("y", np.array([[1e-17, 0.3 + 5e-17, -1e9 * 0.1 * (1 + 1e-16), 0.7]]))
    assert settled.tolist() == [[0.0, 3 * 0.1, -1e9 * 0.1, 7 * 0.1]]


def test_a_word_off_the_grid_is_left_alone():
    given = np.array([[0.13, 0.1 + 1e-6]])
    assert grids(0.1, (2,)).settle("y", given).tolist() == given.tolist()


def test_scales_of_channels_follow_the_layout_of_the_model():
    scale = np.array([0.1, 0.3])
    given = np.arange(-6, 6).reshape(1, 2, 2, 3) * scale.reshape(1, 2, 1, 1)
    settled = grids(scale, (2, 2, 3)).settle("y", given + 1e-17)
    assert np.array_equal(settled, given)


def test_a_tensor_without_a_scale_is_any_float():
    given = np.array([[1e-17]])
    assert Grids().settle("y", given) is given


def test_a_tie_at_zero_goes_up():
    """Weights that cancel on a frame of equal values: the sum is 0 and its sign +1, whatever float64 leaves over."""
    net = Net((6,))
    x = net.quant("input", 0.29347214, 8, name="in")
    columns = np.random.default_rng(0).permuted(np.tile([[0.3, -0.1, -0.2, 0.7, -0.4, -0.3]], (64, 1)), axis=1).T
    weights = net.quant(net.constant(columns), 0.1, 4, name="w", signed=1)
    y = net.add("MatMul", x, weights, name="fc")
    out = net.add("BipolarQuant", y, net.constant(0.7624721), domain=QONNX, name="sign")
    model = net.model(out)
    imported = import_with_taps(model, "tie")
    frames = np.repeat(np.arange(-40, 41, dtype=np.float32)[:, None], 6, 1)
    plainly = Float64Rung(model).run(frames)[model.graph.output[0].name]
    exactly = Float64Rung(model, imported.taps).run(frames)[model.graph.output[0].name]
    words = execute(imported.graph, imported.graph.edge.codes(imported.graph.edge.arrange(frames)))
    assert (words == 1).all()
    assert (exactly > 0).all()
    assert (plainly < 0).any(), "float64 alone decides every tie here: the test tests nothing"


def test_an_average_is_a_sum_and_a_division():
    """An average in the middle of two codes: (n * s) / 6, which n * (s / 6) would round to another side."""
    net = Net((2, 5, 6))
    x = net.quant("input", 0.17732143, 8, name="in", signed=1)
    y = net.add("AveragePool", x, kernel_shape=[2, 3], strides=[1, 1])
    given = [net.constant(v) for v in (0.17732143, 0.0, 4.0, 0.35464286, 3.0)]
    out = net.add("Trunc", y, *given, domain=QONNX, rounding_mode="HALF_DOWN", signed=1, narrow=0)
    frames = np.random.default_rng(0).integers(-12, 13, (400, 2, 5, 6)) * np.float32(0.17732143)
    model = net.model(out)
    imported = import_with_taps(model, "average")
    (tap,) = (tap for tap in imported.taps if tap.model_tensor == y)
    found = Float64Rung(model, imported.taps).run(frames.astype(np.float32))
    words = execute_all(imported.graph, imported.graph.edge.codes(imported.graph.edge.arrange(frames)))
    assert np.array_equal(tap.chain.run(words[tap.tensor], np.float64), tap.view.from_model(found[y]))
    last = next(tap for tap in imported.taps if tap.model_tensor == out)
    assert np.array_equal(words[last.tensor] * last.scale, last.view.from_model(found[out]))
    assert (words[tap.tensor] % 6 == 3).any(), "no average lies between two codes: the test tests nothing"
