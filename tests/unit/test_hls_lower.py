"""The hls4ml backend without hls4ml: layers, types, options, refusals."""

import importlib.metadata
from dataclasses import replace

import numpy as np
import pytest
from everything import everything
from graphs import Maker

from lutwright.boards import load_board
from lutwright.cli.build_hls import refuse_options
from lutwright.errors import BadOption, ToolMissing, UnsupportedOp
from lutwright.hls.frames import frames_program, read_answers, tapped
from lutwright.hls.layer import signed_for, type_text
from lutwright.hls.lower import lower
from lutwright.hls.options import HlsOptions
from lutwright.hls.project import part_of
from lutwright.hls.version import PROVED, require_hls4ml
from lutwright.ir.graph import Output
from lutwright.ir.verify import verify
from lutwright.numerics.ranges import IntType


def maker(shape=(4, 4, 2), bits=3):
    return Maker(np.random.default_rng(1), shape, bits)


STREAM = HlsOptions()


def last(made, options=STREAM):
    return lower(made.graph(), options).layers[-1]


def test_a_pruned_convolution_is_multiplexers_and_a_dense_one_is_hls4mls():
    made = maker()
    made.conv(3, (3, 3), (1, 1), (1,) * 4, "sign")
    layer = last(made)
    assert (layer.kind, layer.function, layer.constants["terms"]) == ("LutwrightMux", "mux_sign", 2)
    weights = made.nodes[0].attrs["weights"]
    position, negative = layer.arrays["position"].values, layer.arrays["negative"].values
    found = np.zeros((3, 9, 2), np.int64)
    for output in range(3):
        for channel in range(2):
            found[output, position[output, channel], channel] = 1 - 2 * negative[output, channel]
    np.testing.assert_array_equal(found.reshape(3, 3, 3, 2), weights)
    np.testing.assert_array_equal(layer.arrays["bias"].values, negative.sum(axis=1))
    made = maker()
    made.conv(3, (3, 3), (1, 1), (1,) * 4, bits=4)
    assert last(made).kind == "Conv2D"


def test_a_kernel_that_hls4ml_gets_wrong_is_ours():
    made = maker()
    made.conv(3, (1, 3), (2, 1), (0, 1, 0, 1))
    assert last(made).kind == "LutwrightConv"


def test_large_parallel_convolutions_are_ours():
    made = maker((40, 40, 2))
    made.conv(3, (3, 3), (1, 1), (1,) * 4)
    assert last(made, HlsOptions(io="io_parallel")).kind == "LutwrightConv"
    assert last(made).kind == "Conv2D"


@pytest.mark.parametrize(("weights", "width"), [([-1, 1], 2), ([0, 1], 2), ([-2, 1], 3), ([1, 3], 3), ([-8, 7], 4)])
def test_weight_types_avoid_what_hls4ml_takes_for_binary_and_ternary(weights, width):
    made = maker((2,))
    made.add("Dense", weights=np.array([weights]))
    assert last(made).precision["weight"] == IntType(True, width)


def test_types_as_text():
    assert [type_text(kind) for kind in (IntType(True, 3), IntType(False, 1))] == ["ap_int<3>", "ap_uint<1>"]
    assert [signed_for(bound).width for bound in (0, 1, 127, 128)] == [2, 2, 8, 9]


def test_flatten_is_no_layer_and_the_input_is_copied_where_it_is_put_out():
    made = maker()
    made.add("Flatten")
    made.dense(3, 3)
    graph = made.graph()
    assert [layer.kind for layer in lower(graph, HlsOptions()).layers] == ["Input", "Reshape", "Dense"]
    graph = verify(replace(graph, outputs=(Output(graph.output, "a"), Output("input", "b"))))
    model = lower(graph, HlsOptions())
    assert model.outputs == (model.layers[-2].name, "input_copy")
    assert model.layers[-1].tensor == "input"


