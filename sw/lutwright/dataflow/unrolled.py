"""A layer of the unrolled engine as data: one vector in a clock, every weight a constant in the wiring."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lutwright.dataflow.adder_graph import solve_range
from lutwright.dataflow.adder_pipeline import Schedule, schedule
from lutwright.dataflow.adders import AdderGraph
from lutwright.errors import BadGraph
from lutwright.numerics.quantiser import IntArray
from lutwright.numerics.ranges import IntType, type_of


@dataclass(frozen=True, eq=False)
class Unrolled:
    """y = W x as a generated module.

    name: of the module. schedule: its adders and their registers. x_bits: bits of an element of x, two's complement if
    x_signed. acc_bits: bits of an element of y, two's complement.
    """

    name: str
    schedule: Schedule
    x_bits: int
    x_signed: bool
    acc_bits: int

    @property
    def graph(self) -> AdderGraph:
        """The adders."""
        return self.schedule.graph

    @property
    def inputs(self) -> int:
        """Elements of a vector x."""
        return self.graph.inputs

    @property
    def outputs(self) -> int:
        """Elements of a result y."""
        return len(self.graph.outputs)

    @property
    def latency(self) -> int:
        """Clocks from a vector to its result."""
        return self.schedule.latency


def unroll(
    name: str, matrix: IntArray, ends: tuple[int, int], x_bits: int, x_signed: bool, acc_bits: int, levels: int
) -> Unrolled:
    """The unrolled layer `name` for `matrix`, int64 [outputs, inputs].

    A convolution's matrix is its weights [O, kh, kw, I] as [O, kh*kw*I], the order of a window.
    ends: lowest and highest x; where the window is padded with zeros, 0 must be among them. levels: adders between two
    registers. Raises BadGraph where a range is wider than its bits, NotExact where the adders are not the matrix.
    """
    low, high = ends
    x_type = type_of(min(low, -1) if x_signed else low, high)
    if x_type.width > x_bits or x_type.signed != x_signed:
        raise BadGraph(f"layer '{name}'", f"inputs in [{low}, {high}] must fit {IntType(x_signed, x_bits)}")
    graph = _solved(matrix.astype(np.int64).tobytes(), len(matrix), low, high, levels)
    layer = Unrolled(name, schedule(graph, levels), x_bits, x_signed, acc_bits)
    lowest, highest = result_range(graph)
    needed = type_of(min(lowest, -1), highest).width
    if needed > acc_bits:
        raise BadGraph(f"layer '{name}'", f"results in [{lowest}, {highest}] must fit int{acc_bits}", f"int{needed}")
    return layer


@lru_cache(maxsize=64)
def _solved(matrix: bytes, outputs: int, low: int, high: int, levels: int) -> AdderGraph:
    """solve_range, once for each matrix: a folding is estimated and lowered many times."""
    return solve_range(np.frombuffer(matrix, np.int64).reshape(outputs, -1), low, high, levels)


def result_range(graph: AdderGraph) -> tuple[int, int]:
    """Lowest and highest integer of all outputs of `graph`; both are reached."""
    low, high = graph.ranges
    lows = [int(low[t.value]) << t.shift if t else 0 for t in graph.outputs]
    highs = [int(high[t.value]) << t.shift if t else 0 for t in graph.outputs]
    return min(lows), max(highs)
