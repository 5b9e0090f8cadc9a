"""QONNX to the integer graph: each ONNX node is run on symbols that stand for integers, scales and float chains.

A tensor of the model is one of
    Constant    an array
    Weights     integer codes and their scale, out of a Quant node on a constant
    Raw         the model's input, not yet quantised
    Symbol      an integer tensor of the graph, with the float chain that turns it into what the model has here
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from lutwright.errors import BadModel, UnsupportedOp
from lutwright.frontend import chain as floats
from lutwright.frontend.load import constants, in_order, load_model
from lutwright.ir.graph import Graph, Node, Tensor
from lutwright.ir.ops import infer
from lutwright.ir.verify import verify
from lutwright.numerics.quantiser import ROUNDING, FloatArray, IntArray, Quantiser
from lutwright.numerics.ranges import exact_float
from lutwright.numerics.steps import find_steps


@dataclass(frozen=True, eq=False)
class Constant:
    """A constant of the model."""

    value: NDArray[Any]


@dataclass(frozen=True, eq=False)
class Weights:
    """Quantised constants: value = codes * scale; scale float64 [1] or [out channels]."""

    codes: IntArray
    scale: NDArray[np.float64]


@dataclass(frozen=True)
class Raw:
    """The model's float input, (channels, height, width) or (features,)."""

    shape: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Symbol:
    """Integer tensor `tensor` followed by `chain`. image: (C, H, W) of what was flattened in ONNX order, or None."""

    tensor: str
    chain: floats.Chain
    image: tuple[int, int, int] | None = None


Value = Constant | Weights | Raw | Symbol


