"""Windows of convolutions and pools in numpy, over any number of spatial axes, as the ONNX operators define them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lutwright.check.qonnx_ops import Array


@dataclass(frozen=True)
class Geometry:
    """Where the windows lie, one entry for each spatial axis.

    begin, end: padding. extra: what ceil_mode adds behind it so that the last window is whole. sizes: outputs.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    begin: tuple[int, ...]
    end: tuple[int, ...]
    extra: tuple[int, ...]
    sizes: tuple[int, ...]

    @classmethod
    def of(cls, told: Mapping[str, Any], spatial: Sequence[int], kernel: Sequence[int]) -> Geometry:
        """The windows of a node with attributes `told` on an input of size `spatial`."""
        axes = len(spatial)
        stride = tuple(told.get("strides") or [1] * axes)
        dilation = tuple(told.get("dilations") or [1] * axes)
        span = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
        begin, end = _padding(told, spatial, span, stride)
        sizes, extra = [], []
        for n, w, s, b, e in zip(spatial, span, stride, begin, end, strict=True):
            room = n + b + e - w
            count = room // s + 1
            if told.get("ceil_mode", 0) and room % s and count * s < n + b:
                count += 1  # a window that would begin beyond the image and its first padding does not count
            sizes.append(count)
            extra.append(max(0, (count - 1) * s + w - n - b - e))
        return cls(tuple(kernel), stride, dilation, tuple(begin), tuple(end), tuple(extra), tuple(sizes))

    def pad(self, x: Array, value: float, beyond: float | None = None) -> Array:
        """x [batch, channels, *spatial] with its padding, and `beyond` (default: `value`) where ceil_mode reaches."""
        widths = [(0, 0), (0, 0), *zip(self.begin, self.end, strict=True)]
        x = np.pad(x, widths, constant_values=value) if any(map(any, widths)) else x
        if any(self.extra):
            widths = [(0, 0), (0, 0), *((0, e) for e in self.extra)]
            x = np.pad(x, widths, constant_values=value if beyond is None else beyond)
        return x

    def taps(self, padded: Array) -> list[Array]:
        """One view [batch, channels, *sizes] for each element of the kernel, in row-major order."""
        views = []
        for at in np.ndindex(*self.kernel):
            cut = [
                slice(k * d, k * d + (n - 1) * s + 1, s)
                for k, d, n, s in zip(at, self.dilation, self.sizes, self.stride, strict=True)
            ]
            views.append(padded[(slice(None), slice(None), *cut)])
        return views


def _padding(
    told: Mapping[str, Any], spatial: Sequence[int], span: Sequence[int], stride: Sequence[int]
) -> tuple[list[int], list[int]]:
    axes = len(spatial)
    auto = told.get("auto_pad", "NOTSET")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        total = [max(0, (-(-n // s) - 1) * s + w - n) for n, s, w in zip(spatial, stride, span, strict=True)]
        less, more = [t // 2 for t in total], [t - t // 2 for t in total]
        return (less, more) if auto == "SAME_UPPER" else (more, less)
    pads = list(told.get("pads") or [0] * (2 * axes)) if auto != "VALID" else [0] * (2 * axes)
    return pads[:axes], pads[axes:]
