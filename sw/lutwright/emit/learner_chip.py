"""The chip of a learner as SystemVerilog: the network's core, the views before it, the learner behind it; its bench."""

from __future__ import annotations

import numpy as np

import lutwright
from lutwright.emit.render import render
from lutwright.emit.rtl import cell_closure
from lutwright.learn.chip import FRAMES_UNDER_WAY, LearnerChip
from lutwright.numerics.packing import literal
from lutwright.resources import room


def chip_files(chip: LearnerChip) -> dict[str, bytes]:
    """File name -> bytes of the chip beside its core: <name>_learner.sv and the cells in it."""
    files = {f"{chip.name}.sv": render("learner_chip.sv.j2", _values(chip))}
    for cell in sorted(cell_closure(chip.cells)):
        files[f"{cell}.sv"] = (room("hw") / "rtl" / f"{cell}.sv").read_bytes()
    return files


def chip_bench_files(chip: LearnerChip) -> dict[str, bytes]:
    """File name -> bytes of the bench that plays a program of images and commands."""
    return {"tb_learner_chip.sv": render("tb_learner_chip.sv.j2", {"chip": chip, "config": chip.config})}


def _values(chip: LearnerChip) -> dict[str, object]:
    stages = _adapters(chip)
    features = f"features_data[{chip.features.width - 1}:0]"
    return {
        "chip": chip,
        "config": chip.config,
        "version": lutwright.__version__,
        "view_parameters": _view_parameters(chip),
        "learner_parameters": list(chip.parameters.items()),
        "depth": FRAMES_UNDER_WAY,
        "stages": stages,
        "end": stages[-1]["name"] if stages else "features",
        "end_data": f"{stages[-1]['name']}_data" if stages else features,
        "in_padding": chip.image.width % 8 != 0,
        "out_padding": chip.features.width % 8 != 0,
    }


def _view_parameters(chip: LearnerChip) -> list[tuple[str, object]]:
    if chip.views is None:
        return []
    tops, lefts = np.array(chip.views.offsets, np.int64).T
    return [*chip.view_parameters.items(), ("TOP", literal(tops, 32)), ("LEFT", literal(lefts, 32))]


def _adapters(chip: LearnerChip) -> list[dict[str, object]]:
    """The converters from the beats of the core to the subvectors of the learner; none where they are alike."""
    (down, up), bits, lanes = chip.ratios, chip.config.feature_bits, chip.features.lanes
    source, data = "features", f"features_data[{chip.features.width - 1}:0]"
    stages: list[dict[str, object]] = []
    common = lanes // down
    for name, cell, ratio, made in (("narrow", "width_down", down, common), ("wide", "width_up", up, common * up)):
        if ratio > 1:
            comment = f"{name}: beats of {made} {'feature' if made == 1 else 'features'}"
            stages.append(
                {
                    "name": name,
                    "cell": cell,
                    "ratio": ratio,
                    "narrow": common * bits,
                    "width": made * bits,
                    "source": source,
                    "data": data,
                    "comment": comment,
                }
            )
            source, data = name, f"{name}_data"
    return stages
