"""The board shell: files as bytes, the same every time, with the board's pins in them."""

import re
from dataclasses import replace

import pytest

from lutwright.boards import all_boards, at_clock, load_board
from lutwright.emit.shell import (
    CoreInterface,
    axis_file,
    bus_bytes,
    clock_sources,
    link_sources,
    pll_parameters,
    shell_files,
    shell_sources,
)
from lutwright.errors import BadOption
from lutwright.plls import find_pll, kind_of

CORE = CoreInterface("mnist_mux", 1, 784, 1, 1, 0xDEADBEEF)


SUFFIX = {"gowin": "cst", "ecp5": "lpf", "ice40": "pcf", "xc7": "xdc", "xcup": "xdc", "cyclonev": "qsf"}


@pytest.mark.parametrize("board", [b for b in all_boards() if b.serial], ids=lambda board: board.name)
def test_files(board):
    files = shell_files(CORE, board)
    assert files == shell_files(CORE, load_board(board.name))
    constraints = f"board_top.{SUFFIX[board.family]}"
    assert sorted(files) == sorted(["board_top.sv", constraints])
    text = {name: data.decode() for name, data in files.items()}
    pins = [board.clock.pin, board.uart.tx, board.uart.rx, board.leds.pins[0]]
    for pin in [*pins, board.reset.pin] if board.reset else pins:
        assert re.search(rf'[ "_]{pin}[ ";\n]', text[constraints])
    mhz = f"set_frequency clk {board.clock.mhz:g}\n" if board.family == "ice40" else f"{board.clock.mhz:g} MHz"
    assert mhz.lower() in text[constraints].lower()
    source = text["board_top.sv"]
    assert f".CLOCKS_PER_BIT({board.clocks_per_bit})" in source
    assert f".TIMEOUT_CLOCKS({100_000 * board.clocks_per_bit})" in source
    assert ".PROJECT_ID(32'hdeadbeef), .IN_BYTES(1), .IN_BEATS(784)," in source
    assert "mnist_mux core (" in source
    assert not re.search(r"\n\n\n|[ \t]\n|{{|{%", source)
    # Every port has a pin.
    ports = re.findall(r"^  (?:input|output) +logic (\w+)", source, re.M)
    assert ports == ["clk", *(["button"] if board.reset else []), "uart_rxd", "uart_txd", "led"]
    assert all(re.search(rf'[ "]{port}[] "\n]', text[constraints]) for port in ports)


@pytest.mark.parametrize("board", [b for b in all_boards() if b.processor], ids=lambda board: board.name)
def test_files_beside_a_processor(board):
    core = replace(CORE, name="net", in_bytes=3, out_bytes=2, out_beats=5)
    files = {name: data.decode() for name, data in shell_files(core, board).items()}
    assert sorted(files) == ["board_top.xdc", "net_axis.v"]
    source = files["net_axis.v"]
    assert (
        "32'hdeadbeef" in source and ".IN_BYTES(4), .OUT_BYTES(3)" in source and ".IN_BYTES(2), .OUT_BYTES(4)" in source
    )
    assert "packet_last #(.IN_BEATS(784), .OUT_BEATS(5), .DEPTH(16)) packet_ends (" in source
    assert not re.search(r"\n\n\n|[ \t]\n|{{|{%", source)
    assert ("get_ports led" in files["board_top.xdc"]) == (board.leds is not None)
    assert "get_ports clk" not in files["board_top.xdc"]
    assert all(path.is_file() for path in shell_sources(board))


@pytest.mark.parametrize(("sizes", "bus"), [((1, 1), 4), ((3, 4), 4), ((5, 1), 8), ((2, 9), 16)])
def test_the_streams_of_a_dma_are_as_wide_as_those_of_the_core(sizes, bus):
    core = replace(CORE, in_bytes=sizes[0], out_bytes=sizes[1])
    assert bus_bytes(core) == bus
    assert f"input  wire [{8 * bus - 1}:0] s_axis_tdata" in axis_file(core).decode()


def test_a_frame_longer_than_a_message_goes_through_a_dma():
    core = replace(CORE, in_bytes=100)
    assert "mnist_mux_axis.v" in shell_files(core, load_board("pynq-z2"))


def test_no_learner_behind_a_dma():
    message = (
        r"core 'mnist_mux': must take nothing but frames to stand behind AXI DMA, not a learner's commands\. Use a b"
    )
    with pytest.raises(BadOption, match=message):
        shell_files(replace(CORE, user_bits=5, label_bits=4), load_board("kv260"))


def test_pulls_of_ice40_pins():
    board = load_board("icebreaker")
    assert shell_files(CORE, board)["board_top.pcf"].decode().splitlines()[1:] == [
        "set_io clk 35",
        "set_frequency clk 12",
        "set_io -pullup yes button 10",
        "set_io -pullup yes uart_rxd 6",
        "set_io uart_txd 9",
        "set_io led 11",
    ]
    high = board.model_copy(update={"reset": board.reset.model_copy(update={"active": "high"})})
    assert "set_io -pullup no button 10\n" in shell_files(CORE, high)["board_top.pcf"].decode()


