"""What lies around a model: the type of its input, its batch, the names of its nodes, its constants, its dead ends."""

import json
import re

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from small_models import LAST, QONNX, Net, agree
from typer.testing import CliRunner

from lutwright.check.rungs import Float32Rung
from lutwright.cli.main import app
from lutwright.emit.project import hardware_graph, model_bytes, open_project
from lutwright.errors import BadOption, UnsupportedOp
from lutwright.frontend.names import identifier
from lutwright.frontend.translate import InputType, import_model, import_with_taps
from lutwright.ir.execute import execute
from lutwright.ir.text import to_text


def small(shape=(2, 5, 6), **options):
    """Input, convolution, quantiser; the input is raw."""
    net = Net(shape, **options)
    x = net.add("Conv", "input", net.weights(3, shape[0], 2, 2))
    return net, net.act(x, 1.0)


# ---- the type of the input -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [("uint8", 0, 255), ("int4:0.25", -8, 7), ("uint1", 0, 1), ("uint8:1/256", 0, 255), ("int3:0.375", -4, 3)],
)
def test_declared_inputs(text, low, high):
    net, y = small()
    imported = agree(net.model(y), InputType.parse(text), exact="0.375" not in text)
    tensor = imported.graph.tensors["input"]
    assert (tensor.low, tensor.high) == (low, high)


@pytest.mark.parametrize("kind", ["UINT8", "INT4", "BINARY", "BIPOLAR", "TERNARY"])
def test_annotated_inputs(kind):
    """QONNX's own note of the type of a tensor."""
    net, y = small()
    net.types["input"] = kind
    graph = import_with_taps(net.model(y), "net").graph
    wanted = {"UINT8": (0, 255), "INT4": (-8, 7), "BINARY": (0, 1), "BIPOLAR": (-2, 1), "TERNARY": (-2, 1)}[kind]
    assert (graph.tensors["input"].low, graph.tensors["input"].high) == wanted
    frames = np.random.default_rng(0).integers(*wanted, (8, 2, 5, 6), endpoint=True)
    agree(net.model(y), frames=frames.astype(float), exact=True)


@pytest.mark.parametrize("kind", ["FLOAT32", "INT32", "SCALEDINT<8>", "FIXED<8,2>"])
def test_other_annotations_say_nothing(kind):
    net = Net((2, 5, 6))
    y = net.add("Conv", net.start(), net.weights(3, 2, 2, 2))
    net.types["input"] = kind
    assert import_with_taps(net.model(y), "net").graph.tensors["input"].high == 15


def test_a_declared_type_goes_in_front_of_the_model_s_quantiser():
    """Pixels of 8 bits that the model itself quantises to 4."""
    net = Net((2, 5, 6))
    y = net.add("Conv", net.quant("input", 0.0625, 4, name="in"), net.weights(3, 2, 2, 2))
    imported = agree(net.model(y), InputType.parse("uint8:1/256"))
    assert [node.op for node in imported.graph.nodes] == ["Step", "Conv"]


def test_declared_inputs_that_are_moved():
    net = Net((5, 6, 2))
    x = net.add("Transpose", "input", perm=[0, 3, 1, 2])
    y = net.act(net.add("Conv", x, net.weights(3, 2, 2, 2)), 1.0)
    agree(net.model(y), InputType.parse("int4"))


def test_a_declared_input_with_two_readers():
    net = Net((2, 5, 6))
    a = net.add("Conv", "input", net.weights(2, 2, 1, 1, scale=0.125))
    agree(net.model(net.act(net.add("Add", a, "input"), 1.0)), InputType.parse("int4:0.125"))


def test_float_operations_in_front_of_declared_integers():
    net = Net((2, 5, 6))
    x = net.add("Div", net.add("Sub", "input", net.constant(8.0)), net.constant(np.array([4.0, 8.0]).reshape(2, 1, 1)))
    agree(net.model(net.act(net.add("Conv", x, net.weights(3, 2, 2, 2)), 1.0)), InputType.parse("uint4"))


