"""The program around a C model that takes frames and tells the words of every layer, and how its answers are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lutwright.emit.render import render
from lutwright.hls.lower import HlsModel
from lutwright.numerics.quantiser import IntArray


def frames_program(model: HlsModel, name: str) -> bytes:
    """The C++ source of the program for the model `name`."""
    values: dict[str, object] = {
        "name": name,
        "input_words": model.layers[0].words,
        "outputs": [{"name": layer, "words": model.layer(layer).words} for layer in put_out(model)],
        "taps": [{"name": layer, "words": model.layer(layer).words} for layer in tapped(model)],
    }
    return render("hls_frames.cpp.j2", values)


def put_out(model: HlsModel) -> list[str]:
    """The layers that put something out, each once, in order."""
    return list(dict.fromkeys(model.outputs))


def tapped(model: HlsModel) -> list[str]:
    """The layers that make a tensor of the graph."""
    return [layer.name for layer in model.layers if layer.tensor]


@dataclass(frozen=True)
class Answers:
    """What the program wrote: layer name -> int64 [frames, words], of the outputs and of the taps."""

    outputs: Mapping[str, IntArray]
    taps: Mapping[str, IntArray]


def answer_words(model: HlsModel, taps: bool) -> int:
    """Words that the program writes for each frame."""
    return sum(model.layer(name).words for name in put_out(model) + (tapped(model) if taps else []))


def read_answers(model: HlsModel, words: IntArray, taps: bool) -> Answers:
    """All `words` that the program wrote, one frame behind the other, taken apart."""
    rows, start = words.reshape(-1, answer_words(model, taps)), 0
    found: list[dict[str, IntArray]] = []
    for names in (put_out(model), tapped(model) if taps else []):
        found.append({})
        for name in names:
            size = model.layer(name).words
            found[-1][name] = rows[:, start : start + size]
            start += size
    return Answers(*found)
