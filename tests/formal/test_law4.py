"""Law 4 of every stream cell, proved: valid stays, data holds until ready, no beat is lost, doubled or reordered.

Small parameters, but all inputs, all stalls, resets at any time, any number of clocks. How many beats a cell can hold
is proved to be exactly what the table says: with one less the proof must fail, which shows that it is not empty.
"""

import re
from dataclasses import replace

import pytest
from proofs import Cell, Stream, cell, credits, in_order, inductive, law4, reachable
from streams import sources

from lutwright.resources import room


def one(name, parameters, width_in, width_out, most, beats_in=1, beats_out=1, first=0):
    """A cell with one stream in and one out; `most` credits at most (see hw/formal/credits.sv)."""
    made = cell(name, parameters, [width_in], [width_out])
    moves = made.inputs[0].moves, made.outputs[0].moves

    def counted(limit):
        return [credits(*moves, limit, beats_in, beats_out, first)]

    return made, counted, most


def fork():
    made = cell("stream_fork", {"WIDTH": 2, "OUTPUTS": 3}, [2], [2, 2, 2], shared=True)
    taken = made.inputs[0].moves
    # An output may have the beat before the input moves on, but only that one.
    return made, lambda most: [credits(taken, sink.moves, most, first=1) for sink in made.outputs], 1


def add():
    parameters = {"NF": 2, "A_BITS": 1, "B_BITS": 1, "A_GAINS": "4'h7", "OUT_BITS": 3}
    made = cell("stream_add", parameters, [1, 1], [3])
    sent = made.outputs[0].moves
    return made, lambda most: [credits(source.moves, sent, most) for source in made.inputs], 2


def concat():
    made = cell("concat", {"WIDTH": 1, "INPUTS": 3, "BEATS": "96'h000000010000000300000002"}, [1] * 3, [1])
    sent = made.outputs[0].moves
    return made, lambda most: [credits("|(s_valid & s_ready)", sent, most)], 1


def views(image, crop, most, **parameters):
    """The cell of crops and flips; images [rows, columns] of one beat a pixel."""
    sizes = {"HEIGHT": image[0], "WIDTH": image[1], "CROP_H": crop[0], "CROP_W": crop[1]}
    made = Cell(
        "views",
        {"BITS": 1} | sizes | parameters,
        {"s_data": 1, "s_user": 1, "s_valid": 1, "m_ready": 1},
        {"s_ready": 1, "m_data": 1, "m_user": 2, "m_last": 1, "m_valid": 1},
        [Stream("{s_data, s_user}", "s_valid", "s_ready", 2)],
        [Stream("{m_data, m_user, m_last}", "m_valid", "m_ready", 4)],
    )
    counts = image[0] * image[1], crop[0] * crop[1] * parameters.get("CROPS", 1) * (1 + parameters.get("FLIP", 0))
    moves = made.inputs[0].moves, made.outputs[0].moves
    return made, lambda limit: [credits(*moves, limit, *counts)], most


def frame_user(beats_in, beats_out, most):
    """The cell of what comes past a core; a frame has so many beats before and behind it."""
    made = Cell(
        "frame_user",
        {"USER": 2, "IN_BEATS": beats_in, "OUT_BEATS": beats_out, "DEPTH": 3},
        {"s_user": 2, "s_valid": 1, "core_ready": 1, "x_valid": 1, "m_ready": 1},
        {"s_ready": 1, "core_valid": 1, "x_ready": 1, "m_user": 2, "m_last": 1, "m_valid": 1},
        [Stream("s_user", "s_valid", "s_ready", 2), Stream("1'b0", "x_valid", "x_ready", 1)],
        [Stream("1'b0", "core_valid", "core_ready", 1), Stream("{m_user, m_last}", "m_valid", "m_ready", 3)],
    )
    moves = made.inputs[0].moves, made.outputs[1].moves
    return made, lambda limit: [credits(*moves, limit, beats_in, beats_out)], most


