"""The operations: what they compute, beside ONNX's own evaluator or by hand, and every rule that a node can break."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from lutwright.errors import BadGraph
from lutwright.ir.execute import execute, execute_all
from lutwright.ir.graph import Graph, Node, Output, Tensor
from lutwright.ir.ops import OPS, infer
from lutwright.ir.text import to_text
from lutwright.ir.verify import verify
from lutwright.numerics.edge import Edge
from lutwright.numerics.quantiser import Quantiser
from lutwright.numerics.requantise import fit
from lutwright.numerics.steps import Steps, Table

NONE = (0, 0, 0, 0)
RNG = np.random.default_rng(0)


def tensor(shape=(4, 5, 6), low=-3, high=4, name="x", scale=(1.0,)):
    return Tensor(name, shape, low, high, np.array(scale))


def one(op, tensors, **attrs):
    """A graph of one node; the first tensor is its input, and the only one."""
    node = Node("n", op, tuple(t.name for t in tensors), "y", attrs)
    first = tensors[0]
    tensors = {first.name: first, "y": infer(node, list(tensors))}
    edge = Edge.of(Quantiser(1.0, 0, 4, True, False))
    return verify(Graph("one", (node,), tensors, first.name, (Output("y"),), edge, {}))


def run(op, x, t=None, **attrs):
    """Output of one node for frames `x` [n, ...shape], by plan; the definition must give the same."""
    graph = one(op, [t or tensor(x.shape[1:], int(x.min()), int(x.max()))], **attrs)
    by_plan = execute(graph, x)
    assert np.array_equal(by_plan, execute_all(graph, x, plain=True)["y"])
    return by_plan


def by_onnx(op, x, weights=None, **attributes):
    """ONNX's own result, NHWC in and out."""
    inputs, constants = ["x"], []
    if weights is not None:
        inputs.append("w")
        constants.append(numpy_helper.from_array(weights.astype(np.float32), "w"))
    nodes = [helper.make_node(op, inputs, ["y"], **attributes)]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, None)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    (y,) = ReferenceEvaluator(model).run(None, {"x": x.transpose(0, 3, 1, 2).astype(np.float32)})
    return np.rint(y).astype(np.int64).transpose(0, 2, 3, 1)


def image(height=5, width=6, channels=4):
    return RNG.integers(-8, 8, (3, height, width, channels))


