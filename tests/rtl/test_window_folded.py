"""The folded window against numpy, idle x backpressure, and how many clocks a frame takes."""

import json

import numpy as np
import pytest
from streams import check, simulator, sources, words

from lutwright.simulate.runner import Bench

RNG = np.random.default_rng


def windows(images, k, stride, pad, out, simd, nf):
    """[n, h, w, c] -> beats [.., k*k*simd] in the order of window_folded."""
    (n, h, w, c), (top, left) = images.shape, pad
    padded = np.zeros((n, h + 3 * k, w + 3 * k, c), np.int64)
    padded[:, top : top + h, left : left + w] = images
    beats = []
    for image in padded:
        for r in range(out[0]):
            for q in range(out[1]):
                patch = image[r * stride : r * stride + k, q * stride : q * stride + k]
                groups = patch.reshape(k * k, c // simd, simd).transpose(1, 0, 2).reshape(c // simd, -1)
                beats.append(np.tile(groups, (nf, 1)))
    return np.concatenate(beats)


def parameters_of(h, w, c, simd, nf, k, stride, pad, out, bits=3):
    return {
        "CHANNELS": c,
        "BITS": bits,
        "SIMD": simd,
        "NF": nf,
        "HEIGHT": h,
        "WIDTH": w,
        "K": k,
        "STRIDE": stride,
        "PAD_T": pad[0],
        "PAD_L": pad[1],
        "OUT_H": out[0],
        "OUT_W": out[1],
    }


@pytest.mark.parametrize(
    ("h", "w", "c", "simd", "nf", "k", "stride", "pad", "out"),
    [
        (5, 6, 4, 2, 2, 3, 1, (1, 1), (5, 6)),  # the usual one: the next row is read beside the padding
        (5, 6, 1, 1, 1, 3, 1, (1, 1), (5, 6)),  # NF*SF = 1: history in registers
        (4, 5, 6, 2, 1, 3, 1, (1, 1), (4, 5)),  # NF = 1; SF no power of two
        (5, 4, 2, 2, 3, 3, 1, (1, 1), (5, 4)),  # SF = 1; NF no power of two
        (2, 2, 2, 1, 2, 3, 1, (1, 1), (2, 2)),  # the smallest image
        (2, 2, 2, 1, 1, 5, 1, (2, 2), (2, 2)),  # less rows and columns than the kernel; the padding reads a whole row
        (2, 2, 1, 1, 1, 2, 1, (0, 0), (1, 1)),  # one window
        (6, 5, 2, 1, 2, 3, 1, (0, 0), (4, 3)),  # no padding
        (6, 7, 2, 1, 2, 3, 2, (1, 1), (3, 4)),  # stride; a row below that no window reaches
        (6, 6, 2, 1, 2, 3, 2, (0, 0), (2, 2)),  # stride; a row and a column that no window reaches
        (7, 5, 2, 1, 2, 5, 1, (2, 2), (7, 5)),  # two padded rows and columns
        (7, 8, 2, 2, 3, 5, 3, (1, 2), (2, 3)),  # asymmetric
        (6, 5, 2, 1, 2, 5, 1, (1, 3), (4, 4)),  # asymmetric, more on the left
        (6, 5, 2, 1, 2, 3, 1, (0, 1), (6, 6)),  # more padding on the right and below than above and left
        (5, 5, 2, 1, 2, 3, 1, (2, 2), (7, 7)),  # padding of K-1 everywhere
        (4, 5, 2, 1, 2, 2, 2, (0, 0), (2, 2)),  # even kernel, a column left over
        (4, 4, 2, 1, 2, 2, 1, (0, 0), (4, 4)),  # padding below and beside only
        (4, 4, 2, 1, 2, 2, 1, (1, 1), (3, 3)),  # padding above and left only; a row that no window reaches
        (7, 7, 2, 1, 1, 3, 3, (0, 0), (2, 2)),  # stride K
    ],
)
def test_window_folded(h, w, c, simd, nf, k, stride, pad, out, tmp_path):
    images = RNG(5).integers(0, 8, (3, h, w, c))
    expected = windows(images, k, stride, pad, out, simd, nf)
    parameters = parameters_of(h, w, c, simd, nf, k, stride, pad, out)
    check("window_folded", parameters, images.reshape(-1, simd), 3, expected, 3, tmp_path)


@pytest.mark.parametrize("block", [0, 1])
def test_window_folded_memories(block, tmp_path):
    images = RNG(6).integers(0, 16, (2, 7, 7, 16))
    expected = windows(images, 3, 1, (1, 1), (7, 7), 4, 4)
    parameters = parameters_of(7, 7, 16, 4, 4, 3, 1, (1, 1), (7, 7), bits=4) | {"BLOCK": block, "HISTORY": block}
    check("window_folded", parameters, images.reshape(-1, 4), 4, expected, 4, tmp_path)


@pytest.mark.parametrize(
    ("h", "w", "c", "simd", "nf", "k", "stride", "pad", "out", "idle_columns"),
    [
        (7, 7, 16, 4, 4, 3, 1, (1, 1), (7, 7), 0),
        (14, 14, 8, 2, 4, 3, 1, (1, 1), (14, 14), 0),
        (14, 14, 8, 4, 2, 3, 1, (1, 1), (14, 14), 0),
        (5, 6, 2, 2, 1, 3, 1, (1, 1), (5, 6), 0),
        (2, 2, 4, 1, 1, 3, 1, (1, 1), (2, 2), 0),
        (7, 7, 4, 2, 2, 5, 1, (2, 2), (7, 7), 0),
        (6, 5, 4, 2, 2, 3, 1, (0, 0), (4, 3), 2),
        (8, 8, 4, 2, 4, 3, 2, (1, 1), (4, 4), 4),
    ],
)
def test_clocks_of_a_frame(h, w, c, simd, nf, k, stride, pad, out, idle_columns, tmp_path):
    """With input always there no clock is lost, not between rows and not between frames."""
    frames, sf = 6, c // simd
    images = RNG(7).integers(0, 8, (frames, h, w, c))
    frame = out[0] * sf * (out[1] * nf + idle_columns)
    # The first beat goes out as soon as all the columns up to the lower right corner of the first window are there.
    first = ((k - 1 - pad[0]) * w + k - 1 - pad[1]) * sf + sf + 2
    drain = 40
    runs = [{"idle": 0, "stall": 0, "seed": 0, "reset_after": 0}]
    expected = windows(images, k, stride, pad, out, simd, nf)
    job = {
        "beats": words(images.reshape(-1, simd), 3),
        "expected": words(expected, 3),
        "runs": runs,
        "drain": drain,
        "limit": first + frames * frame + drain,
    }
    (tmp_path / "job.json").write_text(json.dumps(job))
    bench = Bench(
        sources("window_folded"),
        "window_folded",
        tmp_path,
        parameters_of(h, w, c, simd, nf, k, stride, pad, out),
        simulator(),
        timing=False,
    )
    bench.compile()
    bench.run("tb_stream", {"LUTWRIGHT_JOB": str(tmp_path / "job.json")}, expect=1)
