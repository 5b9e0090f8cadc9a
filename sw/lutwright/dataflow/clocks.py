"""Clocks a frame of the window cells and of the engines behind them, as the headers of hw/rtl state them."""

from __future__ import annotations

from dataclasses import dataclass

from lutwright.ir.graph import Node, Tensor
from lutwright.ir.window_shape import kernel_of, window_size


@dataclass(frozen=True)
class Windows:
    """Windows of K x K with `stride` over an image of height x width, its first row and column padded by top, left."""

    height: int
    width: int
    k: int
    stride: int
    top: int
    left: int
    rows: int
    columns: int

    @staticmethod
    def of(node: Node, x: Tensor, out: Tensor) -> Windows:
        """The windows of the Conv or pool `node`, in the square that its cell makes."""
        top, left, _, _ = node.attrs["pads"]
        k, stride = window_size(node, x.shape)[0], node.attrs["stride"][0]
        return Windows(x.shape[0], x.shape[1], k, stride, top, left, out.shape[0], out.shape[1])

    @property
    def below(self) -> int:
        """Padded rows below the image that some window reaches."""
        return max(0, (self.rows - 1) * self.stride + self.k - self.top - self.height)

    @property
    def beside(self) -> int:
        """Padded columns on the right, likewise."""
        return max(0, (self.columns - 1) * self.stride + self.k - self.left - self.width)

    @property
    def direct(self) -> int:
        """Clocks of the cell window."""
        return (self.height + max(0, self.below - 1)) * (self.width + max(0, self.beside - 1))

    def folded(self, groups: int, times: int, parts: int = 1) -> int:
        """Clocks of the cell window_folded with so many groups of channels, each window sent so many times.

        parts: clocks for which what follows holds each beat; columns that give no window are read between two beats.
        """
        reach = (self.columns - 1) * self.stride + self.k - self.left
        merged = min(max(0, reach - self.width), self.k - 1 - self.left, self.width)
        sent = self.rows * groups * (self.columns * times * parts + reach - self.columns - merged)
        return max(sent, self.height * self.width * groups)


@dataclass(frozen=True)
class Rows:
    """Windows of 1 x K with `stride` over `height` rows of `width` pixels, `columns` a row, padded on the left."""

    height: int
    width: int
    k: int
    stride: int
    left: int
    columns: int

    @staticmethod
    def of(node: Node, x: Tensor, out: Tensor) -> Rows:
        """The windows of the Conv or pool `node`, whose kernel is one row."""
        k, stride, left = kernel_of(node)[1], node.attrs["stride"][1], node.attrs["pads"][1]
        return Rows(x.shape[0], x.shape[1], k, stride, left, out.shape[1])

    def clocks(self, engine: int = 1) -> int:
        """Clocks of the cell window_row where what follows takes `engine` clocks a window."""
        beside = max(0, (self.columns - 1) * self.stride + self.k - self.left - self.width)
        steps = self.width + beside - min(beside, self.k - 1 - self.left, self.width)
        return self.height * (steps + self.columns * (engine - 1))
