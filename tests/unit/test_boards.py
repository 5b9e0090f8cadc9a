"""Board files: what is shipped is right, and what is wrong is named with file and key."""

import re

import pytest

from lutwright.boards import all_boards, load_board
from lutwright.devices import DEVICES, device_fault
from lutwright.errors import BadBoard, UnknownBoard
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
        assert board.clock.mhz * 1e6 / board.clocks_per_bit == board.uart.baud == 1_000_000
        assert len(set(board.pins().values())) == len(board.pins()) > 3
    assert {"icebreaker", "hx8k", "orangecrab", "colorlight-i5", "tangnano9k", "tangnano20k"} < boards.keys()
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
            r"key 'family': input should be 'ice40', 'ecp5' or 'gowin', not 'virtex'\.",
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
