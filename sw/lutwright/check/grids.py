"""Sums of the float64 model put back on the grid that they are known to lie on.

A sum of products of integers and scales is a whole number times a scale. Float64 leaves 1e-17 of it over, which is
enough to lose a tie: a sum that is 0 lands on the wrong side of a sign or of a ceiling. Where a word lies within
rounding of a multiple, that multiple is what exact arithmetic gives; a word that lies anywhere else is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lutwright.frontend.translator import Tap

_NEAR = 1e-6  # what rounding leaves of a small sum, in units of the scale, with room
_RELATIVE = 1e-14  # and of a large one
_LARGEST = 2.0**53  # no grid is finer than that; such a word is far off it


class Grids:
    """The grids of the tensors that `taps` name; a tensor that is not among them is any float."""

    def __init__(self, taps: Iterable[Tap] = ()) -> None:
        self._taps = {tap.model_tensor: tap for tap in taps}
        self._scales = {tensor: _in_model(tap) for tensor, tap in self._taps.items()}

    def settle(self, tensor: str, y: NDArray[Any]) -> NDArray[Any]:
        """y [batch, ...] of the model's `tensor` with what rounding left over removed."""
        scale = self._scales.get(tensor)
        if scale is None:
            return y
        places = y / scale
        whole = np.rint(places)
        near = np.abs(places - whole) <= _NEAR + _RELATIVE * np.abs(whole)
        exact = _floats(self._taps[tensor], whole, scale)
        return exact if bool(near.all()) else np.where(near, exact, y)


def _in_model(tap: Tap) -> NDArray[np.float64]:
    """The scale of `tap` as it broadcasts against the model's tensor."""
    scale = np.asarray(tap.scale, np.float64)
    return scale if scale.size == 1 else tap.view.to_model(np.broadcast_to(scale, (1, *tap.view.shape)))


def _floats(tap: Tap, whole: NDArray[np.float64], scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """The floats of integers `whole` by the model's own operations: an average is a sum and a division."""
    if tap.chain is None:
        return np.asarray(whole * scale)
    words = np.where(np.abs(whole) < _LARGEST, whole, 0).astype(np.int64)
    return tap.view.to_model(tap.chain.run(tap.view.from_model(words), np.float64))