def axis_width(wide_in, wide_out):
    """The cell of widths of AXI4-Stream."""
    return Cell(
        "axis_width",
        {"IN_BYTES": wide_in, "OUT_BYTES": wide_out},
        {
            "s_axis_tdata": 8 * wide_in,
            "s_axis_tkeep": wide_in,
            "s_axis_tlast": 1,
            "s_axis_tvalid": 1,
            "m_axis_tready": 1,
        },
        {
            "s_axis_tready": 1,
            "m_axis_tdata": 8 * wide_out,
            "m_axis_tkeep": wide_out,
            "m_axis_tlast": 1,
            "m_axis_tvalid": 1,
        },
        [Stream("{s_axis_tdata, s_axis_tkeep, s_axis_tlast}", "s_axis_tvalid", "s_axis_tready", 9 * wide_in + 1)],
        [Stream("{m_axis_tdata, m_axis_tkeep, m_axis_tlast}", "m_axis_tvalid", "m_axis_tready", 9 * wide_out + 1)],
    )


def axis_of_one_byte():
    """Then each beat is one out, whatever tkeep and tlast say."""
    made = axis_width(1, 1)
    moves = made.inputs[0].moves, made.outputs[0].moves
    return made, lambda most: [credits(*moves, most)], 1


def packet_last(beats_in, beats_out, most):
    """The cell of ends of packets; a frame has so many beats before and behind the core."""
    made = Cell(
        "packet_last",
        {"IN_BEATS": beats_in, "OUT_BEATS": beats_out, "DEPTH": 3},
        {"s_last": 1, "s_valid": 1, "core_ready": 1, "x_valid": 1, "m_ready": 1},
        {"s_ready": 1, "core_valid": 1, "x_ready": 1, "m_last": 1, "m_valid": 1},
        [Stream("s_last", "s_valid", "s_ready", 1), Stream("1'b0", "x_valid", "x_ready", 1)],
        [Stream("1'b0", "core_valid", "core_ready", 1), Stream("m_last", "m_valid", "m_ready", 1)],
    )
    moves = made.inputs[0].moves, made.outputs[1].moves
    return made, lambda limit: [credits(*moves, limit, beats_in, beats_out)], most


MAC = {"X_BITS": 1, "W_BITS": 2, "P_BITS": 3, "ACC_BITS": 5}
WEIGHT_FILE = '"weights.mem"'

