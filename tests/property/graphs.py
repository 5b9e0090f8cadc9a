"""Random integer graphs, as Hypothesis strategies: `graphs` that the hardware can do; `any_graphs` of every operator;
`several` of them with several outputs."""

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from lutwright.ir.graph import Graph, Node, Output, Tensor
from lutwright.ir.ops import infer
from lutwright.ir.verify import verify
from lutwright.numerics.edge import Edge
from lutwright.numerics.quantiser import Quantiser
from lutwright.numerics.requantise import Threshold, fit
from lutwright.numerics.steps import Steps, Table, find_steps
from lutwright.passes.drop_unread import drop_unread

_MOST = 1 << 46  # larger ranges are cut before the next operation, so that it still fits into int64
_TRIED = 1 << 13  # accumulators that are tried one by one


class Maker:
    """Adds nodes to a graph; `here` is the tensor made last."""

    def __init__(self, rng, shape, bits, signed=False):
        self.rng = rng
        self.quantiser = Quantiser(1.0, 0, bits, signed, False)
        self.here = Tensor("input", shape, self.quantiser.low, self.quantiser.high, np.ones(1))
        self.nodes, self.tensors = [], {"input": self.here}

    def add(self, op, *inputs, **attrs):
        """A node `op` that reads `inputs`, or what was made last."""
        name = f"{op.lower()}{len(self.nodes)}"
        inputs = inputs or (self.here,)
        node = Node(name, op, tuple(t.name for t in inputs), f"{name}.out", attrs)
        self.here = infer(node, list(inputs))
        self.nodes.append(node)
        self.tensors[self.here.name] = self.here

    def integers(self, high, size, low=None):
        """Random int64 in [-high, high] or [low, high]."""
        return self.rng.integers(-high if low is None else low, high + 1, size)

    def conv(self, outputs, kernel, stride, pads, kind="dense", bits=3, groups=1, bias=False):
        """kind: dense, or one weight a kernel: mux, or sign where each of them is +1 or -1. bits = 1: all +1 or -1."""
        high = max(1, (1 << (bits - 1)) - 1)
        shape = (outputs, *kernel, self.here.shape[2] // groups)
        w = self.integers(high, shape) if bits > 1 else self.rng.choice([-1, 1], shape)
        if kind != "dense":
            taps = self.rng.integers(0, kernel[0] * kernel[1], (outputs, 1, shape[3]))
            one = np.zeros((outputs, kernel[0] * kernel[1], shape[3]), np.int64)
            np.put_along_axis(one, taps, 1, axis=1)
            signs = self.rng.choice([-1, 1], shape) if kind == "sign" else w
            w = one.reshape(shape) * signs
        w[0, 0, 0, 0] = 1 if not w.any() else w[0, 0, 0, 0]
        extra = {"bias": self.integers(20, outputs)} if bias else {}
        self.add("Conv", weights=w, stride=stride, pads=pads, groups=groups, **extra)

    def dense(self, outputs, bits, bias=False):
        high = (1 << (bits - 1)) - 1
        extra = {"bias": self.integers(50, outputs)} if bias else {}
        self.add("Dense", weights=self.integers(high, (outputs, self.here.shape[0])), **extra)

    def affine(self, most):
        """Gains up to `most`, of one value or of one for each channel."""
        sizes = [int(self.rng.choice([1, self.here.channels])) for _ in range(2)]
        self.add("Affine", gain=self.integers(most, sizes[0]), offset=self.integers(most, sizes[1]))

    def step(self, bits, power):
        """The usual quantiser: a gain and an offset for each channel, rounding, a clip."""
        channels = self.here.channels
        spread = max(1, self.here.high - self.here.low)
        if power:
            gain = 2.0 ** np.round(np.log2((1 << bits) / spread * self.rng.uniform(0.7, 3, channels)))
        else:
            gain = (1 << bits) / spread * self.rng.uniform(0.5, 3, channels) * self.rng.choice([-1, 1], channels)
        offset = self.rng.uniform(-2, 1 << bits, channels)
        top = (1 << bits) - 1
        self._step(lambda a: np.clip(np.rint(a * gain + offset), 0, top).astype(np.int64), True)

    def curve(self, bits):
        """A monotone function that is no straight line."""
        top, bound = (1 << bits) - 1, max(abs(self.here.low), abs(self.here.high), 1)
        sign = self.rng.choice([-1, 1], self.here.channels)
        self._step(lambda a: np.rint(sign * np.sign(a) * np.sqrt(np.abs(a) / bound) * top).astype(np.int64), True)

    def binary(self):
        """The sign, from -1 to 1."""
        low, high, channels = self.here.low, self.here.high, self.here.channels
        at = self.integers(high, (channels, 1), low).repeat(2, axis=1)
        base, direction = np.where(at[:, 0] > low, -1, 1), np.ones(channels, np.int64)
        at[at == low] = high + 1
        self.add("Step", steps=Steps(at, base, direction, low, high), form=None)

    def table(self, bits):
        """A function that is not monotone."""
        codes = self.integers(1 << bits, (self.here.high - self.here.low + 1, self.here.channels))
        low = self.here.low
        self.add("Step", steps=Table(np.ascontiguousarray(codes.T), low, self.here.high), form=None)

    def _step(self, chain, monotone):
        low, high = self.here.low, self.here.high
        steps = find_steps(chain, self.here.channels, low, high, "step", monotone=monotone)
        form = [None, lambda: fit(steps, "step"), lambda: Threshold(steps)][int(self.rng.integers(0, 3))]
        self.add("Step", steps=steps, form=form and form())

    def graph(self, name="random"):
        edge = Edge.of(self.quantiser)
        return verify(Graph(name, tuple(self.nodes), self.tensors, "input", (Output(self.here.name),), edge, {}))

    @property
    def image(self):
        return len(self.here.shape) == 3

    @property
    def largest(self):
        return max(abs(self.here.low), abs(self.here.high))

    @property
    def spread(self):
        return self.here.high - self.here.low


# ---- what the hardware can do ----------------------------------------------------------------------------------------


@st.composite
def graphs(draw, most=9):
    """A chain of one to three convolutions with steps and pools, perhaps a dense layer and an offset at the end."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (draw(st.integers(3, most)), draw(st.integers(3, most)), draw(st.integers(1, 3)))
    maker = Maker(rng, shape, draw(st.integers(1, 5)))
    for _ in range(draw(st.integers(1, 3))):
        k = draw(st.sampled_from([k for k in (1, 2, 3, 5) if k <= min(maker.here.shape[:2])]))
        pad = draw(st.integers(0, max(0, min(k - 2, (k - 1) // 2))))
        stride = draw(st.integers(1, 2)) if k > 1 else 1
        kind = draw(st.sampled_from(["dense", "mux", "sign"])) if k > 1 else "dense"
        bias = draw(st.integers(0, 3)) == 0
        outputs, bits = draw(st.integers(1, 4)), draw(st.integers(2, 4))
        maker.conv(outputs, (k, k), (stride, stride), (pad,) * 4, kind, bits, bias=bias)
        if draw(st.booleans()) or maker.spread > 4000:
            maker.step(draw(st.integers(1, 4)), draw(st.booleans()))
        if min(maker.here.shape[:2]) >= 2 and draw(st.booleans()):
            maker.add("MaxPool", kernel=(2, 2), stride=(2, 2), pads=(0, 0, 0, 0))
        if min(maker.here.shape[:2]) < 2:
            break
    if draw(st.booleans()):
        maker.add("Flatten")
        maker.dense(draw(st.integers(2, 5)), draw(st.integers(2, 4)), draw(st.booleans()))
    if draw(st.booleans()) and maker.nodes[-1].op in ("Conv", "Dense"):
        maker.affine(9)
    return maker.graph()


# ---- everything ------------------------------------------------------------------------------------------------------


def _axis(draw, size, padded):
    """(kernel, stride, before, after) along an axis; every window sees a part of the image."""
    kernel = draw(st.integers(1, 3))
    before, after = (draw(st.integers(0, kernel - 1)) if padded else 0 for _ in range(2))
    return min(kernel, size + before + after), draw(st.integers(1, 3)), before, after


def _window(draw, maker):
    """kernel, stride and pads for the image made last."""
    padded = draw(st.booleans())
    rows, columns = (_axis(draw, size, padded) for size in maker.here.shape[:2])
    pads = (rows[2], columns[2], rows[3], columns[3])
    return {"kernel": (rows[0], columns[0]), "stride": (rows[1], columns[1]), "pads": pads}


def _conv(draw, maker):
    window, channels = _window(draw, maker), maker.here.channels
    groups = draw(st.sampled_from([g for g in (1, 1, 2, 3, channels) if channels % g == 0]))
    outputs = groups * draw(st.integers(1, 2 if groups > 1 else 5))
    maker.conv(outputs, **window, bits=draw(st.integers(1, 4)), groups=groups, bias=draw(st.booleans()))


def _pool(draw, maker):
    maker.add(draw(st.sampled_from(["MaxPool", "SumPool"])), **_window(draw, maker))


def _pad(draw, maker):
    maker.add("Pad", pads=tuple(draw(st.integers(0, 2)) for _ in range(4)), value=draw(st.integers(-3, 3)))


def _resize(draw, maker):
    rows, columns = (
        np.array(draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=7))) for n in maker.here.shape[:2]
    )
    maker.add("Resize", rows=rows, columns=columns)


def _shuffle(draw, maker):
    channels = maker.here.channels
    block = draw(st.sampled_from([b for b in (1, 2, 3) if channels % (b * b) == 0]))
    maker.add("DepthToSpace", block=block, mode=draw(st.sampled_from(["DCR", "CRD"])))


def _reorder(draw, maker):
    index = maker.rng.permutation(maker.here.words)
    shape = (
        maker.here.shape if draw(st.booleans()) else (1, maker.here.words // maker.here.shape[-1], maker.here.shape[-1])
    )
    maker.add("Reorder", shape=shape if maker.image else (maker.here.words,), index=index)


def _step(draw, maker):
    """A step of any kind; tables only where the range is short."""
    kinds = ["line", "power", "curve", "binary"] + ["table"] * (maker.spread < _TRIED)
    kind = draw(st.sampled_from(kinds))
    bits = draw(st.integers(1, 6))
    if kind in ("line", "power"):
        maker.step(bits, kind == "power")
    elif kind == "curve":
        maker.curve(bits)
    elif kind == "binary":
        maker.binary()
    else:
        maker.table(bits)


def _affine(draw, maker):
    most = (1 << 58) // (maker.largest + 1)
    maker.affine(draw(st.sampled_from([n for n in (1, 9, 1 << 12, 1 << 24, 1 << 40) if n <= most])))


def _branches(draw, maker):
    """Two branches of what was made last, joined again."""
    start = maker.here
    _one(draw, maker, _SAME)
    left = maker.here
    maker.here = start
    if draw(st.booleans()):
        _one(draw, maker, _SAME)
    right = draw(st.sampled_from([maker.here, start, left]))
    if left.shape == right.shape and draw(st.booleans()):
        maker.add(
            "Add", left, right, gains=tuple(maker.integers(9, draw(st.sampled_from([1, left.channels]))) for _ in "ab")
        )
    else:
        axis = draw(st.integers(0, len(left.shape) - 1))
        rest = [t for t in (left, right, start) if _joins(t, left, axis)]
        maker.add("Concat", *(rest if len(rest) > 1 else [left, left]), axis=axis)


def _joins(a, b, axis):
    return len(a.shape) == len(b.shape) and all(
        m == n or i == axis for i, (m, n) in enumerate(zip(a.shape, b.shape, strict=True))
    )


def _pointwise_conv(draw, maker):
    maker.conv(maker.here.channels, (1, 1), (1, 1), (0,) * 4, "dense", 2)


def _same_conv(draw, maker):
    groups = draw(st.sampled_from([1, maker.here.channels]))
    maker.conv(maker.here.channels, (3, 3), (1, 1), (1,) * 4, "dense", 2, groups)


def _dense(draw, maker):
    maker.dense(draw(st.integers(1, 6)), draw(st.integers(2, 4)), draw(st.booleans()))


def _flatten(draw, maker):
    maker.add("Flatten")


# Operations on images, on vectors, and those that keep the shape of an image.
_IMAGE = [_conv, _conv, _pool, _pool, _pad, _resize, _shuffle, _reorder, _step, _step, _affine, _branches]
_VECTOR = [_dense, _dense, _step, _affine, _reorder, _branches]
_SAME = [_pointwise_conv, _same_conv, _step, _affine]


def _one(draw, maker, choices):
    """One operation; a step first where the range has grown too far."""
    if maker.largest > _MOST:
        maker.binary()
    if not maker.image:
        choices = [c for c in choices if c in _VECTOR] or [_affine]
    draw(st.sampled_from(choices))(draw, maker)


@st.composite
def any_graphs(draw, most=7, height=8):
    """A graph of up to `most` operations of every kind, with branches, on images of up to `height` rows."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (draw(st.integers(1, height)), draw(st.integers(1, 8)), draw(st.integers(1, 4)))
    maker = Maker(rng, shape, draw(st.sampled_from([1, 2, 4, 8, 12])), draw(st.booleans()))
    for _ in range(draw(st.integers(1, most))):
        if maker.image and draw(st.integers(0, 6)) == 0:
            _flatten(draw, maker)
        _one(draw, maker, _IMAGE if maker.image else _VECTOR)
        if maker.here.words > 3000:
            break
    end = draw(st.sampled_from(["", "", "ArgMax", "TopK"]))
    if end:
        maker.add(end, **({"k": draw(st.integers(1, maker.here.channels))} if end == "TopK" else {}))
    return maker.graph()


@st.composite
def several(draw):
    """A graph of `any_graphs` with one to three outputs: any of its tensors, perhaps one twice, or its input."""
    graph = draw(any_graphs())
    tensors = [graph.input, *(node.output for node in graph.nodes)]
    ends = draw(st.lists(st.sampled_from(tensors), min_size=1, max_size=3))
    if not any(name != graph.input for name in ends):
        ends[0] = graph.output
    outputs = tuple(Output(name, f"end{i}") for i, name in enumerate(ends))
    return verify(drop_unread(replace(graph, outputs=outputs)))


def frames(graph, count, seed=0):
    """Random input codes int64 [count, ...shape]; the first is all lowest, the second all highest."""
    tensor = graph.tensors[graph.input]
    codes = np.random.default_rng(seed).integers(tensor.low, tensor.high + 1, (count, *tensor.shape))
    codes[0], codes[1] = tensor.low, tensor.high
    return codes
