"""The emitted C++, compiled with hls4ml's own types, equals the integer executor on every word of every layer."""

import pytest
from everything import everything
from graphs import any_graphs, frames, several
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lutwright.check.against_hls import compare_hls
from lutwright.errors import UnsupportedOp
from lutwright.hls.lower import lower
from lutwright.hls.options import IO_TYPES, STRATEGIES, TOOLS, HlsOptions
from lutwright.hls.project import for_hls
from lutwright.ir.text import to_text


def same(graph, options):
    """Every layer of `graph` compared; every output and every tensor that a layer makes is among them."""
    result = compare_hls(graph, frames(graph, 8), options, "-O0")
    assert not result.mismatches, f"{result.first}\n{options}\n{to_text(graph)}"
    names = {stage.name for stage in result.stages}
    assert {node.name for node in graph.nodes if node.op != "Flatten"} <= names
    return result


@pytest.mark.parametrize(
    "options", [HlsOptions(), HlsOptions(tool="Vivado", io="io_parallel", reuse=2)], ids=lambda o: o.io
)
def test_every_layer(options):
    graph = everything()
    kinds = {layer.kind for layer in lower(graph, options).layers}
    assert {"Conv2D", "Dense", "LutwrightMux", "LutwrightConv", "LutwrightRequantise", "LutwrightTable"} <= kinds
    assert {"LutwrightAffine", "LutwrightAdd", "LutwrightPool", "LutwrightGather", "LutwrightConcat"} <= kinds
    same(graph, options)


def sweep(count, strategy):
    """`count` random graphs, each with other options; a graph that is refused by name is drawn again."""
    done = []

    @settings(
        max_examples=4 * count,
        deadline=None,
        phases=[Phase.generate],
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy, st.sampled_from(TOOLS), st.sampled_from(IO_TYPES), st.sampled_from(STRATEGIES), st.integers(1, 4))
    def models(graph, tool, io, strategy, reuse):
        if len(done) == count:
            return
        options = HlsOptions(tool=tool, io=io, strategy=strategy, reuse=reuse)
        try:
            graph = for_hls(graph)
            lower(graph, options)
        except UnsupportedOp:
            return
        done.append(same(graph, options))

    models()
    assert len(done) == count


def test_two_random_graphs():
    sweep(2, any_graphs(most=4))


@pytest.mark.long
def test_sixty_random_graphs():
    sweep(60, any_graphs())


@pytest.mark.long
def test_twenty_of_several_outputs():
    sweep(20, several())