class Translator:
    """Runs the nodes of one ONNX graph and collects the nodes of the integer graph."""

    def __init__(self, name: str) -> None:
        """name: of the integer graph; it becomes the name of the hardware module."""
        self.name = name
        self.values: dict[str, Value] = {}
        self.nodes: list[Node] = []
        self.tensors: dict[str, Tensor] = {}
        self.edge: Quantiser | None = None
        self.input = ""

    # ---- messages and operands -------------------------------------------------------------------------------------

    @staticmethod
    def place(node: onnx.NodeProto) -> str:
        """How messages call `node`."""
        return f"node '{node.name or node.output[0]}' ({node.op_type})"

    def refuse(self, node: onnx.NodeProto, rule: str, found: object, fix: str = "") -> UnsupportedOp:
        """The error for a node that is not done."""
        return UnsupportedOp(self.place(node), rule, found, fix)

    def constant(self, node: onnx.NodeProto, index: int) -> NDArray[Any]:
        """Input `index` as a constant array."""
        value = self.values[node.input[index]]
        if not isinstance(value, Constant):
            raise self.refuse(node, f"input {index} must be a constant", "the result of another node")
        return value.value

    def symbol(self, node: onnx.NodeProto, index: int = 0) -> Symbol:
        """Input `index` as a symbol."""
        value = self.values[node.input[index]]
        if not isinstance(value, Symbol):
            raise self.refuse(
                node,
                f"input {index} must be a quantised activation",
                type(value).__name__.lower(),
                "Put a quantiser before it.",
            )
        return value

    def codes(self, node: onnx.NodeProto, index: int = 0) -> Symbol:
        """Input `index` as a symbol without a chain: integers times one scale."""
        value = self.symbol(node, index)
        if value.chain.ops:
            raise self.refuse(
                node,
                f"input {index} must come out of a quantiser",
                f"the float result of {value.chain.names[-1]!r}",
                "Quantise it first.",
            )
        return value

    def emit(self, node: onnx.NodeProto, op: str, x: Symbol, scale: FloatArray, **attrs: Any) -> Symbol:
        """Add an integer node that reads `x`; its name is the ONNX node's."""
        name = node.name or node.output[0]
        made = Node(name, op, (x.tensor,), f"{name}.out", attrs, self.place(node))
        self.nodes.append(made)
        self.tensors[made.output] = infer(made, [self.tensors[x.tensor]], scale)
        return Symbol(made.output, floats.Chain(scale), x.image)

    # ---- quantisers ------------------------------------------------------------------------------------------------

    def quantiser(self, node: onnx.NodeProto) -> tuple[Quantiser, NDArray[np.float64]]:
        """The quantiser of a Quant node, and its scales [1] or [channels]."""
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        scale, zero, bits = (np.asarray(self.constant(node, i), np.float64).reshape(-1) for i in (1, 2, 3))
        rounding = attributes.get("rounding_mode", b"ROUND").decode().upper()
        if bits.size != 1 or not 1 <= bits[0] <= 32 or bits[0] != int(bits[0]):
            raise self.refuse(node, "the bit width must be one integer from 1 to 32", bits.tolist())
        if not np.isfinite(scale).all() or (scale <= 0).any():
            raise self.refuse(node, "scales must be positive and finite", scale.tolist()[:4])
        if (zero != 0).any():
            raise self.refuse(node, "the zero point must be 0", zero.tolist()[:4], "Use a symmetric quantiser.")
        if rounding not in ROUNDING:
            raise self.refuse(node, f"rounding_mode must be one of {', '.join(ROUNDING)}", rounding)
        if bits[0] == 1 and attributes.get("signed", 1):
            raise self.refuse(node, "a signed quantiser must have 2 bits or more", "1", "Use BipolarQuant or 2 bits.")
        made = Quantiser(
            float(scale[0]),
            0,
            int(bits[0]),
            bool(attributes.get("signed", 1)),
            bool(attributes.get("narrow", 0)),
            rounding,
        )
        return made, scale

    def quant(self, node: onnx.NodeProto) -> Value:
        """Quant of a constant, of the input or of an activation."""
        quantiser, scale = self.quantiser(node)
        x = self.values[node.input[0]]
        if isinstance(x, Constant):
            return self.quant_constant(node, x.value, quantiser, scale)
        if scale.size != 1:
            raise self.refuse(
                node,
                "an activation must have one scale",
                f"{scale.size} scales",
                "Use a per-tensor scale for activations.",
            )
        if isinstance(x, Raw):
            return self.quant_input(node, x, quantiser)
        if not isinstance(x, Symbol):
            raise self.refuse(node, "the input must be an activation or a constant", "quantised weights")
        tensor = self.tensors[x.tensor]
        steps = find_steps(
            lambda acc: x.chain.codes(acc, quantiser), tensor.channels, tensor.low, tensor.high, self.place(node)
        )
        return self.emit(node, "Step", x, scale, steps=steps, form=None)

    def quant_constant(
        self, node: onnx.NodeProto, value: NDArray[Any], quantiser: Quantiser, scale: NDArray[np.float64]
    ) -> Weights:
        """Weights: each output channel may have its own scale, which must lie along one axis."""
        shape = np.asarray(self.constant(node, 1)).shape
        per = np.broadcast_to(np.asarray(self.constant(node, 1), value.dtype), value.shape) if scale.size > 1 else None
        if per is not None and (len(shape) != value.ndim or sum(n > 1 for n in shape) != 1):
            raise self.refuse(node, "the scales must lie along one axis of the weights", list(shape))
        if per is None:
            return Weights(quantiser.codes(value), scale)
        unit = replace(quantiser, scale=1.0)
        return Weights(unit.codes(value / per), scale)

    def quant_input(self, node: onnx.NodeProto, x: Raw, quantiser: Quantiser) -> Symbol:
        """The first quantiser makes the codes that the hardware takes."""
        if self.edge is not None:
            raise self.refuse(node, "the model's input must have one quantiser", "a second one")
        self.edge, self.input = quantiser, "input"
        shape = (x.shape[1], x.shape[2], x.shape[0]) if len(x.shape) == 3 else x.shape
        scale = np.array([quantiser.scale])
        self.tensors["input"] = Tensor("input", shape, quantiser.low, quantiser.high, scale)
        return Symbol("input", floats.Chain(scale))

    # ---- layers ----------------------------------------------------------------------------------------------------

    def weights(self, node: onnx.NodeProto, x: Symbol) -> Weights:
        """Input 1 as weights; x must have one scale."""
        w = self.values[node.input[1]]
        if not isinstance(w, Weights):
            raise self.refuse(node, "the weights must be quantised", "floats", "Use a layer with quantised weights.")
        if x.chain.scale.size != 1:
            raise self.refuse(node, "the input must have one scale", f"{x.chain.scale.size} scales")
        return w

    def biased(self, node: onnx.NodeProto, y: Symbol) -> Symbol:
        """`y` with the bias of input 2, where there is one, as part of its chain."""
        if len(node.input) < 3 or not node.input[2]:
            return y
        bias = self.values[node.input[2]]
        if isinstance(bias, Weights):
            array = (bias.codes * bias.scale).reshape(-1)
        elif isinstance(bias, Constant):
            array = bias.value.reshape(-1)
        else:
            raise self.refuse(node, "the bias must be a constant", "the result of another node")
        return replace(y, chain=y.chain.then(node.name, floats.add(array)))

    def conv(self, node: onnx.NodeProto) -> Symbol:
        """Conv: one group, dilation 1, square stride."""
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        x = self.codes(node)
        w = self.weights(node, x)
        if w.codes.ndim != 4 or len(self.tensors[x.tensor].shape) != 3:
            raise self.refuse(node, "the convolution must be two-dimensional", f"weights {w.codes.shape}")
        if attributes.get("group", 1) != 1:
            raise self.refuse(node, "group must be 1", attributes["group"], "Use a plain convolution.")
        if any(d != 1 for d in attributes.get("dilations", [1, 1])):
            raise self.refuse(node, "dilations must be 1", list(attributes["dilations"]), "Use a larger kernel.")
        if attributes.get("auto_pad", b"NOTSET") != b"NOTSET":
            raise self.refuse(node, "auto_pad must be NOTSET", attributes["auto_pad"].decode(), "Give pads as numbers.")
        strides = list(attributes.get("strides", [1, 1]))
        if strides[0] != strides[1]:
            raise self.refuse(node, "strides must be equal", strides)
        pads = tuple(int(p) for p in attributes.get("pads", [0, 0, 0, 0]))
        y = self.emit(
            node,
            "Conv",
            x,
            x.chain.scale * w.scale,
            weights=w.codes.transpose(0, 2, 3, 1).copy(),
            stride=int(strides[0]),
            pads=pads,
        )
        return self.biased(node, y)

    def matmul(self, node: onnx.NodeProto) -> Symbol:
        """MatMul and Gemm of an activation vector with constant weights."""
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        x = self.codes(node)
        w = self.weights(node, x)
        if attributes.get("transA", 0) or attributes.get("alpha", 1.0) != 1.0 or attributes.get("beta", 1.0) != 1.0:
            raise self.refuse(node, "transA must be 0 and alpha and beta 1", "others")
        codes = w.codes if attributes.get("transB", 0) else w.codes.T
        shape = self.tensors[x.tensor].shape
        if len(shape) != 1 or codes.ndim != 2 or codes.shape[1] != shape[0]:
            raise self.refuse(
                node, f"the weights must take a vector of {shape}", codes.shape, "Flatten the input first."
            )
        if x.image is not None:
            c, h, wd = x.image
            codes = codes.reshape(-1, c, h, wd).transpose(0, 2, 3, 1).reshape(codes.shape[0], -1)
        y = self.emit(node, "Dense", x, x.chain.scale * w.scale, weights=codes.copy())
        return self.biased(node, replace(y, image=None))

    def max_pool(self, node: onnx.NodeProto) -> Symbol:
        """MaxPool whose kernel is its stride, without padding."""
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        x = self.codes(node)
        kernel = list(attributes.get("kernel_shape", []))
        strides = list(attributes.get("strides", [1] * len(kernel)))
        if len(kernel) != 2 or kernel[0] != kernel[1] or strides != kernel or kernel[0] < 2:
            raise self.refuse(
                node,
                "the kernel must be square, 2 or more, and equal to the stride",
                f"kernel {kernel}, stride {strides}",
                "Use a 2x2 pool with stride 2.",
            )
        if any(attributes.get("pads", [0])) or attributes.get("ceil_mode", 0):
            raise self.refuse(node, "pads and ceil_mode must be 0", "others", "Pool without padding.")
        return self.emit(node, "MaxPool", x, x.chain.scale, kernel=int(kernel[0]))

    def flatten(self, node: onnx.NodeProto) -> Symbol:
        """Flatten, and Reshape to (batch, features)."""
        x = self.codes(node)
        shape = self.tensors[x.tensor].shape
        if node.op_type == "Reshape":
            target = [int(n) for n in self.constant(node, 1).reshape(-1)]
            if len(target) != 2 or target[1] not in (-1, int(np.prod(shape))):
                raise self.refuse(node, "Reshape must flatten to (batch, features)", target)
        if len(shape) == 1:
            return x
        y = self.emit(node, "Flatten", x, x.chain.scale)
        return replace(y, image=(shape[2], shape[0], shape[1]))

    # ---- float operations: they only lengthen the chain ------------------------------------------------------------

    def batch_norm(self, node: onnx.NodeProto) -> Symbol:
        """BatchNormalization in inference mode."""
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        if attributes.get("training_mode", 0):
            raise self.refuse(node, "training_mode must be 0", 1, "Export the model in eval mode.")
        x = self.symbol(node)
        gain, bias, mean, variance = arrays = [self.constant(node, i).reshape(-1) for i in (1, 2, 3, 4)]
        channels = self.tensors[x.tensor].channels
        if any(a.size != channels for a in arrays):
            raise self.refuse(node, f"there must be {channels} channels", [a.size for a in arrays])
        op = floats.batch_norm(gain, bias, mean, variance, float(attributes.get("epsilon", 1e-5)))
        return replace(x, chain=x.chain.then(node.name, op))

    def relu(self, node: onnx.NodeProto) -> Symbol:
        """Relu."""
        x = self.symbol(node)
        return replace(x, chain=x.chain.then(node.name, floats.relu))

    def affine(self, node: onnx.NodeProto) -> Symbol:
        """Add or Mul with a constant, one value or one a channel."""
        first = isinstance(self.values[node.input[0]], Symbol)
        x, array = self.symbol(node, 0 if first else 1), self.constant(node, 1 if first else 0)
        channels = self.tensors[x.tensor].channels
        if array.size not in (1, channels):
            raise self.refuse(node, f"the constant must have 1 or {channels} values", array.size)
        make = floats.add if node.op_type == "Add" else floats.multiply
        return replace(x, chain=x.chain.then(node.name, make(array.reshape(-1))))

    def identity(self, node: onnx.NodeProto) -> Value:
        """Identity and Dropout in inference mode."""
        return self.values[node.input[0]]

    # ---- the whole graph -------------------------------------------------------------------------------------------

    def run(self, graph: onnx.GraphProto) -> Symbol:
        """Translate every node; return the symbol of the model's one output."""
        self.values = {name: Constant(value) for name, value in constants(graph).items()}
        inputs = [i for i in graph.input if i.name not in self.values]
        if len(inputs) != 1 or len(graph.output) != 1:
            raise BadModel(
                f"model '{self.name}'", "must have one input and one output", f"{len(inputs)} and {len(graph.output)}"
            )
        self.values[inputs[0].name] = Raw(_input_shape(inputs[0]))
        for node in in_order(graph, set(self.values)):
            if node.op_type not in HANDLERS:
                raise self.refuse(
                    node,
                    f"operator must be one of {', '.join(sorted(HANDLERS))}",
                    node.op_type,
                    "Replace it, or export the model without it.",
                )
            self.values[node.output[0]] = HANDLERS[node.op_type](self, node)
        result = self.values.get(graph.output[0].name)
        if not isinstance(result, Symbol) or not self.nodes:
            raise BadModel(f"output '{graph.output[0].name}'", "must be computed from the input", "something else")
        return result


