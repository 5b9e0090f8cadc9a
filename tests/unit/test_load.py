"""ONNX files in: every rule of the loader with a model that breaks it, external data, and files of random damage."""

import lzma
import os
import time

import numpy as np
import onnx
import pytest
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from lutwright.errors import BadModel, LutwrightError, UnsupportedOp
from lutwright.frontend import load
from lutwright.frontend.load import constant_node, constants, content_of, in_order, load_model
from lutwright.frontend.names import model_stem
from lutwright.frontend.tensors import array_of, is_integer, limits
from lutwright.frontend.translate import import_model
from lutwright.resources import room

MNIST = room("examples") / "models" / "mnist-mux.onnx"
DOMAIN = "qonnx.custom_op.general"


def tiny():
    """x -> Add w -> Relu -> y."""
    nodes = [
        helper.make_node("Add", ["x", "w"], ["a"], "add"),
        helper.make_node("Relu", ["a"], ["y"], "relu"),
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, 4)) for name in ("x", "y")]
    weights = numpy_helper.from_array(np.arange(4, dtype=np.float32), "w")
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], [weights])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def written(folder, model):
    path = folder / "model.onnx"
    path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    return path


def loaded(folder, model):
    return load_model(written(folder, model))


def test_a_good_model(tmp_path):
    model = loaded(tmp_path, tiny())
    values = constants(model.graph)
    assert values["w"].tolist() == [0, 1, 2, 3] and values["w"].dtype == np.float32
    assert [node.name for node in in_order(model.graph, {"x", "w"})] == ["add", "relu"]


# ---- files ----------------------------------------------------------------------------------------------------------


def test_compressed_files(tmp_path, monkeypatch):
    path, packed = tmp_path / "tiny-net.onnx.xz", lzma.compress(tiny().SerializeToString())
    path.write_bytes(packed)
    assert load_model(path) == tiny()
    assert content_of(path) == tiny().SerializeToString() and model_stem(path) == "tiny-net"
    assert model_stem(tmp_path / "tiny-net.onnx") == "tiny-net"
    path.write_bytes(packed[:-20])
    with pytest.raises(BadModel, match=r"tiny-net.onnx.xz': must be a whole xz file, not cut off"):
        load_model(path)
    path.write_bytes(packed[:30] + b"damage" + packed[36:])
    with pytest.raises(BadModel, match=r"must be a whole xz file, not damaged"):
        load_model(path)
    large = tiny()
    large.doc_string = "a" * 10000
    path.write_bytes(lzma.compress(large.SerializeToString()))
    monkeypatch.setattr(load, "MOST_BYTES", 5000)
    with pytest.raises(BadModel, match="must have at most 5000 bytes, not more than 5000"):
        load_model(path)


def test_no_file(tmp_path):
    with pytest.raises(BadModel, match=r"must be a file, not missing"):
        load_model(tmp_path / "none.onnx")
    with pytest.raises(BadModel, match=r"must be a file, not a folder"):
        load_model(tmp_path)
    os.mkfifo(tmp_path / "pipe.onnx")
    with pytest.raises(BadModel, match=r"must be a file, not a device or pipe"):
        load_model(tmp_path / "pipe.onnx")
    with pytest.raises(BadModel, match=r"must be a readable file, not unreadable"):
        load_model(tmp_path / ("n" * 300))
    with pytest.raises(BadModel, match=r"must be a readable file, not unreadable"):
        load_model(tmp_path / "a\0b")


def test_files_over_2_gb_are_not_read(tmp_path):
    with (tmp_path / "large.onnx").open("wb") as file:
        file.truncate((2 << 30) + 1)  # a hole: takes no disk
    with pytest.raises(BadModel, match="must have at most 2147483648 bytes, not 2147483649"):
        load_model(tmp_path / "large.onnx")


@pytest.mark.parametrize("content", [b"this is no model", b"\x3a\xff\xff\xff\xff\x0f", MNIST.read_bytes()[:20_000]])
def test_damaged_bytes(content, tmp_path):
    with pytest.raises(BadModel, match="must be a whole ONNX file, not damaged or cut off"):
        loaded(tmp_path, content)


