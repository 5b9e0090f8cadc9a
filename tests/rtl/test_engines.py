"""Every engine with every kind of weight, activation and window: graph -> pipeline -> RTL, equal on every word.

The matrix has 9,280 layers, hours of simulation. Of them those are taken in which any three properties (the engine is
one) meet in each way that they can: what goes wrong depends on one property or a few together. They are put in networks
of a few, each behind a step function that makes its activations, with any fold, stalls on either side and a reset in
mid-frame. Each layer must be made of the cell of its engine.
"""

from dataclasses import astuple, dataclass
from itertools import combinations, product

import numpy as np
import pytest
from graphs import Maker
from streams import simulator

from lutwright.dataflow.folding import Fold, divisors
from lutwright.dataflow.lower import Target, lower
from lutwright.dataflow.supported import require_cells
from lutwright.emit.rtl import bench_files, core_files
from lutwright.numerics.requantise import fit
from lutwright.numerics.steps import find_steps
from lutwright.passes.square_windows import square_windows
from lutwright.simulate.core import Run, compile_core, play

SIDE = 7
LAYERS = 4  # of a network
TOGETHER = 3  # properties of a layer that meet in each way
PARTS = 20  # of the long test
MOST_FOLDS = 12  # clocks a window, so that a frame is short
WEIGHTS = {"signs": 1, "2 bits": 1, "4 bits": 7, "8 bits": 127, "powers": 8}  # highest; signs: only -1 and 1
ACTIVATIONS = {
    "signs": (-1, 1),
    "1 bit": (0, 1),
    "2 bits": (0, 3),
    "2 bits signed": (-2, 1),
    "4 bits": (0, 15),
    "4 bits signed": (-8, 7),
    "8 bits": (0, 255),
    "8 bits signed": (-128, 127),
}
CELLS = {"folded": "folded_mac", "dsp": "folded_mac", "mux": "mux_mac", "depthwise": "depthwise_mac"}


@dataclass(frozen=True)
class Layer:
    """One entry of the matrix."""

    engine: str
    weights: str
    activations: str
    kernel: tuple
    stride: int
    padded: bool
    kept: int = 1  # weights a kernel of a multiplexer
    shared: bool = False  # at the same taps for all outputs


def matrix():
    """Every layer, in an order in which neighbours have nothing to do with each other."""
    kernels = [(1, 1), (2, 2), (3, 3), (5, 5), (7, 7), (1, 3), (1, 5), (3, 1), (2, 3)]
    made = [
        Layer(*one)
        for one in product(["folded", "dsp", "depthwise", "unrolled"], WEIGHTS, ACTIVATIONS, kernels, [1, 2], [0, 1])
    ]
    muxes = product(["mux"], WEIGHTS, ACTIVATIONS, kernels[1:], [1, 2], [0, 1], [1, 2], [False, True])
    made += [one for one in (Layer(*mux) for mux in muxes) if one.kept == 1 or one.kernel in [(3, 3), (5, 5), (7, 7)]]
    return [made[i] for i in np.random.default_rng(5).permutation(len(made))]


def covering():
    """Layers of the matrix in which any TOGETHER properties meet in each way that they do in the matrix."""
    met, made = set(), []
    for layer in matrix():
        values = enumerate(astuple(layer))
        fresh = set(combinations(values, TOGETHER)) - met
        met |= fresh
        made += [layer] * bool(fresh)
    return made


def weights(rng, layer, channels):
    """int64 [outputs, kh, kw, inputs of a group] of a layer on so many channels; outputs is 4."""
    high = WEIGHTS[layer.weights]
    shape = (4, *layer.kernel, 1 if layer.engine == "depthwise" else channels)
    w = rng.choice([-1, 1], shape) if layer.weights == "signs" else rng.integers(-high, high + 1, shape)
    if layer.weights == "powers":
        w = rng.choice([-1, 1], shape) << rng.integers(0, 4, shape)
        w[rng.integers(0, 3, shape) == 0] = 0
    if layer.engine == "mux":
        taps = layer.kernel[0] * layer.kernel[1]
        order = rng.permuted(np.tile(np.arange(taps)[:, None], (1 if layer.shared else 4, 1, channels)), axis=1)
        order[:, :, 0] = np.arange(taps)  # at the same places everywhere it would be no multiplexer
        order[:, :, 1] = np.arange(taps)[::-1]
        w = np.where(w == 0, 1, w) * (order < layer.kept).reshape(-1, *shape[1:])
    w[0][w[0] != 0] = np.abs(w[0][w[0] != 0])
    return w