@pytest.mark.parametrize("padded", [False, True])
def test_a_mean_taken_off_declared_pixels(padded):
    """Pixels / 255 - mean: a constant for each output, but not where zeros are put around it."""
    net = Net((2, 5, 6), power=False)
    mean = net.constant(np.float32([0.485, 0.456]).reshape(1, 2, 1, 1))
    x = net.add("Sub", net.add("Div", "input", net.constant(255.0)), mean)
    x = net.add("Div", x, net.constant(0.226))
    y = net.add("Conv", x, net.weights(3, 2, 2, 2), net.constant(np.ones(3)), pads=[1, 0, 0, 1] if padded else [0] * 4)
    model = net.model(net.act(y, 1.0))
    if padded:
        with pytest.raises(
            UnsupportedOp, match=r"'conv' \(Conv\): what a padded layer reads must lie on a grid with 0"
        ):
            import_with_taps(model, "net", InputType.parse("uint8"))
    else:
        graph = agree(model, InputType.parse("uint8"), exact=False).graph
        assert [node.op for node in graph.nodes] == ["Conv", "Step"]


def test_a_mean_taken_off_the_declared_inputs_of_a_dense_layer():
    net = Net((2, 3, 2), power=False)
    x = net.add("Sub", net.add("Div", "input", net.constant(255.0)), net.constant(0.1307))
    x = net.add("Flatten", net.add("Sub", net.constant(1.0), x))
    y = net.add("MatMul", x, net.weights(12, 5))
    graph = agree(net.model(net.act(y, 1.0)), InputType.parse("uint8"), exact=False).graph
    assert [node.op for node in graph.nodes] == ["Flatten", "Dense", "Step"]


def test_pixels_between_minus_one_and_one():
    """(x - 127.5) / 127.5 is (2 x - 255) / 255."""
    net = Net((2, 5, 6), power=False)
    x = net.add("Div", net.add("Sub", "input", net.constant(127.5)), net.constant(127.5))
    y = net.add("Conv", x, net.weights(3, 2, 2, 2), pads=[1, 1, 1, 1])
    graph = agree(net.model(net.act(y, 1.0)), InputType.parse("uint8")).graph
    assert graph.tensors["conv_offset.out"].low == -255


def of_type(net, output, kind):
    """The model with an input of integer type."""
    model = net.model(output)
    model.graph.input[0].type.tensor_type.elem_type = kind
    return model


@pytest.mark.parametrize("read", ["Cast", "DequantizeLinear"])
@pytest.mark.parametrize(("kind", "low", "high"), [("UINT8", 0, 255), ("INT8", -128, 127), ("UINT16", 0, 65535)])
def test_inputs_of_an_integer_type(read, kind, low, high):
    net = Net((5, 6, 2))
    x = net.add("Transpose", "input", perm=[0, 3, 1, 2])
    if read == "Cast":
        x = net.add("Cast", x, to=TensorProto.FLOAT)
    else:
        number = onnx.helper.tensor_dtype_to_np_dtype(getattr(TensorProto, kind))
        x = net.add(read, x, net.constant(0.25), net.constant(3, "zero", number))
    net.opset = 21
    y = net.act(net.add("Conv", x, net.weights(3, 2, 2, 2)), 1.0, signed=1)
    model = of_type(net, y, getattr(TensorProto, kind))
    frames = np.random.default_rng(0).integers(low, high, (8, 5, 6, 2), endpoint=True)
    imported = agree(model, frames=frames.astype(np.float32))
    assert (imported.graph.tensors["input"].low, imported.graph.tensors["input"].high) == (low, high)
    told = import_with_taps(model, "net", InputType.parse("uint4" if low == 0 else "int4"))
    assert told.declared == InputType(low < 0, 4)


@pytest.mark.parametrize("text", ["int4", "uint9", "uint8:0.5"])
def test_integer_inputs_hold_what_their_type_says(text):
    net, y = small()
    with pytest.raises(UnsupportedOp, match=f"input 'input': holds uint8 as it is, not {text}"):
        import_with_taps(of_type(net, y, TensorProto.UINT8), "net", InputType.parse(text))


