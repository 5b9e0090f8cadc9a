"""PLLs: which frequencies the PLL of a part makes of an oscillator, and the settings with which it does.

    f_pfd = oscillator / reference        must lie in Kind.pfd
    f_vco = f_pfd * feedback * inner      must lie in Kind.vco
    f     = f_vco / output                must lie in Kind.output

All frequencies are in MHz and computed as fractions, so that nothing is rounded. `inner` is the divider inside of the
loop: where the PLL feeds its output back it is the output divider itself and f = f_pfd * feedback. The limits are those
of the data sheets, as ecppll, gowin_pll and icepll have them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from lutwright.errors import BadOption

Range = tuple[float, float]

_NEAR = Fraction(1, 20)  # how far from what was asked a frequency may lie


@dataclass(frozen=True)
class Kind:
    """One kind of PLL. oscillator, pfd, vco, output: the least and the most of each frequency, in MHz.

    cell:       in hw/vendor; it stands for the primitives `primitives`.
    references, feedbacks: the largest of the dividers. outputs: every output divider.
    inside:     whether the output divider lies inside of the loop. second: whether another output, with a divider of
                its own, lies behind a loop around the first.
    """

    cell: str
    primitives: tuple[str, ...]
    oscillator: Range
    pfd: Range
    vco: Range
    output: Range
    references: int
    feedbacks: int
    outputs: tuple[int, ...]
    inside: bool = True
    second: bool = False


@dataclass(frozen=True)
class Pll:
    """The settings of a PLL; dividers as numbers, not as a primitive encodes them.

    asked, oscillator: MHz. cell: of hw/vendor.
    """

    cell: str
    asked: float
    oscillator: float
    reference: int
    feedback: int
    inner: int
    output: int

    @property
    def exact(self) -> Fraction:
        """MHz that it makes."""
        return _exact(self.oscillator) * self.feedback * self.inner / (self.reference * self.output)

    @property
    def mhz(self) -> float:
        """The same as a float."""
        return float(self.exact)

    @property
    def pfd(self) -> Fraction:
        """MHz at its phase detector."""
        return _exact(self.oscillator) / self.reference

    @property
    def vco(self) -> Fraction:
        """MHz of its oscillator."""
        return self.pfd * self.feedback * self.inner


def _rpll(scale: float, vco: float, output: float) -> Kind:
    """An rPLL of Gowin; scale: of the least frequencies, vco and output: the most."""
    dividers = (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128)
    least = (3.0, 400 * scale), (400 * scale, vco), (3.125 * scale, output)
    return Kind("pll_gowin", ("rPLL",), (3.0, 400 * scale), *least, 64, 64, dividers)


_ECP5 = Kind(
    "pll_ecp5",
    ("EHXPLLL",),
    (8.0, 400.0),
    (3.125, 400.0),
    (400.0, 800.0),
    (3.125, 400.0),
    128,
    80,
    tuple(range(1, 129)),
    second=True,
)
_ICE40 = Kind(
    "pll_ice40",
    ("SB_PLL40_CORE", "SB_PLL40_PAD"),
    (10.0, 133.0),
    (10.0, 133.0),
    (533.0, 1066.0),
    (16.0, 275.0),
    16,
    128,
    (2, 4, 8, 16, 32, 64),
    inside=False,
)
# By family, device and speed as a board file names them; "" stands for all.
_KINDS = {
    ("ecp5", "", ""): _ECP5,
    ("ice40", "", ""): _ICE40,
    ("gowin", "GW1N-1", "C6/I5"): _rpll(1, 900, 450),
    ("gowin", "GW1N-1", "C5/I4"): _rpll(0.8, 720, 360),
    ("gowin", "GW1NZ-1", "C6/I5"): _rpll(1, 800, 400),
    ("gowin", "GW1N-9", "C7/I6"): _rpll(1, 1200, 600),
    ("gowin", "GW1N-9", "C6/I5"): _rpll(1, 1200, 600),
    ("gowin", "GW1N-9", "C5/I4"): _rpll(0.8, 960, 480),
    ("gowin", "GW1N-9C", "C7/I6"): _rpll(1, 1200, 600),
    ("gowin", "GW1N-9C", "C6/I5"): _rpll(1, 1200, 600),
    ("gowin", "GW1N-9C", "C5/I4"): _rpll(0.8, 960, 480),
    ("gowin", "GW2A-18", "C8/I7"): _rpll(1.25, 1250, 625),
    ("gowin", "GW2A-18C", "C8/I7"): _rpll(1.25, 1250, 625),
}


def kind_of(family: str, device: str, speed: str) -> Kind | None:
    """The PLL of a part, or None where none is known."""
    return _KINDS.get((family, "", "")) or _KINDS.get((family, device, speed))


def find_pll(kind: Kind, oscillator: float, asked: float, where: str) -> Pll:
    """The settings of `kind` that come nearest to `asked` MHz from an oscillator of `oscillator` MHz.

    Of equally near ones, on "ecp5" that whose loop is around the output and whose VCO is nearest to the middle, as
    ecppll has it; else the one with the smallest dividers, as gowin_pll and icepll have it.
    where: for the message. Raises BadOption, with the nearest frequency, where none is within 5 %.
    """
    low, high = kind.oscillator
    if not low <= oscillator <= high:
        raise BadOption(
            where,
            f"needs an oscillator of {low:g} to {high:g} MHz for its PLL",
            f"{oscillator:g}",
            f"Leave it out for {oscillator:g} MHz.",
        )
    nearest = min(_settings(kind, oscillator, asked), key=lambda made: _rank(kind, made), default=None)
    if nearest is None or abs(nearest.exact - _exact(asked)) > _NEAR * _exact(asked):
        told = f" The nearest that it makes is {nearest.mhz:.9g} MHz." if nearest else ""
        raise BadOption(
            where,
            f"must lie within 5 % of what the PLL makes of {oscillator:g} MHz ({kind.output[0]:g} to "
            f"{kind.output[1]:g} MHz)",
            f"{asked:g}",
            f"Ask for another clock.{told}",
        )
    return nearest


def _rank(kind: Kind, made: Pll) -> tuple[Fraction, ...]:
    error = abs(made.exact - _exact(made.asked))
    if not kind.second:
        return (error, Fraction(made.reference), Fraction(made.feedback), Fraction(made.output))
    off = abs(made.vco - (_exact(kind.vco[0]) + _exact(kind.vco[1])) / 2)
    return (error, Fraction(made.inner != made.output), off, Fraction(made.reference), Fraction(made.output))


def _settings(kind: Kind, oscillator: float, asked: float) -> Iterator[Pll]:
    """Every setting within the limits that could be the nearest to `asked`."""
    for reference in range(1, kind.references + 1):
        pfd = _exact(oscillator) / reference
        if not _within(pfd, kind.pfd):
            continue
        for feedback in _feedbacks(kind, pfd, asked):
            for output in kind.outputs:
                yield from _checked(
                    kind, Pll(kind.cell, asked, oscillator, reference, feedback, output if kind.inside else 1, output)
                )
        if kind.second:
            yield from _second(kind, oscillator, asked, reference)


def _feedbacks(kind: Kind, pfd: Fraction, asked: float) -> list[int]:
    """Every feedback divider, or where the loop is around the output the two on either side of `asked`."""
    if not kind.inside:
        return list(range(1, kind.feedbacks + 1))
    ratio = _exact(asked) / pfd
    # What the frequency's own limits rule out must not hide the nearest that is left.
    low, high = (_exact(limit) / pfd for limit in kind.output)
    near = {floor(ratio), ceil(ratio), ceil(low), floor(high), kind.feedbacks}
    return sorted(n for n in near if 1 <= n <= kind.feedbacks)


def _second(kind: Kind, oscillator: float, asked: float, reference: int) -> Iterator[Pll]:
    """The settings whose output has a divider of its own, beside the loop."""
    pfd = _exact(oscillator) / reference
    for times in range(ceil(_exact(kind.vco[0]) / pfd), floor(_exact(kind.vco[1]) / pfd) + 1):
        inner = next((d for d in kind.outputs if times % d == 0 and _loops(kind, pfd, times // d)), None)
        if inner is None:
            continue
        ratio = pfd * times / _exact(asked)
        for output in {floor(ratio), ceil(ratio)} & set(kind.outputs):
            yield from _checked(kind, Pll(kind.cell, asked, oscillator, reference, times // inner, inner, output))


def _loops(kind: Kind, pfd: Fraction, feedback: int) -> bool:
    """Whether the loop may have this feedback divider: what it feeds back is an output too."""
    return feedback <= kind.feedbacks and _within(pfd * feedback, kind.output)


def _checked(kind: Kind, made: Pll) -> Iterator[Pll]:
    if _within(made.vco, kind.vco) and _within(made.exact, kind.output):
        yield made


def _within(value: Fraction, limits: Range) -> bool:
    return _exact(limits[0]) <= value <= _exact(limits[1])


def _exact(mhz: float) -> Fraction:
    """A frequency as it is written in decimal."""
    return Fraction(str(mhz))
