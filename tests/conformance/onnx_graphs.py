"""A Hypothesis strategy of random ONNX and QONNX models over every operator that lutwright does."""

import numpy as np
import onnx
from hypothesis import strategies as st
from onnx_layers import LAYERS, conv, dense, flatten, floats, last_axis
from onnx_maker import Drawn, Maker, Value
from onnx_quantisers import quantise, raw_input, uniform

MOST_LAYERS = 5
MOST_OUTPUTS = 3


@st.composite
def models(draw: st.DrawFn) -> Drawn:
    """A valid model of one to six layers on small tensors, now and then with several outputs, and frames for it.

    The standard part of it passes onnx.checker; onnxruntime and qonnx run it.
    """
    m = Maker(draw)
    x = _input(m)
    made = [x]
    for _ in range(m.number(1, MOST_LAYERS)):
        maker = m.pick(LAYERS)
        x = m.attempt(lambda maker=maker, x=x: _or(maker(m, x), x)) or x
        made.append(x)
    others = [m.pick(made) for _ in range(m.number(1, MOST_OUTPUTS - 1))] if m.chance(25) else []
    model = m.model(*others, _end(m, x))
    onnx.checker.check_model(model)
    return Drawn(model, m.values["input"])


def _or(made, x):
    return x if made is None else made


def _input(m: Maker) -> Value:
    """The model's input, quantised; channels first, or last with a Transpose or a MatMul to begin with."""
    sizes = [m.number(3, 8), m.number(3, 8)]
    shape = m.pick([[m.number(1, 4), *sizes], [m.number(1, 4), *sizes], [m.number(1, 12)], [m.number(1, 4), sizes[0]]])
    scale = m.scale(0.25)
    last = len(shape) == 3 and m.chance(15)
    x = raw_input(m, [*shape[1:], shape[0]] if last else shape, scale)
    if last:
        x = Value(x.name, 3)
    if m.chance(20):
        for kind in ("Mul", "Sub"):
            x = m.derived(x, m.op(kind, [x.name, m.constant(m.pick([2.0, 1.0, 0.3]))]))
    x = uniform(m, x, scale) if m.chance(75) else quantise(m, x)
    if not last:
        return x
    if m.chance(50):
        x = quantise(m, floats(m, last_axis(m, x), 1))
    return Value(m.op("Transpose", [x.name], perm=[0, 3, 1, 2]), 1, x.grid)


def _end(m: Maker, x: Value) -> Value | str:
    """Nothing, scores, or what is made of scores."""
    kind = m.pick(["nothing", "scores", "conv", "ArgMax", "TopK", "Softmax"])
    if kind == "nothing":
        return x
    if kind == "conv":
        y = m.attempt(lambda: conv(m, x)) if m.array(x).ndim in (3, 4) else None
        return y or x
    y = dense(m, flatten(m, x))
    if m.chance(40):
        y = floats(m, y, 2)
    if kind == "scores":
        return y
    if kind == "ArgMax":
        return m.op("ArgMax", [y.name], axis=m.pick([1, -1]), keepdims=m.number(0, 1))
    if kind == "Softmax":
        return m.op("Softmax", [y.name], axis=m.pick([1, -1]))
    count = m.constant(np.array([m.number(1, m.channels(y))]), np.int64)
    return m.op("TopK", [y.name, count], outputs=2, axis=-1)[1]