def test_arithmetic_on_an_integer_type_is_refused():
    """It would wrap."""
    net = Net((2, 5, 6))
    x = net.add("Cast", net.add("Sub", "input", net.constant(3, "three", np.uint8)), to=TensorProto.FLOAT)
    with pytest.raises(
        UnsupportedOp, match=r"node 'sub' \(Sub\): must work on floats, not Sub of a tensor of integers"
    ):
        import_with_taps(of_type(net, x, TensorProto.UINT8), "net")


def test_a_model_in_float64():
    """It is checked in float64 even where every scale is a power of two."""
    net = Net((2, 5, 6))
    y = net.act(net.add("Conv", net.start(), net.weights(3, 2, 2, 2)), 1.0)
    model = net.model(net.add("Cast", y, to=TensorProto.DOUBLE))
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name))
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.DOUBLE
    assert agree(model, exact=False).reason == "the model itself is in float64"
    frames = np.random.default_rng(0).normal(size=(4, 2, 5, 6)).astype(np.float32)
    assert Float32Rung(model).run(frames)[model.graph.output[0].name].dtype == np.float32


def test_nodes_that_nothing_needs_are_not_run():
    net, y = small()
    net.add("LSTM", "input", net.constant(np.zeros((1, 4, 4))), net.constant(np.zeros((1, 4, 1))))
    agree(net.model(y), InputType.parse("uint4"))


@pytest.mark.parametrize("text", ["uint8", "int4:0.25", "uint16:1/256", "INT3:1e-3"])
def test_types_are_read_and_written(text):
    told = InputType.parse(text)
    assert InputType.parse(told.text) == told


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("float32", "must be uintN or intN"),
        ("uint", "must be uintN or intN"),
        ("uint8:x", "must be uintN or intN"),
        ("uint8:1/0", "must be uintN or intN"),
        ("uint0", "needs 1 to 16 bits and a positive scale"),
        ("int17", "needs 1 to 16 bits"),
        ("int4:-1", "needs 1 to 16 bits and a positive scale"),
        ("int4:inf", "positive scale"),
        ("int4:nan", "positive scale"),
    ],
)
def test_bad_types(text, message):
    with pytest.raises(BadOption, match=f"input type '{re.escape(text)}': .*{message}"):
        InputType.parse(text)


def test_build_takes_a_type_and_keeps_it(tmp_path):
    net = Net((1, 8, 8))
    y = net.add("Conv", "input", net.weights(2, 1, 3, 3))
    y = net.add("Gemm", net.add("Flatten", net.act(y)), net.weights(4, 72), transB=1)
    onnx.save(net.model(y), tmp_path / "plain.onnx")
    words = ["build", str(tmp_path / "plain.onnx"), "--board", "ulx3s-45f", "--out", str(tmp_path / "p"), "--json"]
    refused = CliRunner().invoke(app, words)
    assert refused.exit_code == 2
    assert "say what integers it holds: --input uint8:1/256" in refused.output
    bad = CliRunner().invoke(app, [*words, "--input", "byte"])
    assert bad.exit_code == 2
    assert "BadOption: input type 'byte': must be uintN or intN" in bad.output
    made = CliRunner().invoke(app, [*words, "--input", "uint4:1/16"])
    assert made.exit_code == 0, made.output
    assert json.loads((tmp_path / "p" / "project.json").read_text())["input"] == "uint4:0.0625"
    again = open_project(tmp_path / "p").graph
    assert to_text(again) == to_text(hardware_graph(tmp_path / "plain.onnx", InputType.parse("uint4:1/16")))


def test_a_project_carries_external_data(tmp_path):
    """The file itself where it is whole; with its data where that lies beside it."""
    net, y = small()
    model = net.model(y)
    onnx.save(model, tmp_path / "whole.onnx")
    assert model_bytes(tmp_path / "whole.onnx") == (tmp_path / "whole.onnx").read_bytes()
    onnx.save(model, tmp_path / "split.onnx", save_as_external_data=True, size_threshold=0, location="split.data")
    carried = onnx.ModelProto.FromString(model_bytes(tmp_path / "split.onnx"))
    arrays = {t.name: numpy_helper.to_array(t) for t in carried.graph.initializer}
    assert all(np.array_equal(arrays[t.name], numpy_helper.to_array(t)) for t in net.constants)


