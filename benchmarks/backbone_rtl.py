"""The cell hw/rtl/learner.sv beside the reference: every result, every word of the state."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from lutwright.emit.rtl import cell_closure
from lutwright.errors import Mismatch
from lutwright.learn import Learner, LearnerConfig, Result
from lutwright.learn.cell import cell_parameters
from lutwright.learn.clocks import clear_clocks, learn_clocks, predict_clocks
from lutwright.learn.file import state_words
from lutwright.numerics.packing import pack
from lutwright.numerics.quantiser import IntArray
from lutwright.resources import room
from lutwright.simulate.runner import Bench

_SLACK = 100_000  # clocks


@dataclass
class Script:
    """What the reference did, for the cell to do the same.

    config: of both. operations: as backbone_bench.py takes them.
    """

    config: LearnerConfig
    operations: list[dict[str, Any]] = field(default_factory=list)

    def learn(self, x: IntArray, label: int, found: Result) -> None:
        """An example [d] of class `label`, to which the reference answered `found`."""
        self._frame(x, 1, label, found)

    def predict(self, x: IntArray, found: Result) -> None:
        """A query [d], which the reference answered with `found`."""
        self._frame(x, 0, 0, found)

    def save(self, learner: Learner) -> None:
        """Every word of the state must be that of the reference as it is now."""
        self.operations.append({"save": state_words(self.config, learner.state).tolist()})

    def _frame(self, x: IntArray, learns: int, label: int, found: Result) -> None:
        config = self.config
        beats = [f"{pack(part, config.feature_bits):x}" for part in x.reshape(config.subspaces, -1)]
        user = 1 << (config.label_bits + 1) | learns << config.label_bits | label
        self.operations.append({"beats": beats, "user": user, "learns": learns, "result": _word(config, found)})


@dataclass(frozen=True)
class Played:
    """What the cell did, all of it as the reference: frames learnt and predicted, words of the state that were read."""

    learnt: int
    predicted: int
    words: int


def play(script: Script, lanes: int = 1) -> Played:
    """Play `script` through the cell in Verilator.

    Raises ToolFailed where a result or a word differs, Mismatch where the clocks are not those of `learn.clocks`.
    """
    config, operations = script.config, script.operations
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        job = {"operations": operations, "limit": _limit(script, lanes), "clocks": str(work / "clocks.json")}
        (work / "job.json").write_text(json.dumps(job))
        sources = sorted(room("hw") / "rtl" / f"{cell}.sv" for cell in cell_closure({"learner"}))
        parameters: dict[str, object] = dict(cell_parameters(config, lanes))
        bench = Bench(sources, "learner", work, parameters, "verilator", timing=False, top_only=True)
        bench.compile()
        bench.run("backbone_bench", {"LUTWRIGHT_JOB": str(work / "job.json")}, expect=1)
        check_clocks(script, json.loads((work / "clocks.json").read_text()), lanes)
    frames = [operation["learns"] for operation in operations if "beats" in operation]
    words = sum(len(operation.get("save", [])) for operation in operations)
    return Played(sum(frames), len(frames) - sum(frames), words)


def check_clocks(script: Script, came: list[int], lanes: int) -> None:
    """Raise Mismatch where two frames of a kind in a row are another number of clocks apart than the formula says.

    came: the clock of each result.
    """
    clocks = iter(came)
    timed = [
        (operation.get("learns"), next(clocks, 0) if "beats" in operation else 0) for operation in script.operations
    ]
    expected = {1: learn_clocks(script.config, lanes), 0: predict_clocks(script.config, lanes)}
    for (kind, begin), (other, end) in pairwise(timed):
        if kind is not None and kind == other and end - begin != expected[kind]:
            what = "learn" if kind else "predict"
            raise Mismatch("cell learner", f"clocks to {what} must be {expected[kind]}", end - begin)


def _word(config: LearnerConfig, found: Result) -> str:
    """A beat of m_data, hexadecimal."""
    low, bits = config.label_bits, config.vote_bits
    word = found.label | found.votes << low | found.margin << (low + bits) | int(found.status) << (low + 2 * bits)
    return f"{word:x}"


def _limit(script: Script, lanes: int) -> int:
    """Clocks after which something is wrong."""
    config = script.config
    slowest = max(learn_clocks(config, lanes), predict_clocks(config, lanes)) + config.subspaces
    words = sum(len(operation.get("save", [])) for operation in script.operations)
    return clear_clocks(config, lanes) + slowest * len(script.operations) + 10 * words + _SLACK
