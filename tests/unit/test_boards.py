"""Board files: what is shipped is right, and what is wrong is named with file and key."""

import re

import pytest

from lutwright.boards import Board, all_boards, at_clock, load_board
from lutwright.devices import DEVICES, device_fault
from lutwright.errors import BadBoard, BadOption, UnknownBoard
from lutwright.resources import room

GOOD = (room("boards") / "tangnano9k.toml").read_text()


def write(tmp_path, old="", new=""):
    assert old in GOOD
    path = tmp_path / "own.toml"
    path.write_text(GOOD.replace(old, new))
    return path


def test_shipped_boards():
    boards = {board.name: board for board in all_boards()}
    assert sorted(boards) == sorted(path.stem for path in room("boards").glob("*.toml"))
    for name, board in boards.items():
        assert (room("boards") / f"{name}.toml").is_file()
        assert len(set(board.pins().values())) == len(board.pins())
        assert (board.serial is None) == (board.link == "dma") == (board.clock.pin == "")
        if board.serial:
            assert board.clock.mhz * 1e6 / board.clocks_per_bit == board.uart.baud == 1_000_000
            assert len(board.pins()) > 3
        assert Board.model_validate_json(board.model_dump_json()) == board
    assert {"icebreaker", "hx8k", "orangecrab", "colorlight-i5", "tangnano9k", "tangnano20k"} < boards.keys()
    links = {
        name: boards[name].link for name in ("arty-a7-35", "arty-a7-100", "pynq-z2", "zcu104", "kv260", "de10-nano")
    }
    assert list(links.values()) == ["uart", "uart", "dma", "dma", "dma", "uart"]
    assert (boards["arty-a7-35"].uart.tx, boards["arty-a7-35"].clock.pin) == ("D10", "E3")
    assert boards["kv260"].pins() == {} and boards["pynq-z2"].pins()["leds.pins[0]"] == "R14"
    assert (boards["icebreaker"].clock.pll_pad, boards["hx8k"].clock.pll_pad) == (True, False)
    assert (boards["icebreaker"].resources.bram_kbit, boards["icebreaker"].resources.spram) == (4, 4)
    nano = boards["tangnano9k"]
    assert (nano.clock.pin, nano.uart.tx, nano.uart.rx, nano.clocks_per_bit) == ("52", "17", "18", 27)
    assert (nano.resources.lut, nano.resources.bram) == (8640, 26)
    small, large = boards["ulx3s-45f"], boards["ulx3s-85f"]
    assert (small.clock.pin, small.uart.tx, small.uart.rx, small.speed) == ("G2", "L4", "M1", "6")
    assert small.pins() == large.pins()
    assert (small.device, large.device) == ("45k", "85k")


def test_an_own_file(tmp_path):
    assert load_board(write(tmp_path, 'name = "tangnano9k"', 'name = "own"')).name == "own"
    assert load_board(str(write(tmp_path))).name == "tangnano9k"
    without = load_board(
        write(tmp_path, '[reset]                            # button S1\npin = "4"\nactive = "low"\nio = "LVCMOS18"\n')
    )
    assert without.reset is None


