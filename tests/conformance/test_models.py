"""Named models in: every word of every tap equal to what the model computes, and to Brevitas where floats are exact."""

import zlib

import numpy as np
import pytest
import torch
from brevitas import nn as qnn
from models import NAMES, build, quiet
from truth import assert_close, compare, integers, outputs

from lutwright.frontend.load import load_model
from lutwright.frontend.translate import InputType, import_with_taps

# Models whose scales are all powers of two: what Brevitas computes in float32 is the truth.
EXACT = ("tfc", "sfc", "lfc", "cnv", "digits", "finn")
# Of those the ones whose layers can be set against their modules: made by torch, channels first.
TORCH = [n for n in NAMES if n.startswith(EXACT[:-1]) and not n.endswith("channels_last")]


def frames(example, rng):
    """Likely frames, saturating ones, the extremes and zeros: float32 [12, *input shape]."""
    likely = example.sample(rng, 5)
    if example.ends:
        extremes = [np.full_like(likely[0], value) for value in (0, *example.ends)]
        signs = rng.choice(example.ends, likely.shape).astype(np.float32)
        return np.concatenate([likely, np.stack(extremes), signs])
    large = 10 * float(np.abs(likely).max())
    ends = [np.full_like(likely[0], value) for value in (0, large, -large)]
    shape = (2, *likely.shape[1:])
    signs = rng.choice([-large, large], shape)
    spread = rng.normal(0, large / 10, shape)
    return np.concatenate([likely, np.stack(ends), signs, spread]).astype(np.float32)


@pytest.mark.parametrize("name", NAMES)
def test_every_word_is_equal(name, model_file):
    example = build(name)
    model = load_model(model_file(name))
    declared = InputType.parse(example.declared) if example.declared else None
    imported = import_with_taps(model, "model", declared)
    assert (imported.arithmetic is np.float32) == name.startswith(EXACT), imported.reason
    x = frames(example, np.random.default_rng(zlib.crc32(name.encode())))
    found = compare(imported, model, x)
    assert not found.wrong, "\n".join(found.wrong)
    assert found.words > 0


def layers(module, frames):
    """The floats that each quantised layer and quantiser of `module` puts out, in order; and the module's output."""
    seen = []
    kinds = (qnn.QuantIdentity, qnn.QuantReLU, qnn.QuantConv2d, qnn.QuantLinear)
    hooks = [
        part.register_forward_hook(lambda _, __, y: seen.append(np.asarray(getattr(y, "value", y))))
        for part in module.modules()
        if isinstance(part, kinds)
    ]
    try:
        with torch.no_grad(), quiet():
            last = module(torch.from_numpy(frames))
    finally:
        for hook in hooks:
            hook.remove()
    return seen, np.asarray(getattr(last, "value", last))


@pytest.mark.parametrize("name", TORCH)
def test_equal_to_the_brevitas_forward(name, model_file):
    imported = import_with_taps(load_model(model_file(name)), "model")
    graph, example = imported.graph, build(name)
    x = frames(example, np.random.default_rng(zlib.crc32(name.encode())))
    floats, scores = layers(example.module, x)
    words = integers(graph, x, {tap.tensor for tap in imported.taps})
    same = [tap for tap in imported.taps if not tap.node or graph.node(tap.node).op in ("Conv", "Dense", "Step")]
    assert len(same) == len(floats)
    for tap, want in zip(same, floats, strict=True):
        assert np.array_equal(words[tap.tensor] * tap.scale, tap.view.from_model(want.astype(np.float64))), tap
    # torch and onnxruntime differ in the last bit of the power in the last normalisation of TFC and its like.
    top = name.endswith("top_k")
    (made,) = outputs(graph, x)
    assert_close(made, scores.argmax(axis=1, keepdims=True) if top else scores, top)


def test_external_data_changes_nothing(model_file):
    path = model_file("digits-external")
    assert path.with_suffix(".data").is_file() and path.stat().st_size < path.with_suffix(".data").stat().st_size
    whole, outside = load_model(model_file("digits-clean")), load_model(path)
    assert [n.op_type for n in whole.graph.node] == [n.op_type for n in outside.graph.node]
    assert [t.raw_data for t in whole.graph.initializer] == [t.raw_data for t in outside.graph.initializer]
