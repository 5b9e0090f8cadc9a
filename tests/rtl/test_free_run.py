"""Runs of cells that never wait: the same words at the same rate, from networks of which every run is one."""

import numpy as np
import pytest
from graphs import Maker
from test_rates import measured, networks, sweep

from lutwright.dataflow import free_run
from lutwright.dataflow.folding import Fold
from lutwright.dataflow.lower import Target, lower
from lutwright.dataflow.options import layers


@pytest.fixture(autouse=True)
def always(monkeypatch):
    monkeypatch.setattr(free_run, "FEWEST", 0)


def cells(pipeline):
    return [stage.cell if stage.made is None else "unrolled" for stage in pipeline.stages]


def unrolled(graph):
    return lower(graph, {node.name: Fold(1, 1, "unrolled") for node in layers(graph)}, Target(1, 1))


def test_dense_layers_are_one_run(tmp_path):
    maker = Maker(np.random.default_rng(1), (6,), 3)
    for outputs in (9, 7):
        maker.dense(outputs, 4)
        maker.step(3, True)
    maker.dense(3, 4)
    pipeline = unrolled(maker.graph())
    steps = [stage.cell for stage in pipeline.stages if stage.cell.startswith("requantise")]
    assert [cell for cell in cells(pipeline) if not cell.startswith("width")] == [
        "credit_gate",
        "unrolled",
        steps[0],
        "unrolled",
        steps[1],
        "unrolled",
        "credit_store",
        *cells(pipeline)[cells(pipeline).index("credit_store") + 1 :],
    ]
    assert pipeline.interval == measured(maker.graph(), pipeline, tmp_path / "core")


def test_convolutions_and_their_sum(tmp_path):
    """Two runs, each behind a window; the slices at their ends give their places to the stores."""
    maker = Maker(np.random.default_rng(2), (5, 6, 2), 2)
    maker.conv(3, (3, 3), (1, 1), (1,) * 4, "dense", 3)
    maker.step(2, True)
    start = maker.here
    maker.conv(3, (3, 3), (1, 1), (1,) * 4, "mux", 3)
    maker.step(2, False)
    maker.add("Add", start, maker.here, gains=(np.array([1]), np.array([1])))
    maker.step(2, True)
    pipeline = unrolled(maker.graph())
    assert cells(pipeline).count("credit_gate") == cells(pipeline).count("credit_store") == 2
    assert cells(pipeline).count("skid") == 1  # behind the sum
    assert pipeline.interval == measured(maker.graph(), pipeline, tmp_path / "core")


def test_random_networks(tmp_path):
    sweep(3, tmp_path, networks())


def test_a_short_run_waits_as_ever(monkeypatch):
    maker = Maker(np.random.default_rng(1), (6,), 3)
    maker.dense(4, 3)
    maker.step(3, True)
    graph = maker.graph()
    flip_flops = sum(stage.made.schedule.flip_flops for stage in unrolled(graph).stages if stage.made)
    monkeypatch.setattr(free_run, "FEWEST", flip_flops)
    assert "credit_gate" in cells(unrolled(graph))
    monkeypatch.setattr(free_run, "FEWEST", flip_flops + 1)
    assert "credit_gate" not in cells(unrolled(graph))
    assert "skid" in cells(unrolled(graph))


@pytest.mark.long
def test_many_random_networks(tmp_path):
    sweep(60, tmp_path, networks().filter(lambda graph: bool(layers(graph))))


def test_what_ends_a_run():
    """A fork, and cells that do not give a beat for each: their latency is not fixed."""
    maker = Maker(np.random.default_rng(3), (4, 4, 2), 2)
    maker.conv(2, (1, 1), (1, 1), (0,) * 4, "dense", 3)
    maker.step(2, True)
    maker.add("MaxPool", kernel=(2, 2), stride=(2, 2), pads=(0, 0, 0, 0))
    pipeline = unrolled(maker.graph())
    assert cells(pipeline)[-1] == "max_pool"
    assert [free_run.latency(pipeline.stages[-i]) for i in (1, 2)] == [None, None]