@pytest.mark.parametrize(
    ("name", "clocks"), [("icebreaker", 256), ("hx8k", 256), ("ulx3s-45f", 16), ("tangnano20k", 16)]
)
def test_reset_lasts_until_block_rams_can_be_read(name, clocks):
    """On iCE40 15 us and more: 180 clocks of 12 MHz."""
    source = shell_files(CORE, load_board(name))["board_top.sv"].decode()
    told = re.search(r"power_on_reset (?:#\(.CLOCKS\((\d+)\)\) )?reset \(", source)
    assert int(told[1] or 16) == clocks
    fast = shell_files(CORE, at_clock(load_board("hx8k"), 48))["board_top.sv"].decode()
    assert "power_on_reset #(.CLOCKS(1024)) reset (" in fast


def test_without_button_and_lamps():
    board = load_board("ulx3s-45f").model_copy(update={"reset": None, "leds": None})
    source = shell_files(CORE, board)["board_top.sv"].decode()
    assert re.findall(r"^  (?:input|output) +logic (\w+)", source, re.M) == ["clk", "uart_rxd", "uart_txd"]
    assert ".press(1'b0)" in source
    assert "led" not in source
    assert "uart_txd   // to the host\n);" in source


def test_levels():
    nano = shell_files(CORE, load_board("tangnano9k"))["board_top.sv"].decode()
    ulx3s = shell_files(CORE, load_board("ulx3s-45f"))["board_top.sv"].decode()
    assert ".press(!button)" in nano
    assert "assign led = !busy;" in nano
    assert ".press(button)" in ulx3s
    assert "assign led = busy;" in ulx3s


@pytest.mark.parametrize(
    ("name", "mhz", "instance"),
    [
        ("tangnano9k", 54, 'pll_gowin #(.FCLKIN("27"), .DEVICE("GW1N-9C"), .IDIV_SEL(0), .FBDIV_SEL(1), .ODIV_SEL(8))'),
        ("ulx3s-45f", 80, "pll_ecp5 #(.CLKI_DIV(5), .CLKFB_DIV(16), .CLKOP_DIV(7), .CLKOS_DIV(0)) pll ("),
        ("ulx3s-45f", 41.7, "pll_ecp5 #(.CLKI_DIV(7), .CLKFB_DIV(74), .CLKOP_DIV(3), .CLKOS_DIV(19)) pll ("),
    ],
)
def test_a_clock_by_a_pll(name, mhz, instance):
    board = at_clock(load_board(name), mhz)
    files = {key: data.decode() for key, data in shell_files(CORE, board).items()}
    source, constraints = files["board_top.sv"], next(text for key, text in files.items() if key != "board_top.sv")
    assert instance in source
    assert ".osc(osc), .clk(clk), .locked(locked)" in source
    assert f".press(!locked || {'!' if name == 'tangnano9k' else ''}button)" in source
    assert f".CLOCKS_PER_BIT({round(board.clock.mhz)})" in source
    ports = re.findall(r"^  (?:input|output) +logic (\w+)", source, re.M)
    assert ports == ["osc", "button", "uart_rxd", "uart_txd", "led"]
    assert '"osc"' in constraints and '"clk"' not in constraints
    assert name != "ulx3s-45f" or 'FREQUENCY PORT "osc" 25 MHZ;' in constraints
    assert not re.search(r"\n\n\n|[ \t]\n|{{|{%", source)
    assert clock_sources(board)[0].name == f"{board.clock.pll.cell}.sv"
    assert all(path.is_file() for path in clock_sources(board))
    bare = board.model_copy(update={"reset": None})
    assert ".press(!locked)" in shell_files(CORE, bare)["board_top.sv"].decode()
    assert clock_sources(load_board(name)) == []


@pytest.mark.parametrize(("mhz", "told"), [(60, (0, 79, 4, 1)), (96, (0, 63, 3, 1)), (150, (0, 49, 2, 1))])
def test_the_pll_of_ice40_parts(mhz, told):
    """The cell's parameters are icepll's; at a PLL's own pad it is another primitive."""
    pll = find_pll(kind_of("ice40", "hx8k", ""), 12.0, mhz, "x")
    names = ("DIVR", "DIVF", "DIVQ", "FILTER_RANGE")
    known = [(n, str(v)) for n, v in zip(names, told, strict=True)]
    assert pll_parameters(pll, load_board("hx8k")) == known
    assert pll_parameters(pll, load_board("icebreaker")) == [*known, ("PAD", "1")]
    fast = find_pll(kind_of("ice40", "hx8k", ""), 48.0, 150, "x")
    assert dict(pll_parameters(fast, load_board("hx8k")))["FILTER_RANGE"] == "2"  # 24 MHz at the detector


def test_link_sources_exist():
    assert all(source.is_file() for source in link_sources())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"name": "9net"},
            "core '9net': the name must be a SystemVerilog identifier, not '9net'. Choose another name.",
        ),
        ({"name": "a b"}, "core 'a b': the name must be a SystemVerilog identifier, not 'a b'. Choose another name."),
        (
            {"project_id": 1 << 32},
            "core 'mnist_mux': the project id must have 32 bits, not 4294967296. Use the low 32 bits.",
        ),
        (
            {"in_bytes": 100},
            "core 'mnist_mux': a frame must have 1 to 65535 bytes on the link, not 78400. "
            "The link sends a frame as one message; use smaller frames.",
        ),
        (
            {"out_beats": 0},
            "core 'mnist_mux': a result must have 1 to 65535 bytes on the link, not 0. "
            "The link sends a frame as one message; use smaller frames.",
        ),
    ],
)
def test_a_core_that_does_not_fit_the_link(change, message):
    with pytest.raises(BadOption) as caught:
        shell_files(replace(CORE, **change), load_board("tangnano9k"))
    assert str(caught.value) == message
