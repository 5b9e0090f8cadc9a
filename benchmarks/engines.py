"""What is measured: each way to run a network on a batch, as calls without arguments."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from brevitas.export.inference import quant_inference_mode
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.change_batchsize import ChangeBatchSize
from qonnx.transformation.infer_shapes import InferShapes
from torch import nn

from lutwright.check.opened import Opened
from lutwright.ir import execute as executor

Array = NDArray[Any]
Call = Callable[[], Array]

INTEGERS = "integers"  # lutwright, input codes to output words
FLOATS = "floats"  # lutwright, the model's float input to its float output
BREVITAS = "Brevitas"
CACHED = "Brevitas, inference mode"  # weights quantised once, by Brevitas's quant_inference_mode
QONNX = "qonnx"


@contextmanager
def engines(
    module: nn.Module, opened: Opened, x: NDArray[np.float32], cached: bool
) -> Iterator[Mapping[str, Sequence[Call]]]:
    """Engine name -> calls that run the network on frames `x` [batch, *input shape], the fastest of which counts.

    cached: whether Brevitas's quant_inference_mode can run the module. INTEGERS returns int64 [batch, *output shape of
    the graph], all others floats [batch, *output shape of the model].
    """
    calls = {**_lutwright(opened, x), BREVITAS: _brevitas(module, x)}
    threads = torch.get_num_threads()
    with ExitStack() as stack:
        stack.callback(torch.set_num_threads, threads)
        stack.enter_context(torch.no_grad())
        if cached:
            twin = copy.deepcopy(module)
            stack.enter_context(quant_inference_mode(twin))
            calls[CACHED] = _brevitas(twin, x)
        yield {**calls, QONNX: _qonnx(opened, x)}


def _lutwright(opened: Opened, x: NDArray[np.float32]) -> dict[str, Sequence[Call]]:
    graph, leave = opened.fitted, opened.fitted.exit
    assert leave is not None
    codes = graph.edge.codes(graph.edge.arrange(x))

    def floats() -> Array:
        return leave.values(executor.execute(graph, graph.edge.codes(graph.edge.arrange(x))))

    return {INTEGERS: [lambda: executor.execute(graph, codes)], FLOATS: [floats]}


def _brevitas(module: nn.Module, x: NDArray[np.float32]) -> Sequence[Call]:
    """The module on all of torch's threads, and on one, which is faster for small work or beside other work."""
    frames = torch.from_numpy(x)

    def on(threads: int) -> Call:
        def run() -> Array:
            if torch.get_num_threads() != threads:
                torch.set_num_threads(threads)
            return np.asarray(module(frames))

        return run

    return [on(threads) for threads in sorted({torch.get_num_threads(), 1})]


def _qonnx(opened: Opened, x: NDArray[np.float32]) -> Sequence[Call]:
    """qonnx's executor on the model with the batch of `x`."""
    model = ModelWrapper(copy.deepcopy(opened.model))
    model = model.transform(ChangeBatchSize(len(x))).transform(InferShapes())
    name, output = model.graph.input[0].name, model.graph.output[0].name
    return [lambda: np.asarray(execute_onnx(model, {name: x})[output])]
