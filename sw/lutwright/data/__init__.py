"""Data sets: images for training and for trying what was trained. numpy only, so that no verb needs torch for pixels.

A pixel p (0..255) is presented to a model as float32 p / 256. The divisor is a power of two, so nothing is
rounded, and a 4-bit input quantiser with scale 1/16 sees exactly p / 16 before it rounds.
"""

from lutwright.data.dataset import PIXEL_STEP, DataSet, presented
from lutwright.data.load import load

__all__ = ["PIXEL_STEP", "DataSet", "load", "presented"]