@pytest.mark.parametrize("name", ["zybo", "../boards/tangnano9k", ""])
def test_unknown_board(name):
    with pytest.raises(UnknownBoard) as caught:
        load_board(name)
    assert str(caught.value) == (
        f"board '{name}': must be {', '.join(board.name for board in all_boards())} "
        "or the path of a .toml file. Run `lutwright boards` for a table."
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('pin = "52"\nmhz = 27.0', 'pin = "52"', r"board file 'own.toml': key 'clock.mhz' must be there, not absent\."),
        ("mhz = 27.0", "mhz = -1", r"key 'clock.mhz': input should be greater than 0, not -1\."),
        (
            'family = "gowin"',
            'family = "virtex"',
            r"key 'family': input should be 'ice40', 'ecp5', 'gowin', 'xc7', 'xcup' or 'cyclonev', not 'virtex'\.",
        ),
        ('title = "', 'titel = "', r"key 'title' must be there"),
        ("bram_kbit = 18", "bram_kbit = 18\nuram = 2", r"key 'resources.uram' is not known\."),
        ('rx = "18"', 'rx = "17"', r"a pin must have one use: pin '17' is uart.tx and uart.rx\."),
        ('pin = "4"', 'pin = "52"', r"pin '52' is clock.pin and reset.pin"),
        ('"15", "16"', '"15", "10"', r"pin '10' is leds.pins\[0\] and leds.pins\[5\]"),
        ("baud = 1_000_000", "baud = 10_000_000", r"key 'uart.baud' must be at most a quarter of the clock \(27 MHz\)"),
        (
            "baud = 1_000_000",
            "baud = 5_000_000",
            r"must divide the clock \(27 MHz\) to within 2 %, not 5000000 \(8.0% off\)",
        ),
        (
            '"GW1N-9C" ',
            '"GW3N-9" ',
            r"key 'device' must be a die of family 'gowin': GW1N-1, .*GW2A-18C, not 'GW3N-9'\. Write it as nextpnr",
        ),
        ('"C6/I5"', '"C3/I2"', r"key 'speed' must be a speed grade of 'GW1N-9C': C7/I6, C6/I5, C5/I4, not 'C3/I2'"),
        (
            "GW1NR-LV9QN88PC6/I5",
            "GW1NR-LV9QN88PC7/I6",
            r"key 'part' must be the order name of a 'GW1N-9C' in package 'QN88P', speed 'C6/I5', not "
            r"'GW1NR-LV9QN88PC7/I6'\. It looks like GW1NR-LV9QN88PC6/I5\.",
        ),
        ("[clock]", "[clock", r"must be TOML, not .*line 11"),
    ],
)
def test_bad_board(old, new, message, tmp_path):
    with pytest.raises(BadBoard, match=message):
        load_board(write(tmp_path, old, new))


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("icebreaker", "up5k", "up6k", r"'device' must be a die of family 'ice40': lp384, .*, up5k, not 'up6k'\."),
        ("icebreaker", '"sg48"', '"tq144"', r"key 'package' must be a package of 'up5k': sg48, uwg30, not 'tq144'\."),
        ("icebreaker", '"sg48"', '"sg48"\nspeed = "6"', r"key 'speed' must be absent for 'up5k', not '6'\."),
        (
            "icebreaker",
            "5K-SG",
            "3K-SG",
            r"in package 'sg48', not 'iCE40UP3K-SG48I'\. It looks like iCE40UP5",
        ),
        ("orangecrab", "-8MG", "-7MG", r"of a '85k' in package 'CSFBGA285', speed '8', not 'LFE5U-85F-7MG285C'\."),
        ("arty-a7-35", "xc7a35t", "xc7a36t", r"a die of family 'xc7': xc7a15t, .*, not 'xc7a36t'\. Write it as Vivado"),
        (
            "arty-a7-35",
            '"csg324"',
            '"csg325"',
            r"must be the order name of a 'xc7a35t' in package 'csg325', speed '1L'",
        ),
        ("arty-a7-100", '"1"', '"4"', r"must be a speed grade of 'xc7a100t': 1, 1L, 2, 2L, 3, not '4'\."),
        (
            "zcu104",
            "-2-e",
            "-3-e",
            r"package 'ffvc1156', speed '2', not 'xczu7ev-ffvc1156-3-e'\. It looks like xczu7ev-f",
        ),
        ("kv260", '"sfvc784"', '"sfvc785"', r"must be a package of 'xck26': sfvc784, not 'sfvc785'"),
        ("de10-nano", "23I7", "19I7", r"of a '5CSEBA6' in package 'U23', speed '7', not '5CSEBA6U19I7'"),
        (
            "de10-nano",
            '"5CSEBA6"',
            '"5C"',
            r"must be a die of family 'cyclonev': .*, not '5C'\. Write it as Quartus does",
        ),
        ("orangecrab", '"8"', '"9"', r"key 'speed' must be a speed grade of '85k': 6, 7, 8, not '9'\."),
    ],
)
def test_a_part_that_is_not_known(name, old, new, message, tmp_path):
    text = (room("boards") / f"{name}.toml").read_text()
    assert old in text
    (tmp_path / "own.toml").write_text(text.replace(old, new, 1))
    with pytest.raises(BadBoard, match=message):
        load_board(tmp_path / "own.toml")


