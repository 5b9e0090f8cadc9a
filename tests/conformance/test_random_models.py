"""Random ONNX models: imported ones equal to the model on every tap and at the output, and few of them refused."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, seed, settings
from onnx_graphs import models
from truth import compare

from lutwright.errors import NotExact, UnsupportedOp
from lutwright.frontend.translate import import_with_taps

MOST_REFUSED = 0.35


def check(drawn, refused):
    """Import `drawn` and compare it; counts refusals by what the error says must hold."""
    try:
        imported = import_with_taps(drawn.model, "random")
    except (UnsupportedOp, NotExact) as error:
        refused[f"{error.name} {error.where.split('(')[-1].rstrip(')')}: {error.rule}"] += 1
        return
    found = compare(imported, drawn.model, drawn.frames)
    assert not found.wrong, "\n".join(found.wrong)


def run(examples, number):
    """Check so many models drawn from seed `number`; print and bound the refusals."""
    refused, total = Counter(), Counter()

    @seed(number)
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
    @given(models())
    def each(drawn):
        total["models"] += 1
        check(drawn, refused)

    each()
    print(f"seed {number}: {total['models']} models, {refused.total()} refused")
    for reason, count in refused.most_common():
        print(f"{count:5d}  {reason}")
    assert refused.total() <= MOST_REFUSED * total["models"]


def test_random_models():
    run(300, 1)


@pytest.mark.long
@pytest.mark.parametrize("number", range(2, 12))
def test_many_random_models(number):
    run(1_000, number)