COUNTED = {
    "skid": one("skid", {"WIDTH": 2}, 2, 2, 2),
    "fifo": one("fifo", {"WIDTH": 2, "DEPTH": 3}, 2, 2, 4),
    "width_up": one("width_up", {"WIDTH": 1, "RATIO": 3}, 1, 3, 1, beats_in=3),
    "width_down": one("width_down", {"WIDTH": 1, "RATIO": 3}, 3, 1, 3, beats_out=3),
    "extend": one("extend", {"LANES": 2, "IN_BITS": 1, "OUT_BITS": 2}, 2, 4, 1, first=1),
    "signs": one("signs", {"LANES": 2}, 4, 2, 1, first=1),
    "stream_fork": fork(),
    "stream_add": add(),
    "concat": concat(),
    "replay": one("replay", {"WIDTH": 1, "BEATS": 2, "TIMES": 2}, 1, 1, 9, beats_in=2, beats_out=4),
    "gather": one(
        "gather", {"WIDTH": 1, "IN_BEATS": 3, "OUT_BEATS": 2, "INDEX": "4'h2"}, 1, 1, 5, beats_in=3, beats_out=2
    ),
    "pad": one("pad", {"WIDTH": 1, "HEIGHT": 1, "COLUMNS": 2}, 1, 1, 18, beats_in=2, beats_out=12, first=12),
    "views": views((1, 3), (1, 2), 17, CROPS=2, FLIP=1, LEFT="64'h0000000100000000"),
    "views_of_one_frame": views((2, 1), (1, 1), 3, FLIP=1, FRAMES=1, TOP="32'd1"),
    "frame_user": frame_user(1, 3, 12),
    "axis_width": axis_of_one_byte(),
    "packet_last": packet_last(2, 1, 4),
    "window": one("window", {"BITS": 1, "HEIGHT": 3, "WIDTH": 3, "OUT_H": 3, "OUT_W": 3}, 1, 9, 6),
    "window_folded": one(
        "window_folded",
        {"CHANNELS": 1, "BITS": 1, "NF": 2, "HEIGHT": 2, "WIDTH": 2, "OUT_H": 2, "OUT_W": 2},
        1,
        9,
        15,
        beats_out=2,
    ),
    "window_row": one("window_row", {"BITS": 1, "WIDTH": 4, "OUT_W": 4}, 1, 3, 2),
    "window_row_strided": one(
        "window_row", {"BITS": 1, "WIDTH": 2, "K": 5, "STRIDE": 2, "PAD_L": 3, "OUT_W": 2}, 1, 5, 2
    ),
    "window_pool_max": one("window_pool", {"KH": 2, "BITS": 1, "OUT_BITS": 1}, 9, 1, 2),
    "window_pool_sum": one("window_pool", {"ROWS": 1, "KH": 1, "BITS": 1, "MAX": 0, "OUT_BITS": 3}, 3, 3, 1),
    "max_pool": one("max_pool", {"BITS": 1, "HEIGHT": 4, "WIDTH": 4}, 1, 1, 2, beats_in=4),
    "sum_pool": one("sum_pool", {"BITS": 1, "HEIGHT": 4, "WIDTH": 4, "OUT_BITS": 4}, 1, 4, 2, beats_in=4),
    "folded_mac": one(
        "folded_mac",
        MAC | {"SIMD": 2, "NF": 2, "SF": 3, "HOLD": 0, "WEIGHTS": "24'h777777"},
        2,
        5,
        2,
        beats_in=3,
    ),
    "folded_mac_block": one(
        "folded_mac",
        MAC | {"SIMD": 2, "NF": 2, "SF": 3, "HOLD": 0, "BLOCK": 1, "FILE": WEIGHT_FILE},
        2,
        5,
        2,
        beats_in=3,
    ),
    "folded_mac_complement": one(
        "folded_mac",
        MAC | {"COMPLEMENT": 1, "SIMD": 2, "NF": 2, "SF": 3, "HOLD": 0, "WEIGHTS": "24'h777777", "OFFSETS": "10'h1c5"},
        2,
        5,
        2,
        beats_in=3,
    ),
    "folded_mac_held": one("folded_mac", MAC | {"NF": 2, "SF": 2, "WEIGHTS": "8'h77"}, 2, 5, 4, beats_out=2, first=2),
    "folded_mac_binary": one(
        "folded_mac",
        {"BINARY": 1, "X_BITS": 1, "W_BITS": 1, "ACC_BITS": 5, "SIMD": 5, "SF": 2, "HOLD": 0, "WEIGHTS": "10'h1c5"},
        5,
        5,
        2,
        beats_in=2,
    ),
    "mux_mac": one(
        "mux_mac",
        MAC | {"SIMD": 2, "SF": 2, "TAPS": 2, "HOLD": 0, "POSITIONS": "4'h6", "WEIGHTS": "8'h77"},
        4,
        5,
        2,
        beats_in=2,
    ),
    "mux_mac_held": one(
        "mux_mac", MAC | {"NF": 2, "TAPS": 2, "POSITIONS": "2'h2", "WEIGHTS": "4'h7"}, 2, 5, 4, beats_out=2, first=2
    ),
    "mux_mac_shared": one(
        "mux_mac",
        MAC | {"KEPT": 2, "SHARED": 1, "SF": 2, "TAPS": 2, "HOLD": 0, "POSITIONS": "4'h6", "WEIGHTS": "8'h77"},
        2,
        5,
        2,
        beats_in=2,
    ),
    "depthwise_mac": one("depthwise_mac", MAC | {"NF": 2, "TAPS": 2, "WEIGHTS": "8'h77"}, 2, 5, 3),
    "depthwise_mac_complement": one(
        "depthwise_mac",
        MAC | {"COMPLEMENT": 1, "NF": 2, "TAPS": 2, "WEIGHTS": "8'h77", "OFFSETS": "10'h1c5"},
        2,
        5,
        4,
    ),
    "requantise_affine": one(
        "requantise_affine",
        {"NF": 2, "ACC_BITS": 3, "OFFSET_BITS": 3, "SUM_BITS": 5, "SHIFT": 1, "CODE_BITS": 2, "CODE_HIGH": 3},
        3,
        2,
        2,
    ),
    "requantise_table": one(
        "requantise_table",
        {"PE": 2, "NF": 2, "ACC_BITS": 2, "LOW": -2, "DEPTH": 4, "CODE_BITS": 1, "TABLE": "16'h1ac5"},
        4,
        2,
        2,
    ),
    "requantise_threshold": one("requantise_threshold", {"NF": 2, "ACC_BITS": 3, "LEVELS": 2, "CODE_BITS": 2}, 3, 2, 3),
    "argmax": one("argmax", {"N": 3, "BITS": 2}, 2, 2, 1, beats_in=3),
    "top_k": one("top_k", {"N": 4, "K": 3, "BITS": 1}, 1, 2, 3, beats_in=4, beats_out=3),
}