@pytest.mark.parametrize(("family", "name"), [(f, d) for f, dies in DEVICES.items() for d in dies])
def test_each_device_takes_the_part_that_it_shows(family, name):
    device = DEVICES[family][name]
    package = device.packages[0] if device.packages else re.search(r"V\d+C?(\D+\d+P?)C", device.example)[1]
    speed = next((grade for grade in device.speeds if grade in device.example), "")
    assert device_fault(family, name, device.example, package, speed) is None
    assert device_fault(family, name, f"X{device.example}", package, speed) is not None


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("arty-a7-35", 'pin = "E3"\n', "", r"board file 'own.toml': key 'clock.pin' must be there, not absent\."),
        ("arty-a7-35", "[clock]", "[tools]\n[clock]", None),
        ("arty-a7-35", 'rx = "A9"', 'rx = "D10"', r"a pin must have one use: pin 'D10' is uart.tx and uart.rx\."),
        ("arty-a7-35", "mhz = 100.0\n", "", r"key 'clock.mhz' must be there, not absent"),
        ("pynq-z2", "mhz = 100.0\n", "", r"key 'clock.mhz' must be there, not absent"),
        (
            "pynq-z2",
            "mhz = 100.0\n",
            'mhz = 100.0\npin = "H16"\n',
            r"'clock.pin' must be absent: the .* clock, not 'H16'",
        ),
        ("pynq-z2", '"P14"', '"R14"', r"a pin must have one use: pin 'R14' is leds.pins\[0\] and leds.pins\[1\]"),
        ("pynq-z2", '"ps7"', '"ps8"', r"key 'processor.kind' must be 'ps7' for 'xc7', not 'ps8'\. Correct it\."),
        ("pynq-z2", '"ps7"', '"ps9"', r"key 'processor.kind': input should be 'ps7' or 'ps8', not 'ps9'"),
        (
            "pynq-z2",
            "[leds]",
            '[reset]\npin = "D19"\nactive = "high"\n[leds]',
            r"table 'reset' must be absent: the pro",
        ),
        ("pynq-z2", "[leds]", '[uart]\ntx = "D19"\nrx = "D20"\n[leds]', r"tables 'uart' and 'processor' .*, not both"),
        (
            "pynq-z2",
            '[processor]                        # frames come out of its memory by AXI DMA\nkind = "ps7"\n'
            'preset = "tul.com.tw:pynq-z2"\n',
            "",
            r"one of the tables 'uart' and 'processor' must be there, not neither\. boards/ has examples of each\.",
        ),
        ("tangnano9k", "[uart] ", '[processor]\nkind = "ps7"\n[uart] ', "not both"),
    ],
)
def test_links_and_clocks(name, old, new, message, tmp_path):
    text = (room("boards") / f"{name}.toml").read_text()
    assert old in text
    (tmp_path / "own.toml").write_text(text.replace(old, new, 1))
    if message is None:
        assert load_board(tmp_path / "own.toml").link == "uart"
        return
    with pytest.raises(BadBoard, match=message):
        load_board(tmp_path / "own.toml")


def test_a_processor_beside_another_family(tmp_path):
    text = (room("boards") / "de10-nano.toml").read_text()
    start, end = text.index("[uart]"), text.index("[leds]")
    text = text.replace(text[start:end], '[processor]\nkind = "ps7"\n').replace('pin = "V11"\n', "")
    start, end = text.index("[reset]"), text.index("[processor]")
    (tmp_path / "own.toml").write_text(text.replace(text[start:end], ""))
    with pytest.raises(BadBoard, match=r"'processor.kind' must be absent with its table for 'cyclonev', not 'ps7'"):
        load_board(tmp_path / "own.toml")


def test_what_a_board_without_a_serial_line_cannot_do():
    board = load_board("pynq-z2")
    with pytest.raises(
        BadOption, match=r"board 'pynq-z2': must have a serial line for this, not AXI DMA\. Use the dri"
    ):
        _ = board.uart
    with pytest.raises(
        BadOption, match=r"must be 100, the clock of board 'pynq-z2': its processor makes it, not 120\."
    ):
        at_clock(board, 120)
    assert at_clock(board, 100) == board


def test_no_clock_table(tmp_path):
    start, end = GOOD.index("[clock]"), GOOD.index("[reset]")
    path = tmp_path / "own.toml"
    path.write_text(GOOD[:start] + GOOD[end:])
    with pytest.raises(BadBoard, match=r"board file 'own.toml': key 'clock' must be there, not absent"):
        load_board(path)


def test_unreadable(tmp_path):
    with pytest.raises(BadBoard, match=r"board file 'none\.toml': must be readable, not No such file"):
        load_board(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(BadBoard, match="must be TOML"):
        load_board(tmp_path / "binary.toml")