def test_deep_nesting_is_damage(tmp_path):
    def field(tag, payload):
        size, head = len(payload), bytearray([tag])
        while size > 127:
            head.append(size & 127 | 128)
            size >>= 7
        return bytes(head) + bytes([size]) + payload

    content = b""
    for _ in range(300):  # graph in attribute in node in graph ...
        content = field(0x0A, field(0x2A, field(0x32, content)))
    with pytest.raises(BadModel, match="must be a whole ONNX file"):
        loaded(tmp_path, field(0x3A, content))


@pytest.mark.parametrize("error", [RecursionError, MemoryError])
def test_parsers_that_give_up(error, tmp_path, monkeypatch):
    class Parser:
        def ParseFromString(self, content):
            raise error

    path = written(tmp_path, tiny())
    monkeypatch.setattr("lutwright.frontend.load.onnx.ModelProto", Parser)
    with pytest.raises(BadModel, match="must be a whole ONNX file"):
        load_model(path)


# ---- size -----------------------------------------------------------------------------------------------------------


def test_a_million_nodes_are_refused_quickly(tmp_path):
    model = tiny()
    graph = model.graph.SerializeToString()
    extra = onnx.GraphProto(node=[helper.make_node("Relu", ["a"], ["b"])]).SerializeToString()
    del model.graph.node[:]
    model.ClearField("graph")
    body = graph + extra * 1_000_000
    shell = onnx.ModelProto(graph=onnx.GraphProto()).SerializeToString()
    assert shell == b"\x3a\x00"
    length, size = bytearray(), len(body)
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    content = model.SerializeToString() + b"\x3a" + bytes([*length, size]) + body
    start = time.monotonic()
    with pytest.raises(BadModel, match="must have at most 10000 nodes, not 1000002"):
        loaded(tmp_path, content)
    assert time.monotonic() - start < 10


def test_nodes_with_a_million_inputs(tmp_path):
    model = tiny()
    model.graph.node[0].input.extend(["x"] * 1_000_000)
    with pytest.raises(BadModel, match="at most 1000000 inputs and outputs"):
        loaded(tmp_path, model)


def chain(order):
    """Relu after Relu, node i reading tensor i, listed in `order`."""
    nodes = [helper.make_node("Relu", [f"t{i}"], [f"t{i + 1}"], f"n{i}") for i in order]
    return onnx.GraphProto(node=nodes)


@pytest.mark.parametrize("order", [range(50_000), range(49_999, -1, -1)], ids=["sorted", "reversed"])
def test_sorting_takes_linear_time(order):
    start = time.monotonic()
    names = [node.name for node in in_order(chain(order), {"t0"})]
    assert time.monotonic() - start < 10
    assert names == [f"n{i}" for i in range(50_000)]


def test_sorting_keeps_the_order_of_the_file():
    graph = onnx.GraphProto()
    reads = {"c": ["b"], "d": ["x"], "b": ["x", "x"], "a": ["x", ""], "e": ["c", "d"]}
    for name, inputs in reads.items():
        graph.node.append(helper.make_node("Sum", inputs, [name], name))
    assert [node.name for node in in_order(graph, {"x"})] == ["d", "b", "c", "a", "e"]


def test_a_cycle_names_a_node_of_it():
    graph = onnx.GraphProto()
    for name, source in (("after", "b"), ("a", "b"), ("b", "a"), ("free", "x")):
        graph.node.append(helper.make_node("Relu", [source], [name], name))
    with pytest.raises(
        BadModel, match=r"node '[ab]' \(Relu\): every input must be made before it is read, not a cycle"
    ):
        in_order(graph, {"x"})


def test_an_input_that_nothing_makes():
    with pytest.raises(BadModel, match=r"node 'n1' \(Relu\): every input .* not nothing that makes 't1'"):
        in_order(chain([2, 1]), {"t0"})


# ---- structure ------------------------------------------------------------------------------------------------------


def edit(change):
    model = tiny()
    change(model)
    return model


