"""Folding files: they round-trip, and every fault in one is named."""

import pytest

from lutwright.dataflow.folding import Fold
from lutwright.dataflow.folding_file import Folding, folding_text, read_folding
from lutwright.dataflow.options import layers, possible
from lutwright.emit.project import hardware_graph
from lutwright.errors import BadFolding
from lutwright.resources import room


@pytest.fixture(scope="module")
def graph():
    return hardware_graph(room("examples") / "models" / "mnist-mux.onnx")


GOOD = """
[layers.conv1]
engine = "folded"
pe = 8
simd = 9
[layers.conv2]
engine = "mux"
pe = 4
simd = 8
[layers.conv3]
engine = "mux"
pe = 8
simd = 4
[layers.fc]
engine = "folded"
pe = 1
simd = 4
"""


def test_a_file_by_hand(graph):
    folding = read_folding(GOOD.encode(), "f.toml", graph)
    assert folding.folds == {
        "conv1": Fold(8, 9),
        "conv2": Fold(4, 8, "mux"),
        "conv3": Fold(8, 4, "mux"),
        "fc": Fold(1, 4),
    }
    assert folding.blocks is None


def test_every_fold_round_trips(graph):
    nodes = layers(graph)
    most = max(len(possible(node)) for node in nodes)
    for i in range(most):
        blocks = tuple(node.name for node in nodes[: i % 3])
        folding = Folding({node.name: possible(node)[i % len(possible(node))] for node in nodes}, blocks)
        text = folding_text(folding, {node.name: 784 for node in nodes}, "Title.")
        assert read_folding(text.encode(), "f.toml", graph) == folding
        told = "".join(f'\n  "{name}",' for name in blocks)
        start = f"# Title.\nblock_rams = [{told}" + ("\n" if told else "")
        assert text.startswith(start + "]\n\n[layers.conv1]  # 784 clocks a frame\nengine = ")


def test_names_that_toml_does_not_take_bare():
    text = folding_text(Folding({'a/b "c"': Fold(1, 1)}), {'a/b "c"': 5}, "T")
    assert text == '# T\n\n[layers."a/b \\"c\\""]  # 5 clocks a frame\nengine = "folded"\npe = 1\nsimd = 1\n'


FAULTS = {
    "no TOML": (lambda t: t + "[", r"folding file 'f\.toml': must be TOML, not "),
    "no text": (lambda t: b"\xff", r"folding file 'f\.toml': must be TOML, not "),
    "no layers": (lambda t: "", r"key 'layers' must be there, not absent\. Add it\."),
    "no engine": (lambda t: t.replace('engine = "folded"\n', ""), r"key 'layers\.conv1\.engine' must be there"),
    "a key too many": (lambda t: "speed = 1\n" + t, r"key 'speed' is not known\. Remove it\."),
    "a number in words": (lambda t: t.replace("pe = 8", 'pe = "8"'), r"key 'layers\.conv1\.pe': .* integer, not '8'"),
    "a PE of 0": (lambda t: t.replace("pe = 8", "pe = 0"), r"key 'layers\.conv1\.pe': .* greater than 0, not 0"),
    "an unknown layer": (
        lambda t: t.replace("layers.fc", "layers.fd"),
        r"layers must be among conv1, conv2, conv3, fc, not 'fd'\. Remove that table\.",
    ),
    "a missing layer": (
        lambda t: t[: t.index("[layers.fc]")],
        r"layer 'fc' must have a table, not absent\. Add engine, pe and simd for it\.",
    ),
    "an unknown engine": (
        lambda t: t.replace('"folded"', '"magic"'),
        r"folding file 'f\.toml', layer 'conv1': engine must be one of folded, mux, .*, not 'magic'\.",
    ),
    "an engine that cannot": (
        lambda t: t.replace('"mux"', '"folded"'),
        r"layer 'conv2': engine must be one that does this layer \(mux, unrolled\), not 'folded'\.",
    ),
    "a PE that does not divide": (
        lambda t: t.replace("pe = 4", "pe = 3"),
        r"layer 'conv2': pe must be one of 1, 2, 4, 8, 16 for the engine mux, not 3\. It must divide",
    ),
    "a SIMD that does not divide": (
        lambda t: t.replace("simd = 9", "simd = 2"),
        r"layer 'conv1': simd must be one of 1, 3, 9 for the engine folded, not 2\. It must divide",
    ),
    "half an unrolled layer": (
        lambda t: t.replace('"folded"\npe = 8', '"unrolled"\npe = 4'),
        r"layer 'conv1': pe must be one of 8 for the engine unrolled, not 4\.",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_named(graph, fault):
    break_it, message = FAULTS[fault]
    text = break_it(GOOD)
    with pytest.raises(BadFolding, match=message):
        read_folding(text if isinstance(text, bytes) else text.encode(), "f.toml", graph)
