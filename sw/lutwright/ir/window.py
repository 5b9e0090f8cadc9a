"""Windows over an image: how many there are along an axis, and which taps of each lie on the image."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lutwright.numerics.quantiser import IntArray


def output_size(size: int, kernel: int, stride: int, pad: int) -> int:
    """Windows of `kernel` along an axis of `size` with `pad` more places in all; 0 or less where none fits."""
    return (size + pad - kernel) // stride + 1


def taps_inside(size: int, kernel: int, stride: int, before: int, after: int) -> IntArray:
    """int64 [windows, 2]: the taps first <= t < end of each window that lie on the image and not in the padding.

    first == end for a window that lies wholly in the padding.
    """
    start = np.arange(output_size(size, kernel, stride, before + after)) * stride - before
    first = np.clip(-start, 0, kernel)
    return np.stack([first, np.clip(size - start, first, kernel)], axis=1)


def taps(
    x: IntArray, kernel: tuple[int, int], stride: tuple[int, int], pads: tuple[int, int, int, int], fill: int
) -> Iterator[tuple[int, int, IntArray]]:
    """For each tap (row, column) of the kernel the elements [batch, OH, OW, C] of `x` [batch, H, W, C] under it.

    Places outside the image hold `fill`.
    """
    padded = np.pad(x, ((0, 0), (pads[0], pads[2]), (pads[1], pads[3]), (0, 0)), constant_values=fill)
    rows = output_size(x.shape[1], kernel[0], stride[0], pads[0] + pads[2])
    columns = output_size(x.shape[2], kernel[1], stride[1], pads[1] + pads[3])
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            below, beside = i + (rows - 1) * stride[0] + 1, j + (columns - 1) * stride[1] + 1
            yield i, j, padded[:, i : below : stride[0], j : beside : stride[1]]
