"""The translator: runs each ONNX node on symbols that stand for integers, scales and float chains.

One ONNX node is one handler (frontend/layers.py, pointwise.py, shapes.py); what several handlers need is here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import lcm
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from lutwright.errors import BadModel, UnsupportedOp
from lutwright.frontend.names import identifier, short_name
from lutwright.frontend.quantisers import Quantise, attributes, place, read_quantise
from lutwright.frontend.values import Constant, InputType, Raw, Symbol, Value, Weights
from lutwright.ir.graph import Node, Tensor
from lutwright.ir.ops import infer
from lutwright.numerics.chain import Chain, powers_of_two
from lutwright.numerics.edge import Edge
from lutwright.numerics.grid import common_scale, integers_of
from lutwright.numerics.quantiser import FloatArray, IntArray
from lutwright.numerics.steps import find_steps
from lutwright.numerics.view import View, plain

_FLOAT32_EXACT = 1 << 24
_MOST_MULTIPLE = 1 << 31  # of a common scale
_MOST_SHIFTED = 1 << 20  # integers with an offset; the float64 model loses more of sums of larger ones
_MOST_TABLE = 1 << 22  # integers x channels of a chain that is made a step function without a quantiser
MOST_WORDS = 1 << 24  # elements of one activation of a frame, or of one constant that is computed
_MOST_IN_ALL = 1 << 26  # of all of them: each also has its places in memory
_MOST_WEIGHTS = 1 << 28  # elements of all quantised constants


class NotFixedPoint(Exception):
    """Raised while float32 is tried as the arithmetic: the model's sums or functions are not exact in float32."""


@dataclass(frozen=True, eq=False)
class Tap:
    """A tensor of the model that is integers times a scale: `model_tensor` = integers of `tensor` * scale, in `view`.

    node: the node of the integer graph that makes the tensor, "" for the input. scale: float64 [1] or [channels].
    chain: how the model comes from the integers to its floats, where that is more than one multiplication.
    """

    model_tensor: str
    tensor: str
    node: str
    scale: FloatArray
    view: View
    chain: Chain | None = None


