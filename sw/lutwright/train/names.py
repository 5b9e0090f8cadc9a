"""The names that recipes and layers share; needs no torch."""

from __future__ import annotations

from typing import Literal, get_args

Policy = Literal["sal", "sal-shared", "sal-tied", "shift", "guided", "magnitude"]
Kind = Literal["uniform", "binary", "binary-mean", "ternary", "power-of-two"]
Pruning = Literal["one-shot", "agp", "one-cycle"]

POLICIES: tuple[Policy, ...] = get_args(Policy)
KINDS: tuple[Kind, ...] = get_args(Kind)
SHARED: tuple[Policy, ...] = ("sal-shared", "sal-tied", "shift")
"""Policies whose positions are the same for all outputs of an input channel."""
