"""The constants of layers over windows, as hw/hls/lutwright_window.h names them."""

from __future__ import annotations

from lutwright.ir.graph import Node, Tensor
from lutwright.ir.window_shape import kernel_of


def window_constants(node: Node, x: Tensor, out: Tensor) -> dict[str, int]:
    """Those of the Conv or pool `node` from image `x` to image `out`; `pad`, the word off the image, is 0."""
    (height, width), (down, across) = kernel_of(node), node.attrs["stride"]
    top, left, _, _ = node.attrs["pads"]
    return {
        "in_height": x.shape[0],
        "in_width": x.shape[1],
        "channels": x.channels,
        "out_height": out.shape[0],
        "out_width": out.shape[1],
        "outputs": out.channels,
        "kernel_height": height,
        "kernel_width": width,
        "taps": height * width,
        "stride_height": int(down),
        "stride_width": int(across),
        "pad_top": int(top),
        "pad_left": int(left),
        "rows": max(int(top) + x.shape[0], (out.shape[0] - 1) * int(down) + height),
        "columns": max(int(left) + x.shape[1], (out.shape[1] - 1) * int(across) + width),
        "lines": max(1, height - 1),
        "pad": 0,
    }