# ---- the quantiser of the input --------------------------------------------------------------------------------------


def test_two_branches_with_the_same_quantiser_of_the_input():
    net = Net((2, 5, 6))
    a, b = (net.quant("input", 0.25, 4, name=n, signed=1) for n in ("in", "again"))
    y = net.add("Add", net.add("Conv", a, net.weights(3, 2, 1, 1)), net.add("Conv", b, net.weights(3, 2, 1, 1)))
    assert [node.op for node in agree(net.model(y)).graph.nodes] == ["Conv", "Conv", "Add"]


# ---- the batch -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [0, 1, 100])
def test_batches(batch):
    """Exported with a free batch, with 1 and with 100: the graph is of one frame."""
    net = Net((2, 5, 6), batch=batch)
    x = net.act(net.start(signed=1))
    flat = net.add("Reshape", x, net.shape_of(batch or -1, 60))
    y = net.add("MatMul", flat, net.weights(60, 5))
    imported = agree(net.model(y), count=7)
    assert imported.graph.tensors["input"].shape == (5, 6, 2)


def test_a_resize_to_sizes_that_name_the_batch():
    net = Net((2, 5, 6), batch=100)
    y = net.add(
        "Resize", net.start(), "", "", net.shape_of(100, 2, 10, 12), coordinate_transformation_mode="asymmetric"
    )
    graph = import_with_taps(net.model(y), "net").graph
    assert graph.node("resize").attrs["rows"].tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


# ---- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("mnist-mux", "mnist_mux"),
        ("1st", "m_1st"),
        ("ä", "m_"),
        ("", "m_"),
        ("__a..b__", "a_b"),
        ("module", "m_module"),
        ("always_ff", "m_always_ff"),
        ("cross", "m_cross"),
        ("Module", "Module"),
        ("conv 1\n`define x", "conv_1_define_x"),
    ],
)
def test_names_become_identifiers(name, made):
    assert identifier(name) == made
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", made)


@pytest.mark.parametrize(
    ("names", "made"),
    [
        (["conv", "conv"], ["conv", "conv_2"]),
        (["conv", "conv_2", "conv"], ["conv", "conv_2", "conv_3"]),
        (["/features.0/Conv", "/features.1/conv/Conv"], ["features_0", "features_1_conv"]),
        (["input", "reg", "1"], ["m_input", "m_reg", "m_1"]),
        (["/act/act_quant/export_handler/Quant", "/Conv"], ["act", "Conv"]),
        (["", ""], ["t0", "t1"]),
    ],
)
def test_nodes_are_called_as_in_the_model(names, made):
    nodes, x = [], "x"
    weights = numpy_helper.from_array(np.full((1, 1, 1, 1), 2, np.float32), "w")
    for i, name in enumerate(names):
        nodes.append(helper.make_node("Conv", [x, "w"], [f"t{i}"], name))
        x = f"t{i}"
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 1, 2, 2))],
        [helper.make_tensor_value_info(x, TensorProto.FLOAT, None)],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    found = import_with_taps(model, "net", InputType.parse("int4"))
    assert [node.name for node in found.graph.nodes] == made
    assert [node.output for node in found.graph.nodes] == [f"{name}.out" for name in made]
    assert [tap.node for tap in found.taps[-len(made) :]] == made


def test_a_graph_is_called_as_its_file(tmp_path):
    net, y = small()
    net.types["input"] = "UINT4"
    onnx.save(net.model(y), tmp_path / "my model (2).onnx")
    assert import_model(tmp_path / "my model (2).onnx").name == "my_model_2"


# ---- constants, domains, dead ends -----------------------------------------------------------------------------------


def test_the_domain_of_onnx_has_two_names():
    net = Net((2, 5, 6), opset=12)
    w = net.add("Transpose", net.constant(net.rng.integers(-3, 4, (5, 60))), domain="ai.onnx", perm=[1, 0])
    y = net.add("Softmax", net.add("MatMul", net.add("Flatten", net.start(), domain="ai.onnx"), w), domain="ai.onnx")
    model = net.model(y)
    model.opset_import[0].domain = "ai.onnx"
    agree(model)