def attribute(model, **values):
    model.graph.node[0].attribute.append(AttributeProto(**values))


def node(op, inputs, outputs, **values):
    return lambda m: m.graph.node.append(helper.make_node(op, inputs, outputs, "extra", **values))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.graph.ClearField("node"), "must hold an ONNX graph with nodes"),
        (lambda m: m.graph.ClearField("input"), "must hold an ONNX graph with nodes, inputs"),
        (lambda m: m.graph.ClearField("output"), "must hold an ONNX graph with nodes, inputs and outputs"),
        (lambda m: m.ClearField("graph"), "must hold an ONNX graph"),
        (lambda m: m.ClearField("ir_version"), r"IR version must be 1 to \d+, not missing"),
        (lambda m: setattr(m, "ir_version", 1000), r"IR version must be 1 to \d+, not 1000"),
        (lambda m: setattr(m, "ir_version", -3), r"IR version must be 1 to \d+, not -3"),
        (lambda m: m.ClearField("opset_import"), r"ONNX opset must be 1 to \d+, not missing"),
        (lambda m: setattr(m.opset_import[0], "version", 1000), r"ONNX opset must be 1 to \d+, not 1000"),
        (lambda m: setattr(m.opset_import[0], "version", 0), r"ONNX opset must be 1 to \d+, not 0"),
        (lambda m: m.opset_import.add(domain="ai.onnx", version=9), "must have one opset of '', not 20 and 9"),
        (lambda m: m.graph.input[0].type.ClearField("tensor_type"), "input 'x': must be a tensor, not without a type"),
        (
            lambda m: m.graph.input[0].type.sequence_type.elem_type.CopyFrom(m.graph.output[0].type),
            "input 'x': must be a tensor, not sequence_type",
        ),
        (lambda m: m.graph.initializer.append(m.graph.initializer[0]), "initialiser 'w': must be there once, not 2"),
        (lambda m: m.graph.input.append(m.graph.input[0]), "input 'x': must be there once, not 2 times"),
        (lambda m: m.graph.output.append(m.graph.output[0]), "output 'y': must be there once, not 2 times"),
        (lambda m: setattr(m.graph.initializer[0], "name", ""), "initialiser '': must have a name"),
        (lambda m: setattr(m.graph.input[0], "name", ""), "input '': must have a name"),
        (lambda m: setattr(m.graph.output[0], "name", ""), "output '': must have a name"),
        (lambda m: setattr(m.graph.output[0], "name", "z"), "output 'z': must be made by a node, not by none"),
        (
            node("Relu", ["x"], ["y"]),
            r"node 'extra' \(Relu\): tensor 'y' must be made once, not also by node 'relu'",
        ),
        (node("Relu", ["x"], ["w"]), "tensor 'w' must be made once, not also by initialiser 'w'"),
        (node("Relu", ["y"], ["x"]), "tensor 'x' must be made once, not also by input 'x'"),
        (node("Relu", ["x"], []), r"node 'extra' \(Relu\): must have an output, not none"),
        (node("Relu", ["x"], [""]), "must have an output, not none"),
        (node("", ["x"], ["z"]), "must have an operator, not an empty one"),
        (node("Conv", ["x"], ["z"]), r"node 'extra' \(Conv\): must have 2 to 3 inputs, not 1"),
        (node("Conv", ["x", ""], ["z"]), "must have 2 to 3 inputs, not 1"),
        (node("Relu", ["x", "x"], ["z"]), "must have 1 to 1 inputs, not 2"),
        (node("Quant", ["x", "w"], ["z"], domain=DOMAIN), r"node 'extra' \(Quant\): must have 4 to 4 inputs, not 2"),
        (node("MaxPool", ["x"], ["z"]), "must have attribute 'kernel_shape', not without it"),
        (node("Conv", ["x", "w"], ["z"], strides=1.5), "attribute 'strides' must be ints, not float"),
        (
            node("Quant", ["x"] * 4, ["z"], domain=DOMAIN, signed="yes"),
            "attribute 'signed' must be int, not string",
        ),
        (lambda m: attribute(m, name="a", i=3), "attribute 'a' must be a number, text, .*, not undefined"),
        (lambda m: attribute(m, name="a", type=AttributeProto.INT), "attribute 'a' must have a value, not none"),
        (
            lambda m: attribute(m, name="a", type=AttributeProto.INT, i=1, ref_attr_name="outer"),
            "attribute 'a' must have a value, not none",
        ),
        (
            lambda m: attribute(m, name="a", type=AttributeProto.FLOAT, f=float("nan")),
            "attribute 'a' must be finite, not NaN or infinity",
        ),
        (
            lambda m: attribute(m, name="a", type=AttributeProto.FLOATS, floats=[1.0, float("inf")]),
            "attribute 'a' must be finite",
        ),
        (
            lambda m: [attribute(m, name="a", type=AttributeProto.INT, i=1) for _ in range(2)],
            "must have each attribute once, not one twice",
        ),
    ],
)
def test_broken_structure(change, message, tmp_path):
    with pytest.raises(BadModel, match=message):
        loaded(tmp_path, edit(change))


