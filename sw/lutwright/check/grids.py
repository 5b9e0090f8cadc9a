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


class Grids:
    """The grids of the tensors that `taps` name; a tensor that is not among them is any float."""

    def __init__(self, taps: Iterable[Tap] = ()) -> None:
        self._scales: dict[str, NDArray[np.float64]] = {}
        for tap in taps:
            scale = np.broadcast_to(np.asarray(tap.scale, np.float64), (1, *tap.view.shape))
            one = tap.scale.size == 1
            self._scales[tap.model_tensor] = np.asarray(tap.scale, np.float64) if one else tap.view.to_model(scale)

    def settle(self, tensor: str, y: NDArray[Any]) -> NDArray[Any]:
        """y [batch, ...] of the model's `tensor` with what rounding left over removed."""
        scale = self._scales.get(tensor)
        if scale is None:
            return y
        places = y / scale
        whole = np.rint(places)
        near = np.abs(places - whole) <= _NEAR + _RELATIVE * np.abs(whole)
        whole *= scale
        return whole if bool(near.all()) else np.where(near, whole, y)
