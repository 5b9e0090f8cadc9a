"""Settings of PLLs: those of the public tools, the limits of the data sheets, and the nearest of all."""

import re
import subprocess
import sys
from fractions import Fraction
from importlib.metadata import entry_points

import numpy as np
import pytest

from lutwright.boards import at_clock, load_board
from lutwright.errors import BadBoard, BadOption
from lutwright.plls import find_pll, kind_of
from lutwright.resources import room

ECP5, ICE40 = kind_of("ecp5", "45k", "6"), kind_of("ice40", "hx8k", "")
NANO = kind_of("gowin", "GW1N-9C", "C6/I5")


def dividers(pll):
    return pll.reference, pll.feedback, pll.inner, pll.output


@pytest.mark.parametrize(
    ("asked", "reference", "feedback", "output"),
    [(50, 1, 2, 12), (80, 5, 16, 7), (100, 1, 4, 6), (75, 1, 3, 8), (125, 1, 5, 5), (40, 5, 8, 15), (60, 5, 12, 10)],
)
def test_ecp5_as_ecppll_has_it(asked, reference, feedback, output):
    """`ecppll -i 25 -o ASKED` of Project Trellis."""
    made = find_pll(ECP5, 25.0, asked, "x")
    assert dividers(made) == (reference, feedback, output, output)
    assert made.exact == asked


def test_ecp5_with_a_second_output_as_ecppll_highres_has_it():
    made = find_pll(ECP5, 25.0, 41.7, "x")  # ecppll --highres: 7, 37, 6, 19; without it 41.6667 MHz
    assert made.exact == Fraction(25 * 37 * 6, 7 * 19)
    assert made.feedback * made.inner == 37 * 6 and (made.reference, made.output) == (7, 19)


@pytest.mark.parametrize(
    ("asked", "idiv", "fbdiv", "odiv"),
    [(54, 0, 1, 8), (40.5, 1, 2, 16), (60, 8, 19, 8), (81, 0, 2, 8), (100, 6, 25, 4), (55, 0, 1, 8), (148.5, 1, 10, 4)],
)
def test_gowin_as_gowin_pll_has_it(asked, idiv, fbdiv, odiv):
    """`gowin_pll -i 27 -o ASKED -d "GW1NR-9 C6/I5"` of Project Apicula."""
    assert dividers(find_pll(NANO, 27.0, asked, "x")) == (idiv + 1, fbdiv + 1, odiv, odiv)


def test_gowin_against_the_tool_itself():
    (entry,) = entry_points(group="console_scripts", name="gowin_pll")
    run = f"import sys; from {entry.module} import {entry.attr} as main; main()"
    words = ["-i", "27", "-o", "94.5", "-d", "GW1NR-LV9QN88PC6/I5"]
    told = subprocess.run([sys.executable, "-c", run, *words], capture_output=True, text=True, check=True).stdout
    theirs = [int(re.search(rf"\.{name}\((\d+)\)", told)[1]) for name in ("IDIV_SEL", "FBDIV_SEL", "ODIV_SEL")]
    made = find_pll(NANO, 27.0, 94.5, "x")
    assert [made.reference - 1, made.feedback - 1, made.output] == theirs


@pytest.mark.parametrize(
    ("oscillator", "asked", "divr", "divf", "divq"),
    [
        (12, 60, 0, 79, 4),
        (12, 96, 0, 63, 3),
        (48, 100, 2, 49, 3),
        (48, 60, 0, 19, 4),
        (96, 16, 2, 31, 6),
        (25, 125, 0, 39, 3),
    ],
)
def test_ice40_as_icepll_has_it(oscillator, asked, divr, divf, divq):
    """`icepll -i OSCILLATOR -o ASKED` of Project IceStorm."""
    assert dividers(find_pll(ICE40, oscillator, asked, "x")) == (divr + 1, divf + 1, 1, 1 << divq)


