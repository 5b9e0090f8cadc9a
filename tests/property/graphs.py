"""Random integer graphs, as Hypothesis strategies: small networks of every operation."""

import numpy as np
from hypothesis import strategies as st

from lutwright.ir.graph import Graph, Node, Tensor
from lutwright.ir.ops import infer
from lutwright.ir.verify import verify
from lutwright.numerics.quantiser import Quantiser
from lutwright.numerics.steps import find_steps


class Maker:
    """Adds nodes to a graph, one behind the other."""

    def __init__(self, rng, shape, bits):
        self.rng = rng
        self.edge = Quantiser(1.0, 0, bits, False, False)
        self.here = Tensor("input", shape, 0, self.edge.high, np.ones(1))
        self.nodes, self.tensors = [], {"input": self.here}

    def add(self, op, **attrs):
        name = f"{op.lower()}{len(self.nodes)}"
        node = Node(name, op, (self.here.name,), f"{name}.out", attrs)
        self.here = infer(node, [self.here])
        self.nodes.append(node)
        self.tensors[self.here.name] = self.here

    def conv(self, outputs, k, stride, pad, kind, bits):
        high = (1 << (bits - 1)) - 1
        shape = (outputs, k, k, self.here.shape[2])
        w = self.rng.integers(-high, high + 1, shape)
        if kind != "dense":
            taps = self.rng.integers(0, k * k, (outputs, 1, shape[3]))
            one = np.zeros((outputs, k * k, shape[3]), np.int64)
            np.put_along_axis(one, taps, 1, axis=1)
            signs = self.rng.choice([-1, 1], shape) if kind == "sign" else w
            w = one.reshape(shape) * signs
        w[0, 0, 0, 0] = 1 if not w.any() else w[0, 0, 0, 0]
        self.add("Conv", weights=w, stride=stride, pads=(pad,) * 4)

    def step(self, bits, power):
        channels = self.here.channels
        spread = max(1, self.here.high - self.here.low)
        if power:
            gain = 2.0 ** np.round(np.log2((1 << bits) / spread * self.rng.uniform(0.7, 3, channels)))
        else:
            gain = (1 << bits) / spread * self.rng.uniform(0.5, 3, channels) * self.rng.choice([-1, 1], channels)
        offset = self.rng.uniform(-2, 1 << bits, channels)
        top = (1 << bits) - 1
        steps = find_steps(
            lambda a: np.clip(np.rint(a * gain + offset), 0, top).astype(np.int64),
            channels,
            self.here.low,
            self.here.high,
            "step",
        )
        self.add("Step", steps=steps, form=None)

    def graph(self, name="random"):
        return verify(Graph(name, tuple(self.nodes), self.tensors, "input", self.here.name, self.edge, {}))


@st.composite
def graphs(draw, most=9):
    """A graph of one to three convolutions with steps and pools, perhaps a dense layer at the end."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (draw(st.integers(3, most)), draw(st.integers(3, most)), draw(st.integers(1, 3)))
    maker = Maker(rng, shape, draw(st.integers(1, 5)))
    for _ in range(draw(st.integers(1, 3))):
        k = draw(st.sampled_from([k for k in (1, 2, 3, 5) if k <= min(maker.here.shape[:2])]))
        pad = draw(st.integers(0, max(0, min(k - 2, (k - 1) // 2))))
        stride = draw(st.integers(1, 2)) if k > 1 else 1
        kind = draw(st.sampled_from(["dense", "mux", "sign"])) if k > 1 else "dense"
        maker.conv(draw(st.integers(1, 4)), k, stride, pad, kind, draw(st.integers(2, 4)))
        if draw(st.booleans()) or maker.here.high - maker.here.low > 4000:
            maker.step(draw(st.integers(1, 4)), draw(st.booleans()))
        if min(maker.here.shape[:2]) >= 2 and draw(st.booleans()):
            maker.add("MaxPool", kernel=2)
        if min(maker.here.shape[:2]) < 2:
            break
    if draw(st.booleans()):
        maker.add("Flatten")
        high = (1 << (draw(st.integers(2, 4)) - 1)) - 1
        maker.add("Dense", weights=rng.integers(-high, high + 1, (draw(st.integers(2, 5)), maker.here.shape[0])))
    return maker.graph()


def frames(graph, count, seed=0):
    """Random input codes int64 [count, ...shape]; the first is all lowest, the second all highest."""
    tensor = graph.tensors[graph.input]
    codes = np.random.default_rng(seed).integers(tensor.low, tensor.high + 1, (count, *tensor.shape))
    codes[0], codes[1] = tensor.low, tensor.high
    return codes