LINK = {"IN_BYTES": 2, "IN_BEATS": 1, "OUT_BYTES": 2, "OUT_BEATS": 1, "USER_BYTES": 1, "COMMANDS": 1}
SENDER = Stream("tx_data", "tx_valid", "tx_ready", 8)

# Cells whose beats the checker of credits cannot count: what they send follows a protocol, not beats that came in.
UNCOUNTED = {
    "window_folded_groups": cell(
        "window_folded",
        {"CHANNELS": 2, "BITS": 1, "NF": 2, "HEIGHT": 2, "WIDTH": 2, "OUT_H": 2, "OUT_W": 2},
        [1],
        [9],
    ),
    "link_answer": Cell(
        "link_answer",
        LINK,
        {
            "job_valid": 1,
            "job_status": 3,
            "job_frame": 1,
            "job_command": 1,
            "job_sequence": 8,
            "core_tdata": 16,
            "core_tvalid": 1,
            "rsp_data": 32,
            "rsp_status": 4,
            "rsp_valid": 1,
            "tx_ready": 1,
        },
        {"job_ready": 1, "core_tready": 1, "rsp_ready": 1, "tx_data": 8, "tx_valid": 1},
        [
            Stream("{job_status, job_frame, job_command, job_sequence}", "job_valid", "job_ready", 13),
            Stream("core_tdata", "core_tvalid", "core_tready", 16),
            Stream("{rsp_data, rsp_status}", "rsp_valid", "rsp_ready", 36),
        ],
        [SENDER],
    ),
    "frame_link": Cell(
        "frame_link",
        LINK | {"TIMEOUT_CLOCKS": 3},
        {
            "rx_data": 8,
            "rx_valid": 1,
            "rx_error": 1,
            "tx_ready": 1,
            "core_s_tready": 1,
            "core_m_tdata": 16,
            "core_m_tvalid": 1,
            "cmd_ready": 1,
            "rsp_data": 32,
            "rsp_status": 4,
            "rsp_valid": 1,
        },
        {
            "tx_data": 8,
            "tx_valid": 1,
            "core_s_tdata": 16,
            "core_s_tuser": 8,
            "core_s_tvalid": 1,
            "core_m_tready": 1,
            "cmd_op": 8,
            "cmd_label": 16,
            "cmd_data": 32,
            "cmd_valid": 1,
            "rsp_ready": 1,
            "busy": 1,
        },
        [
            Stream("core_m_tdata", "core_m_tvalid", "core_m_tready", 16),
            Stream("{rsp_data, rsp_status}", "rsp_valid", "rsp_ready", 36),
        ],
        [
            SENDER,
            Stream("{core_s_tdata, core_s_tuser}", "core_s_tvalid", "core_s_tready", 24),
            Stream("{cmd_op, cmd_label, cmd_data}", "cmd_valid", "cmd_ready", 56),
        ],
    ),
    "frame_user_of_two_beats": frame_user(2, 2, 0)[0],
    "axis_width_down": axis_width(3, 1),
    "axis_width_up": axis_width(1, 3),
    "axis_width_across": axis_width(3, 2),
    "packet_last_of_two_beats": packet_last(1, 2, 0)[0],
}
LEARNER = {"D": 1, "P": 1, "K": 1, "C": 1, "F": 1, "FRAC": 0, "N": 1, "BLOCK": 0, "LANES": 1}
UNCOUNTED["learner"] = Cell(
    "learner",
    LEARNER,
    {
        "s_data": 1,
        "s_user": 4,
        "s_last": 1,
        "s_valid": 1,
        "m_ready": 1,
        "cmd_op": 3,
        "cmd_label": 2,
        "cmd_data": 32,
        "cmd_valid": 1,
        "rsp_ready": 1,
    },
    {"s_ready": 1, "m_data": 8, "m_valid": 1, "cmd_ready": 1, "rsp_data": 32, "rsp_status": 4, "rsp_valid": 1},
    [
        Stream("{s_data, s_user, s_last}", "s_valid", "s_ready", 6),
        Stream("{cmd_op, cmd_label, cmd_data}", "cmd_valid", "cmd_ready", 37),
    ],
    [
        Stream("m_data", "m_valid", "m_ready", 8),
        Stream("{rsp_data, rsp_status}", "rsp_valid", "rsp_ready", 36),
    ],
)
UNCOUNTED["learner_axi"] = Cell(
    "learner_axi",
    LEARNER,
    {
        "s_axil_awaddr": 7,
        "s_axil_awprot": 3,
        "s_axil_awvalid": 1,
        "s_axil_wdata": 32,
        "s_axil_wstrb": 4,
        "s_axil_wvalid": 1,
        "s_axil_bready": 1,
        "s_axil_araddr": 7,
        "s_axil_arprot": 3,
        "s_axil_arvalid": 1,
        "s_axil_rready": 1,
        "s_axis_tdata": 8,
        "s_axis_tuser": 4,
        "s_axis_tlast": 1,
        "s_axis_tvalid": 1,
        "m_axis_tready": 1,
    },
    {
        "s_axil_awready": 1,
        "s_axil_wready": 1,
        "s_axil_bresp": 2,
        "s_axil_bvalid": 1,
        "s_axil_arready": 1,
        "s_axil_rdata": 32,
        "s_axil_rresp": 2,
        "s_axil_rvalid": 1,
        "irq": 1,
        "s_axis_tready": 1,
        "m_axis_tdata": 8,
        "m_axis_tlast": 1,
        "m_axis_tvalid": 1,
    },
    [
        Stream("{s_axil_awaddr, s_axil_awprot}", "s_axil_awvalid", "s_axil_awready", 10),
        Stream("{s_axil_wdata, s_axil_wstrb}", "s_axil_wvalid", "s_axil_wready", 36),
        Stream("{s_axil_araddr, s_axil_arprot}", "s_axil_arvalid", "s_axil_arready", 10),
        Stream("{s_axis_tdata, s_axis_tuser, s_axis_tlast}", "s_axis_tvalid", "s_axis_tready", 13),
    ],
    [Stream("{m_axis_tdata, m_axis_tlast}", "m_axis_tvalid", "m_axis_tready", 9)],
)
PROVED = {name: made for name, (made, _, _) in COUNTED.items()} | UNCOUNTED