@pytest.mark.parametrize(("kind", "oscillator"), [(ECP5, 25.0), (NANO, 27.0), (ICE40, 12.0)])
def test_limits_hold_and_nothing_nearer_is_missed(kind, oscillator):
    for asked in (17.3, 33.0, 48.31, 66.6, 119.0, 203.7):
        made = find_pll(kind, oscillator, asked, "x")
        low, high = (
            (Fraction(str(end)) for end in limits) for limits in zip(kind.pfd, kind.vco, kind.output, strict=True)
        )
        assert all(a <= f <= b for a, f, b in zip(low, (made.pfd, made.vco, made.exact), high, strict=True))
        assert made.reference <= kind.references and made.feedback <= kind.feedbacks and made.output in kind.outputs
        every = possible(kind, oscillator)
        assert abs(made.mhz - asked) <= np.abs(every - asked).min() + 1e-9


def possible(kind, oscillator):
    """Every frequency that the loop makes, the second output aside."""
    reference, feedback, output = np.meshgrid(
        np.arange(1, kind.references + 1), np.arange(1, kind.feedbacks + 1), kind.outputs, indexing="ij"
    )
    vco = oscillator / reference * feedback * (output if kind.inside else 1)
    inside = np.ones(vco.shape, bool)
    for values, (low, high) in ((oscillator / reference, kind.pfd), (vco, kind.vco), (vco / output, kind.output)):
        inside &= (values >= low) & (values <= high)
    return (vco / output)[inside]


@pytest.mark.parametrize(
    ("oscillator", "asked", "message"),
    [
        (27.0, 900, r"x: must lie within 5 % of what the PLL makes of 27 MHz \(3.125 to 600 MHz\), not 900. Ask for "
         r"another clock. The nearest that it makes is 594 MHz."),
        (27.0, 1, r"not 1. Ask for another clock. The nearest that it makes is 3.375 MHz."),
        (2.0, 50, r"x: needs an oscillator of 3 to 400 MHz for its PLL, not 2. Leave it out for 2 MHz."),
    ],
)  # fmt: skip
def test_out_of_reach(oscillator, asked, message):
    with pytest.raises(BadOption, match=message):
        find_pll(NANO, oscillator, asked, "x")


# ---- boards ----------------------------------------------------------------------------------------------------------


def test_a_board_at_another_clock():
    board = load_board("tangnano9k")
    fast = at_clock(board, 54)
    assert (fast.clock.mhz, fast.clock.oscillator_mhz, fast.clocks_per_bit) == (54.0, 27.0, 54)
    assert at_clock(fast, 27.0) == board == at_clock(board, 27)
    assert at_clock(at_clock(board, 81), 54) == fast
    near = at_clock(board, 55).clock
    assert (near.mhz, near.pll.asked) == (54.0, 55)


@pytest.mark.parametrize(
    ("board", "mhz", "message"),
    [
        ("tangnano9k", 0, "--clock: must be above 0 and at most 1000 MHz, not 0. Leave it out for the board's."),
        ("tangnano9k", 700, "The nearest that it makes is 594 MHz."),
        ("tangnano9k", 3.375, r"--clock: must suit the serial line: key 'uart.baud' must be at most a quarter of the "
         r"clock \(3.375 MHz\), not 1000000. Ask for another clock."),
        ("ulx3s-45f", 5.5, r"must divide the clock \(5.5 MHz\) to within 2 %, not 1000000 \(8.3% off\)"),
    ],
)  # fmt: skip
def test_clocks_that_a_board_cannot_have(board, mhz, message):
    with pytest.raises(BadOption, match=message):
        at_clock(load_board(board), mhz)


def test_a_part_without_a_known_pll():
    board = load_board("tangnano9k").model_copy(update={"device": "GW1NS-4"})
    message = "must be 27, the oscillator of board 'tangnano9k': no PLL of a GW1NS-4 C6/I5 is known, not 54. Leave"
    with pytest.raises(BadOption, match=message):
        at_clock(board, 54)
    assert at_clock(board, 27) == board


def test_a_board_file_names_no_pll(tmp_path):
    text = (room("boards") / "tangnano9k.toml").read_text()
    (tmp_path / "own.toml").write_text(text.replace("mhz = 27.0", "mhz = 27.0\npll = 2"))
    with pytest.raises(BadBoard, match=r"key 'clock.pll' is not known\. Say --clock MHZ when you build"):
        load_board(tmp_path / "own.toml")
