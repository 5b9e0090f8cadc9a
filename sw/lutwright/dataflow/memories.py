"""Memories of a pipeline: which of them are block RAMs, chosen one by one for what a board has.

A stage may hold several. Each is called after its stage, a second one after its parameter as well:

    conv2_window, conv2_window.history      line memory and window columns of a folded window
    fc                                      the weights of a folded layer

A memory that is not in block RAM is LUT RAM, or where its contents are constants, logic; very many constants are always
in block RAM.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from lutwright.dataflow.cost import cost
from lutwright.dataflow.resource_kinds import KINDS, vector
from lutwright.dataflow.stage import Parameter, Pipeline, Stage, Vector
from lutwright.numerics.quantiser import FloatArray

_FLAGS = ("BLOCK", "HISTORY", "BLOCK_INDEX")
_LUT, _BRAM = KINDS.index("lut"), KINDS.index("bram")
# Where a flag's memory has constant contents: their parameter, and the end of the file that holds them in block RAM.
_CONTENTS = {
    ("folded_mac", "BLOCK"): ("WEIGHTS", "weights"),
    ("gather", "BLOCK_INDEX"): ("INDEX", "index"),
    ("requantise_table", "BLOCK"): ("TABLE", "codes"),
}
MOST_CONSTANTS = 1 << 18
"""Bits of constants that may be logic: more of them keep synthesis and simulators busy for long."""

# LUTs that a block RAM must save, and those with which it is worth its time: data come 5 ns later out of one of ECP5
# than out of LUT RAM.
_LEAST, _MUCH = 24, 90
# Below this many bits weights stay constants, which synthesis makes smaller than a memory.
_LEAST_WEIGHTS = 512


@dataclass(frozen=True)
class Memory:
    """One memory. saved, saved_ff: LUTs and flip-flops that it takes less in block RAM. blocks: how many of them.

    in_block: whether it is there.
    """

    name: str
    saved: float
    saved_ff: float
    blocks: int
    in_block: bool


def memories(pipeline: Pipeline, family: str) -> list[Memory]:
    """The memories of `pipeline` that may be block RAMs, by their cost on `family`."""
    found = []
    for stage in pipeline.stages:
        flags = [flag for flag in _flags(stage) if not _is_fixed(stage, flag)]
        here = np.array(vector(cost(stage), family)) if flags else None
        for flag in flags:
            in_block = bool(stage.parameters[flag])
            there = np.array(vector(cost(_moved(stage, flag, not in_block)), family))
            saved, saved_ff, blocks, _ = ((there - here) if in_block else (here - there)).tolist()
            found.append(Memory(memory_name(stage.name, flag), saved, saved_ff, round(-blocks), in_block))
    return found


def best_first(found: list[Memory]) -> list[Memory]:
    """Those of `found` that are worth a block RAM, first those that save most LUTs for each, of equals by name."""
    wanted = [memory for memory in found if memory.blocks > 0 and memory.saved >= _LEAST * memory.blocks]
    return sorted(wanted, key=lambda memory: (-memory.saved / memory.blocks, memory.name))


def place(pipeline: Pipeline, family: str, room: FloatArray, beside: FloatArray) -> Pipeline:
    """`pipeline` with those memories in block RAM that save most LUTs for each block.

    One after the other, as long as the pipeline takes a larger share of the LUTs than of the block RAMs, and those that
    save little as long as LUTs lack; one that is too large for what is left makes way for smaller ones.
    room: what the board has; beside: what is taken beside the pipeline; float64 [4] both, the resources of KINDS.
    """
    pipeline = with_blocks(pipeline, block_names(pipeline))
    found = memories(pipeline, family)
    taken = beside + sum((np.array(vector(cost(stage), family)) for stage in pipeline.stages), np.zeros(4))
    lut = taken[_LUT] + sum(memory.saved for memory in found if memory.in_block)
    left = room[_BRAM] - taken[_BRAM] + sum(memory.blocks for memory in found if memory.in_block)
    chosen = set()
    for memory in best_first(found):
        scarcer = lut / room[_LUT] > 1 - left / max(room[_BRAM], 1)
        much = memory.saved >= _MUCH * memory.blocks
        if memory.blocks <= left and (lut > room[_LUT] or (scarcer and much)):
            chosen.add(memory.name)
            left -= memory.blocks
            lut -= memory.saved
    return with_blocks(pipeline, chosen)


def with_blocks(pipeline: Pipeline, names: Collection[str]) -> Pipeline:
    """`pipeline` with the memories `names` in block RAM, and those that must be; it computes the same."""
    stages = []
    for stage in pipeline.stages:
        for flag in _flags(stage):
            stage = _moved(stage, flag, memory_name(stage.name, flag) in names or _is_fixed(stage, flag))
        stages.append(stage)
    return replace(pipeline, stages=tuple(stages))


def block_names(pipeline: Pipeline) -> tuple[str, ...]:
    """The memories of `pipeline` that are in block RAM, in the order of its stages."""
    return tuple(
        memory_name(stage.name, flag) for stage in pipeline.stages for flag in _flags(stage) if stage.parameters[flag]
    )


def memory_names(pipeline: Pipeline) -> tuple[str, ...]:
    """The memories of `pipeline` that may be in block RAM, in the order of its stages."""
    return tuple(memory_name(stage.name, flag) for stage in pipeline.stages for flag in _flags(stage))


def memory_name(stage: str, flag: str) -> str:
    """What the memory of `stage` is called that its parameter `flag` puts into block RAM."""
    return stage if flag == "BLOCK" else f"{stage}.{flag.removeprefix('BLOCK_').lower()}"


def _flags(stage: Stage) -> list[str]:
    """The parameters of `stage` that may put a memory into block RAM."""
    return [flag for flag in _FLAGS if flag in stage.parameters and _may_move(stage, flag)]


def _may_move(stage: Stage, flag: str) -> bool:
    if stage.parameters[flag]:
        return True
    if stage.cell == "folded_mac":
        weights = stage.parameters["WEIGHTS"]
        assert isinstance(weights, Vector)
        folded = stage.parameters["NF"] != 1 or stage.parameters["SF"] != 1
        return folded and weights.values.size * weights.bits > _LEAST_WEIGHTS
    if stage.cell == "window_folded":
        return flag == "BLOCK" or stage.parameters["CHANNELS"] != stage.parameters["SIMD"]  # else in registers
    return stage.cell != "requantise_table" or bool(stage.parameters["SHARED"])


def _is_fixed(stage: Stage, flag: str) -> bool:
    """Whether a memory has so many constants that it must be in block RAM."""
    if (stage.cell, flag) not in _CONTENTS:
        return False
    name, ending = _CONTENTS[stage.cell, flag]
    contents = stage.files[_file(stage, ending)] if stage.parameters[flag] else stage.parameters[name]
    assert isinstance(contents, Vector)
    return contents.values.size * contents.bits > MOST_CONSTANTS


def _file(stage: Stage, ending: str) -> str:
    return f"{stage.name}_{ending}.mem"


def _moved(stage: Stage, flag: str, block: bool) -> Stage:
    """`stage` with the memory of `flag` in block RAM or not."""
    if bool(stage.parameters[flag]) == block:
        return stage
    parameters: dict[str, Parameter] = dict(stage.parameters) | {flag: int(block)}
    files = dict(stage.files)
    if (stage.cell, flag) in _CONTENTS:
        name, ending = _CONTENTS[stage.cell, flag]
        file = _file(stage, ending)
        if block:
            contents = parameters.pop(name)
            assert isinstance(contents, Vector)
            files[file] = _as_rows(stage, contents)
            parameters["FILE"] = file
        else:
            del parameters["FILE"]
            parameters[name] = files.pop(file)
    return replace(stage, parameters=parameters, files=files)


def _as_rows(stage: Stage, contents: Vector) -> Vector:
    """Contents as a file holds them: a row for each word of the memory."""
    width = contents.values.shape[-1] if stage.cell == "folded_mac" else 1
    return Vector(contents.values.reshape(-1, width), contents.bits)