def body():
    return helper.make_graph([helper.make_node("Identity", ["x"], ["z"])], "body", [], [])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda m: m.functions.append(helper.make_function("mine", "F", [], [], [], m.opset_import)),
            "must have no functions, not 'F'. Inline its functions",
        ),
        (
            lambda m: m.graph.sparse_initializer.add().values.CopyFrom(m.graph.initializer[0]),
            "sparse initialiser 'w': constants must be dense, not sparse",
        ),
        (
            node("If", ["x"], ["z"], then_branch=body(), else_branch=body()),
            r"node 'extra' \(If\): nodes must hold no graphs of their own, not one in '(then|else)_branch'",
        ),
        (node("Loop", ["", "", "x"], ["z"], body=body()), r"node 'extra' \(Loop\): nodes must hold no graphs"),
        (
            lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", TensorProto.FLOAT16),
            "input 'x': the element type must be float32, .*, not float16. Convert the model to float32.",
        ),
    ],
)
def test_left_out(change, message, tmp_path):
    with pytest.raises(UnsupportedOp, match=message):
        loaded(tmp_path, edit(change))


@pytest.mark.parametrize("text", [b"relu", b"add", b"w"])
def test_names_that_are_no_text(text, tmp_path):
    damaged = tiny().SerializeToString().replace(text, b"\xff" * len(text))
    with pytest.raises(BadModel, match="names must be UTF-8 text, not other bytes"):
        loaded(tmp_path, damaged)


def test_operators_that_nobody_knows_are_left_to_the_translator(tmp_path):
    model = edit(node("Frobnicate", ["x"] * 9, ["z"], domain="mine"))
    model.graph.node.append(helper.make_node("Frobnicate", ["x"], ["z2"]))
    assert len(loaded(tmp_path, model).graph.node) == 4


# ---- constants ------------------------------------------------------------------------------------------------------

KINDS = (np.float32, np.float64, np.bool_, np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64)


@pytest.mark.parametrize("kind", [*KINDS, np.uint64], ids=lambda k: k.__name__)
@pytest.mark.parametrize("raw", [True, False], ids=["raw", "typed"])
def test_every_element_type(kind, raw):
    info = np.iinfo(kind) if np.issubdtype(kind, np.integer) else None
    values = np.array([[info.min, info.max], [0, 1]] if info else [[0, 1], [1, 0]], kind)
    number = helper.np_dtype_to_tensor_dtype(values.dtype)
    content = values.tobytes() if raw else values.reshape(-1).tolist()
    found = array_of(helper.make_tensor("w", number, (2, 2), content, raw), "here")
    assert found.dtype == kind and np.array_equal(found, values)


@pytest.mark.parametrize("dims", [(), (0,), (3, 0)])
def test_scalars_and_empty_tensors(dims):
    values = np.ones(dims, np.float32)
    assert np.array_equal(array_of(numpy_helper.from_array(values, "w"), "here"), values)