def test_names_differ_without_regard_to_case():
    made = maker((4,))
    made.dense(3, 3)
    made.dense(3, 3)
    graph = made.graph()
    nodes = tuple(replace(node, name=name) for node, name in zip(graph.nodes, ("Fc", "fC"), strict=True))
    names = [layer.name for layer in lower(replace(graph, nodes=nodes), HlsOptions()).layers]
    assert names == ["frame", "fc", "fc_n2"]


def test_nothing_to_compute_is_refused():
    graph = replace(maker().graph(), nodes=())
    with pytest.raises(UnsupportedOp, match="must compute something"):
        lower(graph, HlsOptions())


def test_words_that_no_double_holds_are_refused():
    made = maker((4,), 12)
    made.affine(1 << 24)
    made.add("Affine", gain=np.array([1 << 20]), offset=np.array([1]))
    with pytest.raises(UnsupportedOp, match=r"node 'affine1': words and constants must have at most 53 bits"):
        lower(made.graph(), HlsOptions())


def test_a_stream_has_seven_readers_at_most():
    made = maker((4,))
    made.affine(3)
    start = made.here
    made.add("Concat", *[start] * 9, axis=0)
    with pytest.raises(UnsupportedOp, match="must have at most 7 readers"):
        lower(made.graph(), HlsOptions())
    assert lower(made.graph(), HlsOptions(io="io_parallel"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"tool": "Quartus"}, "--hls-tool: must be Vitis or Vivado, not 'Quartus'"),
        ({"io": "serial"}, "--io: must be io_stream or io_parallel"),
        ({"strategy": "fast"}, "--strategy: must be latency or resource"),
        ({"reuse": 0}, "--reuse: must be 1 or more, not 0"),
        ({"clock_ns": 2000.0}, "--clock: must be 1 MHz or more"),
        ({"part": "xc7 ; rm"}, "--part: must be the full order name"),
    ],
)
def test_bad_options(given, message):
    with pytest.raises(BadOption, match=message):
        HlsOptions(**given)


def test_options_come_back():
    options = HlsOptions("Vivado", "xc7a35tcpg236-1", 10.0, "io_parallel", 4, "resource")
    assert HlsOptions.from_dict(options.as_dict()) == options


def test_the_part_is_the_boards_where_that_is_amds():
    board = load_board("ulx3s-45f")
    assert part_of(board, "xc7a35tcpg236-1") == "xc7a35tcpg236-1"
    assert part_of(board.model_copy(update={"part": "XC7Z020CLG400-1"}), "") == "XC7Z020CLG400-1"
    with pytest.raises(BadOption, match="--part: must name a part"):
        part_of(board, "")


def test_options_of_the_other_backend_are_refused():
    refuse_options("hls4ml", "rtl", {"--fps": None, "--bitstream": False})
    with pytest.raises(BadOption, match="--bitstream: belongs to --backend rtl, not hls4ml"):
        refuse_options("hls4ml", "rtl", {"--fps": None, "--bitstream": True})


def test_another_version_is_refused_unless_told(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "1.4.0")
    with pytest.raises(BadOption, match=rf"must be {PROVED}, with which the backend is proved, not 1\.4\.0"):
        require_hls4ml()
    assert require_hls4ml(True) == "1.4.0"


def test_no_hls4ml_is_named(monkeypatch):
    def absent(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", absent)
    with pytest.raises(ToolMissing, match=r"the package hls4ml .* must be installed"):
        require_hls4ml()


def test_the_program_tells_every_tap_and_its_answers_are_read():
    model = lower(everything(), HlsOptions())
    text = frames_program(model, "everything").decode()
    assert all(f'{{"{name}", {model.layer(name).words}}}' in text for name in tapped(model))
    made = maker((2,))
    made.dense(3, 3)
    made.dense(1, 3)
    model = lower(made.graph(), HlsOptions())
    rows = read_answers(model, np.arange(10), True)  # one word put out, 3 and 1 tapped
    assert rows.outputs["dense1"].tolist() == [[0], [5]]
    assert {name: values.tolist() for name, values in rows.taps.items()} == {
        "dense0": [[1, 2, 3], [6, 7, 8]],
        "dense1": [[4], [9]],
    }