# Cells that move beats and change nothing, where need be with parameters under which they change nothing.
MOVERS = [
    ("skid", {"WIDTH": 2}, 2, 2),
    ("fifo", {"WIDTH": 1, "DEPTH": 3}, 1, 4),
    ("width_up", {"WIDTH": 2, "RATIO": 1}, 2, 1),
    ("width_down", {"WIDTH": 2, "RATIO": 1}, 2, 1),
    ("replay", {"WIDTH": 1, "BEATS": 2, "TIMES": 1}, 1, 5),
    ("gather", {"WIDTH": 1, "IN_BEATS": 2, "OUT_BEATS": 2, "INDEX": "2'h2"}, 1, 5),
    ("pad", {"WIDTH": 2, "HEIGHT": 1, "COLUMNS": 2, "PAD_T": 0, "PAD_L": 0, "PAD_B": 0, "PAD_R": 0}, 2, 1),
    ("concat", {"WIDTH": 2, "INPUTS": 1, "BEATS": "32'd2"}, 2, 1),
]


@pytest.fixture(autouse=True)
def weights(tmp_path):
    """What WEIGHT_FILE names: the tools run in that folder."""
    (tmp_path / "weights.mem").write_text("7\n" * 6)


def test_every_stream_cell_is_proved():
    cells = (room("hw") / "rtl").glob("*.sv")
    senders = {path.stem for path in cells if re.search(r"output +logic .*_t?valid,", path.read_text())}
    assert senders == {made.name for made in PROVED.values()} | {"credit_gate", "credit_store"}


@pytest.mark.parametrize("name", PROVED)
def test_valid_stays_and_data_holds(name, tmp_path):
    made = PROVED[name]
    assert inductive(made, [law4(stream) for stream in made.outputs], tmp_path)


