"""Frames for a check, as the floats that the model takes: of a data set, of a file, or drawn."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lutwright.check.classes import class_count
from lutwright.check.opened import Opened
from lutwright.data.npz import holds_data_set
from lutwright.errors import BadData, BadOption

_RANDOM = ("", "random")
_FAR = 2.0**60
_MOST_DRAWN = 1 << 26  # elements of all drawn frames, or of their outputs: each frame stays in memory
_MOST_BYTES = 2 << 30  # of a file of frames, unpacked
_BLOCK = 1 << 20  # elements drawn at a time
_NARROW = 2.0**-20  # ends closer than this belong to a quantiser of signs


@dataclass(frozen=True, eq=False)
class Frames:
    """x float32 [n, *model input shape]; labels int64 [n] or None; source for people, without any path."""

    source: str
    x: NDArray[np.float32]
    labels: NDArray[np.int64] | None = None


def load_frames(opened: Opened, data: str, count: int | None, seed: int) -> Frames:
    """`count` frames (None: all of the data, or 100 drawn ones) for the model.

    data: "" or "random"; the name or path of a data set, whose pixels p become p/256, or p * scale where the model's
    input is declared as integers of that scale; or an .npz file of x [n, *input shape] (float, or uint8 taken as it is)
    and perhaps labels y [n]. Raises BadData where something does not fit.
    """
    if data in _RANDOM:
        return Frames(f"random, seed {seed}", random_frames(opened, _drawn(opened, count), seed))
    own = data.endswith(".npz") and not holds_data_set(Path(data))
    found = _file(Path(data)) if own else _data_set(opened, data)
    _fits(opened, found)
    if count is not None and count > len(found.x):
        raise BadData(found.source, f"must have {count} frames", len(found.x), "Ask for fewer --frames.")
    labels = None if found.labels is None else found.labels[:count]
    return Frames(found.source, found.x[:count], labels)


def _drawn(opened: Opened, count: int | None) -> int:
    """How many frames to draw; of large images fewer than 100 where nobody says how many."""
    graph = opened.graph
    words = max(graph.tensors[name].words for name in (graph.input, *graph.ends))
    most = max(4, _MOST_DRAWN // words)
    if count is not None and count > most:
        raise BadOption("--frames", f"at most {most} frames of this model can be drawn", count, "Ask for fewer.")
    return min(100, most) if count is None else count


def _fits(opened: Opened, frames: Frames) -> None:
    shape, x = opened.input_shape, frames.x
    if x.shape[1:] != shape or not len(x):
        raise BadData(frames.source, f"frames must be one or more of the model's shape {shape}", x.shape)
    if not np.isfinite(x).all():
        raise BadData(frames.source, "frames must be finite", "NaN or infinity in x", "Clean the data.")
    if opened.input_is_integer:
        _integers(opened, frames)
    if frames.labels is not None and frames.labels.shape != (len(x),):
        raise BadData(frames.source, f"labels y must be {len(x)} integers", frames.labels.shape)
    count = class_count(opened.graph)
    if frames.labels is not None and count is not None:
        wrong = frames.labels[(frames.labels < 0) | (frames.labels >= count)]
        if wrong.size:
            rule = f"labels y must be classes of the model, 0 to {count - 1}"
            raise BadData(frames.source, rule, int(wrong[0]), "Count classes from 0, or leave y out.")


def _integers(opened: Opened, frames: Frames) -> None:
    """Inputs that no quantiser makes integers must be integers times the declared scale as they come."""
    tensor = opened.graph.tensors[opened.graph.input]
    codes = np.rint(frames.x / tensor.scale[0])
    fits = (codes >= tensor.low) & (codes <= tensor.high) & ((codes * tensor.scale[0]).astype(np.float32) == frames.x)
    if not fits.all():
        raise BadData(
            frames.source,
            f"the model's input must be integers in [{tensor.low}, {tensor.high}] times {tensor.scale[0]:.6g}",
            float(frames.x[~fits][0]),
            "Declare the type that the data has: --input TYPE:SCALE.",
        )


def _data_set(opened: Opened, name: str) -> Frames:
    from lutwright.data import PIXEL_STEP, load
    from lutwright.data.subset import trained_part

    data = trained_part(load(name), opened.graph.metadata)
    step = float(opened.graph.tensors[opened.graph.input].scale[0]) if opened.input_is_integer else PIXEL_STEP
    images = data.test_images
    x = images.astype(np.float32) * np.float32(step)
    if x.shape[1:] != opened.input_shape:  # the model may want them channels first, without rows, or in a row
        x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
        if len(opened.input_shape) == 2 and images.shape[1] == 1:
            x = x[:, :, 0]
        elif len(opened.input_shape) == 1:
            x = x.reshape(len(x), -1)
    return Frames(f"data set '{data.name}'", x, data.test_labels)


def _file(path: Path) -> Frames:
    where = f"data file '{path.name}'"
    fix = "Write it with numpy.savez(file, x=frames, y=labels)."
    if not path.is_file():
        raise BadData(where, "must be a file", "missing", "Check the path.")
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size <= _MOST_BYTES:
            with np.load(path, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in ("x", "y") if name in stored}
    except Exception as error:  # numpy, zipfile and what unpacks each raise their own
        raise BadData(where, "must be an .npz file of plain arrays", "something else", fix) from error
    if size > _MOST_BYTES:
        raise BadData(where, f"must hold at most {_MOST_BYTES} bytes", size, "Use fewer frames.")
    if "x" not in arrays or arrays["x"].dtype.kind not in "fiu" or arrays["x"].ndim < 2:
        raise BadData(where, "must hold numbers x [frames, *input shape]", ", ".join(sorted(arrays)) or "nothing", fix)
    labels: NDArray[Any] | None = arrays.get("y")
    if labels is not None and labels.dtype.kind not in "iu":
        raise BadData(where, "labels y must be integers", labels.dtype, fix)
    return Frames(where, arrays["x"].astype(np.float32), None if labels is None else labels.astype(np.int64))


def random_frames(opened: Opened, count: int, seed: int) -> NDArray[np.float32]:
    """`count` frames that use the whole range of the input and saturate its quantiser now and then.

    The first is lowest everywhere, the second highest, the third 0. The others are uniform: every second one over the
    whole range, the rest over a part of it, because noise over the whole range gives deep layers hardly any contrast.
    """
    draw = np.random.default_rng(seed)
    shape = (count, *opened.input_shape)
    frame = (count, *[1] * (len(shape) - 1))
    tensor = opened.graph.tensors[opened.graph.input]
    low, high = (float(tensor.low), float(tensor.high)) if opened.input_is_integer else input_ends(opened)
    ends = np.sort(draw.uniform(low, high, (2, *frame)), axis=0)
    ends[:, ::2] = np.array([low, high]).reshape(2, *[1] * len(frame))
    x = np.empty(shape, np.float32)
    block = max(1, _BLOCK // int(np.prod(opened.input_shape)))
    for start in range(0, count, block):
        part = slice(start, min(start + block, count))
        drawn = draw.uniform(0.0, 1.0, x[part].shape) * (ends[1, part] - ends[0, part]) + ends[0, part]
        x[part] = _whole(opened, drawn) if opened.input_is_integer else drawn
    for index, value in zip(range(count), (low, high, 0.0), strict=False):
        x[index] = value * float(tensor.scale[0]) if opened.input_is_integer else value
    return x


def _whole(opened: Opened, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values of the integers next to `x`."""
    tensor = opened.graph.tensors[opened.graph.input]
    return np.asarray(np.clip(np.rint(x), tensor.low, tensor.high) * float(tensor.scale[0]))


def input_ends(opened: Opened) -> tuple[float, float]:
    """Inputs a little below and above those from which on every code is at its lowest and highest.

    A little is 5 % of the range, but at least one and a half codes, so that a coarse quantiser saturates as well.
    """
    edge, tensor = opened.graph.edge, opened.graph.tensors[opened.graph.input]

    def codes(value: float) -> NDArray[np.int64]:
        return edge.codes(np.full((1, tensor.channels), value, np.float32))  # one place of the image stands for all

    low, high = _end(codes, -_FAR, _FAR), _end(codes, _FAR, -_FAR)
    if not high - low > _NARROW:
        return -1.0, 1.0
    margin = max(0.05, 1.5 / max(1, tensor.high - tensor.low)) * (high - low)
    return low - margin, high + margin


def _end(codes: Any, there: float, other: float) -> float:
    """The value farthest from `there` that still gives the codes of `there`, by bisection towards `other`."""
    wanted = codes(there)
    for _ in range(120):
        middle = (there + other) / 2
        if abs(there - other) <= 1e-4 * max(abs(middle), _NARROW):
            break
        if (codes(middle) == wanted).all():
            there = middle
        else:
            other = middle
    return there
