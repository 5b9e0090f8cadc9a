"""Exporting a module that returns several tensors: each becomes an output with a name of its own."""

import onnx
import torch
from brevitas import nn as qnn
from brevitas.quant import Int8ActPerTensorFixedPoint, Int8WeightPerTensorFixedPoint
from torch import nn

from lutwright.frontend.export import qonnx_bytes
from lutwright.frontend.translate import import_with_taps


class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.input = qnn.QuantIdentity(act_quant=Int8ActPerTensorFixedPoint, bit_width=4)
        told = {"weight_quant": Int8WeightPerTensorFixedPoint, "weight_bit_width": 3}
        self.first, self.second = qnn.QuantLinear(5, 3, False, **told), qnn.QuantLinear(5, 2, False, **told)

    def forward(self, x):
        x = self.input(x)
        return self.first(x), self.second(x)


def test_outputs_are_numbered():
    torch.manual_seed(0)
    model = onnx.ModelProto.FromString(qonnx_bytes(TwoHeads().eval(), (1, 5)))
    assert [value.name for value in model.graph.output] == ["output", "output1"]
    graph = import_with_taps(model, "heads").graph
    assert [(o.name, graph.tensors[o.tensor].shape) for o in graph.outputs] == [("output", (3,)), ("output1", (2,))]