OTHER_TYPES = [
    ("FLOAT16", "Convert the model to float32."),
    ("BFLOAT16", "Convert the model to float32."),
    ("FLOAT8E4M3FN", "Quantise to integers; float4 and float8 are not done."),
    ("FLOAT8E5M2FNUZ", "Quantise to integers; float4 and float8 are not done."),
    ("COMPLEX64", "Compute with real numbers."),
    ("STRING", "Remove the text from the model."),
    ("INT2", "Store 2-bit values as int8 or uint8."),
    ("UNDEFINED", "Convert the model to float32."),
]


@pytest.mark.parametrize(("kind", "fix"), OTHER_TYPES)
def test_the_node_that_reads_another_type_is_named(kind, fix, tmp_path):
    tensor = TensorProto(name="z", data_type=getattr(TensorProto, kind), dims=[2], raw_data=b"1234")
    model = tiny()
    model.graph.initializer.append(tensor)
    model.graph.node[0].input[1] = "z"
    reader = model.graph.node[0]
    told = rf"node '{reader.name or reader.output[0]}' \({reader.op_type}\): constant 'z' must be of float32.*, not "
    with pytest.raises(UnsupportedOp, match=rf"{told}{kind.lower()} of \(2,\)\. {fix}"):
        loaded(tmp_path, model)


@pytest.mark.parametrize(("kind", "fix"), OTHER_TYPES)
def test_other_element_types_are_refused(kind, fix):
    tensor = TensorProto(name="w", data_type=getattr(TensorProto, kind), dims=[2], raw_data=b"1234")
    graph = onnx.GraphProto(initializer=[tensor])
    with pytest.raises(UnsupportedOp, match=rf"initialiser 'w': the element type .*, not {kind.lower()}\. {fix}"):
        constants(graph)


@pytest.mark.parametrize(("kind", "values"), [("INT4", [-8, 7, -1]), ("UINT4", [15, 0, 9, 3])])
def test_values_of_four_bits(kind, values):
    tensor = helper.make_tensor("w", getattr(TensorProto, kind), [len(values)], values)
    packed = TensorProto(name="w", data_type=tensor.data_type, dims=tensor.dims)
    packed.raw_data = bytes(tensor.int32_data) or tensor.raw_data
    for stored in (tensor, packed):
        assert array_of(stored, "here").astype(int).tolist() == values
    packed.raw_data += b"1"
    with pytest.raises(BadModel, match="must hold as many values as its shape says"):
        array_of(packed, "here")


@pytest.mark.parametrize("kind", ["INT4", "UINT4", "INT8", "UINT16"])
def test_the_limits_of_a_type(kind):
    values = onnx.helper.tensor_dtype_to_np_dtype(getattr(TensorProto, kind))
    bits, signed = int(kind.strip("UINT")), not kind.startswith("U")
    assert is_integer(values)
    assert limits(values) == ((-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1))
    assert not is_integer(np.dtype(np.float32))


def test_an_unknown_element_type():
    tensor = TensorProto(name="w", dims=[2], raw_data=b"1234")
    tensor.data_type = 77
    with pytest.raises(UnsupportedOp, match="not number 77"):
        constants(onnx.GraphProto(initializer=[tensor]))


