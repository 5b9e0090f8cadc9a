"""How a tensor of the model lies in a tensor of the integer graph.

The model's tensors are NCHW or whatever its Reshape and Transpose nodes make of that; the graph's are NHWC. A view is
the permutation between the two, so that no node of the graph is spent on a change of layout.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lutwright.numerics.quantiser import IntArray


@dataclass(frozen=True, eq=False)
class View:
    """index: int64 of the model's shape (without batch): the flat position of each element in the graph's tensor.

    shape: of the graph's tensor, (height, width, channels) or (channels,).
    """

    index: IntArray
    shape: tuple[int, ...]

    @property
    def model_shape(self) -> tuple[int, ...]:
        """The model's shape without batch."""
        return tuple(self.index.shape)

    @property
    def channels(self) -> int:
        """Channels of the graph's tensor."""
        return self.shape[-1]

    def from_model(self, x: NDArray[Any]) -> NDArray[Any]:
        """The model's tensor [batch, *model_shape] as [batch, *shape]."""
        flat = np.empty((x.shape[0], self.index.size), x.dtype)
        flat[:, self.index.reshape(-1)] = x.reshape(x.shape[0], -1)
        return flat.reshape(x.shape[0], *self.shape)

    def to_model(self, x: NDArray[Any]) -> NDArray[Any]:
        """The graph's tensor [batch, *shape] as [batch, *model_shape]."""
        return np.asarray(x.reshape(x.shape[0], -1)[:, self.index])

    def seen(self, index: IntArray) -> View:
        """The same tensor through another index."""
        return View(index, self.shape)

    def per_channel(self, constant: NDArray[Any]) -> NDArray[Any] | None:
        """A constant that broadcasts against [batch, *model_shape] as [1] or [channels], or None.

        None stands for one that varies inside a channel. Raises ValueError where it does not broadcast.
        """
        if constant.size == 1:
            return constant.reshape(1)
        full = np.broadcast_to(constant, (1, *self.model_shape))
        flat = np.empty(self.index.size, full.dtype)
        flat[self.index.reshape(-1)] = full.reshape(-1)
        rows = flat.reshape(-1, self.channels)
        return rows[0].copy() if bool((rows == rows[0]).all()) else None

    def is_image(self) -> bool:
        """Whether this is the plain (channels, height, width) view of an image, or (channels, length) of a signal."""
        return len(self.shape) == 3 and (
            same(self.index, image_index(self.shape))
            or (self.shape[0] == 1 and same(self.index, signal_index(self.shape)))
        )


def same(a: IntArray, b: IntArray) -> bool:
    """Whether two index arrays are equal in shape and contents."""
    return a.shape == b.shape and bool((a == b).all())


def image_index(shape: tuple[int, ...]) -> IntArray:
    """The index of a (C, H, W) view of an (H, W, C) tensor."""
    return np.arange(int(np.prod(shape))).reshape(shape).transpose(2, 0, 1)


def signal_index(shape: tuple[int, ...]) -> IntArray:
    """The index of a (C, L) view of a (1, L, C) tensor."""
    return np.arange(int(np.prod(shape))).reshape(shape[1:]).T


def plain(model_shape: tuple[int, ...], channels_last: bool = False) -> View:
    """The view of a tensor that the model holds as (C, H, W), (C, L), (F,), or with `channels_last` as (H, W, C).

    Tensors of other ranks become vectors in the model's order.
    """
    words = int(np.prod(model_shape))
    if channels_last and len(model_shape) in (2, 3):
        shape = model_shape if len(model_shape) == 3 else (1, *model_shape)
        return View(np.arange(words).reshape(model_shape), shape)
    if len(model_shape) == 3:
        shape = (model_shape[1], model_shape[2], model_shape[0])
        return View(image_index(shape), shape)
    if len(model_shape) == 2:
        shape = (1, model_shape[1], model_shape[0])
        return View(signal_index(shape), shape)
    return View(np.arange(words).reshape(model_shape), (words,))
