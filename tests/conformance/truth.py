"""What a model computes, set against the integers of its import, word by word."""

from dataclasses import dataclass

import numpy as np

from lutwright.check.classes import output_values
from lutwright.check.rungs import Float32Rung, Float64Rung
from lutwright.ir.execute import execute_all

# How far a word of the float64 model may lie from its integer: what float64 sums and divisions leave over.
_ROUNDING = 1e-6
_RELATIVE = 1e-14


@dataclass(frozen=True)
class Comparison:
    """words: compared over all taps; wrong: a line for each tap that differs."""

    words: int
    wrong: tuple[str, ...]


def compare(imported, model, frames):
    """Run `frames` through the model, in the import's arithmetic, and through its graph; compare every tap.

    The floats behind the last integers are compared too, but only closely: exponents and softmax differ by library.
    """
    exact = imported.arithmetic is np.float32
    rung = Float32Rung(model) if exact else Float64Rung(model, imported.taps)
    values = rung.run(frames, {tap.model_tensor for tap in imported.taps} | set(rung.outputs))
    ends = zip(imported.graph.outputs, outputs(imported.graph, frames), rung.outputs, strict=True)
    for end, have, name in ends:
        assert_close(have, values[name], end.exit is None)
    words = integers(imported.graph, frames, {tap.tensor for tap in imported.taps})
    count, wrong = 0, []
    for tap in imported.taps:
        have = words[tap.tensor]
        want = tap.view.from_model(np.asarray(values[tap.model_tensor], np.float64)) / tap.scale
        assert want.shape == have.shape, f"{tap.model_tensor}: model {want.shape}, graph {have.shape}"
        tensor = imported.graph.tensors[tap.tensor]
        assert have.min() >= tensor.low and have.max() <= tensor.high, f"{tap.tensor}: outside of its range"
        bad = (want != have) if exact else ~(np.abs(want - have) <= _ROUNDING + _RELATIVE * np.abs(have))
        count += have.size
        if bad.any():
            where = tuple(int(i) for i in np.argwhere(bad)[0])
            found = f"{int(bad.sum())} of {bad.size}, first at {where}: model {want[where]!r}, graph {have[where]}"
            wrong.append(f"{tap.model_tensor} = {tap.tensor} (node {tap.node!r}): {found}")
    return Comparison(count, tuple(wrong))


def assert_close(have, want, indices):
    """The graph's output against the model's: equal indices, whose axis the graph keeps, or close floats."""
    if indices:
        assert np.array_equal(have.reshape(want.shape), want), "output: other indices"
        return
    assert have.shape == want.shape, f"output: model {want.shape}, graph {have.shape}"
    furthest = float(np.abs(have - want).max())
    assert furthest <= 1e-5 * max(float(np.abs(want).max()), 1e-6), f"output: {furthest} apart"


def integers(graph, frames, tensors):
    """Tensor name -> words of `graph` for `frames` of the model's input."""
    return execute_all(graph, graph.edge.codes(graph.edge.arrange(frames)), tensors)


def outputs(graph, frames):
    """What comes out of the model by `graph`, each output: floats, or indices where it ends in them."""
    words = integers(graph, frames, set(graph.ends))
    return [output_values(output, words[output.tensor]) for output in graph.outputs]