@pytest.mark.parametrize("dims", [[1 << 40], [1 << 20] * 3, [-1, 4], [-2, -2], [0, 1 << 40], [1] * 17])
def test_hostile_shapes_take_no_memory(dims):
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=dims, raw_data=b"1234")
    with pytest.raises(BadModel, match="initialiser 'w': the shape must have at most 16 sizes, none negative"):
        constants(onnx.GraphProto(initializer=[tensor]))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"dims": [1 << 28], "raw_data": b"1234"}, "must hold as many values as its shape says"),
        ({"dims": [1], "raw_data": b"12345"}, "must hold as many values as its shape says"),
        ({"dims": [1]}, "must hold as many values as its shape says"),
        ({"dims": [2], "float_data": [1, 2, 3]}, "must hold as many values as its shape says"),
        ({"dims": [1], "float_data": [1], "raw_data": b"1234"}, "must hold its values in raw_data or float_data"),
        ({"dims": [1], "double_data": [1]}, "must hold its values in raw_data or float_data, not double_data"),
        ({"dims": [1], "string_data": [b"1"]}, "must hold its values in raw_data or float_data, not string_data"),
        ({"dims": [2], "float_data": [1, np.nan]}, "must be finite, not NaN or infinity"),
        ({"dims": [1], "raw_data": np.array([-np.inf], np.float32).tobytes()}, "must be finite"),
        ({"dims": [1], "float_data": [1], "segment": TensorProto.Segment(begin=0)}, "must be in one piece"),
        ({"dims": [1], "data_location": TensorProto.EXTERNAL}, "must be inside of the model, not external data"),
        ({"dims": [1], "data_type": TensorProto.INT8, "int32_data": [128]}, "every value must fit into int8"),
        ({"dims": [1], "data_type": TensorProto.UINT16, "int32_data": [-1]}, "every value must fit into uint16"),
        ({"dims": [1], "data_type": TensorProto.UINT32, "uint64_data": [1 << 32]}, "every value must fit into uint32"),
        ({"dims": [1], "data_type": TensorProto.BOOL, "int32_data": [2]}, "every value must fit into bool"),
    ],
)
def test_broken_constants(values, message):
    tensor = TensorProto(**({"name": "w", "data_type": TensorProto.FLOAT} | values))
    with pytest.raises(BadModel, match=message):
        constants(onnx.GraphProto(initializer=[tensor]))


def test_constants_have_2_gb_together():
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1 << 29])
    with pytest.raises(BadModel, match="constants must have at most 2147483648 bytes, not 2147483652"):
        constants(onnx.GraphProto(initializer=[TensorProto(name="a", data_type=1, dims=[1], float_data=[0]), tensor]))


def made(**values):
    return helper.make_node("Constant", [], ["c"], "const", **values)


def test_constant_nodes():
    assert constant_node(helper.make_node("Relu", ["x"], ["y"])) is None
    assert constant_node(helper.make_node("Constant", [], ["y"], domain="mine", value_int=1)) is None
    array = np.arange(6, dtype=np.int8).reshape(2, 3)
    for values, expected in (
        ({"value": numpy_helper.from_array(array)}, array),
        ({"value_float": 0.1}, np.array(0.1, np.float32)),
        ({"value_floats": [0.1, 2]}, np.array([0.1, 2], np.float32)),
        ({"value_int": -3}, np.array(-3)),
        ({"value_ints": [1, 1 << 60]}, np.array([1, 1 << 60])),
    ):
        found = constant_node(made(**values))
        assert found is not None and found.dtype == expected.dtype and np.array_equal(found, expected)


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ({}, BadModel, r"node 'const' \(Constant\): must have one attribute, not 0"),
        ({"value_int": 1, "value_float": 2.0}, BadModel, "must have one attribute, not 2"),
        ({"value_float": float("inf")}, BadModel, "must be finite"),
        ({"value_floats": [float("nan")]}, BadModel, "must be finite"),
        ({"value_string": "text"}, UnsupportedOp, "must hold numbers, not value_string"),
        (
            {"value": TensorProto(data_type=TensorProto.FLOAT16, dims=[1])},
            UnsupportedOp,
            r"node 'const' \(Constant\): the element type must be .*, not float16",
        ),
    ],
)
def test_constant_nodes_that_are_refused(values, error, message):
    with pytest.raises(error, match=message):
        constant_node(made(**values))


# ---- external data --------------------------------------------------------------------------------------------------


def external(**entries):
    """`tiny` with w outside; entries: location, offset, length."""
    model = tiny()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=str(value))
    return model


DATA = b"head" + np.arange(4, dtype=np.float32).tobytes() + b"tail"


@pytest.mark.parametrize("entries", [{"offset": 4, "length": 16}, {"offset": 4}, {"offset": 4, "checksum": "00"}])
def test_external_data_is_brought_in(entries, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "w.bin").write_bytes(DATA)
    model = loaded(tmp_path, external(location="data/w.bin", **entries))
    assert constants(model.graph)["w"].tolist() == [0, 1, 2, 3]
    assert constants(loaded(tmp_path, model).graph)["w"].tolist() == [0, 1, 2, 3]  # nothing is outside any more


