"""Small ONNX models made node by node, and the comparison of their import with what the model itself computes."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from lutwright.check.rungs import Float32Rung, Float64Rung
from lutwright.frontend.translate import import_with_taps
from lutwright.ir.execute import execute_all

QONNX = "qonnx.custom_op.general"
LAST = "qonnx.custom_op.channels_last"
# What float64 sums and divisions leave over between a word of the float64 model and its integer.
_ROUNDING = 1e-6


class Net:
    """A model under construction. `shape` is that of input "input" without the batch; batch 0 leaves it free.

    power: whether `scale` gives powers of two. ops: the operators added so far.
    """

    def __init__(self, shape, power=True, batch=1, opset=20, seed=0):
        self.shape, self.batch, self.power, self.opset = tuple(shape), batch, power, opset
        self.rng = np.random.default_rng(seed)
        self.nodes, self.constants, self.names, self.types = [], [], set(), {}
        self.begin = None

    @property
    def ops(self):
        return {node.op_type for node in self.nodes}

    def scale(self, near, size=None):
        """A scale near `near`, or an array of them: a power of two, or a float32 that is none."""
        drawn = near * self.rng.uniform(0.6, 1.6, () if size is None else size)
        return (2.0 ** np.round(np.log2(drawn)) if self.power else drawn).astype(np.float32)

    def constant(self, value, name="c", kind=np.float32):
        """An initialiser; returns its name."""
        name = self._unique(name)
        self.constants.append(numpy_helper.from_array(np.asarray(value, kind), name))
        return name

    def shape_of(self, *sizes):
        """An initialiser of int64 sizes or axes."""
        return self.constant(sizes, "sizes", np.int64)

    def add(self, op, *inputs, name=None, domain="", outputs=1, **attrs):
        """A node; returns the name of its output, or of all of them where there are several."""
        name = self._unique(name or op.lower())
        made = [f"{name}.y{i or ''}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), made, name, domain=domain, **attrs))
        return made[0] if outputs == 1 else made

    def quant(self, x="input", scale=0.25, bits=4, zero=0.0, op="Quant", name="act", **attrs):
        """A QONNX quantiser; of the input a first one makes the integers."""
        told = {"signed": 0, "narrow": 0, "rounding_mode": "ROUND", **attrs}
        given = [self.constant(v, f"{name}.{k}") for k, v in (("scale", scale), ("zero", zero), ("bits", bits))]
        return self.add(op, x, *given, name=name, domain=QONNX, **told)

    def start(self, bits=4, near=0.25, **attrs):
        """The quantised input, the same whenever it is asked for."""
        self.begin = self.begin or self.quant("input", self.scale(near), bits, name="in", **attrs)
        return self.begin

    def act(self, x, near=0.5, bits=4, **attrs):
        """A quantised activation."""
        return self.quant(x, self.scale(near), bits, **attrs)

    def weights(self, *shape, scale=None, bits=4, name="w", **attrs):
        """Quantised random weights."""
        scale = self.scale(0.125) if scale is None else scale
        floats = self.constant(self.rng.normal(0, 0.5, shape), f"{name}.floats")
        return self.quant(floats, scale, bits, name=name, **{"signed": 1, "narrow": 1, **attrs})

    def model(self, *outputs):
        """The model that puts out the tensors `outputs`; a free batch has a name."""
        batch = self.batch or "batch"
        graph = helper.make_graph(
            self.nodes,
            "small",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, (batch, *self.shape))],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, None) for output in outputs],
            self.constants,
        )
        for tensor, kind in self.types.items():
            entry = graph.quantization_annotation.add(tensor_name=tensor)
            entry.quant_parameter_tensor_names.add(key="finn_datatype", value=kind)
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid(QONNX, 1), helper.make_opsetid(LAST, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)

    def _unique(self, name):
        while name in self.names:
            name += "_"
        self.names.add(name)
        return name


def half_steps(graph, shape, count, seed=0, step=0.5):
    """Floats [count, *shape] on and between the codes of the input, ties and saturation included.

    The first frame is all below, the second all above the range of the input. Where its channels have scales of their
    own, the model's input is (channels, height, width).
    """
    tensor = graph.tensors[graph.input]
    rng, most = np.random.default_rng(seed), round(1 / step)
    low, high = most * tensor.low - 3, most * tensor.high + 3
    steps = rng.integers(low, high + 1, (count, *shape))
    steps[0], steps[1] = low, high
    return steps * step * (tensor.scale if tensor.scale.size == 1 else tensor.scale.reshape(-1, 1, 1))


def agree(model, declared=None, frames=None, count=16, exact=None, varied=True, oracle=None):
    """Import `model`, compare every tap and output with the model itself, word by word; return the import.

    exact: whether float32 must be the arithmetic; None leaves it open. varied: an output must take several values.
    oracle: a model with the same tensors that is run in place of `model`.
    """
    imported = import_with_taps(model, "net", declared)
    graph = imported.graph
    single = imported.arithmetic is np.float32
    assert exact in (None, single), imported.reason
    if frames is None:
        shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim][1:]
        frames = half_steps(graph, shape, count, step=0.5 if declared is None else 1.0)
        if declared is not None:
            top = graph.tensors[graph.input]
            frames = np.clip(frames, top.low * top.scale, top.high * top.scale)
    runs = oracle or model
    values = (Float32Rung(runs) if single else Float64Rung(runs, imported.taps)).run(frames)
    words = execute_all(graph, graph.edge.codes(graph.edge.arrange(frames)))
    for tap in imported.taps:
        want = tap.view.from_model(np.asarray(values[tap.model_tensor], np.float64)) / tap.scale
        compare(tap.model_tensor, want, words[tap.tensor], single)
        tensor = graph.tensors[tap.tensor]
        assert tensor.low <= words[tap.tensor].min() and words[tap.tensor].max() <= tensor.high, tap.tensor
    for output, given in zip(graph.outputs, model.graph.output, strict=True):
        last = values[given.name]
        assert not varied or np.unique(last).size > 1, "the test shows nothing: the output never changes"
        if output.exit is None:
            end = next(tap for tap in imported.taps if tap.model_tensor == given.name)
            made = end.view.to_model(words[output.tensor])
        else:
            made = output.exit.values(words[output.tensor])
        assert made.shape == last.shape, f"output {made.shape}, model {last.shape}"
        if single and (output.exit is None or output.exit.last is None):
            assert np.array_equal(made, last)
        else:
            assert np.allclose(made, last, rtol=1e-9 if not single else 1e-5, atol=1e-12 if not single else 1e-6)
    return imported


def compare(name, want, have, single):
    """Words `have` must be the floats `want`, to the last bit where float32 is the arithmetic."""
    bad = want != have if single else ~(np.abs(want - have) <= _ROUNDING)
    where = tuple(int(i[0]) for i in np.nonzero(bad)) if bad.any() else ()
    assert not bad.any(), f"{name}: {int(bad.sum())} of {bad.size} differ, at {where} {want[where]} not {have[where]}"