HANDLERS: dict[str, Callable[[Translator, onnx.NodeProto], Value]] = {
    "Add": Translator.affine,
    "BatchNormalization": Translator.batch_norm,
    "Conv": Translator.conv,
    "Dropout": Translator.identity,
    "Flatten": Translator.flatten,
    "Gemm": Translator.matmul,
    "Identity": Translator.identity,
    "MatMul": Translator.matmul,
    "MaxPool": Translator.max_pool,
    "Mul": Translator.affine,
    "Quant": Translator.quant,
    "Relu": Translator.relu,
    "Reshape": Translator.flatten,
}


def _input_shape(value: onnx.ValueInfoProto) -> tuple[int, ...]:
    """The shape of the model's input without the batch; BadModel where it is not fixed."""
    shape = tuple(int(d.dim_value) for d in value.type.tensor_type.shape.dim)[1:]
    if len(shape) not in (1, 3) or any(n < 1 for n in shape):
        raise BadModel(
            f"input '{value.name}'",
            "must be (batch, channels, height, width) or (batch, features), fixed",
            ("batch", *shape),
            "Export the model with a fixed input size.",
        )
    return shape


def identifier(name: str) -> str:
    """`name` as a SystemVerilog identifier."""
    text = "".join(c if c.isascii() and c.isalnum() else "_" for c in name)
    return text if text and not text[0].isdigit() else f"m_{text}"


def import_model(path: Path) -> Graph:
    """The integer graph of the QONNX file `path`, named after the file.

    Raises BadModel (the file), UnsupportedOp (a node that is not done) or NotExact (no exact integer form).
    """
    model = load_model(path)
    translator = Translator(identifier(path.stem))
    result = translator.run(model.graph)
    if result.chain.ops:
        raise UnsupportedOp(
            f"output '{model.graph.output[0].name}'",
            "must be quantised or a plain sum of products",
            f"the float result of {result.chain.names[-1]!r}",
            "Quantise it, or drop the bias of the last layer.",
        )
    assert translator.edge is not None
    bound = max(max(abs(t.low), abs(t.high)) for t in translator.tensors.values())
    if exact_float(bound) is None:
        raise BadModel(f"model '{path}'", "accumulators must be below 2^53", bound)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    return verify(
        Graph(
            translator.name,
            tuple(translator.nodes),
            translator.tensors,
            translator.input,
            result.tensor,
            translator.edge,
            metadata,
        )
    )