def activations(m, name):
    """A step that makes what `name` says, all of it, from what was made last."""
    low, high = ACTIVATIONS[name]
    first, last = m.here.low, m.here.high
    jump = 2 if name == "signs" else 1
    codes = (high - low) // jump

    def chain(acc):
        return low + jump * np.clip((acc - first) * (codes + 1) // (last - first + 1), 0, codes)

    steps = find_steps(chain, m.here.channels, first, last, "step", monotone=True)
    m.add("Step", steps=steps, form=fit(steps, "step") if codes > 1 else None)


def network(layers, seed):
    """The layers one behind the other, each on SIDE x SIDE pixels."""
    rng = np.random.default_rng(seed)
    m = Maker(rng, (SIDE, SIDE, 4), 8, True)
    for layer in layers:
        activations(m, layer.activations)
        pads = tuple((k - 1) // 2 for k in layer.kernel) if layer.padded else (0, 0)
        groups = 4 if layer.engine == "depthwise" else 1
        w = weights(rng, layer, 4)
        m.add("Conv", weights=w, stride=(layer.stride,) * 2, pads=(*pads, *pads), groups=groups)
        if m.here.shape[:2] != (SIDE, SIDE):
            rows, columns = (np.arange(SIDE) % n for n in m.here.shape[:2])
            m.add("Resize", rows=rows, columns=columns)
    graph = square_windows(m.graph())
    require_cells(graph)
    return graph


def fold(rng, layer, node):
    """Any fold of `node` for the engine of the layer, of up to MOST_FOLDS clocks a window."""
    outputs, *kernel, inputs = node.attrs["weights"].shape
    taps = int(np.prod(kernel))
    if layer.engine == "unrolled":
        return Fold(outputs, taps * inputs, "unrolled")
    if layer.engine == "depthwise":
        return Fold(int(rng.choice(divisors(outputs))), taps, "depthwise")
    size = inputs if layer.engine == "mux" else taps * inputs
    parts = divisors(inputs) if layer.engine == "mux" else {*divisors(taps), *(taps * g for g in divisors(inputs))}
    folds = [(p, s) for p in divisors(outputs) for s in sorted(parts) if outputs // p * (size // s) <= MOST_FOLDS]
    return Fold(*map(int, rng.choice(folds)), layer.engine)


def run(layers, seed, folder):
    """Make, lower and simulate a network of `layers`."""
    rng = np.random.default_rng(seed)
    graph = network(layers, seed)
    nodes = [node for node in graph.nodes if node.op == "Conv"]
    folds = {node.name: fold(rng, layer, node) for layer, node in zip(layers, nodes, strict=True)}
    target = Target(1 << 20, int(rng.integers(1, 4)), int(rng.choice([64, 1 << 20])))
    pipeline = lower(graph, folds, target)
    for layer, node in zip(layers, nodes, strict=True):
        made = {stage.cell for stage in pipeline.stages if stage.node == node.name}
        assert CELLS.get(layer.engine, f"{node.name}_unrolled") in made
    simulate(graph, pipeline, folder, rng)


def simulate(graph, pipeline, folder, rng):
    """Two frames as they come, and again between stalls after a reset; the second is the lowest and highest codes."""
    files = core_files(graph, pipeline) | bench_files(pipeline)
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    bench = compile_core(sorted(folder.glob("*.sv")), folder / "work", simulator(), taps=True)
    x = graph.tensors[graph.input]
    codes = np.stack([rng.integers(x.low, x.high + 1, x.shape), rng.choice([x.low, x.high], x.shape)])
    half = pipeline.interval // 2 + int(rng.integers(0, pipeline.interval))
    runs = [Run("no stalls", 2), Run("stalls", 2, stall_in=96, stall_out=128, seed=7, reset_after=half)]
    for result in play(bench, graph, pipeline, codes, runs, True, "rtl"):
        assert not result.mismatches, [c.first for c in result.comparisons if c.mismatches]


def groups():
    """The layers in networks."""
    layers = covering()
    return [layers[i : i + LAYERS] for i in range(0, len(layers), LAYERS)]


def test_every_three_properties_meet():
    met, want = (
        {three for layer in layers for three in combinations(enumerate(astuple(layer)), TOGETHER)}
        for layers in (covering(), matrix())
    )
    assert met == want
    assert len(covering()) < len(matrix()) // 10


@pytest.mark.parametrize("index", range(6))
def test_a_sample_of_the_matrix(index, tmp_path):
    run(groups()[index], index, tmp_path / "core")


@pytest.mark.long
@pytest.mark.parametrize("part", range(PARTS))
def test_the_whole_matrix(part, tmp_path):
    for index in range(part, len(groups()), PARTS):
        run(groups()[index], index, tmp_path / str(index))
