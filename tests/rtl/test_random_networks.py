"""Random networks: graph -> pipeline -> RTL -> simulation, every stage equal to the integer executor, with stalls."""

import pytest
from graphs import frames, graphs
from hypothesis import HealthCheck, Phase, given, settings
from streams import simulator

from lutwright.dataflow.folding import fastest_interval, fold_graph
from lutwright.dataflow.lower import Target, lower
from lutwright.emit.project import for_hardware
from lutwright.emit.rtl import bench_files, core_files
from lutwright.simulate.core import compile_core, play, standard_runs


def run_one(graph, slow, folder):
    """Build `graph` at its fastest interval times `slow`, simulate it, and compare every stage."""
    graph = for_hardware(graph)
    target = Target(fastest_interval(graph) * slow, 1 + slow % 3)
    pipeline = lower(graph, fold_graph(graph, target.interval), target)
    files = core_files(graph, pipeline) | bench_files(pipeline)
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    bench = compile_core(sorted(folder.glob("*.sv")), folder / "work", simulator(), taps=True)
    codes = frames(graph, 6)
    for result in play(bench, graph, pipeline, codes, standard_runs(6, pipeline.interval), True, "rtl"):
        assert not result.mismatches, [c.first for c in result.comparisons if c.mismatches]


def sweep(count, tmp_path):
    """Run `count` random networks, each at another speed."""
    number = iter(range(10**6))

    @settings(
        max_examples=count,
        deadline=None,
        phases=[Phase.generate],
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(graphs(most=7))
    def networks(graph):
        index = next(number)
        run_one(graph, (1, 2, 5)[index % 3], tmp_path / str(index))

    networks()
    assert next(number) >= count


def test_ten_networks(tmp_path):
    sweep(10, tmp_path)


@pytest.mark.long
def test_hundred_networks(tmp_path):
    sweep(100, tmp_path)