# ---- what they compute -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize(("stride", "pads"), [((1, 1), NONE), ((2, 1), (1, 0, 2, 1)), ((1, 3), (0, 2, 1, 2))])
def test_conv(groups, stride, pads):
    x, w = image(), RNG.integers(-4, 5, (8, 3, 3, 4 // groups))
    attrs = {"weights": w, "stride": stride, "pads": pads, "groups": groups}
    want = by_onnx("Conv", x, w.transpose(0, 3, 1, 2), strides=list(stride), pads=list(pads), group=groups)
    assert np.array_equal(run("Conv", x, **attrs), want)
    bias = RNG.integers(-50, 50, 8)
    assert np.array_equal(run("Conv", x, bias=bias, **attrs), want + bias)


def test_windows_that_see_nothing_but_padding():
    x, w = image(2, 2, 1), np.ones((1, 2, 2, 1), np.int64)
    y = run("Conv", x, weights=w, stride=(1, 1), pads=(2, 3, 2, 2), groups=1)
    assert y.shape == (3, 5, 6, 1)
    assert (y[:, 0] == 0).all() and (y[:, :, 0] == 0).all() and np.array_equal(y[:, 1, 2], x[:, 0, 0])


@pytest.mark.parametrize(
    ("kernel", "stride", "pads"),
    [((2, 2), (2, 2), NONE), ((3, 2), (1, 2), (1, 0, 2, 1)), ((3, 3), (2, 2), (1, 1, 1, 1)), ((1, 1), (1, 1), NONE)],
)
def test_pools(kernel, stride, pads):
    x = image() - 9  # all below 0, so that padding would show
    shared = {"kernel": kernel, "stride": stride, "pads": pads}
    told = {"kernel_shape": list(kernel), "strides": list(stride), "pads": list(pads)}
    assert np.array_equal(run("MaxPool", x, **shared), by_onnx("MaxPool", x, **told))
    ones = np.ones((4, 1, *kernel), np.int64)
    sums = by_onnx("Conv", x, ones, group=4, strides=list(stride), pads=list(pads))
    assert np.array_equal(run("SumPool", x, **shared), sums)


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
@pytest.mark.parametrize("block", [1, 2])
def test_depth_to_space(mode, block):
    x = image(3, 2, 8)
    assert np.array_equal(
        run("DepthToSpace", x, block=block, mode=mode), by_onnx("DepthToSpace", x, blocksize=block, mode=mode)
    )


def test_dense():
    x, w, bias = RNG.integers(-8, 8, (3, 7)), RNG.integers(-8, 8, (4, 7)), RNG.integers(-8, 8, 4)
    assert np.array_equal(run("Dense", x, weights=w), x @ w.T)
    assert np.array_equal(run("Dense", x, weights=w, bias=bias), x @ w.T + bias)


def test_add_affine_and_concat():
    x = image(2, 2, 2)
    gains = np.array([3]), np.array([-1, 2])
    t = tensor((2, 2, 2), -8, 7)
    node = Node("n", "Add", ("x", "x"), "y", {"gains": gains})
    assert np.array_equal(OPS["Add"].execute(node, [x, x + 1], [t, t]), 3 * x + (x + 1) * gains[1])
    y = run("Affine", x, gain=np.array([2, 0]), offset=np.array([5]))
    assert np.array_equal(y[..., 0], 2 * x[..., 0] + 5) and (y[..., 1] == 5).all()
    node = Node("n", "Concat", ("x", "x"), "y", {"axis": 1})
    assert np.array_equal(OPS["Concat"].execute(node, [x, x + 1], [t, t]), np.concatenate([x, x + 1], axis=2))


def test_pad_resize_reorder_flatten():
    x = image(2, 3, 2)
    y = run("Pad", x, pads=(1, 2, 0, 1), value=7)
    assert y.shape == (3, 3, 6, 2) and np.array_equal(y[:, 1:, 2:5], x) and y.sum() == x.sum() + 7 * (y.size - x.size)
    rows, columns = np.array([1, 1, 0]), np.array([2, 0])
    y = run("Resize", x, rows=rows, columns=columns)
    assert all(np.array_equal(y[:, h, w], x[:, rows[h], columns[w]]) for h in range(3) for w in range(2))
    index = RNG.permutation(12)
    assert np.array_equal(run("Reorder", x, shape=(4, 3), index=index).reshape(3, 12), x.reshape(3, 12)[:, index])
    assert np.array_equal(run("Flatten", x), x.reshape(3, 12))


def test_indices_of_the_largest_take_ties_from_the_left():
    x = np.array([[3, 5, 5, 1, 5], [0, 0, 0, 0, 0], [-1, -2, -1, -3, -1]])
    assert run("ArgMax", x).tolist() == [[1], [0], [0]]
    assert run("TopK", x, k=4).tolist() == [[1, 2, 4, 0], [0, 1, 2, 3], [0, 2, 4, 1]]
    assert run("ArgMax", image()).shape == (3, 5, 6, 1)


def test_steps_tables_and_forms():
    steps = Steps(np.array([[0, 2], [1, 1]]), np.array([0, 2]), np.array([1, -1]), -3, 4)
    x = np.arange(-3, 5).reshape(8, 1).repeat(2, axis=1)
    want = np.array([[0, 0, 0, 1, 1, 2, 2, 2], [2, 2, 2, 2, 0, 0, 0, 0]]).T
    assert np.array_equal(run("Step", x, steps=steps, form=None), want)
    assert np.array_equal(run("Step", x, steps=steps, form=fit(steps, "n")), want)
    table = Table(RNG.integers(-9, 9, (2, 8)), -3, 4)
    assert np.array_equal(run("Step", x, steps=table, form=None), np.stack([table.codes[0], table.codes[1]], axis=1))


# ---- ranges, shapes and scales ---------------------------------------------------------------------------------------


def made(op, *tensors, **attrs):
    return infer(Node("n", op, tuple(t.name for t in tensors), "y", attrs), list(tensors))


def test_ranges_by_hand():
    w = np.array([[[[1, -2]]]])
    y = made("Conv", tensor((2, 2, 2), 1, 3), weights=w, stride=(1, 1), pads=NONE, groups=1)
    assert (y.low, y.high) == (1 - 6, 3 - 2)
    padded = made("Conv", tensor((2, 2, 2), 1, 3), weights=w, stride=(1, 1), pads=(1, 0, 0, 0), groups=1)
    assert (padded.low, padded.high) == (-5, 1)  # a place of nothing but padding gives 0
    y = made("SumPool", tensor((3, 3, 1), -2, 5), kernel=(2, 2), stride=(2, 2), pads=(1, 1, 0, 0))
    assert (y.low, y.high) == (-8, 20)
    y = made("SumPool", tensor((1, 1, 1), 3, 5), kernel=(3, 3), stride=(1, 1), pads=(1, 1, 1, 1))
    assert (y.low, y.high) == (3, 5)
    y = made("Pad", tensor(), pads=NONE, value=50)
    assert (y.low, y.high) == (-3, 4)
    y = made("Pad", tensor(), pads=(0, 0, 1, 0), value=50)
    assert (y.low, y.high) == (-3, 50)
    y = made("Affine", tensor((2,)), gain=np.array([2, -1]), offset=np.array([0, 10]))
    assert (y.low, y.high) == (-6, 13)
    y = made("Concat", tensor((2,), 0, 3), tensor((4,), -1, 2, "z"), axis=0)
    assert (y.shape, y.low, y.high) == ((6,), -1, 3)
    assert made("ArgMax", tensor((4,), 2, 2)).high == 0
    assert made("TopK", tensor((4,), 2, 2), k=3).high == 2
    assert made("TopK", tensor((4,)), k=3).high == 3


def test_a_step_has_the_codes_of_its_input_only():
    steps = Steps(np.array([[0, 10]]), np.array([5]), np.array([1]), -20, 20)
    y = made("Step", tensor((1,), -3, 4), steps=steps, form=None)
    assert (y.low, y.high) == (5, 6)
    table = Table(np.arange(41)[None] % 7, -20, 20)
    y = made("Step", tensor((1,), -3, 0), steps=table, form=None)
    assert (y.low, y.high) == (3, 6)


def test_scales_are_inherited_where_they_say_something():
    per = tensor((1, 2, 2), scale=(0.5, 0.25))
    assert made("Flatten", per).scale.tolist() == [0.5, 0.25] * 2
    assert made("Flatten", tensor(scale=(0.5,))).scale.tolist() == [0.5]
    assert made("Pad", per, pads=NONE, value=0).scale.tolist() == [0.5, 0.25]
    assert made("Concat", per, tensor((1, 2, 1), name="z"), axis=2).scale.tolist() == [0.5, 0.25, 1.0]
    assert made("Concat", tensor((1, 2, 1)), tensor((1, 2, 1), name="z"), axis=2).scale.tolist() == [1.0]
    assert made("Dense", tensor((2,), scale=(0.5, 0.25)), weights=np.ones((3, 2), np.int64)).scale.tolist() == [1.0]
    assert made("ArgMax", per).scale.tolist() == [1.0]
    told = infer(Node("n", "Flatten", ("x",), "y", {}), [per], [3.0])
    assert told.scale.tolist() == [3.0]


def test_text_of_every_operation():
    x, ones = tensor((4, 4, 4)), np.ones(1, np.int64)
    pool = {"kernel": (2, 2), "stride": (2, 2), "pads": NONE}
    conv = {"weights": np.ones((4, 3, 3, 2), np.int64), "stride": (1, 2), "pads": (1, 0, 1, 0), "groups": 2}
    lines = {
        "3x3 dense, stride 1x2, pads [1, 0, 1, 0], groups 2, weights [1, 1], bias 5": one(
            "Conv", [x], bias=np.full(4, 5), **conv
        ),
        "4 -> 2, weights [1, 1], bias [0, 1]": one(
            "Dense", [tensor((4,))], weights=np.ones((2, 4), np.int64), bias=np.arange(2)
        ),
        "MaxPool(x) 2x2 ->": one("MaxPool", [x], **pool),
        "SumPool(x) 2x2, stride 1, pads [1, 1, 1, 1]": one(
            "SumPool", [x], kernel=(2, 2), stride=(1, 1), pads=(1, 1, 1, 1)
        ),
        "Add(x, x) gains 1 and [2, 3]": one("Add", [x, x], gains=(ones, np.array([2, 3, 2, 3]))),
        "Affine(x) gain 1, offset 1": one("Affine", [x], gain=ones, offset=ones),
        "Concat(x, x) axis 2": one("Concat", [x, x], axis=2),
        "Pad(x) pads [0, 0, 0, 0] with 3": one("Pad", [x], pads=NONE, value=3),
        "DepthToSpace(x) block 2, CRD": one("DepthToSpace", [x], block=2, mode="CRD"),
        "TopK(x) k 2": one("TopK", [x], k=2),
        "Flatten(x) ->": one("Flatten", [x]),
    }
    for text, graph in lines.items():
        assert text in to_text(graph)


# ---- rules -----------------------------------------------------------------------------------------------------------

W4, ONES = np.ones((4, 3, 3, 6), np.int64), np.ones(1, np.int64)
CONV = {"weights": W4, "stride": (1, 1), "pads": NONE, "groups": 1}
POOL = {"kernel": (2, 2), "stride": (2, 2), "pads": NONE}
STEPS = Steps(np.array([[0]] * 6), np.zeros(6, np.int64), np.ones(6, np.int64), -3, 4)
RULES = [
    ("Conv", CONV | {"stride": 1}, r"attribute 'stride' must be \(rows, columns\), 1 or more each, not 1"),
    ("Conv", CONV | {"stride": (1, 0)}, r"attribute 'stride' must be"),
    ("Conv", CONV | {"pads": (0, 0, 0)}, r"attribute 'pads' must be \(top, left, bottom, right\), 0 or more each"),
    ("Conv", CONV | {"pads": (0, 0, 0, -1)}, r"attribute 'pads' must be"),
    ("Conv", CONV | {"weights": W4[0]}, r"attribute 'weights' must be an int64 array of 4 dimensions, not empty"),
    ("Conv", CONV | {"weights": W4.astype(float)}, r"attribute 'weights' must be an int64 array"),
    ("Conv", CONV | {"groups": True}, r"attribute 'groups' must be an integer, not True"),
    ("Conv", CONV | {"groups": 0}, r"groups must divide 6 inputs and 4 outputs, not 0"),
    ("Conv", CONV | {"groups": 3}, r"groups must divide 6 inputs and 4 outputs, not 3"),
    ("Conv", CONV | {"groups": 2}, r"weights must have 3 input channels, not 6"),
    ("Conv", CONV | {"weights": np.ones((4, 5, 3, 6), np.int64)}, r"the kernel must fit into the padded input"),
    ("Conv", CONV | {"bias": np.ones(3, np.int64)}, r"bias must have 4 entries, not 3"),
    ("Conv", CONV | {"bias": [1]}, r"attribute 'bias' must be an int64 array of 1 dimensions"),
    ("Conv", CONV | {"weights": W4 << 58}, r"sums of products must stay below 2\^62"),
    ("Dense", {"weights": np.ones((2, 3), np.int64)}, r"the input must be a vector of 3, not \(4, 5, 6\)"),
    ("Step", {"steps": 3, "form": None}, r"attribute 'steps' must be Steps or a Table, not 3"),
    ("Step", {"steps": STEPS, "form": 3}, r"attribute 'form' must be a hardware form or None"),
    ("Step", {"steps": Table(np.zeros((5, 8), np.int64), -3, 4), "form": None}, r"there must be 6 channels of steps"),
    (
        "Step",
        {"steps": Table(np.zeros((6, 7), np.int64), -3, 3), "form": None},
        r"the steps must cover \[-3, 4\], not \[-3, 3\]",
    ),
    ("MaxPool", POOL | {"kernel": 2}, r"attribute 'kernel' must be"),
    ("MaxPool", POOL | {"kernel": (5, 1)}, r"the kernel must fit into the padded input, not \(5, 1\)"),
    ("MaxPool", POOL | {"pads": (2, 0, 0, 0)}, r"no window may lie wholly in the padding, not pads \(2, 0, 0, 0\)"),
    ("SumPool", POOL | {"kernel": (1, 6)}, r"the kernel must fit into the padded input"),
    ("Affine", {"gain": np.ones(2, np.int64), "offset": ONES}, r"gain must have 1 or 6 entries, not 2"),
    ("Affine", {"gain": ONES, "offset": np.ones(5, np.int64)}, r"offset must have 1 or 6 entries, not 5"),
    ("Affine", {"gain": ONES << 61, "offset": ONES}, r"results must stay below 2\^62"),
    ("Affine", {"gain": ONES, "offset": ONES << 62}, r"results must stay below 2\^62"),
    ("Pad", {"pads": NONE, "value": 1.5}, r"attribute 'value' must be an integer, not 1\.5"),
    ("Pad", {"pads": NONE, "value": 1 << 62}, r"the value must stay below 2\^62"),
    ("Resize", {"rows": np.array([4]), "columns": ONES}, r"rows must be in \[0, 3\], not \[4, 4\]"),
    ("Resize", {"rows": ONES, "columns": -ONES}, r"columns must be in \[0, 4\], not \[-1, -1\]"),
    ("Resize", {"rows": ONES, "columns": ONES, "range": (-99999, 99999)}, r"range must lie within \["),
    ("DepthToSpace", {"block": 2, "mode": "DCR"}, r"the square of block must divide 6 channels, not 2"),
    ("DepthToSpace", {"block": 0, "mode": "DCR"}, r"the square of block must divide 6 channels, not 0"),
    ("DepthToSpace", {"block": 1, "mode": "other"}, r"attribute 'mode' must be DCR or CRD, not 'other'"),
    ("Reorder", {"shape": 120, "index": np.arange(120)}, r"attribute 'shape' must be a tuple of sizes"),
    ("Reorder", {"shape": (119,), "index": np.arange(120)}, r"index must have 119 entries .*, not 120"),
    ("Reorder", {"shape": (1,), "index": np.array([120])}, r"index must be in \[0, 119\], not \[120, 120\]"),
    ("TopK", {"k": 0}, r"k must be in \[1, 6\], not 0"),
    ("TopK", {"k": 7}, r"k must be in \[1, 6\], not 7"),
    ("TopK", {}, r"attributes \['k'\] must be set, not absent"),
    ("Magic", {}, r"op must be one of Conv, Dense, Step"),
]


@pytest.mark.parametrize(("op", "attrs", "message"), RULES)
def test_rules(op, attrs, message):
    with pytest.raises(BadGraph, match=message):
        made(op, tensor(), **attrs)


@pytest.mark.parametrize("op", ["Conv", "MaxPool", "SumPool", "Pad", "Resize", "DepthToSpace"])
def test_images_are_required(op):
    attrs = {
        "Conv": CONV,
        "Pad": {"pads": NONE, "value": 0},
        "Resize": {"rows": ONES, "columns": ONES},
        "DepthToSpace": {"block": 1, "mode": "DCR"},
    }.get(op, POOL)
    with pytest.raises(BadGraph, match=r"the input must be \(height, width, channels\), not \(6,\)"):
        made(op, tensor((6,)), **attrs)


def test_rules_of_two_inputs():
    other = tensor((4, 5, 3), name="z")
    with pytest.raises(BadGraph, match=r"both inputs must have one shape, not \(4, 5, 6\) and \(4, 5, 3\)"):
        made("Add", tensor(), other, gains=(ONES, ONES))
    with pytest.raises(BadGraph, match="gains must have 1 or 6 entries, not 2"):
        made("Add", tensor(), tensor(name="z"), gains=(ONES, np.ones(2, np.int64)))
    with pytest.raises(BadGraph, match="attribute 'gains' must be two int64 arrays of one dimension"):
        made("Add", tensor(), tensor(name="z"), gains=(ONES,))
    with pytest.raises(BadGraph, match=r"sums must stay below 2\^62"):
        made("Add", tensor(), tensor(name="z"), gains=(ONES, ONES << 61))
    with pytest.raises(BadGraph, match="must have 2 inputs, not 1"):
        made("Add", tensor(), gains=(ONES, ONES))
    with pytest.raises(BadGraph, match="must have 1 inputs, not 2"):
        made("Flatten", tensor(), other)
    with pytest.raises(BadGraph, match="must have 2 or more inputs, not 1"):
        made("Concat", tensor(), axis=0)
    with pytest.raises(BadGraph, match=r"axis must be in \[0, 2\], not -1"):
        made("Concat", tensor(), other, axis=-1)
    with pytest.raises(BadGraph, match=r"the inputs must have the shape \(4, 5, 6\) but for axis 1, not \(4, 5, 3\)"):
        made("Concat", tensor(), other, axis=1)
    with pytest.raises(BadGraph, match=r"sums must stay below 2\^62"):
        made("SumPool", tensor((4, 4, 1), 0, 1 << 60), **POOL)


def test_a_scale_has_one_entry_or_one_a_channel():
    with pytest.raises(BadGraph, match=r"node 'n' \(Flatten\): the scale must have 1 or 120 entries, not \(6,\)"):
        infer(Node("n", "Flatten", ("x",), "y", {}), [tensor()], np.ones(6))
