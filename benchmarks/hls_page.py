"""The figures of the hls4ml benchmark as a Markdown page."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from hls_verdict import CRASH
from tables import processor

Row = Mapping[str, Any]  # as hls.py makes them

_NOTES = """\
*lutwright* is `build --backend hls4ml` with io_stream: the C++ that it emits, compiled with g++ -O1 and hls4ml's own
types, against the integer executor on every word of every layer; the integers are first compared with the model itself
(`lutwright check`). *hls4ml* is hls4ml's own QONNX conversion of the same file, as its documentation does it, compiled
at -O1 too, twice: every precision that it does not infer is its default, fixed<16,6>, or a wider one.

- exact: every output of every frame is that of the exact integers (nearest to it: the last scale may be rounded);
- right class only: the class of every frame is right, the outputs are not;
- silently wrong: a class of some frame is wrong, and nothing was said;
- crash: it ended in an error, which stands below the table.

Networks of bnn_pynq, the digits CNN and the MLP are untrained, with seeded weights and disturbed batch norms: a class
hangs on less than in a trained one. The MNIST demo is trained, and its frames are test images. Frames/s are those of
the program that reads and writes all frames, start included, on one core; the last two columns are of the wider one.
Times are wall time: with other work beside (the load average tells) a compiler takes up to ten times as long.
"""


_COLUMNS = ("network", "frames", "lutwright", "words compared", "layers, ours", "compile s", "frames/s")
_COLUMNS += ("hls4ml, its default", "hls4ml, wider", "compile s", "frames/s")
_LEFT = ("network", "lutwright", "hls4ml, its default", "hls4ml, wider")


def page(command: str, load: float, rows: Sequence[Row]) -> str:
    """The page of `rows`; load: the load average at the start."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("hls4ml", "brevitas", "qonnx", "numpy"))
    lines = [
        "# The hls4ml backend, beside plain hls4ml",
        "",
        f"    {command}",
        "",
        f"Python {platform.python_version()}, {versions}.",
        f"{processor()}, {os.cpu_count()} cores; load average {load:.1f} at the start.",
        "",
        _NOTES,
        f"| {' | '.join(_COLUMNS)} |",
        f"|{'|'.join('---' if name in _LEFT else '--:' for name in _COLUMNS)}|",
        *(_line(row) for row in rows),
        "",
    ]
    why = [
        f"- {row['title']}, {told['precision']}: {told['said']}"
        for row in rows
        for told in row["plain"]
        if told["said"]
    ]
    refused = [f"- {row['title']}: {row['ours']['refused']}" for row in rows if row["ours"]["refused"]]
    wrong = [f"- {row['title']}: {row['ours']['first']}" for row in rows if row["ours"]["first"]]
    for title, told in (("Refused by lutwright", refused), ("First wrong word", wrong), ("What hls4ml said", why)):
        if told:
            lines += [f"{title}:", "", *told, ""]
    return "\n".join(lines)


def _line(row: Row) -> str:
    ours, plain = row["ours"], row["plain"]
    kind = "refused" if ours["refused"] else f"{ours['mismatches']:,} wrong" if ours["mismatches"] else "exact"
    cells = [row["title"], f"{row['frames']:,}", kind, f"{ours['words']:,}"]
    cells += [f"{ours['layers'] + ours['extensions']}, {ours['extensions']}", *_speed(ours)]
    return f"| {' | '.join([*cells, *map(_verdict, plain), *_speed(plain[-1])])} |"


def _speed(row: Row) -> list[str]:
    rate = row["rate"]
    return [f"{row['compile_seconds']:.0f}", f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"] if rate else ["-", "-"]


def _verdict(plain: Row) -> str:
    if not plain["precision"]:
        return "not run"
    found = plain["verdict"]
    if found is None:
        return f"{plain['precision']}: {CRASH}"
    return f"{plain['precision']}: {found['kind']} ({found['exact']:,} exact, {found['classes']:,} classes)"