def test_external_data_of_a_constant_node(tmp_path):
    (tmp_path / "w.bin").write_bytes(DATA)
    tensor = external(location="w.bin", offset=4).graph.initializer[0]
    model = loaded(tmp_path, edit(node("Constant", [], ["c"], value=tensor)))
    assert constant_node(model.graph.node[2]).tolist() == [0, 1, 2, 3]


def test_what_onnx_saves_outside(tmp_path):
    onnx.save(onnx.load(MNIST), tmp_path / "m.onnx", save_as_external_data=True, size_threshold=0, location="m.bin")
    ours, whole = (constants(load_model(path).graph) for path in (tmp_path / "m.onnx", MNIST))
    assert ours.keys() == whole.keys() and all(np.array_equal(ours[name], whole[name]) for name in whole)


@pytest.mark.parametrize(
    "location",
    ["", "/etc/passwd", "../w.bin", "a/../../w.bin", "..", "C:\\w.bin", "\\w.bin", "a\\..\\w.bin", "C:w.bin"],
)
def test_locations_that_leave_the_folder(location, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "w.bin").write_bytes(DATA)
    with pytest.raises(BadModel, match=r"initialiser 'w': external data must have a relative location without '\.\.'"):
        loaded(tmp_path / "in", external(location=location, offset=4))


def test_links_that_leave_the_folder(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "w.bin").write_bytes(DATA)
    (tmp_path / "in" / "link").symlink_to(tmp_path / "w.bin")
    (tmp_path / "in" / "up").symlink_to(tmp_path)
    for location in ("link", "up/w.bin"):
        with pytest.raises(BadModel, match="external data must lie in the model's folder, not outside by"):
            loaded(tmp_path / "in", external(location=location, offset=4))
    (tmp_path / "in" / "w.bin").write_bytes(DATA)
    (tmp_path / "in" / "good").symlink_to("w.bin")
    assert constants(loaded(tmp_path / "in", external(location="good", offset=4)).graph)["w"].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"location": "none.bin"}, "must be a file, not missing"),
        ({"location": "folder"}, "must be a file, not a folder"),
        ({"location": "pipe"}, "must be a file, not a device or pipe"),
        ({"location": "loop"}, "external data must have a usable location|must be a readable file"),
        ({"location": "a\0b"}, "external data must have a usable location"),
        ({"location": "n" * 300}, "must be a readable file, not unreadable"),
        ({"location": "w.bin", "length": 12}, "external data must have the 16 bytes that type and shape say, not 12"),
        ({"location": "w.bin", "offset": 9}, "external data must lie inside of its file of 24 bytes, not at 9 to 25"),
        ({"location": "w.bin", "offset": 1 << 62}, "external data must lie inside of its file of 24 bytes"),
        ({"location": "w.bin", "offset": -1}, "offset of external data must be a number of bytes, not '-1'"),
        ({"location": "w.bin", "offset": "ten"}, "offset of external data must be a number of bytes, not 'ten'"),
        ({"location": "w.bin", "offset": "9" * 5000}, "offset of external data must be a number of bytes"),
        ({"location": "w.bin", "length": "1e1"}, "length of external data must be a number of bytes, not '1e1'"),
    ],
)
def test_broken_external_data(entries, message, tmp_path):
    (tmp_path / "w.bin").write_bytes(DATA)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(BadModel, match=f"initialiser 'w': ({message})"):
        loaded(tmp_path, external(**entries))


def test_a_key_that_is_there_twice(tmp_path):
    (tmp_path / "w.bin").write_bytes(DATA)
    model = external(location="w.bin", offset=4)
    model.graph.initializer[0].external_data.add(key="offset", value="0")
    with pytest.raises(BadModel, match="external data must say each key once"):
        loaded(tmp_path, model)


