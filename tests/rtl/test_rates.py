"""Clocks a frame: what a pipeline says of itself is what it takes, whatever its layers, folds and branches.

And no pattern of stalls locks it: branches of different length meet again in sums and concatenations.
"""

import numpy as np
import pytest
from graphs import Maker, frames
from hypothesis import HealthCheck, Phase, given, reject, settings
from hypothesis import strategies as st
from streams import simulator

from lutwright.dataflow.folding import Fold, clocks
from lutwright.dataflow.lower import Target, lower, lower_bare
from lutwright.dataflow.options import layers, possible
from lutwright.emit.project import for_hardware
from lutwright.emit.rtl import bench_files, core_files
from lutwright.ir.text import to_text
from lutwright.numerics.steps import find_steps
from lutwright.simulate.core import Run, compile_core, play

FRAMES = 9
LONGEST = 400  # clocks a frame that are simulated
WINDOWS = ("window", "window_folded", "window_row")


def conv(draw, maker, same=False):
    """A convolution of any kind; same: of stride 1, keeping the image as it is."""
    rng, (height, width, channels) = maker.rng, maker.here.shape
    kind = draw(st.sampled_from(["dense", "mux", "depthwise"]))
    if same:
        k = draw(st.sampled_from([1, 3]))
        kernel, stride, pads = (k, k), 1, (k // 2,) * 4
    else:
        k, stride = draw(st.sampled_from([1, 2, 3, 3, 5])), draw(st.integers(1, 3))
        kernel = (1 if draw(st.integers(0, 4)) == 0 else k, k)
        pads = tuple(draw(st.integers(0, size - 1)) for size in (*kernel, *kernel))
    if height + pads[0] + pads[2] < kernel[0] or width + pads[1] + pads[3] < kernel[1]:
        return
    groups = channels if kind == "depthwise" else 1
    outputs = channels if same or groups > 1 else int(rng.integers(1, 5))
    maker.conv(outputs, kernel, (stride, stride), pads, "mux" if kind == "mux" and k > 1 else "dense", 2, groups)
    maker.step(draw(st.integers(1, 2)), True)


def pool(draw, maker):
    size = draw(st.integers(1, 3))
    stride = draw(st.sampled_from([size, 1, 2]))
    if min(maker.here.shape[:2]) >= size:
        maker.add("MaxPool", kernel=(size, size), stride=(stride, stride), pads=(0, 0, 0, 0))


def residual(draw, maker):
    start = maker.here
    for _ in range(draw(st.integers(1, 2))):
        conv(draw, maker, same=True)
    gains = (np.array([1]), np.array([1]))
    if draw(st.booleans()):
        maker.add("Add", start, maker.here, gains=gains)
        maker.step(2, True)
    else:
        maker.add("Concat", start, maker.here, axis=draw(st.integers(0, 2)))


@st.composite
def networks(draw, blocks=(conv, conv, conv, pool, residual)):
    """A graph of one to four `blocks`."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    maker = Maker(rng, tuple(draw(st.integers(1, most)) for most in (9, 9, 4)), 2)
    for _ in range(draw(st.integers(1, 4))):
        draw(st.sampled_from(blocks))(draw, maker)
        if maker.here.words > 600:
            break
    if not maker.nodes:
        reject()
    if draw(st.integers(0, 3)) == 0:
        maker.add("Flatten")
        maker.dense(draw(st.integers(1, 4)), 2)
    return maker.graph()


def folded(draw, graph, interval):
    """The pipeline of `graph`, each layer with any fold that it can have; None where it takes too long."""
    folds = {node.name: draw(st.sampled_from(possible(node))) for node in layers(graph)}
    pipeline = lower(graph, folds, Target(interval, draw(st.integers(1, 3))))
    return pipeline if pipeline.interval <= LONGEST else None


def measured(graph, pipeline, folder, stalls=(96, 128)):
    """Clocks a frame of `pipeline` where nothing stalls; what comes out must be right, and between stalls as well."""
    folder.mkdir(parents=True)
    for name, data in (core_files(graph, pipeline) | bench_files(pipeline)).items():
        (folder / name).write_bytes(data)
    bench = compile_core(sorted(folder.glob("*.sv")), folder / "work", simulator(), taps=False)
    runs = [Run("no stalls", FRAMES), Run("stalls", 3, stall_in=stalls[0], stall_out=stalls[1], seed=7)]
    results = play(bench, graph, pipeline, frames(graph, FRAMES), runs, False, "rtl")
    for result in results:
        assert not result.mismatches, [c.first for c in result.comparisons if c.mismatches]
    return results[0].cycles_per_frame


def sweep(count, tmp_path, drawn):
    number = iter(range(10**6))
    stall = st.sampled_from([0, 64, 128, 192])

    @settings(
        max_examples=count,
        deadline=None,
        phases=[Phase.generate],
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def each(data):
        graph = for_hardware(data.draw(drawn))
        pipeline = folded(data.draw, graph, 1 << 20)
        if pipeline is None:
            reject()
        took = measured(graph, pipeline, tmp_path / str(next(number)), (data.draw(stall), data.draw(stall)))
        assert took == pipeline.interval, f"{pipeline.slowest}\n{to_text(graph)}"

    each()
    assert next(number) >= count


def test_a_pixel_that_comes_just_in_time_is_merged_with_the_padding(tmp_path):
    """The branches lock the layers in step: the pixel behind a padded column comes while a window is still held."""
    maker = Maker(np.random.default_rng(1), (8, 8, 2), 2)
    start = maker.here
    for _ in "ab":
        maker.conv(2, (3, 3), (1, 1), (1,) * 4, "dense", 2)
        maker.step(2, True)
    maker.add("Add", start, maker.here, gains=(np.array([1]), np.array([1])))
    graph = maker.graph()
    pipeline = lower(graph, {node.name: Fold(1, 18) for node in layers(graph)}, Target(128, 2))
    assert pipeline.interval == measured(graph, pipeline, tmp_path / "core") == 128


@pytest.mark.parametrize(
    ("size", "stride", "pad", "pe", "clocks"),
    [
        (6, 1, 1, 1, 144),
        (6, 1, 1, 2, 72),
        (6, 1, 1, 4, 36),
        (6, 2, 1, 1, 144),
        (6, 2, 1, 2, 72),
        (6, 2, 1, 4, 36),
        (6, 3, 1, 2, 72),
        (7, 1, 0, 2, 98),  # every pixel comes in, though fewer windows go out
        (5, 1, 2, 2, 98),  # more windows than pixels
        (7, 2, 2, 1, 196),
    ],
)
def test_depthwise(size, stride, pad, pe, clocks, tmp_path):
    maker = Maker(np.random.default_rng(1), (size, size, 4), 2)
    maker.conv(4, (3, 3), (stride, stride), (pad,) * 4, bits=2, groups=4)
    graph = maker.graph()
    pipeline = lower(graph, {"conv0": Fold(pe, 9, "depthwise")}, Target(1 << 20, 2))
    assert pipeline.interval == measured(graph, pipeline, tmp_path / "core") == clocks


@pytest.mark.parametrize(
    ("shape", "pads", "pe", "clocks"),
    [((2, 2), (1, 0, 1, 2), 1, 20), ((5, 2), (0, 0, 2, 2), 1, 44), ((5, 2), (2, 0, 1, 2), 2, 24)],
)
def test_two_columns_leave_the_memories_too_little_room(shape, pads, pe, clocks, tmp_path):
    maker = Maker(np.random.default_rng(1), (*shape, 4), 2)
    maker.conv(4, (3, 3), (1, 1), pads, bits=2, groups=4)
    graph = maker.graph()
    pipeline = lower(graph, {"conv0": Fold(pe, 9, "depthwise")}, Target(1 << 20, 2))
    assert pipeline.interval == measured(graph, pipeline, tmp_path / "core") == clocks


def test_depthwise_points_need_no_window(tmp_path):
    maker = Maker(np.random.default_rng(1), (3, 2, 6), 2)
    maker.conv(6, (1, 1), (1, 1), (0,) * 4, bits=3, groups=6)
    graph = maker.graph()
    pipeline = lower(graph, {"conv0": Fold(2, 1, "depthwise")}, Target(1 << 20, 2))
    assert pipeline.interval == measured(graph, pipeline, tmp_path / "core") == 18


def test_a_border_waits_for_no_pixel_in_parts(tmp_path):
    """A pad cell that is always busy takes the four beats of a pixel at once; they are made one in three clocks."""
    maker = Maker(np.random.default_rng(1), (2, 1, 3), 2)
    maker.conv(4, (1, 1), (1, 1), (0,) * 4, "dense", 2)
    maker.step(2, True)
    maker.conv(1, (3, 3), (2, 2), (1, 2, 2, 0), "dense", 2)
    graph = maker.graph()
    pipeline = lower(graph, {"conv0": Fold(1, 1), "conv2": Fold(1, 3)}, Target(1 << 20, 2))
    assert {stage.cell for stage in pipeline.stages if stage.cycles == pipeline.interval} == {"pad", "window_folded"}
    assert pipeline.interval == measured(graph, pipeline, tmp_path / "core") == 60


def test_padding_above_an_image_passes_while_its_pixels_wait(tmp_path):
    """It begins when the first pixel is there; those behind it come meanwhile, and are needed in one go afterwards."""
    maker = Maker(np.random.default_rng(1), (8, 6, 3), 2)
    maker.conv(1, (3, 3), (1, 1), (0, 0, 1, 0), "dense", 2)
    maker.step(1, True)
    maker.conv(1, (5, 5), (2, 2), (4, 0, 0, 1), "dense", 2)
    graph = maker.graph()
    folds = {"conv0": Fold(1, 27), "conv2": Fold(1, 25)}
    pipeline = lower(graph, folds, Target(1 << 20, 2))
    assert pipeline.slowest.cell == "pad"
    assert pipeline.interval == measured(graph, pipeline, tmp_path / "core") == 55


def test_an_engine_before_a_bias_is_as_slow_as_it_is(tmp_path):
    """Pixels of two concatenations wait for it, and for what it sends."""
    maker = Maker(np.random.default_rng(1), (3, 4, 3), 2)
    maker.conv(1, (1, 1), (1, 1), (0,) * 4, "dense", 2)
    maker.step(1, True)
    start = maker.here
    maker.conv(1, (1, 1), (1, 1), (0,) * 4, "dense", 2)
    maker.step(1, True)
    maker.add("Concat", start, maker.here, axis=0)
    start = maker.here
    maker.conv(1, (3, 3), (1, 1), (1,) * 4, "dense", 2, bias=True)
    maker.step(2, True)
    maker.conv(1, (3, 3), (1, 1), (1,) * 4, "dense", 2)
    maker.step(2, True)
    maker.add("Concat", start, maker.here, axis=0)
    graph = maker.graph()
    sizes = (Fold(1, 1), Fold(1, 1), Fold(1, 1), Fold(1, 9))
    folds = {node.name: fold for node, fold in zip(layers(graph), sizes, strict=True)}
    pipeline = lower(graph, folds, Target(1 << 20, 2))
    assert pipeline.slowest.cell == "window_folded"
    assert pipeline.interval == measured(graph, pipeline, tmp_path / "core") == 216


@pytest.mark.parametrize(
    ("shape", "stride", "pads", "clocks"), [((7, 4, 4), 3, (2, 2, 1, 4), 112), ((8, 7, 2), 2, (0, 3, 3, 2), 224)]
)
def test_padding_passes_while_pixels_come(shape, stride, pads, clocks, tmp_path):
    """A concatenation sends half a pixel in each clock, and the window behind it pads for many clocks on end."""
    maker = Maker(np.random.default_rng(1), shape, 2)
    start = maker.here
    maker.conv(shape[2], (3, 3), (1, 1), (1,) * 4, "dense", 2, shape[2])
    maker.step(2, True)
    maker.add("Concat", start, maker.here, axis=1)
    maker.conv(shape[2], (5, 5), (stride, stride), pads, "dense", 2, shape[2])
    graph = maker.graph()
    folds = {"conv0": Fold(shape[2] // 2, 9, "depthwise"), "conv3": Fold(shape[2], 25, "depthwise")}
    pipeline = lower(graph, folds, Target(1 << 20, 1))
    assert pipeline.slowest.cell == "concat"
    assert pipeline.interval == measured(graph, pipeline, tmp_path / "core") == clocks


def test_a_pixel_in_parts_does_not_lock_its_branches(tmp_path):
    """The convolution needs all three beats of the pixel before the sum can take the first."""
    maker = Maker(np.random.default_rng(1), (1, 1, 3), 2)
    maker.conv(3, (1, 1), (1, 1), (0,) * 4, "dense", 2)
    maker.step(1, True)
    start = maker.here
    maker.conv(3, (3, 3), (1, 1), (1,) * 4, "mux", 2)
    maker.step(2, True)
    maker.add("Add", start, maker.here, gains=(np.array([1]), np.array([1])))
    graph = maker.graph()
    pipeline = lower(graph, {"conv0": Fold(1, 1), "conv2": Fold(1, 1, "mux")}, Target(1 << 20, 2))
    assert pipeline.interval == measured(graph, pipeline, tmp_path / "core")


def test_windows_below_the_image_wait_for_all_of_it(tmp_path):
    """Of an image of one row every window does, and as many pixels wait for the sum."""
    maker = Maker(np.random.default_rng(1), (1, 6, 2), 2)
    start = maker.here
    maker.conv(2, (3, 3), (1, 1), (1,) * 4, "dense", 2)
    maker.step(2, True)
    maker.add("Add", start, maker.here, gains=(np.array([1]), np.array([1])))
    graph = maker.graph()
    pipeline = lower(graph, {"conv0": Fold(2, 18)}, Target(1 << 20, 2))
    assert pipeline.interval == measured(graph, pipeline, tmp_path / "core")


def test_a_wide_beat_is_held_while_the_next_is_put_together(tmp_path):
    maker = Maker(np.random.default_rng(1), (1, 7, 3), 2)
    for _ in "ab":
        maker.conv(3, (1, 1), (1, 1), (0,) * 4, "dense", 2)
        maker.step(1, True)
    graph = maker.graph()
    pipeline = lower(graph, {"conv0": Fold(1, 3), "conv2": Fold(1, 3)}, Target(1 << 20, 2))
    assert pipeline.interval == measured(graph, pipeline, tmp_path / "core") == 21


def test_ones_are_not_taken_for_signs(tmp_path):
    """What is always 1 travels without a sign bit."""
    maker = Maker(np.random.default_rng(1), (2, 1, 2), 2)
    steps = find_steps(np.ones_like, 2, maker.here.low, maker.here.high, "step", monotone=True)
    maker.add("Step", steps=steps, form=None)
    maker.add("Conv", weights=np.array([[[[1, 1]]], [[[-1, 1]]]]), stride=(1, 1), pads=(0,) * 4, groups=1)
    graph = maker.graph()
    pipeline = lower(graph, {"conv1": Fold(1, 2)}, Target(1 << 20, 2))
    assert pipeline.interval == measured(graph, pipeline, tmp_path / "core")


def test_weights_that_are_all_zero(tmp_path):
    maker = Maker(np.random.default_rng(1), (2,), 2)
    maker.add("Dense", weights=np.zeros((1, 2), np.int64))
    graph = maker.graph()
    pipeline = lower(graph, {"dense0": Fold(1, 1)}, Target(1 << 20, 2))
    assert pipeline.interval == measured(graph, pipeline, tmp_path / "core")


def test_the_folder_counts_what_the_stages_say():
    """Clocks by which folds are chosen are those of the engine and the window that the fold then makes."""

    @settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def each(data):
        graph = for_hardware(data.draw(networks()))
        folds = {
            node.name: data.draw(st.sampled_from([fold for fold in possible(node) if fold.engine != "unrolled"]))
            for node in layers(graph)
        }
        pipeline = lower_bare(graph, folds, Target(1 << 20, 2))
        for node in layers(graph):
            x, out = graph.tensors[node.inputs[0]], graph.tensors[node.output]
            stages = [stage for stage in pipeline.stages if stage.node == node.name]
            found = max(s.cycles for s in stages if s.cell in WINDOWS or s.tensor == node.output)
            assert clocks(node, x, out, folds[node.name]) == found

    each()


def test_ten_pipelines(tmp_path):
    sweep(10, tmp_path, networks())


@pytest.mark.long
def test_two_hundred_pipelines(tmp_path):
    sweep(200, tmp_path, networks())


@pytest.mark.long
def test_a_hundred_pipelines_with_branches(tmp_path):
    sweep(100, tmp_path, networks((residual, residual, conv)))