class Translator:
    """The state of one translation: what every tensor of the model is, and the integer graph so far."""

    def __init__(
        self, name: str, kind: type[np.floating[Any]], batch: int, declared: InputType | None, view: View
    ) -> None:
        """name: of the integer graph. kind: the arithmetic of float chains. batch: that the file was exported with.

        view: of the model's input in the graph's.
        """
        self.name = name
        self.kind = kind
        self.batch = batch
        self.view = view
        self.declared = declared
        self.values: dict[str, Value] = {}
        self.nodes: list[Node] = []
        self.tensors: dict[str, Tensor] = {}
        self.edge: Edge | None = None
        self.edge_source: tuple[Any, ...] = ()
        self.taps: list[Tap] = []
        self.tapped: set[str] = set()
        self.names: set[str] = set()
        self.labels: dict[str, int] = {}  # how often each name was asked for
        self.versions: dict[str, int] = {}
        self.words = 0
        self.weights = 0
        self.whole_numbers: set[str] = set()  # tensors of the model that are of an integer type

    # ---- arithmetic ------------------------------------------------------------------------------------------------

    def inexact(self, why: str) -> None:
        """Note that float32 does not compute this exactly; ends the attempt where float32 was the arithmetic."""
        if self.kind is np.float32:
            raise NotFixedPoint(why)

    def exact_scale(self, node: onnx.NodeProto, scale: FloatArray) -> FloatArray:
        """`scale`, which float32 arithmetic needs as powers of two."""
        if self.kind is np.float32 and not powers_of_two(scale):
            self.inexact(f"{place(node)} has a scale that is no power of two")
        return scale

    def exact_sum(self, node: onnx.NodeProto, bound: int) -> None:
        """Sums up to `bound` in magnitude must be exact: in float32 where that is the arithmetic, in float64 always."""
        if bound >= _FLOAT32_EXACT:
            self.inexact(f"{place(node)} sums to {bound}, which float32 rounds")
        if bound >= 1 << 53:
            raise self.refuse(node, "sums must stay below 2^53", bound, "Use fewer bits or a common scale.")

    def exact_codes(self, node: onnx.NodeProto, bound: int) -> None:
        """Codes up to `bound` in magnitude, less their zero point: float32 has no name for some above 2^24."""
        if bound >= _FLOAT32_EXACT:
            self.inexact(f"{place(node)} has codes up to {bound}, which float32 rounds")

    # ---- memory ----------------------------------------------------------------------------------------------------

    def room(self, node: onnx.NodeProto, words: int) -> None:
        """Refuse `words` more elements of activations or computed constants where they are too many; else count them.

        To be called before memory is taken for them.
        """
        if words > MOST_WORDS:
            rule = f"must make at most {MOST_WORDS} elements a frame"
            raise self.refuse(node, rule, words, "Use a smaller image or fewer channels.")
        self.words += words
        if self.words > _MOST_IN_ALL:
            rule = f"the model must make at most {_MOST_IN_ALL} elements a frame, over all nodes"
            raise self.refuse(node, rule, f"{self.words} up to here", "Use a smaller image or fewer layers.")

    def weights_room(self, node: onnx.NodeProto, words: int) -> None:
        """Refuse `words` more elements of quantised constants where they are too many; else count them."""
        self.weights += words
        if self.weights > _MOST_WEIGHTS:
            rule = f"the model must have at most {_MOST_WEIGHTS} quantised constants"
            raise self.refuse(node, rule, f"{self.weights} up to here", "Use a smaller model.")

    # ---- messages and operands -------------------------------------------------------------------------------------

    def refuse(self, node: onnx.NodeProto, rule: str, found: object, fix: str = "") -> UnsupportedOp:
        """The error for a node that is not done."""
        return UnsupportedOp(place(node), rule, found, fix)

    def has(self, node: onnx.NodeProto, index: int) -> bool:
        """Whether `node` has input `index`."""
        return len(node.input) > index and bool(node.input[index])

    def constant(self, node: onnx.NodeProto, index: int) -> NDArray[Any]:
        """Input `index` as a constant array; quantised constants as the floats they stand for."""
        if not self.has(node, index):
            raise BadModel(place(node), f"must have input {index}", "absent", "Export the model again.")
        value = self.values[node.input[index]]
        if isinstance(value, Weights):
            return np.asarray(value.integers * value.scale)
        if not isinstance(value, Constant):
            raise self.refuse(
                node, f"input {index} must be a constant", "the result of another node", "Fold it before the export."
            )
        return value.value

    def integers(self, node: onnx.NodeProto, index: int) -> list[int]:
        """Input `index` as a list of whole numbers."""
        return [int(n) for n in np.asarray(self.constant(node, index)).reshape(-1)]

    def symbol(self, node: onnx.NodeProto, index: int = 0) -> Symbol:
        """Input `index` as a symbol; a declared input becomes one here."""
        value = self.values[node.input[index]]
        if isinstance(value, Raw) and self.declared is not None:
            value = self.declare(value)
            self.values[node.input[index]] = value
        if isinstance(value, Raw):
            raise self.refuse(
                node,
                f"input {index} must be quantised",
                "the model's raw input",
                "Put a quantiser (QuantIdentity) in front of it, or say what integers it holds: --input uint8:1/256.",
            )
        if not isinstance(value, Symbol):
            raise self.refuse(node, f"input {index} must be an activation", "a constant", "Fold it before the export.")
        if value.last is not None:
            raise self.refuse(
                node, "Softmax must be the model's last float operation", "one before this node", "Drop the Softmax."
            )
        return value

    # ---- quantisers ------------------------------------------------------------------------------------------------

    def lane(self, node: onnx.NodeProto, view: View) -> Callable[[NDArray[Any]], FloatArray]:
        """A function from arrays that broadcast against the tensor to [1] or [channels] of the graph's tensor."""

        def lane(array: NDArray[Any]) -> FloatArray:
            try:
                found = view.per_channel(along(node, np.asarray(array), len(view.model_shape) + 1))
            except ValueError as error:
                raise BadModel(
                    place(node), f"must fit {view.model_shape}", np.shape(array), "Export the model again."
                ) from error
            if found is None:
                raise self.refuse(
                    node,
                    "must be the same over an image",
                    f"{np.shape(array)} on {view.model_shape}",
                    "Give one value a channel.",
                )
            return found.astype(np.float64)

        return lane

    def quantise(self, node: onnx.NodeProto, view: View) -> Quantise:
        """The function of quantising node `node` for a tensor seen through `view`."""
        made = read_quantise(
            node, lambda i: self.constant(node, i), self.lane(node, view), self.versions.get(node.domain, 1)
        )
        self.exact_scale(node, made.scale)
        return made

    def step(self, node: onnx.NodeProto, x: Symbol, made: Quantise) -> Symbol:
        """End the chain of `x` in a Step."""
        tensor = self.tensors[x.tensor]
        chain, kind = x.chain, self.kind
        if self.changes_nothing(x, made, codes=node.op_type == "QuantizeLinear"):
            return replace(x, chain=Chain(made.scale))
        monotone = bool((chain.sign != 0).all())
        steps = find_steps(
            lambda acc: made.integers(chain.run(acc, kind)),
            tensor.channels,
            tensor.low,
            tensor.high,
            place(node),
            monotone=monotone,
        )
        self.exact_codes(node, max(abs(steps.code_low), abs(steps.code_high)))
        return self.emit(node, "Step", (x,), made.scale, x.view, steps=steps, form=None)

    def changes_nothing(self, x: Symbol, made: Quantise, codes: bool = False) -> bool:
        """Whether quantising `x` gives back its very integers, which needs no node (a wide quantiser of a sum).

        codes: the quantiser puts out its codes, whatever they are worth (a pool between two equal QuantizeLinear).
        """
        gain, tensor = x.chain.gain, self.tensors[x.tensor]
        if gain is None or not (codes or bool((gain == made.scale).all())):
            return False
        if (tensor.high - tensor.low + 1) * tensor.channels > _MOST_TABLE:
            return False
        acc = np.repeat(np.arange(tensor.low, tensor.high + 1)[:, None], tensor.channels, axis=1)
        return bool((made.integers(x.chain.run(acc, self.kind)) == acc).all())

    def quantise_input(self, node: onnx.NodeProto, x: Raw, made: Quantise) -> Symbol:
        """The first quantiser makes the integers that the hardware takes."""
        source = (
            x.chain,
            made.scale.tolist(),
            made.low,
            made.high,
            [a.SerializeToString() for a in node.attribute],
            [self.constant(node, index).tolist() for index in range(1, len(node.input))],
        )
        if self.edge is not None:
            if self.edge_source[0] is not x.chain or self.edge_source[1:] != source[1:]:
                raise self.refuse(
                    node, "the model's input must have one quantiser", "a second one", "Quantise the input once."
                )
            return Symbol("input", Chain(made.scale), x.view)
        if made.high - made.low >= 1 << 33:
            raise self.refuse(
                node, "a truncation cannot be the first quantiser", node.op_type, "Put a Quant before it."
            )
        self.exact_codes(node, max(abs(made.low), abs(made.high)))
        self.edge_source = source
        chain = x.chain
        self.open(x.view, lambda v: made.integers(chain.after(v)), made.scale, made.low, made.high)
        return Symbol("input", Chain(made.scale), x.view)

    def open(
        self, view: View, quantise: Callable[[FloatArray], IntArray], scale: FloatArray, low: int, high: int
    ) -> None:
        """Make the graph's input tensor, in the shape of `view`; what came before may have moved its elements."""
        self.edge = Edge(quantise, self.kind, View(self.view.index, view.shape))
        self.tensors["input"] = Tensor("input", view.shape, low, high, np.asarray(scale, np.float64))

    def declare(self, x: Raw) -> Symbol:
        """The model's input as the integers that the user, or the file, says it holds."""
        told = self.declared
        assert told is not None
        low, high = told.ends
        scale = np.array([told.scale])
        if not powers_of_two(scale):
            self.inexact("the input has a scale that is no power of two")
        if self.edge is None:
            step = told.scale
            self.open(
                x.view,
                lambda v: np.clip(np.rint(v / v.dtype.type(step)), low, high).astype(np.int64),
                scale,
                low,
                high,
            )
        return Symbol("input", Chain(scale), x.view)

    # ---- integer nodes ---------------------------------------------------------------------------------------------

    def label(self, node: onnx.NodeProto, suffix: str = "") -> str:
        """A name for a node of the integer graph: the ONNX node's, as an identifier, unique."""
        base = identifier(short_name(node.name or node.output[0])) + suffix
        count = self.labels.get(base, 0)
        name = base
        while name in self.names:
            count += 1
            name = f"{base}_{count + 1}"
        self.names.add(name)
        self.labels[base] = count
        return name

    def emit(
        self,
        node: onnx.NodeProto,
        op: str,
        inputs: tuple[Symbol, ...],
        scale: FloatArray,
        view: View,
        suffix: str = "",
        **attrs: Any,
    ) -> Symbol:
        """Add an integer node; `scale` and `view` are those of its output."""
        name = self.label(node, suffix)
        made = Node(name, op, tuple(x.tensor for x in inputs), f"{name}.out", attrs, place(node))
        self.nodes.append(made)
        scale = np.atleast_1d(np.asarray(scale, np.float64))
        tensor = infer(made, [self.tensors[x.tensor] for x in inputs], scale)
        self.room(node, tensor.words)
        self.tensors[made.output] = tensor
        return Symbol(made.output, Chain(scale), view)

    def canonical(self, node: onnx.NodeProto, x: Symbol) -> Symbol:
        """`x` as a plain image, (C, H, W) or (C, L) in the model; a Reorder or DepthToSpace is added where need be."""
        shape = x.view.model_shape
        if x.view.is_image():
            return x
        if len(shape) not in (2, 3):
            raise self.refuse(
                node, "the input must be an image (channels, height, width) or a signal (channels, length)", shape
            )
        view = plain(shape)
        # Flat position in the old tensor of each element of the new one, in the new order.
        order = np.empty(view.index.size, np.int64)
        order[view.index.reshape(-1)] = x.view.index.reshape(-1)
        return self.reorder(node, x, view, order)

    def flat(self, node: onnx.NodeProto, x: Symbol) -> Symbol:
        """`x`, a vector (F,) in the model, as a vector tensor; its elements may stand in another order."""
        if len(x.view.shape) == 1:
            return x
        words = int(np.prod(x.view.shape))
        columns = np.arange(words) % x.view.channels
        made = self.emit(node, "Flatten", (x,), x.chain.select(columns).scale, View(x.view.index, (words,)), "_flatten")
        return replace(made, chain=x.chain.select(columns))

    def reorder(self, node: onnx.NodeProto, x: Symbol, view: View, order: IntArray) -> Symbol:
        """`x` with its words in another order; per-channel chains follow where they still are per channel."""
        columns = (order % x.view.channels).reshape(-1, view.channels)
        if x.chain.varies and not (columns == columns[0]).all():
            x = self.whole(node, self.materialise(node, x))
        chain = x.chain.select(columns[0])
        block = _depth_to_space(x.view.shape, view.shape, order)
        if block is not None:
            made = self.emit(node, "DepthToSpace", (x,), chain.scale, view, "_shuffle", block=block[0], mode=block[1])
        else:
            made = self.emit(node, "Reorder", (x,), chain.scale, view, "_reorder", shape=view.shape, index=order)
        return replace(made, chain=chain)

    # ---- from chains to integers -----------------------------------------------------------------------------------

    def materialise(self, node: onnx.NodeProto, x: Symbol) -> Symbol:
        """`x` as integers times a scale, without float operations; adds an Affine or a Step where that is needed."""
        if not x.chain.ops:
            return x
        gain = x.chain.gain
        if gain is not None:
            if not _is_scale(gain):
                raise self.refuse(node, "scales must lie inside of float64", gain.tolist()[:4], "Train again.")
            return replace(x, chain=Chain(self.exact_scale(node, gain)))
        on_grid = self._on_grid(node, x)
        if on_grid is not None:
            return on_grid
        tensor = self.tensors[x.tensor]
        count = (tensor.high - tensor.low + 1) * tensor.channels
        if count > _MOST_TABLE:
            raise self.refuse(
                node,
                "the input must come out of a quantiser",
                f"the float result of {x.chain.last!r}",
                "Quantise it first.",
            )
        acc = np.repeat(np.arange(tensor.low, tensor.high + 1)[:, None], tensor.channels, axis=1)
        values = x.chain.run(acc, self.kind).astype(np.float64)
        scales = [float(abs(s)) for s in np.unique(x.chain.scale)[:4]]
        found = (
            integers_of(values, tuple(s / u for s in scales for u in (1, 2)), 1 << 16)
            if np.isfinite(values).all()
            else None
        )
        if found is None:
            raise self.refuse(
                node,
                "the input must come out of a quantiser",
                f"the float result of {x.chain.last!r}, which is on no grid",
                "Quantise it first.",
            )
        scale, integers = found
        self.exact_scale(node, np.array([scale]))
        moved = integers - acc
        if bool((moved == moved[0]).all()):
            return self.emit(
                node, "Affine", (x,), np.array([scale]), x.view, "_offset", gain=np.ones(1, np.int64), offset=moved[0]
            )
        low = tensor.low
        steps = find_steps(
            lambda a: np.take_along_axis(integers, a - low, axis=0),
            tensor.channels,
            tensor.low,
            tensor.high,
            place(node),
            monotone=False,
        )
        return self.emit(node, "Step", (x,), np.array([scale]), x.view, "_grid", steps=steps, form=None)

    def lines(self, x: Symbol) -> tuple[FloatArray, FloatArray] | None:
        """(scale, offset), each float64 [1] or [channels], where `x` is integer * scale + offset on no small grid."""
        found = x.chain.lines
        if x.chain.gain is not None or found is None or self._grid_of(x) is not None:
            return None
        return np.array([float(g) for g, _ in found]), np.array([float(o) for _, o in found])

    def _grid_of(self, x: Symbol) -> tuple[int, list[int]] | None:
        """(gain, offsets [1] or [channels]): `x` is (integer * gain + offset) * scale / gain; None where large."""
        found, tensor = x.chain.lines, self.tensors[x.tensor]
        if found is None:
            return None
        places = [offset / gain for gain, offset in found]
        fine = lcm(*(place.denominator for place in places))
        offsets = [int(place * fine) for place in places]
        largest = fine * max(abs(tensor.low), abs(tensor.high)) + max(map(abs, offsets))
        return (fine, offsets) if largest <= _MOST_SHIFTED else None

    def _on_grid(self, node: onnx.NodeProto, x: Symbol) -> Symbol | None:
        """`x`, integers times a scale plus an offset, as integers of a finer grid; None where there is none."""
        found = self._grid_of(x)
        if found is None or x.chain.lines is None:
            return None
        fine, offsets = found
        scale = np.array([float(gain / fine) for gain, _ in x.chain.lines])
        gain, offset = np.array([fine], np.int64), np.array(offsets, np.int64)
        return self.emit(
            node, "Affine", (x,), self.exact_scale(node, scale), x.view, "_offset", gain=gain, offset=offset
        )

    def whole(self, node: onnx.NodeProto, x: Symbol) -> Symbol:
        """`x`, materialised, with one scale for all channels; an Affine is added where the channels' scales differ."""
        scale = x.chain.scale
        if (scale == scale[0]).all():
            return replace(x, chain=Chain(scale[:1]))
        found = common_scale(scale, _MOST_MULTIPLE)
        if found is None:
            raise self.refuse(
                node,
                "the channels' scales must have a common divisor",
                scale.tolist()[:4],
                "Use one scale for the tensor.",
            )
        zero = np.zeros(1, np.int64)
        return self.emit(node, "Affine", (x,), np.array([found[0]]), x.view, "_align", gain=found[1], offset=zero)

    def rising(self, node: onnx.NodeProto, x: Symbol) -> Symbol:
        """`x` such that its value never falls where its integer rises.

        Channels that fall are negated; a chain of which nothing is known is materialised first.
        """
        sign = x.chain.sign
        if (sign >= 0).all() and ((sign == 1).all() or self._never_falls(x)):
            return x
        if (sign == 0).any():
            x = self.materialise(node, x)
            sign = x.chain.sign
            if (sign == 1).all():
                return x
        zero, chain = np.zeros(1, np.int64), replace(x.chain, scale=x.chain.scale * sign)
        made = self.emit(node, "Affine", (x,), chain.scale, x.view, "_negate", gain=sign, offset=zero)
        return replace(made, chain=chain)

    def _never_falls(self, x: Symbol) -> bool:
        """Whether the value of `x` is seen not to fall, over every integer; False where there are too many."""
        tensor = self.tensors[x.tensor]
        if (tensor.high - tensor.low + 1) * tensor.channels > _MOST_TABLE:
            return False
        acc = np.repeat(np.arange(tensor.low, tensor.high + 1)[:, None], tensor.channels, axis=1)
        return bool((np.diff(x.chain.run(acc, self.kind), axis=0) >= 0).all())

    def is_index(self, x: Symbol) -> bool:
        """Whether the integers of `x` are places among scores, which no scale belongs to."""
        return any(node.output == x.tensor and node.op in ("ArgMax", "TopK") for node in self.nodes)

    def tap(self, tensor: str, x: Symbol, last: bool = False) -> None:
        """Note that `tensor` of the model is integers times a scale, where it is: once, and for the model's last."""
        scale = x.chain.gain
        if (
            scale is None
            or not _is_scale(scale)
            or x.last is not None
            or (self.kind is np.float32 and not powers_of_two(scale))
        ):
            return
        node = x.tensor.removesuffix(".out") if x.tensor != "input" else ""
        if x.tensor in self.tapped and (not last or any(tap.model_tensor == tensor for tap in self.taps)):
            return
        self.tapped.add(x.tensor)
        self.taps.append(Tap(tensor, x.tensor, node, scale, x.view, x.chain if x.chain.ops else None))


