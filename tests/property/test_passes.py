"""Law 1: a pass does not change what a graph computes. And ranges hold what they promise."""

import numpy as np
import pytest
from graphs import frames, graphs
from hypothesis import given, settings

from lutwright.ir.execute import execute, execute_all
from lutwright.ir.verify import verify
from lutwright.passes import PIPELINE, run_pipeline
from lutwright.passes.classify import classify


@given(graphs())
@settings(max_examples=120, deadline=None)
def test_every_pass_keeps_the_function(graph):
    codes = frames(graph, 6)
    expected = execute(graph, codes)
    for step in PIPELINE:
        graph = verify(step(graph))
        assert np.array_equal(execute(graph, codes), expected), step.__name__


@given(graphs())
@settings(max_examples=60, deadline=None)
def test_ranges_hold_every_word(graph):
    graph = run_pipeline(graph)
    for name, words in execute_all(graph, frames(graph, 20)).items():
        tensor = graph.tensors[name]
        assert tensor.low <= words.min() and words.max() <= tensor.high, name


@given(graphs())
@settings(max_examples=40, deadline=None)
def test_batches_do_not_matter(graph):
    codes = frames(graph, 5)
    one_by_one = np.concatenate([execute(graph, codes[i : i + 1]) for i in range(5)])
    assert np.array_equal(execute(graph, codes), one_by_one)


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
