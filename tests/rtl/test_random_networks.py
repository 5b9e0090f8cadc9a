"""Random networks: graph -> pipeline -> RTL -> simulation, every stage equal to the integer executor, with stalls.

Graphs with branches and every operator; a network that the hardware refuses by name is drawn again.
"""

import pytest
from graphs import any_graphs, frames, graphs, several
from hypothesis import HealthCheck, Phase, given, reject, settings
from hypothesis import strategies as st
from streams import simulator

from lutwright.dataflow.folding import fastest_interval, fold_graph
from lutwright.dataflow.lower import Target, lower
from lutwright.emit.project import for_hardware
from lutwright.emit.rtl import bench_files, core_files
from lutwright.errors import UnsupportedOp
from lutwright.ir.text import to_text
from lutwright.simulate.core import compile_core, play, standard_runs

# Clocks that a frame may take more than its slowest stage, beside 2 %: these frames are a few dozen clocks long, and at
# the border between two of them a window waits for the layer before.
BORDER = 8


def lowered(graph, slow):
    """`graph` as the hardware computes it, and its pipeline at the fastest interval times `slow`."""
    graph = for_hardware(graph)
    target = Target(fastest_interval(graph) * slow, 1 + slow % 3)
    return graph, lower(graph, fold_graph(graph, target.interval), target)


def run_one(graph, pipeline, folder):
    """Simulate `pipeline` and compare every stage; it must be as fast as its slowest stage."""
    files = core_files(graph, pipeline) | bench_files(pipeline)
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    bench = compile_core(sorted(folder.glob("*.sv")), folder / "work", simulator(), taps=True)
    codes = frames(graph, 6)
    results = play(
        bench, graph, pipeline, codes, standard_runs(6, pipeline.interval, len(pipeline.outlets)), True, "rtl"
    )
    for result in results:
        assert not result.mismatches, [c.first for c in result.comparisons if c.mismatches]
    clocks = results[0].cycles_per_frame
    most = 1.02 * pipeline.interval + BORDER
    assert clocks <= most, f"{clocks} clocks, {pipeline.slowest}\n{to_text(graph)}"


def sweep(count, tmp_path, strategy):
    """Run `count` random networks, each at another speed."""
    number = iter(range(10**6))

    @settings(
        max_examples=count,
        deadline=None,
        phases=[Phase.generate],
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy, st.sampled_from([1, 2, 5]))
    def networks(graph, slow):
        try:
            graph, pipeline = lowered(graph, slow)
        except UnsupportedOp:
            reject()
        run_one(graph, pipeline, tmp_path / str(next(number)))

    networks()
    assert next(number) >= count


def test_ten_networks(tmp_path):
    sweep(10, tmp_path, any_graphs())


def test_five_of_several_outputs(tmp_path):
    sweep(5, tmp_path, several())


def test_three_chains(tmp_path):
    sweep(3, tmp_path, graphs(most=7))


def test_three_signals(tmp_path):
    sweep(3, tmp_path, any_graphs(height=1))


@pytest.mark.long
def test_hundred_signals(tmp_path):
    sweep(100, tmp_path, any_graphs(height=1))


@pytest.mark.long
def test_hundred_networks(tmp_path):
    sweep(100, tmp_path, any_graphs())


@pytest.mark.long
def test_hundred_of_several_outputs(tmp_path):
    sweep(100, tmp_path, several())


@pytest.mark.long
def test_hundred_chains(tmp_path):
    sweep(100, tmp_path, graphs(most=7))
