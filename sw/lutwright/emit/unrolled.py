"""A layer of the unrolled engine as SystemVerilog: one line for each adder and each register."""

from __future__ import annotations

from dataclasses import dataclass, field

import lutwright
from lutwright.dataflow.adders import Sum
from lutwright.dataflow.unrolled import Unrolled, result_range
from lutwright.emit.render import render

_SHORT = 4


def unrolled_file(layer: Unrolled) -> bytes:
    """The module of `layer`. The same layer gives the same bytes."""
    text = _Text(layer)
    stages = [text.stage(k) for k in range(1, layer.latency + 1)]
    outputs = [text.output(row) for row in range(layer.outputs)]
    low, high = result_range(layer.graph)
    return render(
        "unrolled_mac.sv.j2",
        {
            "layer": layer,
            "version": lutwright.__version__,
            "low": low,
            "high": high,
            "sources": text.sources(),
            "stages": stages,
            "outputs": outputs,
            "unused": sorted(text.cut),
        },
    )


@dataclass
class _Stage:
    """Lines between the registers number - 1 and number: declarations, sums, and what the registers take."""

    number: int
    declared: list[str] = field(default_factory=list)
    sums: list[str] = field(default_factory=list)
    registers: list[str] = field(default_factory=list)


class _Text:
    """Lines of SystemVerilog. `cut`: signals whose upper bits some line does not read."""

    def __init__(self, layer: Unrolled) -> None:
        self.layer, self.graph, self.made = layer, layer.graph, layer.schedule
        self.cut: set[str] = set()
        self.in_stage: list[list[int]] = [[] for _ in range(layer.latency + 1)]
        self.kept: list[list[int]] = [[] for _ in range(layer.latency + 1)]
        for value in range(self.graph.values):
            if self.made.last[value]:
                self.in_stage[self.made.stages[value]].append(value)
            for stage in self.made.registers(value):
                self.kept[stage].append(value)
        self.read_at_once = {
            operand
            for value, made in enumerate(self.graph.sums, self.graph.inputs)
            for operand in made.operands
            if self.made.stages[operand] == self.made.stages[value]
        }

    def sources(self) -> list[str]:
        """The inputs that a sum or an output reads, and what only puts their bits side by side."""
        lines = []
        for value in self.in_stage[0]:
            width = self.graph.widths[value]
            made = self.graph.sum_of(value)
            if made is None:
                data = f"s_data[{value * self.layer.x_bits}+:{width}];"
            else:
                data = f"{self._sum(made, value, 1)};{self._comment(value)}"
            lines.append(f"wire {self._declare(self._name(value), value)[:-1]} = {data}")
        return lines

    def stage(self, number: int) -> _Stage:
        """Stage `number`: a sum that the stage itself reads on is a wire of its own, any other goes to its register."""
        stage = _Stage(number)
        for value in self.in_stage[number]:
            if value in self.read_at_once:
                made = self.graph.sum_of(value)
                assert made is not None
                stage.declared.append(f"(* keep *) {self._declare(self._name(value), value)}")
                stage.sums.append(
                    f"assign {self._name(value)} = {self._sum(made, value, number)};{self._comment(value)}"
                )
        for value in self.kept[number]:
            stage.declared.append(self._declare(f"s{number}_{self._name(value)}", value))
            stage.registers.append(self._register(value, number))
        return stage

    def output(self, row: int) -> str:
        """The assignment of element `row` of m_data."""
        bits, term = self.layer.acc_bits, self.graph.outputs[row]
        place = f"assign m_data[{row * bits}+:{bits}]"
        if term is None:
            return f"{place} = {bits}'d0;"
        name = f"s{self.layer.latency}_{self._name(term.value)}"
        if self.graph.widths[term.value] + term.shift > bits:
            self.cut.add(name)
        if term.shift:
            name = self._signed(f"{{{name}, {term.shift}'d0}}", term.value)
        return f"{place} = {bits}'({name});"

    def _register(self, value: int, number: int) -> str:
        made = self.graph.sum_of(value)
        fresh = made is not None and self.made.stages[value] == number and value not in self.read_at_once
        data = self._sum(made, value, number) if fresh and made is not None else self._at(value, number)
        return f"s{number}_{self._name(value)} <= {data};{self._comment(value) if fresh else ''}"

    def _at(self, value: int, number: int) -> str:
        """The signal that carries `value` in stage `number`."""
        made = self.made.stages[value]
        return self._name(value) if made == number or number == 1 else f"s{number - 1}_{self._name(value)}"

    def _sum(self, made: Sum, value: int, number: int) -> str:
        width = self.graph.widths[value]
        if made.b is None:
            return f"-({self._bits(made.a, number, 0, width)})"
        sign = "-" if made.b_minus else "+"
        if made.a_minus:
            return f"{self._shifted(made.b, number, made.shift, width)} - {self._bits(made.a, number, 0, width)}"
        if not made.shift:
            a, b = (self._bits(v, number, 0, width) for v in (made.a, made.b))
            return f"{a} {sign} {b}"
        upper = self._bits(made.b, number, 0, width - made.shift)
        above = self._bits(made.a, number, made.shift, width - made.shift)
        if above:
            upper = f"{above} {sign} {upper}"
        elif made.b_minus:
            upper = f"-({upper})"
        return f"{{{upper}, {self._low(made.a, number, made.shift)}}}"

    def _bits(self, value: int, number: int, start: int, width: int) -> str:
        """The bits of `value` from `start` on as `width` bits; "" where they are all 0."""
        name, own = self._at(value, number), self.graph.widths[value]
        if own - start > width:
            self.cut.add(name)
        if start >= own:
            return (
                f"{width}'({self._signed(f'{name}[{own - 1}:{own - 1}]', value)})" if self.graph.signed[value] else ""
            )
        data = self._signed(f"{name}[{own - 1}:{start}]", value) if start else name
        return data if own - start == width and not start else f"{width}'({data})"

    def _low(self, value: int, number: int, width: int) -> str:
        """The lowest `width` bits of `value`."""
        name, own = self._at(value, number), self.graph.widths[value]
        return f"{name}[{width - 1}:0]" if own > width else name if own == width else f"{width}'({name})"

    def _shifted(self, value: int, number: int, shift: int, width: int) -> str:
        if not shift:
            return self._bits(value, number, 0, width)
        name, own = self._at(value, number), self.graph.widths[value]
        if own + shift > width:
            self.cut.add(name)
        return f"{width}'({self._signed(f'{{{name}, {shift}{chr(39)}d0}}', value)})"

    def _signed(self, expression: str, value: int) -> str:
        return f"$signed({expression})" if self.graph.signed[value] else expression

    def _declare(self, name: str, value: int) -> str:
        signed = "signed " if self.graph.signed[value] else ""
        return f"logic {signed}[{self.graph.widths[value] - 1}:0] {name};"

    def _comment(self, value: int) -> str:
        """What `value` is of the inputs, where that is short."""
        row = self.graph.coefficients[value]
        columns = row.nonzero()[0].tolist()
        if len(columns) > _SHORT:
            return ""
        parts = [f"{'-' if row[c] < 0 else '+'} {'' if abs(row[c]) == 1 else f'{abs(row[c])}*'}x{c}" for c in columns]
        text = " ".join(parts)
        return f"  // {text[2:]}" if text.startswith("+") else f"  // -{text[2:]}"

    def _name(self, value: int) -> str:
        """x5 for an element of x, n17 for a sum."""
        return f"{'x' if value < self.graph.inputs else 'n'}{value}"
