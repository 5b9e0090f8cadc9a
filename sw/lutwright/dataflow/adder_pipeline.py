"""Register stages of an adder graph: when each sum is made, and how long each value is kept.

Stage k, k >= 1, lies between the registers k-1 and k; stage 0 is the input itself. A sum is made in the stage of its
slot, levels slots a stage, one adder after the other. A value that a later stage reads goes through registers, one
chain a value. All outputs leave the registers of the last stage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from lutwright.dataflow.adders import AdderGraph

_SWEEPS = 60


@dataclass(frozen=True, eq=False)
class Schedule:
    """graph: its adders. levels: adders between two registers. slots: the slot of each value, 0 for the inputs."""

    graph: AdderGraph
    levels: int
    slots: tuple[int, ...]

    @property
    def latency(self) -> int:
        """Clocks from a vector to its result; the number of stages."""
        return latency_of(self.graph, self.levels)

    @cached_property
    def stages(self) -> list[int]:
        """The stage in which each value is made."""
        return [-(-slot // self.levels) for slot in self.slots]

    @cached_property
    def last(self) -> list[int]:
        """The last stage that reads each value; latency + 1 for an output, 0 for a value that nothing reads.

        What puts bits of the input side by side lies in stage 0, before any register, and reads like stage 1.
        """
        last = [0] * self.graph.values
        for value, made in enumerate(self.graph.sums, self.graph.inputs):
            for operand in made.operands:
                last[operand] = max(last[operand], self.stages[value], 1)
        for term in self.graph.outputs:
            if term is not None:
                last[term.value] = self.latency + 1
        return last

    def registers(self, value: int) -> range:
        """The stages at whose end `value` is kept."""
        return range(max(self.stages[value], 1), self.last[value])

    @cached_property
    def register_bits(self) -> int:
        """Bits of all registers."""
        return sum(len(self.registers(value)) * width for value, width in enumerate(self.graph.widths))

    @cached_property
    def flip_flops(self) -> int:
        """Flip-flops: synthesis makes one of the register bits of a stage that are copies of the same bit."""
        kept = {
            (stage, origin)
            for value, origins in enumerate(self.graph.origins)
            for stage in self.registers(value)
            for origin in origins
            if origin is not None
        }
        return len(kept)

    @cached_property
    def delay_bits(self) -> int:
        """Flip-flops that only delay: those behind no adder, which share no LUT with one."""
        behind = sum(bits for value, bits in enumerate(self.graph.adder_bits) if self.registers(value))
        return self.flip_flops - behind


def latency_of(graph: AdderGraph, levels: int) -> int:
    """Register stages that `graph` needs with `levels` adders between two registers; one at least."""
    return max(1, -(-graph.depth // levels))


def schedule(graph: AdderGraph, levels: int) -> Schedule:
    """The slots of the least latency, moved until no single sum and no sum with its operands saves registers."""
    work = _Moves(graph, levels)
    return min((work.settled(start) for start in (work.early, work.late)), key=lambda made: made.register_bits)


class _Moves:
    """Local search over the slots. A slot is free between those of the operands and those of the users."""

    def __init__(self, graph: AdderGraph, levels: int) -> None:
        self.graph, self.levels = graph, levels
        self.end = latency_of(graph, levels) * levels
        self.step = [int(bits > 0) for bits in graph.adder_bits]
        self.users: list[list[int]] = [[] for _ in range(graph.values)]
        for value, made in enumerate(graph.sums, graph.inputs):
            for operand in set(made.operands):
                self.users[operand].append(value)
        self.out = {term.value for term in graph.outputs if term is not None}
        self.early = list(graph.levels)
        self.late = self._late()
        self.slots = list(self.early)

    def _late(self) -> list[int]:
        late = [self.end] * self.graph.values
        for value in range(self.graph.values - 1, -1, -1):
            if value < self.graph.inputs:
                late[value] = 0
            for user in self.users[value]:
                late[value] = min(late[value], late[user] - self.step[user])
        return late

    def settled(self, start: Sequence[int]) -> Schedule:
        """The search from `start`."""
        self.slots = list(start)
        for sweep in range(_SWEEPS):
            order = range(self.graph.inputs, self.graph.values)
            moved = [self._move(value) for value in (order if sweep % 2 else reversed(order))]
            if not any(moved):
                break
        return Schedule(self.graph, self.levels, tuple(self.slots))

    def _move(self, value: int) -> bool:
        made = self.graph.sum_of(value)
        assert made is not None
        first = max(self.slots[v] for v in made.operands) + self.step[value]
        final = min((self.slots[user] - self.step[user] for user in self.users[value]), default=self.end)
        if first == final:
            return False
        around = {value, *made.operands}
        here = self.slots[value]
        best, place = self._registers(around), here
        for slot in range(first, final + 1):
            self.slots[value] = slot
            bits = self._registers(around)
            if bits < best:
                best, place = bits, slot
        self.slots[value] = place
        return place != here

    def _registers(self, values: set[int]) -> int:
        """Flip-flops of `values`."""
        return sum(self._kept(value) * self.graph.widths[value] for value in values)

    def _kept(self, value: int) -> int:
        made = max(1, -(-self.slots[value] // self.levels))
        if value in self.out:
            return self.end // self.levels + 1 - made
        last = max((-(-self.slots[user] // self.levels) for user in self.users[value]), default=0)
        return max(0, last - made)