@pytest.mark.parametrize("domain", ["onnx.brevitas", "finn.custom_op.general"])
def test_older_domains_of_qonnx(domain):
    net = Net((2, 5, 6))
    y = net.act(net.add("Conv", net.start(), net.weights(3, 2, 2, 2)))
    model = net.model(y)
    for node in model.graph.node:
        node.domain = domain if node.domain == QONNX else node.domain
    model.opset_import.append(helper.make_opsetid(domain, 1))
    agree(model)


def test_constants_in_nodes():
    """Constant nodes of every kind, as operands and as shapes."""
    net = Net((2, 5, 6))
    values = {
        "weights": {"value": numpy_helper.from_array(net.rng.integers(-3, 4, (3, 2, 2, 2)).astype(np.float32))},
        "bias": {"value_floats": [0.5, -1.0, 2.0]},
        "shape": {"value_ints": [0, -1]},
        "half": {"value_float": 0.5},
    }
    made = {key: net.add("Constant", name=key, **told) for key, told in values.items()}
    y = net.add("Conv", net.start(), made["weights"], made["bias"])
    agree(net.model(net.add("Reshape", net.act(net.add("Mul", y, made["half"])), made["shape"])))


def test_what_the_output_does_not_need_is_left_out():
    net = Net((2, 5, 6))
    x = net.act(net.add("Conv", net.start(), net.weights(3, 2, 2, 2)))
    net.add("MaxPool", x, kernel_shape=[2, 2])
    y = net.add("Conv", x, net.weights(2, 3, 1, 1))
    imported = agree(net.model(y))
    assert [node.op for node in imported.graph.nodes] == ["Conv", "Step", "Conv"]
    assert {tap.tensor for tap in imported.taps} == set(imported.graph.tensors)


def test_what_is_no_layer_may_be_anything_where_nothing_reads_it():
    net = Net((2, 5, 6))
    x = net.start()
    net.add("LSTM", x, x, x, hidden_size=3)
    imported = import_with_taps(net.model(net.add("Conv", x, net.weights(2, 2, 1, 1))), "net")
    assert [node.op for node in imported.graph.nodes] == ["Conv"]


def test_both_layouts_of_the_input():
    """Channels last where the first change of layout says so: the words are in the order of the pixels either way."""
    for shape, moves in (((2, 5, 6), {}), ((5, 6, 2), {"perm": [0, 3, 1, 2]}), ((9, 2), {"perm": [0, 2, 1]})):
        net = Net(shape)
        x = net.add("Transpose", net.start(), **moves) if moves else net.start()
        w = net.weights(3, 2, *[2] * (len(shape) - 1))
        imported = agree(net.model(net.act(net.add("Conv", x, w))))
        assert imported.graph.tensors["input"].shape[-1] == 2
        assert [node.op for node in imported.graph.nodes] == ["Conv", "Step"]


def test_channels_last_layers_on_the_input():
    net = Net((5, 6, 2))
    geometry = {"kernel_shape": [2, 2], "strides": [1, 1], "dilations": [1, 1], "pads": [0, 0, 0, 0], "group": 1}
    y = net.add("Conv", net.start(), net.weights(3, 2, 2, 2), domain=LAST, **geometry)
    imported = agree(net.model(net.act(y)))
    assert imported.graph.tensors["input"].shape == (5, 6, 2)


def test_a_matrix_on_the_last_axis_of_the_input():
    net = Net((5, 6, 2))
    imported = agree(net.model(net.act(net.add("MatMul", net.start(), net.weights(2, 3)))))
    assert [node.op for node in imported.graph.nodes] == ["Conv", "Step"]


def test_metadata_and_the_plain_name_are_kept():
    net, y = small()
    net.types["input"] = "UINT4"
    model = net.model(y)
    model.metadata_props.add(key="accuracy", value="0.9")
    graph = import_with_taps(model, "net").graph
    assert graph.metadata == {"accuracy": "0.9"}
    assert execute(graph, np.zeros((2, 5, 6, 2), np.int64)).shape == (2, 4, 5, 3)
