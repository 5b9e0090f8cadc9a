"""The board shell: files as bytes, the same every time, with the board's pins in them."""

import re
from dataclasses import replace

import pytest

from lutwright.boards import all_boards, load_board
from lutwright.emit.shell import CoreInterface, link_sources, shell_files
from lutwright.errors import BadOption

CORE = CoreInterface("mnist_mux", 1, 784, 1, 1, 0xDEADBEEF)


@pytest.mark.parametrize("board", all_boards(), ids=lambda board: board.name)
def test_files(board):
    files = shell_files(CORE, board)
    assert files == shell_files(CORE, load_board(board.name))
    constraints = {"gowin": "board_top.cst", "ecp5": "board_top.lpf"}[board.family]
    assert sorted(files) == sorted(["board_top.sv", constraints])
    text = {name: data.decode() for name, data in files.items()}
    for pin in (board.clock.pin, board.uart.tx, board.uart.rx, board.reset.pin, board.leds.pins[0]):
        assert re.search(rf'[ "]{pin}[";]', text[constraints])
    assert f"{board.clock.mhz:g} MHz".lower() in text[constraints].lower()
    source = text["board_top.sv"]
    assert f".CLOCKS_PER_BIT({board.clocks_per_bit})" in source
    assert f".TIMEOUT_CLOCKS({100_000 * board.clocks_per_bit})" in source
    assert ".PROJECT_ID(32'hdeadbeef), .IN_BYTES(1), .IN_BEATS(784)," in source
    assert "mnist_mux core (" in source
    assert not re.search(r"\n\n\n|[ \t]\n|{{|{%", source)
    # Every port has a pin.
    ports = re.findall(r"^  (?:input|output) +logic (\w+)", source, re.M)
    assert ports == ["clk", "button", "uart_rxd", "uart_txd", "led"]
    assert all(f'"{port}"' in text[constraints] for port in ports)


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
