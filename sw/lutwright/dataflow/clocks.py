"""Clocks a frame of the window cells and of the engines behind them: the headers of hw/rtl say how they work.

A window leaves its cell in the clock in which what follows takes it. An engine that holds each window for some clocks
stops the cell for all of them but one; before a width_down, which keeps a window of its own, the cell goes on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from lutwright.dataflow.window_cursors import Cursors
from lutwright.ir.graph import Node, Tensor
from lutwright.ir.window_shape import kernel_of, window_size

NO_BORDER = (0, 0, 0, 0)


def border_before(node: Node, x: Tensor, out: Tensor, most: int, value: int = 0) -> tuple[int, ...]:
    """The border (top, left, bottom, right) of `value` that a pad cell puts around `x`, before the window of `node`.

    It does so where the window cell cannot: padding above or left of more than `most`, of another value than 0, or an
    image of a single row or column, which gets a second one.
    """
    (height, width, _), (top, left, bottom, right) = x.shape, node.attrs["pads"]
    if max(top, left) <= most and min(height, width) >= 2 and (value == 0 or not any(node.attrs["pads"])):
        return NO_BORDER
    kernel, stride = kernel_of(node), node.attrs["stride"][0]
    # What no window reaches is not made.
    bottom = max(0, min(bottom, (out.shape[0] - 1) * stride + kernel[0] - top - height))
    right = max(0, min(right, (out.shape[1] - 1) * stride + kernel[1] - left - width))
    return top, left, bottom + int(top + height + bottom < 2), right + int(left + width + right < 2)


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
    def of(node: Node, x: Tensor, out: Tensor, border: tuple[int, ...] = NO_BORDER) -> Windows:
        """The windows of the Conv or pool `node`, in the square that its cell makes, behind a pad cell of `border`."""
        top, left, _, _ = NO_BORDER if any(border) else node.attrs["pads"]
        height, width = x.shape[0] + border[0] + border[2], x.shape[1] + border[1] + border[3]
        k, stride = window_size(node, x.shape)[0], node.attrs["stride"][0]
        return Windows(height, width, k, stride, top, left, out.shape[0], out.shape[1])

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
        """Clocks of the cell window where every window is taken at once."""
        rows = self.height + self.below
        return (rows - 1) * self.row + (0 if self.below else self.width + int(self.beside > 0))

    def held(self, clocks: int) -> int:
        """Clocks of the cell window where what follows holds each window for so many."""
        return self.direct + self.rows * self.columns * (clocks - 1) - self._hidden(clocks - 1)

    @property
    def row(self) -> int:
        """Clocks from one row to the next, the padding on the right merged with the next row."""
        return self.width + self.beside - int(self.beside > 0)

    def _hidden(self, waits: int) -> int:
        """Clocks of row 0 that pass while the last windows of the frame before are held, where no row is padded below.

        waits: clocks that a window waits. Row 0 comes in when the cell is at its last column; it is taken there while
        that column and the one before are held, if they end windows.
        """
        reach = (self.columns - 1) * self.stride + self.k - self.left  # columns that the windows reach
        whole = (self.rows - 1) * self.stride + self.k - self.top == self.height
        if self.below or not whole:
            return 0
        unread = self.width + self.beside - reach
        behind = 0  # clocks for which the last column waits behind the window of the one before
        if unread == 1 or (unread == 0 and self.columns > 1 and self.stride == 1):
            behind = waits
        hidden = min(self.width, behind + (waits if unread == 0 else 0))
        return hidden + int(self.beside > 0 and behind > self.width)

    def folded(self, groups: int, times: int, parts: int = 1) -> int:
        """Clocks of the cell window_folded with so many groups of channels, each window sent so many times.

        parts: beats that a width_down makes of each; columns that give no window are read while it sends them.
        On some images that are narrow, or padded by half of the kernel or more, the memories hold too few rows for
        the formula; these are followed clock by clock, long ones for their first rows: each row more adds the same.
        """
        formula = self._folded(groups, times, parts)
        if self.width >= 10 and 2 * self.top < self.k:
            return formula
        if formula <= _FOLLOWED:
            return _followed(self, groups, times, parts)
        rows = self.rows * _FOLLOWED // formula
        if rows <= 2 * _ROWS:
            return formula
        fewer, more = (_followed(self._cut(end), groups, times, parts) for end in (rows - _ROWS, rows))
        return max(formula, more + -(-(more - fewer) * (self.rows - rows) // _ROWS))

    def _cut(self, rows: int) -> Windows:
        """The same with so many rows of windows, of an image as much shorter."""
        return replace(self, height=self.height - (self.rows - rows) * self.stride, rows=rows)

    def _folded(self, groups: int, times: int, parts: int) -> int:
        """The clocks while the memories hold enough rows."""
        reach = (self.columns - 1) * self.stride + self.k - self.left
        merged = min(max(0, reach - self.width), self.k - 1 - self.left, self.width)
        inside, turn = (self.stride - 1) * groups, (reach - merged - (self.columns - 1) * self.stride - 1) * groups
        read = [max(0, more + 1 - parts) for more in (inside, turn)]
        sent = self.columns * times * groups * parts + (self.columns - 1) * read[0] + read[1]
        return max(self.rows * sent, self.height * self.width * groups)


_FOLLOWED = 4096  # clocks of a frame that are followed, because following takes time
_ROWS = 6  # what a row adds is the mean of so many, for some have more to wait than others


@lru_cache(maxsize=4096)
def _followed(windows: Windows, groups: int, times: int, parts: int) -> int:
    shape = (windows.height, windows.width, windows.k, windows.stride)
    cell = Cursors(groups, times, *shape, windows.top, windows.left, windows.rows, windows.columns, parts)
    return cell.interval()


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

    @property
    def steps(self) -> int:
        """Clocks of a row where every window is taken at once."""
        beside = max(0, (self.columns - 1) * self.stride + self.k - self.left - self.width)
        return self.width + beside - min(beside, self.k - 1 - self.left, self.width)

    def clocks(self, engine: int = 1) -> int:
        """Clocks of the cell window_row where what follows takes `engine` clocks a window."""
        return self.height * (self.steps + self.columns * (engine - 1))

    def handed(self, beats: int) -> int:
        """Clocks of the cell window_row before a width_down that sends so many beats a window."""
        turn = self.steps - (self.columns - 1) * self.stride
        return self.height * ((self.columns - 1) * max(beats, self.stride) + max(beats, turn))
