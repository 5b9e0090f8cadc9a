"""Law 1: a pass does not change what a graph computes."""

import numpy as np
import pytest
from graphs import any_graphs, frames, graphs, several
from hypothesis import given, settings

from lutwright.ir.execute import execute, execute_all, execute_outputs
from lutwright.ir.verify import verify
from lutwright.passes import PIPELINE, run_pipeline
from lutwright.passes.classify import classify
from lutwright.passes.drop_unread import drop_unread


def check_passes(graph):
    codes = frames(graph, 6)
    expected = execute_outputs(graph, codes)
    for step in (*PIPELINE, drop_unread):
        graph = verify(step(graph))
        assert same(execute_outputs(graph, codes), expected), step.__name__
        plain = execute_all(graph, codes, plain=True)
        assert same([plain[output.tensor] for output in graph.outputs], expected), step.__name__


def same(have, want):
    """Whether there are as many outputs, and each is equal."""
    return len(have) == len(want) and all(np.array_equal(a, b) for a, b in zip(have, want, strict=True))


@given(graphs())
@settings(max_examples=120, deadline=None)
def test_every_pass_keeps_the_function(graph):
    check_passes(graph)


@given(any_graphs())
@settings(max_examples=120, deadline=None)
def test_every_pass_keeps_every_function(graph):
    check_passes(graph)


@given(several())
@settings(max_examples=120, deadline=None)
def test_every_pass_keeps_every_output(graph):
    check_passes(graph)


@given(graphs())
@settings(max_examples=40, deadline=None)
def test_classify_takes_the_first_of_the_largest(graph):
    ends = classify(graph)
    codes = frames(graph, 8)
    scores = execute(graph, codes)
    if ends is graph:
        assert scores.ndim != 2
    else:
        want = [min(i for i, s in enumerate(row) if s == max(row)) for row in scores.tolist()]
        assert execute(ends, codes)[:, 0].tolist() == want


@pytest.mark.long
@given(graphs(most=14))
@settings(max_examples=3000, deadline=None)
def test_many_graphs(graph):
    codes = frames(graph, 6)
    assert np.array_equal(execute(run_pipeline(graph), codes), execute(graph, codes))