def _is_scale(values: FloatArray) -> bool:
    """Whether none of `values` has left the range of float64."""
    return bool((np.isfinite(values) & (values != 0)).all())


def along(node: onnx.NodeProto, array: NDArray[Any], rank: int) -> NDArray[Any]:
    """An operand of a quantiser in the shape that broadcasts: ONNX and MultiThreshold give vectors along one axis."""
    if array.ndim != 1 or array.size == 1:
        return array
    told = attributes(node)
    if node.op_type == "MultiThreshold":
        layout = str(told.get("data_layout") or {2: "NC", 3: "NWC", 4: "NCHW"}.get(rank, ""))
        axis = layout.index("C") if "C" in layout else 1
    elif node.op_type in ("QuantizeLinear", "DequantizeLinear"):
        axis = int(told.get("axis", 1)) % rank
    else:
        return array
    return array.reshape([-1 if i == axis else 1 for i in range(rank)])


def _depth_to_space(old: tuple[int, ...], new: tuple[int, ...], order: IntArray) -> tuple[int, str] | None:
    """(block, mode) where `order` is that of DepthToSpace from (H, W, C) to (H*b, W*b, C/b^2)."""
    if len(old) != 3 or len(new) != 3 or new[0] % old[0] or new[0] == old[0] or new[0] // old[0] * old[1] != new[1]:
        return None
    b, (h, w, c) = new[0] // old[0], old
    if c % (b * b):
        return None
    words = np.arange(h * w * c)
    for mode, split, axes in (
        ("DCR", (h, w, b, b, c // (b * b)), (0, 2, 1, 3, 4)),
        ("CRD", (h, w, c // (b * b), b, b), (0, 3, 1, 4, 2)),
    ):
        if bool((words.reshape(split).transpose(axes).reshape(-1) == order).all()):
            return b, mode
    return None
