"""uart_rx and uart_tx alone, at an even and an odd number of clocks a bit."""

import shutil

import pytest

from lutwright.resources import room
from lutwright.simulate.runner import Bench

# Icarus compiles a cell at once, and reads the narrowest SystemVerilog; Verilator runs the same tests elsewhere.
SIMULATOR = "icarus" if shutil.which("iverilog") else "verilator"


@pytest.mark.parametrize(
    ("cell", "clocks", "cases"),
    [
        ("uart_rx", 27, ("rx_bytes", "rx_faults")),
        ("uart_rx", 16, ("rx_bytes", "rx_faults")),
        ("uart_tx", 27, ("tx_bytes",)),
        ("uart_tx", 2, ("tx_bytes",)),
    ],
)
def test_uart(cell, clocks, cases, tmp_path):
    bench = Bench([room("hw") / "rtl" / f"{cell}.sv"], cell, tmp_path, {"CLOCKS_PER_BIT": clocks}, SIMULATOR)
    bench.compile()
    for case in cases:
        bench.run("tb_uart", testcase=case, expect=1)
