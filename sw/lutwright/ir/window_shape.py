"""What the windows of a Conv or pool look like: points, rows, tiles or overlapping rectangles."""

from __future__ import annotations

from lutwright.ir.graph import Node


def kernel_of(node: Node) -> tuple[int, int]:
    """Rows and columns of the kernel of a Conv or pool."""
    if node.op != "Conv":
        rows, columns = node.attrs["kernel"]
    else:
        _, rows, columns, _ = node.attrs["weights"].shape
    return int(rows), int(columns)


def is_point(node: Node) -> bool:
    """Whether a Conv or pool works on each pixel by itself and so needs no window."""
    return kernel_of(node) == (1, 1) and node.attrs["stride"] == (1, 1) and not any(node.attrs["pads"])


def is_row(node: Node) -> bool:
    """Whether the windows of a Conv or pool are one row high, in every row, which the cell window_row makes."""
    top, left, bottom, _ = node.attrs["pads"]
    rows, columns = kernel_of(node)
    within = left < columns and (top, bottom) == (0, 0)
    return rows == 1 and node.attrs["stride"][0] == 1 and within and not is_point(node)


def is_tiled(node: Node, shape: tuple[int, ...]) -> bool:
    """Whether the windows of a pool on an image of `shape` lie side by side: max_pool and sum_pool take pixel by pixel.

    The stride is the kernel, or there is only one window that way and no room for a second.
    """
    if any(node.attrs["pads"]):
        return False
    axes = zip(kernel_of(node), node.attrs["stride"], shape[:2], strict=True)
    return all(k == s or (n - k < s and n < 2 * k) for k, s, n in axes)


def window_size(node: Node, shape: tuple[int, ...]) -> tuple[int, int]:
    """Rows and columns of the windows that the cells make for a Conv or pool on an image of `shape`."""
    kernel = kernel_of(node)
    if node.op == "Conv" or is_row(node) or is_tiled(node, shape):
        return kernel
    return max(*kernel, 2), max(*kernel, 2)
