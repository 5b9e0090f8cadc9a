"""Valid models with random edits, which parse: whatever is in them, the import ends in a graph or in a named error."""

import contextlib
import resource
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from models import build
from onnx import numpy_helper

from lutwright.errors import LutwrightError
from lutwright.frontend.load import load_model
from lutwright.frontend.translate import import_model

NAMES = (
    "digits-raw",
    "digits-with_top_k",
    "super_resolution-raw",
    "keywords-clean",
    "qcdq-qcdq",
    "upsampled-raw",
    "inception-clean",
    "quantised_average-free_batch",
    "finn_layers",
    "curves-raw",
)
HOSTILE = (-1, 0, 1, 2, 3, 5, 64, 1 << 20, 1 << 31, 1 << 40, (1 << 63) - 1, -(1 << 63))
OPERATORS = ("Relu", "Add", "Conv", "MatMul", "Concat", "Reshape", "Transpose", "Resize", "Expand", "Tile", "Range")


@contextlib.contextmanager
def little_memory():
    """At most 4 GB more than this process has, so that an allocation from a hostile size fails at once.

    What it has depends on the test modules that were loaded before; libraries map far more than they use.
    """
    before = resource.getrlimit(resource.RLIMIT_AS)
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + (4 << 30), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def tensor_names(graph):
    return (
        [v.name for v in graph.input] + [t.name for t in graph.initializer] + [n for m in graph.node for n in m.output]
    )


def edit(graph, rng):
    """One random edit of `graph`."""
    node = graph.node[rng.integers(len(graph.node))]
    names = tensor_names(graph)
    kind = rng.integers(11)
    number = int(rng.choice(np.array(HOSTILE, object)))
    if kind == 0 and node.input:
        node.input[rng.integers(len(node.input))] = names[rng.integers(len(names))]
    elif kind == 1:
        graph.node.remove(node)
    elif kind == 2:
        node.op_type = OPERATORS[rng.integers(len(OPERATORS))] if rng.random() < 0.7 else node.op_type + "X"
    elif kind in (3, 4, 5) and node.attribute:
        change_attribute(node.attribute[rng.integers(len(node.attribute))], number, rng)
    elif kind == 6:
        shape = graph.input[0].type.tensor_type.shape.dim
        shape[rng.integers(len(shape))].dim_value = number
    elif kind in (7, 8) and graph.initializer:
        change_tensor(graph.initializer[rng.integers(len(graph.initializer))], number, rng)
    elif kind == 9 and node.input:
        node.input.pop() if rng.random() < 0.5 else node.input.append(names[rng.integers(len(names))])
    elif kind == 10:
        graph.output[0].name = names[rng.integers(len(names))]


def change_attribute(attribute, number, rng):
    if attribute.ints:
        attribute.ints[rng.integers(len(attribute.ints))] = number
    elif attribute.type == attribute.INT:
        attribute.i = number
    elif attribute.type == attribute.FLOAT:
        attribute.f = float(rng.choice([0.0, -1.0, 1e30, 1e-30]))
    elif attribute.type == attribute.STRING:
        attribute.s = [b"", b"\xff", b"nearest", b"FLOOR", b"SAME_UPPER"][rng.integers(5)]


def change_tensor(tensor, number, rng):
    """Another value, another shape or another type."""
    values = numpy_helper.to_array(tensor).copy()
    kind = rng.integers(4)
    if kind == 0 and values.size:
        with np.errstate(all="ignore"):
            values.reshape(-1)[rng.integers(values.size)] = np.array(number).astype(values.dtype)
    elif kind == 1:
        values = values.reshape(-1)[: rng.integers(values.size + 1)]
    elif kind == 2:
        values = np.expand_dims(values, 0)
    else:
        values = values.astype(rng.choice([np.float64, np.int8, np.int64, np.float32]))
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def survive(count, rng, folder):
    """Import `count` edited models; any error but a named one, or ten seconds, fails."""
    for _ in range(count):
        model = onnx.ModelProto()
        model.CopyFrom(build(NAMES[rng.integers(len(NAMES))]).model)
        for _ in range(rng.integers(1, 4)):
            if model.graph.node:
                edit(model.graph, rng)
        path = folder / "edited.onnx"
        path.write_bytes(model.SerializeToString())
        start = time.monotonic()
        with contextlib.suppress(LutwrightError):
            load_model(path)
            import_model(path)
        assert time.monotonic() - start < 10


def test_random_edits(tmp_path):
    with little_memory():
        survive(300, np.random.default_rng(1), tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 12))
def test_many_random_edits(seed, tmp_path):
    with little_memory():
        survive(1_000, np.random.default_rng(seed), tmp_path)