@pytest.mark.parametrize("name", UNCOUNTED)
def test_beats_do_go_out(name, tmp_path):
    """Were it not so, law 4 would hold for nothing; for the others the next test shows it."""
    for stream in UNCOUNTED[name].outputs:
        assert not reachable(UNCOUNTED[name], [law4(replace(stream, ready="1'b0"))], tmp_path)


@pytest.mark.parametrize("name", COUNTED)
def test_no_beat_is_doubled_or_lost(name, tmp_path):
    made, counted, most = COUNTED[name]
    assert reachable(made, counted(most), tmp_path)
    assert not reachable(made, counted(most - 1), tmp_path)


@pytest.mark.parametrize(("source", "when", "sink", "most"), [(0, "s_last && s_user[3]", 0, 3), (1, "1'b1", 1, 1)])
def test_the_learner_answers_once(source, when, sink, most, tmp_path):
    """A result for each frame that is the last version, an answer to each command."""
    made = UNCOUNTED["learner"]
    moves = f"{made.inputs[source].moves} && {when}", made.outputs[sink].moves
    assert reachable(made, [credits(*moves, most)], tmp_path)
    assert not reachable(made, [credits(*moves, most - 1)], tmp_path)


@pytest.mark.parametrize(
    ("data", "channel", "width"), [("s_axil_bresp", "b", 2), ("{s_axil_rdata, s_axil_rresp}", "r", 34)]
)
def test_the_registers_hold_their_answers(data, channel, width, tmp_path):
    """Law 4 on AXI4-Lite, which needs more than induction."""
    answers = Stream(data, f"s_axil_{channel}valid", f"s_axil_{channel}ready", width)
    assert reachable(UNCOUNTED["learner_axi"], [law4(answers)], tmp_path)
    assert not reachable(UNCOUNTED["learner_axi"], [law4(replace(answers, ready="1'b0"))], tmp_path)


@pytest.mark.parametrize(("name", "parameters", "width", "most"), MOVERS)
def test_beats_come_out_in_order(name, parameters, width, most, tmp_path):
    made = cell(name, parameters, [width], [width])
    assert reachable(made, [in_order(made.inputs[0], made.outputs[0], most)], tmp_path)


@pytest.mark.parametrize(("frames", "most"), [(1, 2), (2, 3)])
def test_views_carry_what_came_with_the_image(frames, most, tmp_path):
    """Of an image of one beat, each of two views is that beat and its user; both end, the second is the last."""
    made, _, _ = views((1, 1), (1, 1), 0, FLIP=1, FRAMES=frames)
    moves = made.outputs[0].moves
    properties = [credits(f"{moves} && !m_user[1]", f"{moves} && m_user[1]", 1)]
    for last in (0, 1):
        source = replace(made.inputs[0], data=f"{{s_data, 1'b{last}, s_user, 1'b1}}", width=4)
        sink = replace(made.outputs[0], valid=f"m_valid && m_user[1] == 1'b{last}")
        properties.append(in_order(source, sink, most))
    assert reachable(made, properties, tmp_path)


@pytest.mark.parametrize(
    ("ends", "each", "most"), [("m_last", 4, 9), ("m_user[1]", 2, 5), ("m_last && m_user[1]", 1, 3)]
)
def test_views_are_marked(ends, each, most, tmp_path):
    """Of an image of 3 beats four views end, and the last one has two beats, one of them its end."""
    made = COUNTED["views"][0]
    moves = made.inputs[0].moves, f"{made.outputs[0].moves} && {ends}"
    assert reachable(made, [credits(*moves, most, 3, each)], tmp_path)
    assert not reachable(made, [credits(*moves, most - 1, 3, each)], tmp_path)


@pytest.mark.parametrize(("frames", "most"), [(1, 3), (2, 5)])
def test_views_keep_the_order_of_beats(frames, most, tmp_path):
    made, _, _ = views((1, 2), (1, 2), 0, FRAMES=frames)
    source, sink = replace(made.inputs[0], data="s_data", width=1), replace(made.outputs[0], data="m_data")
    assert reachable(made, [in_order(source, sink, most)], tmp_path)


