"""QONNX files in: the committed model word for word, and every refusal with node, rule and remedy."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lutwright.emit.project import hardware_graph
from lutwright.errors import BadModel, Mismatch, UnsupportedOp
from lutwright.frontend.load import load_model
from lutwright.frontend.names import identifier
from lutwright.frontend.translate import import_model
from lutwright.ir.execute import execute, execute_all
from lutwright.ir.text import to_text
from lutwright.resources import room

MNIST = room("examples") / "models" / "mnist-mux.onnx"


def quant(name, x, out, scale, bits, signed, narrow=0, rounding="ROUND", zero=0.0):
    constants = [
        numpy_helper.from_array(np.array(v, np.float32), f"{name}.{k}")
        for k, v in (("s", scale), ("z", zero), ("b", bits))
    ]
    node = helper.make_node(
        "Quant",
        [x, f"{name}.s", f"{name}.z", f"{name}.b"],
        [out],
        name,
        domain="qonnx.custom_op.general",
        signed=signed,
        narrow=narrow,
        rounding_mode=rounding,
    )
    return node, constants


def model(tmp_path, middle, shape=(1, 2, 4, 4), weights=None, name="tiny.onnx", in_scale=0.0625, **edge):
    """input -> Quant 4 bit -> `middle` nodes (from 'x' to 'y'); weights: name -> floats, quantised to 4 bits."""
    nodes, constants = [], []
    first, c = quant(
        "in",
        "input",
        "x",
        in_scale,
        edge.get("bits", 4),
        0,
        rounding=edge.get("rounding", "ROUND"),
        zero=edge.get("zero", 0.0),
    )
    nodes.append(first)
    constants += c
    for key, value in (weights or {}).items():
        constants.append(numpy_helper.from_array(np.asarray(value, np.float32), f"{key}.float"))
        node, c = quant(key, f"{key}.float", key, 0.125, 4, 1, 1)
        nodes.append(node)
        constants += c
    for node in middle:
        if isinstance(node, tuple):
            node, c = node
            constants += c if isinstance(c, list) else [c]
        nodes.append(node)
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        constants,
    )
    made = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid("qonnx.custom_op.general", 2)]
    )
    path = tmp_path / name
    onnx.save(made, path)
    return path


def conv(out="y", x="x", w="w", **attributes):
    return helper.make_node("Conv", [x, w], [out], "conv1", **attributes)


W = np.linspace(-1, 1, 3 * 2 * 3 * 3).reshape(3, 2, 3, 3)


def test_the_committed_model_as_text():
    text = to_text(hardware_graph(MNIST))
    assert "conv2 = Conv(pool1.out) 3x3 mux 1/9" in text
    assert "output argmax.out" in text
    assert text == to_text(hardware_graph(MNIST))


def test_equal_to_qonnx_execution():
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx

    from lutwright.data import load, presented

    graph = import_model(MNIST)
    images = presented(load("mnist5k").test_images[:6])
    wrapper = ModelWrapper(str(MNIST))
    ours = execute(graph, graph.edge.codes(images.transpose(0, 2, 3, 1)))
    for image, words in zip(images, ours, strict=True):
        (theirs,) = execute_onnx(wrapper, {"input": image[None]}).values()
        assert np.array_equal(words * graph.tensors[graph.output].scale, theirs[0])


def test_equal_to_pytorch_on_every_layer():
    from lutwright.check.against_torch import compare_with_torch
    from lutwright.data import load
    from lutwright.train.reference import load_model as load_trained

    network = load_trained("mnist-mux", MNIST.with_suffix(".pt"))
    results = compare_with_torch(network, hardware_graph(MNIST), load("mnist5k").test_images)
    assert [r.stage for r in results] == ["input", "act1", "pool1", "act2", "pool2", "act3", "pool3", "logits"]
    assert sum(r.mismatches for r in results) == 0
    assert sum(r.words for r in results) == 1000 * (784 + 8 * 784 + 8 * 196 + 16 * 196 + 16 * 49 + 32 * 49 + 288 + 10)


def test_unequal_to_pytorch():
    from lutwright.check.against_torch import compare_with_torch
    from lutwright.data import load
    from lutwright.train.reference import load_model as load_trained

    network, images = load_trained("mnist-mux", MNIST.with_suffix(".pt")), load("mnist5k").test_images[:4]
    graph = import_model(MNIST)
    weights = graph.node("conv2").attrs["weights"]
    weights[0] = np.roll(weights[0], 1)
    with pytest.raises(Mismatch, match=r"integer against torch: every word must be equal, not stage 'act2', frame 0"):
        compare_with_torch(network, graph, images)
    cut = graph.with_nodes(graph.nodes, {n: t for n, t in graph.tensors.items() if n != "pool2.out"})
    with pytest.raises(BadModel, match=r"layer 'pool2': must be in the ONNX file, not absent"):
        compare_with_torch(network, cut, images)


def test_bias_add_mul_and_batch_norm_become_steps(tmp_path):
    bias = numpy_helper.from_array(np.array([0.3, -0.2, 0.1], np.float32), "bias")
    gain = numpy_helper.from_array(np.array(0.7, np.float32), "gain")
    shift = numpy_helper.from_array(np.array([0.1, 0.0, -0.3], np.float32).reshape(3, 1, 1), "shift")
    middle = [
        (helper.make_node("Conv", ["x", "w", "bias"], ["a"], "conv1", pads=[1, 1, 1, 1]), bias),
        (helper.make_node("Mul", ["a", "gain"], ["b"], "mul"), gain),
        (helper.make_node("Add", ["shift", "b"], ["c"], "add"), shift),
        helper.make_node("Relu", ["c"], ["d"], "relu"),
        quant("act", "d", "y", 0.25, 4, 0),
    ]
    graph = import_model(model(tmp_path, middle, weights={"w": W}))
    codes = np.random.default_rng(0).integers(0, 16, (20, 4, 4, 2))
    words = execute_all(graph, codes)
    acc = words["conv1.out"] * np.float32(0.0625 * 0.125)
    floats = (acc.astype(np.float32) + np.array([0.3, -0.2, 0.1], np.float32)) * np.float32(0.7)
    floats = np.maximum(floats + np.array([0.1, 0.0, -0.3], np.float32), 0)
    assert np.array_equal(words["act.out"], np.clip(np.rint(floats / np.float32(0.25)), 0, 15))


def test_ranges_are_reached(tmp_path):
    graph = import_model(model(tmp_path, [conv(pads=[1, 1, 1, 1])], weights={"w": W}))
    w = graph.node("conv1").attrs["weights"]
    tensor = graph.tensors["conv1.out"]
    best = int(np.argmax(np.where(w > 0, w, 0).sum(axis=(1, 2, 3))))
    frame = np.zeros((1, 4, 4, 2), np.int64)
    frame[0, :3, :3] = np.where(w[best] > 0, 15, 0)
    assert execute(graph, frame).max() == tensor.high


def test_per_channel_weight_scales(tmp_path):
    node, constants = quant("wq", "w.float", "v", np.array([0.125, 0.25, 0.5]).reshape(3, 1, 1, 1), 4, 1, 1)
    path = model(
        tmp_path, [(node, constants), conv(w="v", out="a"), quant("act", "a", "y", 0.25, 4, 0)], weights={"w": W}
    )
    graph = import_model(path)
    scale = np.array([0.125, 0.25, 0.5]).reshape(3, 1, 1, 1)
    assert np.array_equal(
        graph.node("conv1").attrs["weights"], np.clip(np.rint(W / scale), -7, 7).transpose(0, 2, 3, 1)
    )
    assert graph.tensors["conv1.out"].scale.tolist() == [0.0625 * s for s in (0.125, 0.25, 0.5)]


def test_missing_truncated_and_foreign_files(tmp_path):
    with pytest.raises(BadModel, match=r"must be a file, not missing"):
        load_model(tmp_path / "none.onnx")
    with pytest.raises(BadModel, match=r"must be a file, not a folder"):
        load_model(tmp_path)
    (tmp_path / "cut.onnx").write_bytes(MNIST.read_bytes()[:20_000])
    with pytest.raises(BadModel, match=r"damaged or cut off|one without"):
        load_model(tmp_path / "cut.onnx")
    (tmp_path / "text.onnx").write_text("this is no model")
    with pytest.raises(BadModel, match=r"damaged or cut off|one without"):
        load_model(tmp_path / "text.onnx")
    (tmp_path / "empty.onnx").write_bytes(b"")
    with pytest.raises(BadModel, match="must hold an ONNX graph"):
        load_model(tmp_path / "empty.onnx")


@pytest.mark.parametrize("where", range(50, 40_000, 2_500))
def test_every_cut_is_named(where, tmp_path):
    (tmp_path / "cut.onnx").write_bytes(MNIST.read_bytes()[:where])
    with pytest.raises((BadModel, UnsupportedOp)):
        import_model(tmp_path / "cut.onnx")


def edited(tmp_path, edit):
    made = onnx.load(MNIST)
    edit(made)
    (tmp_path / "edited.onnx").write_bytes(made.SerializeToString())
    return tmp_path / "edited.onnx"


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda m: m.graph.initializer.pop(0), "nothing that makes"),
        (lambda m: m.graph.node[5].input.__setitem__(0, m.graph.node[-1].output[0]), "not a cycle"),
        (lambda m: m.graph.initializer[0].ClearField("raw_data"), "must hold as many values as its shape says"),
        (
            lambda m: m.graph.initializer[0].CopyFrom(
                numpy_helper.from_array(np.array([np.nan], np.float32), m.graph.initializer[0].name)
            ),
            "must be finite",
        ),
        (lambda m: setattr(m.graph.initializer[0], "data_location", TensorProto.EXTERNAL), "external data"),
        (lambda m: m.graph.input[0].type.tensor_type.shape.dim[2].ClearField("dim_value"), "fixed"),
        (lambda m: m.graph.output.append(m.graph.output[0]), "must be there once, not 2 times"),
        (lambda m: m.graph.output[0].__setattr__("name", "conv1.weight"), "must be computed from the quantised input"),
        (lambda m: m.graph.node.extend([m.graph.node[0]] * 100_001), "must have at most 10000 nodes"),
    ],
)
def test_hostile_models(edit, message, tmp_path):
    with pytest.raises(BadModel, match=message):
        import_model(edited(tmp_path, edit))


def test_names_become_identifiers():
    assert [identifier(n) for n in ("mnist-mux", "1st", "ä", "")] == ["mnist_mux", "m_1st", "m_", "m_"]
