"""The model as it is, run node by node in float32 and in float64, every tensor on request.

Neither rung takes a word from the integer graph: float32 is onnxruntime, float64 is numpy and onnx's reference, the
QONNX operators are the qonnx package's. What they agree on is what the model computes. The float64 rung may be told the
scales of sums (see check/grids.py), which makes it exact where float64 alone would lose a tie.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

import numpy as np
import onnx
from onnx import numpy_helper

from lutwright.check.float32 import demote, runtime_kernel
from lutwright.check.float64 import numpy_kernel, promote
from lutwright.check.grids import Grids
from lutwright.check.qonnx_ops import DOMAINS, Array, Kernel, attributes, place, qonnx_kernel
from lutwright.errors import BadData, BadModel
from lutwright.frontend.structure import in_order, read_for
from lutwright.frontend.tensors import is_integer
from lutwright.frontend.translator import Tap

_STANDARD = ("", "ai.onnx")
_CHANNELS_LAST = "qonnx.custom_op.channels_last"
_SUMS = ("Conv", "Gemm", "MatMul", "Add", "Sub", "Sum", "AveragePool", "GlobalAveragePool", "ReduceMean", "ReduceSum")
# Where an input of these operators is a shape, its first entry is the batch.
_SHAPES = {"Reshape": 1, "Expand": 1, "Resize": 3}

MakeKernel = Callable[[onnx.NodeProto, Mapping[str, Array], int], Kernel]


class Rung:
    """One executor of an ONNX model with one float input. What only depends on constants is computed once.

    A model that was exported with a fixed batch runs with any: where the shape that a Reshape, Expand or Resize is
    given as a constant begins with the exported batch, the batch of the run takes its place. A free batch counts as 1.
    """

    def __init__(
        self,
        model: onnx.ModelProto,
        make: MakeKernel,
        convert: Callable[[Array], Array],
        kind: type[np.floating],
        taps: Iterable[Tap] = (),
    ) -> None:
        graph = model.graph
        self._grids = Grids(taps)
        self._versions = {entry.domain: entry.version for entry in model.opset_import}
        self._make = make
        self.constants = {t.name: convert(numpy_helper.to_array(t)) for t in graph.initializer}
        inputs = [value for value in graph.input if value.name not in self.constants]
        if len(inputs) != 1:
            raise BadModel("the model", "must have one input", len(inputs), "Cut the model.")
        self.input = inputs[0].name
        element = onnx.helper.tensor_dtype_to_np_dtype(inputs[0].type.tensor_type.elem_type or onnx.TensorProto.FLOAT)
        self._input_kind = element if is_integer(element) else np.dtype(kind)
        self.outputs = tuple(value.name for value in graph.output)
        sizes = [int(d.dim_value) for d in inputs[0].type.tensor_type.shape.dim]
        self._batch, self.shape = max(1, sizes[0]), tuple(sizes[1:])
        self._plan: list[tuple[onnx.NodeProto, Kernel, int | None]] = []
        for node in read_for(self.outputs, in_order(graph, {*self.constants, self.input})):
            self._place(node, convert)

    def _place(self, node: onnx.NodeProto, convert: Callable[[Array], Array]) -> None:
        """Run `node` now if all its inputs are constants, otherwise put it into the plan."""
        if node.op_type == "Constant":
            self.constants[node.output[0]] = convert(_constant(node))
            return
        names = [name for name in node.input if name]
        folds = bool(names) and all(name in self.constants for name in names)
        index = _SHAPES.get(node.op_type, 0)
        resized = index if not folds and index and index < len(node.input) else None
        fixed = {name: self.constants[name] for name in names if name in self.constants}
        if resized is not None:
            fixed.pop(node.input[resized], None)
        kernel = self._kernel(node, {} if folds else fixed)
        if folds:
            values = _run(node, kernel, [self.constants[n] if n else None for n in node.input])
            self.constants.update(zip(node.output, values, strict=False))
        else:
            self._plan.append((node, kernel, resized))

    def _kernel(self, node: onnx.NodeProto, fixed: Mapping[str, Array]) -> Kernel:
        last = node.domain == _CHANNELS_LAST or node.op_type.endswith("NHWC")
        if node.domain in DOMAINS and not last:
            return qonnx_kernel(node)
        if last:
            plain = onnx.NodeProto()
            plain.CopyFrom(node)
            plain.domain, plain.op_type = "", node.op_type.removesuffix("NHWC")
            del plain.attribute[:]
            plain.attribute.extend(a for a in node.attribute if a.name != "data_layout")
            return _last(self._make(plain, {}, self._versions.get("", 13)), node.op_type == "Conv")
        if node.domain not in _STANDARD:
            raise BadModel(place(node), f"its domain must be ONNX's or one of {', '.join(DOMAINS)}", node.domain)
        return self._make(node, fixed, self._versions.get("", self._versions.get("ai.onnx", 13)))

    def run(self, x: Array, keep: Collection[str] | None = None) -> dict[str, Array]:
        """Run frames x [batch, *input shape]; return tensor name -> array [batch, ...].

        keep: the names to return; None is all that depend on the input, the input itself among them.
        Raises BadData where x does not fit, BadModel where a node cannot be run.
        """
        if x.shape[1:] != self.shape:
            raise BadData(f"input '{self.input}'", f"frames must have shape {self.shape}", x.shape[1:])
        values = {self.input: np.ascontiguousarray(x, self._input_kind)}
        last_use = {name: i for i, (node, _, _) in enumerate(self._plan) for name in node.input}
        for i, (node, kernel, resized) in enumerate(self._plan):
            inputs = [values.get(n, self.constants.get(n)) if n else None for n in node.input]
            if resized is not None and inputs[resized] is not None:
                inputs[resized] = self._batched(inputs[resized], len(x), node.input[resized] in self.constants)
            made = _run(node, kernel, inputs)
            if node.op_type in _SUMS:
                made[0] = self._grids.settle(node.output[0], made[0])
            values.update((n, y) for n, y in zip(node.output, made, strict=False) if n)
            if keep is not None:
                for name in {*node.input, *node.output}:
                    if name not in keep and last_use.get(name, -1) <= i and name not in self.outputs:
                        values.pop(name, None)
        return {name: y for name, y in values.items() if keep is None or name in keep}

    def _batched(self, shape: Array | None, batch: int, constant: bool) -> Array | None:
        """A shape with its first entry replaced by this run's batch, where it is the exported one."""
        if shape is None or not constant or shape.ndim != 1 or not shape.size or shape[0] != self._batch:
            return shape
        return np.concatenate([[batch], shape[1:]]).astype(np.int64)