def test_the_user_of_a_frame_comes_out_with_it(tmp_path):
    """Frames of one beat: the user words in order; of two beats out, the second is the last."""
    made, _, _ = frame_user(1, 1, 0)
    sink = replace(made.outputs[1], data="m_user", width=2)
    assert reachable(made, [in_order(made.inputs[0], sink, 4)], tmp_path)
    made, _, _ = frame_user(1, 2, 0)
    moves = made.outputs[1].moves
    assert reachable(made, [credits(f"{moves} && !m_last", f"{moves} && m_last", 1)], tmp_path)


SKID = cell("skid", {"WIDTH": 2}, [2], [2])
CHECKS = {
    "law4": law4(SKID.outputs[0]),
    "credits": credits(SKID.inputs[0].moves, SKID.outputs[0].moves, 2),
    "in_order": in_order(SKID.inputs[0], SKID.outputs[0], 2),
}


@pytest.mark.parametrize(
    ("old", "new", "finds"),
    [
        # data changes while it waits; valid is withdrawn
        ("if (!m_valid || m_ready) m_data", "if (s_valid || m_ready) m_data", "law4"),
        ("if (!m_valid || m_ready) begin", "if (!m_valid || !s_valid || m_ready) begin", "law4"),
        # a beat is doubled; lost; changed
        ("spare_valid <= 1'b0;\n      end else", "spare_valid <= s_valid && spare_valid;\n      end else", "credits"),
        ("s_ready = !spare_valid", "s_ready = 1'b1", "credits"),
        ("spare_valid ? spare : s_data", "spare_valid ? ~spare : s_data", "in_order"),
    ],
)
def test_a_broken_cell_is_refuted(old, new, finds, tmp_path):
    text = (room("hw") / "rtl" / "skid.sv").read_text()
    whole, broken = tmp_path / "whole.sv", tmp_path / "broken.sv"
    whole.write_text(text)
    broken.write_text(text.replace(old, new, 1))
    assert broken.read_text() != text
    prover = inductive if finds == "law4" else reachable
    assert prover(SKID, [CHECKS[finds]], tmp_path, [whole])
    assert not prover(SKID, [CHECKS[finds]], tmp_path, [broken])


# The ends of a run that never waits, and between them two registers without an enable: all in one, as they are used.
RUN = """
module credit_run #(parameter int WIDTH = 1, CREDITS = 2, DEPTH = 2) (
    input wire logic clk, rst, s_valid, m_ready, output logic s_ready, m_valid,
    input wire logic [WIDTH-1:0] s_data, output logic [WIDTH-1:0] m_data
);
  logic [WIDTH-1:0] data, one, two;
  logic valid, valid_one, valid_two, ready, left;
  credit_gate #(.WIDTH(WIDTH), .CREDITS(CREDITS)) u_gate (.m_data(data), .m_valid(valid), .m_ready(ready), .*);
  always_ff @(posedge clk) begin
    {one, two} <= {data, one};
    {valid_one, valid_two} <= rst ? 2'b0 : {valid, valid_one};
  end
  credit_store #(.WIDTH(WIDTH), .DEPTH(DEPTH)) u_store (.s_data(two), .s_valid(valid_two), .s_ready(ready), .*);
endmodule
"""


def credit_run(tmp_path, **parameters):
    path = tmp_path / "credit_run.sv"
    path.write_text(RUN)
    return cell("credit_run", parameters, [1], [1]), [path, *sources("credit_gate"), *sources("credit_store")]


@pytest.mark.parametrize("places", [2, 3, 6])
def test_a_run_loses_nothing(places, tmp_path):
    made, files = credit_run(tmp_path, CREDITS=places, DEPTH=places)
    moves = made.inputs[0].moves, made.outputs[0].moves
    order = in_order(made.inputs[0], made.outputs[0], places)
    assert reachable(made, [law4(made.outputs[0]), credits(*moves, places), order], tmp_path, files)
    assert not reachable(made, [credits(*moves, places - 1)], tmp_path, files)


def test_a_gate_that_lets_in_too_much_is_refuted(tmp_path):
    """The store holds one beat more, in its register; the next is lost."""
    for credited, holds in ((3, True), (4, False)):
        made, files = credit_run(tmp_path, CREDITS=credited, DEPTH=2)
        order = in_order(made.inputs[0], made.outputs[0], credited)
        assert reachable(made, [order], tmp_path, files) == holds
