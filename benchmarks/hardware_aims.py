"""What the hardware is aimed at, beside what was measured: the head of the page of figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]
Tables = Mapping[str, Sequence[Row]]
_LUT_ERROR = 0.15
_CLOCK_ERROR = 0.02
_SHARE = 0.6  # of a Tang Nano 9K


@dataclass(frozen=True)
class Judged:
    """One aim, what was measured for it, and whether that meets it."""

    aim: str
    measured: str
    met: bool


def judged(tables: Tables) -> list[Judged]:
    """Every aim for which `tables` has all figures."""
    found = (judge(tables) for judge in _JUDGES)
    return [one for one in found if one is not None]


def _ours(tables: Tables, table: str, **wanted: Any) -> Row | None:
    """The first row of ours in `table` that has all figures and the `wanted` values."""
    for row in tables.get(table, ()):
        if (
            row["tool"] == "lutwright"
            and row["xc7_lut"]
            and all(row.get(key) == value for key, value in wanted.items())
        ):
            return row
    return None


def _digits(interval: int, most: int) -> Callable[[Tables], Judged | None]:
    def judge(tables: Tables) -> Judged | None:
        row = _ours(tables, "digits", told=interval)
        if row is None:
            return None
        luts, with_dsp, clocks = row["xc7_lut"]["lut"], row["xc7"], row["clocks"]
        other = f"; {with_dsp['lut']:,} and {with_dsp['dsp']} DSPs" if with_dsp and with_dsp["dsp"] else ""
        aim = f"Digits CNN at {interval:,} clocks a frame: {most:,} LUTs or fewer, 7-series, exact"
        exact = row["exact"][0] == row["exact"][1]
        return Judged(aim, f"{luts:,} LUTs{other}; {clocks:,} clocks", luts <= most and clocks <= interval and exact)

    return judge


def _mlp(tables: Tables) -> Judged | None:
    ours = _ours(tables, "mlp")
    theirs = next((row for row in tables.get("mlp", ()) if row["tool"] == "da4ml" and row.get("xc7_lut")), None)
    if ours is None or theirs is None:
        return None
    mine, other = ours["xc7_lut"]["lut"], theirs["xc7_lut"]["lut"]
    exact = ours["exact"][0] == ours["exact"][1]
    aim = "MLP 16-64-32-32-5, a frame a clock: fewer LUTs than da4ml, 7-series, exact"
    return Judged(aim, f"{mine:,}, da4ml {other:,}", mine < other and exact)


def _mlp_clock(tables: Tables) -> Judged | None:
    ours = next((row for row in tables.get("mlp", ()) if row.get("mhz")), None)
    if ours is None:
        return None
    return Judged("The same MLP: above 100 MHz on an LFE5U-85F", f"{ours['mhz']:.0f} MHz", ours["mhz"] > 100)


def _clocks(tables: Tables) -> Judged | None:
    found = [row["mhz"] for table in ("digits", "mlp") for row in tables.get(table, ()) if row.get("mhz")]
    if not found:
        return None
    text = ", ".join(f"{mhz:.0f}" for mhz in sorted(found))
    return Judged("Fmax on ECP5: 100 MHz or more, every network here", f"{text} MHz", min(found) >= 100)


def _matrices(tables: Tables) -> Judged | None:
    by_title: dict[str, dict[str, int]] = {}
    for row in tables.get("matrices", ()):
        if row["xc7_lut"]:
            by_title.setdefault(row["title"], {})[row["tool"]] = row["xc7_lut"]["lut"]
    pairs = [(lut["lutwright"], lut["da4ml"]) for lut in by_title.values() if len(lut) == 2]
    if not pairs:
        return None
    text = "; ".join(f"{ours:,} / {theirs:,}" for ours, theirs in pairs)
    aim = "Unrolled: no more LUTs than da4ml's Verilog of the same matrix (ours / da4ml), 7-series"
    return Judged(aim, text, all(ours <= theirs for ours, theirs in pairs))


def _multiplexer(tables: Tables) -> Judged | None:
    dense = _ours(tables, "engines", kind="dense", bits=4, engine="folded")
    mux = _ours(tables, "engines", kind="mux", bits=4, engine="mux", told=dense["told"]) if dense else None
    if dense is None or mux is None:
        return None
    share = mux["xc7_lut"]["lut"] / dense["xc7_lut"]["lut"]
    aim = "One weight a kernel, mux engine: a third of the LUTs of the dense layer, folded, at the same interval"
    text = f"{mux['xc7_lut']['lut']:,} of {dense['xc7_lut']['lut']:,}: {share:.0%}"
    return Judged(aim, text, share <= 1 / 3)


def _demo(tables: Tables) -> Judged | None:
    row = next((row for row in tables.get("demo", ()) if row["board"] == "tangnano9k" and row["counted"]), None)
    if row is None:
        return None
    share = row["counted"]["lut"] / row["have"]["lut"]
    aim = f"MNIST demo with its UART link, a pixel a clock: {_SHARE:.0%} of a Tang Nano 9K's LUTs or fewer"
    return Judged(aim, f"{row['counted']['lut']:,} of {row['have']['lut']:,}: {share:.0%}", share <= _SHARE)


def _interval(tables: Tables) -> Judged | None:
    made = [
        (row["told"], row["clocks"])
        for table in ("digits", "mlp", "engines")
        for row in tables.get(table, ())
        if "told" in row
    ]
    made += [(row["told"]["clocks"], row["clocks"]) for row in tables.get("model", ()) if row.get("clocks")]
    made += [(row["told"], row["simulated"]["clocks"]) for row in tables.get("speed", ()) if row["simulated"]]
    if not made:
        return None
    worst = max(clocks / told for told, clocks in made)
    same = sum(clocks == told for told, clocks in made)
    text = f"{same} of {len(made)} as told; {worst - 1:+.1%} at worst"
    return Judged("Clocks a frame: those of the slowest stage, within 2 %", text, worst <= 1 + _CLOCK_ERROR)


def _model(tables: Tables) -> Judged | None:
    rows = [row for row in tables.get("model", ()) if row["counted"]]
    if not rows:
        return None
    errors = [row["told"]["lut"] / row["counted"]["lut"] - 1 for row in rows]
    wrong = sum(row["told"][kind] != row["counted"][kind] for row in rows for kind in ("bram", "dsp"))
    clocks = sum(row["told"]["clocks"] != row["clocks"] for row in rows if row.get("clocks"))
    worst = max(errors, key=abs)
    text = f"{worst:+.1%} at worst; {wrong} counts and {clocks} intervals wrong"
    aim = "Estimate of networks not calibrated on: LUTs within 15 %, block RAM, DSP and clocks exact"
    return Judged(aim, text, abs(worst) <= _LUT_ERROR and not wrong and not clocks)


def _scale(tables: Tables) -> Judged | None:
    rows = [row for row in tables.get("speed", ()) if row["simulated"]]
    if not rows:
        return None
    took = {row["title"]: row["simulated"]["compile_seconds"] + row["simulated"]["run_seconds"] for row in rows}
    aim = "Simulated exactly in Verilator, 10 frames or more, within 10 minutes"
    text = "; ".join(f"{title} {seconds:.0f} s" for title, seconds in took.items())
    return Judged(aim, text, len(rows) == len(tables["speed"]) and max(took.values()) <= 600)


_JUDGES: Sequence[Callable[[Tables], Judged | None]] = (
    _digits(1024, 1500),
    _digits(64, 8000),
    _mlp,
    _mlp_clock,
    _matrices,
    _multiplexer,
    _demo,
    _clocks,
    _interval,
    _model,
    _scale,
)