class Float32Rung(Rung):
    """The model in float32, standard operators by onnxruntime; what the model has in float64 is rounded."""

    def __init__(self, model: onnx.ModelProto) -> None:
        super().__init__(model, runtime_kernel, demote, np.float32)


class Float64Rung(Rung):
    """The model with every constant as float64 and every operation in float64.

    taps: whole numbers times a scale among the model's tensors; its sums of them are kept exact.
    """

    def __init__(self, model: onnx.ModelProto, taps: Iterable[Tap] = ()) -> None:
        super().__init__(model, numpy_kernel, promote, np.float64, taps)


def _run(node: onnx.NodeProto, kernel: Kernel, inputs: list[Array | None]) -> list[Array]:
    try:
        with np.errstate(all="ignore"):
            return kernel(inputs)  # type: ignore[arg-type]
    except (ValueError, TypeError, IndexError, KeyError, AssertionError, AttributeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise BadModel(place(node), f"must run on its inputs ({reason})", fix="Export the model again.") from error


def _last(kernel: Kernel, weights: bool) -> Kernel:
    """A channels-first kernel for a channels-last node of qonnx, whose Conv has its weights channels-last as well."""

    def run(inputs: list[Array]) -> list[Array]:
        turned = [
            np.ascontiguousarray(np.moveaxis(x, -1, 1)) if i == 0 or (weights and i == 1) else x
            for i, x in enumerate(inputs)
        ]
        return [np.moveaxis(y, 1, -1) for y in kernel(turned)]

    return run


def _constant(node: onnx.NodeProto) -> Array:
    told = attributes(node)
    name, value = next(iter(told.items()))
    if name == "value":
        return np.asarray(numpy_helper.to_array(value))
    return np.asarray(value, np.float32 if "float" in name else np.int64)