def test_hostile_shape_of_external_data(tmp_path):
    model = external(location="w.bin")
    model.graph.initializer[0].dims[:] = [1 << 40]
    with pytest.raises(BadModel, match="the shape must have at most 16 sizes"):
        loaded(tmp_path, model)


def test_one_file_named_often_is_not_read_often(tmp_path):
    with (tmp_path / "hole.bin").open("wb") as file:
        file.truncate(1 << 20)
    model = external(location="hole.bin")
    model.graph.initializer[0].dims[:] = [1 << 18]
    for index in range(2_048):
        tensor = model.graph.initializer.add()
        tensor.CopyFrom(model.graph.initializer[0])
        tensor.name = f"w{index}"
    with pytest.raises(BadModel, match="initialiser 'w2047': external data must have at most 2147483648 bytes"):
        loaded(tmp_path, model)


def test_a_file_that_shrinks_while_it_is_read(tmp_path, monkeypatch):
    (tmp_path / "w.bin").write_bytes(DATA)
    path = written(tmp_path, external(location="w.bin", offset=8))
    real = os.fstat

    def late(descriptor):
        status = real(descriptor)
        if status.st_size == len(DATA):
            os.truncate(tmp_path / "w.bin", 10)
        return status

    monkeypatch.setattr("lutwright.frontend.external.os.fstat", late)
    with pytest.raises(BadModel, match="external data must have 16 bytes, not 2"):
        load_model(path)


# ---- random damage --------------------------------------------------------------------------------------------------


def damaged(content, rng):
    """`content` with random damage: flipped bytes, a cut, a part moved or doubled, or random bytes over a stretch."""
    made = bytearray(content)
    kind = rng.integers(5)
    if kind == 0:
        for _ in range(rng.integers(1, 9)):
            made[rng.integers(len(made))] ^= 1 << rng.integers(8)
    elif kind == 1:
        del made[rng.integers(len(made)) :]
    elif kind == 2:
        a, b, to = (int(n) for n in rng.integers(len(made), size=3))
        made[to:to] = made[min(a, b) : max(a, b)]
    elif kind == 3:
        start = int(rng.integers(len(made)))
        made[start : start + 40] = rng.bytes(rng.integers(80))
    else:
        # Text and numbers near each other: where the structure lies.
        start = int(rng.integers(len(made)))
        for _ in range(rng.integers(1, 5)):
            made[min(start + int(rng.integers(60)), len(made) - 1)] = rng.integers(256)
    return bytes(made)


def shortened(path):
    """The model with its large constants zeroed away: damage hits the structure more often."""
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.size > 64:
            tensor.CopyFrom(numpy_helper.from_array(np.zeros_like(values[:1]), tensor.name))
    return model.SerializeToString()


def survive(content, tmp_path):
    """Import `content`; any error but a named one, or ten seconds, fails."""
    path = written(tmp_path, content)
    start = time.monotonic()
    try:
        model = load_model(path)
        in_order(model.graph, set(constants(model.graph)) | {value.name for value in model.graph.input})
        import_model(path)
    except LutwrightError:
        pass
    assert time.monotonic() - start < 10


@pytest.mark.parametrize("part", range(51))
def test_every_cut_is_named(part, tmp_path):
    content = MNIST.read_bytes()
    cut = len(content) * part // 51
    with pytest.raises(LutwrightError):
        import_model(written(tmp_path, content[:cut]))


def test_random_damage(tmp_path):
    rng = np.random.default_rng(1)
    whole, short = MNIST.read_bytes(), shortened(MNIST)
    for index in range(300):
        survive(damaged(short if index % 3 else whole, rng), tmp_path)


def test_random_bytes(tmp_path):
    rng = np.random.default_rng(2)
    for _ in range(100):
        survive(rng.bytes(rng.integers(1, 3000)), tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20))
def test_much_random_damage(seed, tmp_path):
    rng = np.random.default_rng([3, seed])
    whole, short = MNIST.read_bytes(), shortened(MNIST)
    for index in range(1_000):
        survive(damaged(short if index % 10 else whole, rng), tmp_path)
