"""Building an adder graph sum by sum: each sum in a normal form, so that none is made twice."""

from __future__ import annotations

from dataclasses import dataclass, field

from lutwright.dataflow.adders import Term


@dataclass(frozen=True)
class Raw:
    """The value a + b * 2^shift, or a - b * 2^shift. Its sign is still open, see adder_signs."""

    a: int
    b: int
    shift: int
    subtract: bool


@dataclass
class Builder:
    """Collects sums over `inputs` inputs; value inputs + i is sums[i]."""

    inputs: int
    sums: list[Raw] = field(default_factory=list)
    _known: dict[Raw, int] = field(default_factory=dict)

    def add(self, a: Term | None, b: Term | None) -> Term | None:
        """a + b; None stands for 0. Shift and sign that both have in common go to the result."""
        if a is None or b is None:
            return a if b is None else b
        if (a.shift, a.value) > (b.shift, b.value):
            a, b = b, a
        shift, subtract = b.shift - a.shift, a.negative != b.negative
        if a.value == b.value and shift == 0:
            return None if subtract else Term(a.value, a.shift + 1, a.negative)
        if a.value == b.value and shift == 1 and subtract:  # v - 2v
            return Term(a.value, a.shift, b.negative)
        return Term(self._value(Raw(a.value, b.value, shift, subtract)), a.shift, a.negative)

    def _value(self, raw: Raw) -> int:
        if raw not in self._known:
            self._known[raw] = self.inputs + len(self.sums)
            self.sums.append(raw)
        return self._known[raw]
