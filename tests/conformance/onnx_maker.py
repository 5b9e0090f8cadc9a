"""Making a random ONNX model node by node; each node is run on sample frames as it is made.

So shapes are those that onnxruntime and qonnx give, and scales and thresholds are chosen for the values at hand.
"""

from dataclasses import dataclass, replace

import numpy as np
import onnx
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from lutwright.check.float32 import runtime_kernel
from lutwright.check.qonnx_ops import qonnx_kernel

DOMAIN = "qonnx.custom_op.general"
FRAMES = 8
MOST_WORDS = 512  # of a tensor, for a frame


@dataclass(frozen=True)
class Grid:
    """The integers that a tensor holds: value = (code - zero) * scale, codes of `bits`."""

    scale: float
    zero: int = 0
    bits: int = 8
    signed: bool = True


@dataclass(frozen=True)
class Value:
    """An activation: its tensor, the axis of its channels, and its grid where it has one for the whole tensor."""

    name: str
    axis: int = 1
    grid: Grid | None = None


@dataclass(frozen=True, eq=False)
class Drawn:
    """A model with frames [FRAMES, *input shape] for it."""

    model: onnx.ModelProto
    frames: np.ndarray

    def __repr__(self) -> str:
        """The nodes, one a line, for Hypothesis to print."""
        constants = {t.name: numpy_helper.to_array(t) for t in self.model.graph.initializer}
        lines = [f"input {self.frames.shape[1:]}, opset {self.model.opset_import[0].version}"]
        for node in self.model.graph.node:
            told = {a.name: helper.get_attribute_value(a) for a in node.attribute if a.type != a.TENSOR}
            reads = [
                f"{name}{constants[name].shape}={constants[name].reshape(-1)[:4].tolist()}"
                if name in constants
                else name
                for name in node.input
            ]
            lines.append(f"  {', '.join(node.output)} = {node.op_type}({', '.join(reads)}) {told}")
        return "\n".join(lines)


class Maker:
    """Draws decisions from Hypothesis, so that failures shrink, and numbers from a generator seeded by one decision."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self.rng = np.random.default_rng(draw(st.integers(0, (1 << 32) - 1)))
        self.opset = self.pick([13, 11, 17, 18, 20])
        self.trunc_version = self.pick([2, 1])
        self.batch = self.pick([1, None, 4])
        self.exact = self.chance(40)  # whether every scale is a power of two
        self.named = not self.chance(10)
        self.constant_nodes = self.chance(20)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, np.ndarray] = {}
        self.values: dict[str, np.ndarray] = {}

    # ---- decisions --------------------------------------------------------------------------------------------------

    def pick(self, options):
        """One of `options`; the first is the simplest."""
        return self._draw(st.sampled_from(options))

    def number(self, low, high):
        """An integer in [low, high]; low is the simplest."""
        return self._draw(st.integers(low, high))

    def chance(self, percent):
        """True so often; False is simpler."""
        return self._draw(st.integers(0, 99)) >= 100 - percent

    # ---- tensors ----------------------------------------------------------------------------------------------------

    def array(self, x):
        """The sample values of a Value or tensor name: [FRAMES, ...]."""
        name = x.name if isinstance(x, Value) else x
        return self.values.get(name, self.constants.get(name))

    def shape(self, x):
        """Shape without the batch."""
        return self.array(x).shape[1:]

    def channels(self, x):
        """Size of the axis of the channels."""
        return self.array(x).shape[x.axis]

    def constant(self, array, kind=np.float32):
        """A constant of the model, in an initialiser or, in some models, in a node now and then."""
        array = np.asarray(array, kind)
        name = f"c{len(self.constants)}"
        self.constants[name] = array
        if self.constant_nodes and self.chance(50):
            node = helper.make_node("Constant", [], [name], name, value=numpy_helper.from_array(array))
            if array.ndim == 0 and kind is np.float32 and self.opset >= 12:
                node = helper.make_node("Constant", [], [name], name, value_float=float(array))
            self.nodes.append(node)
        return name

    def op(self, kind, inputs, outputs=1, sample=None, **attributes):
        """Add a node and run it; returns the name of its output, or of each.

        sample: input name -> array in place of that constant, where it depends on the batch.
        """
        label = f"{kind.lower()}{len(self.nodes)}"
        names = [label if i == 0 else f"{label}_{i}" for i in range(outputs)]
        node = helper.make_node(kind, inputs, names, label if self.named else "", **attributes)
        self.values.update(zip(names, self._run(node, sample or {}), strict=True))
        self.nodes.append(node)
        return names[0] if outputs == 1 else names

    def _run(self, node, sample):
        arrays = [sample.get(n, self.array(n)) if n else None for n in node.input]
        if node.domain == DOMAIN:
            return qonnx_kernel(node)(arrays)
        fixed = {n: a for n, a in zip(node.input, arrays, strict=True) if n and n not in self.values}
        return runtime_kernel(node, fixed, self.opset)(arrays)

    def attempt(self, make):
        """`make()`, undone and None where values are not finite, or too many."""
        before = len(self.nodes), dict(self.constants), dict(self.values)
        made = make()
        found = self.array(made)
        if np.isfinite(found).all() and 0 < found[0].size <= MOST_WORDS:
            return made
        del self.nodes[before[0] :]
        self.constants, self.values = before[1], before[2]
        return None

    # ---- numbers ----------------------------------------------------------------------------------------------------

    def spread(self, x):
        """How large the values are, at least a little."""
        return max(float(np.abs(self.array(x)).max()), 1e-3)

    def scale(self, wanted):
        """A scale near `wanted`: a power of two, or any float32."""
        wanted = wanted * self.pick([1, 0.3, 3])
        if self.exact or self.chance(30):
            return float(2.0 ** np.round(np.log2(wanted)))
        return float(np.float32(wanted * self.rng.uniform(0.7, 1.4)))

    def per_channel(self, x, values):
        """`values` [channels] as a constant that broadcasts against x."""
        rank, values = self.array(x).ndim, np.asarray(values)
        shape = [1] * rank
        shape[x.axis] = values.size
        lead = self.chance(30)
        return self.constant(values.reshape(shape if lead else shape[x.axis :]))

    def derived(self, x, name, **changes):
        """Value `name`, made from `x`."""
        return replace(x, name=name, **changes)

    # ---- the whole --------------------------------------------------------------------------------------------------

    def model(self, *results):
        """The model from tensor "input" to `results`, of which one that comes again is left out."""
        names = dict.fromkeys(result.name if isinstance(result, Value) else result for result in results)
        used = {n for node in self.nodes for n in node.input}
        made = {n for node in self.nodes for n in node.output}
        kept = {n: a for n, a in self.constants.items() if n in used and n not in made}
        batch = self.batch or "batch"
        graph = helper.make_graph(
            self.nodes,
            "random",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, [batch, *self.shape("input")])],
            [helper.make_tensor_value_info(n, self._kind(n), [batch, *self.shape(n)]) for n in names],
            [numpy_helper.from_array(a, n) for n, a in kept.items()],
        )
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid(DOMAIN, self.trunc_version)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=9)

    def _kind(self, name):
        return TensorProto.INT64 if self.array(name).dtype.kind == "i" else TensorProto.FLOAT
