"""The learner as hardware: area and clock of the cell, and its clocks in simulation against the formula."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import hardware_pins
import numpy as np
from hardware_route import fmax
from hardware_rows import tried
from hardware_synthesis import CACHE, count, keep
from learner_rates import title

from lutwright.emit.rtl import cell_closure
from lutwright.errors import Mismatch
from lutwright.learn import Learner, LearnerConfig, Result
from lutwright.learn.cell import cell_parameters
from lutwright.learn.clocks import learn_clocks, predict_clocks
from lutwright.learn.cost import learner_parts
from lutwright.numerics.packing import pack
from lutwright.resources import room
from lutwright.simulate.runner import Bench

Row = dict[str, Any]
TOP = "learner_alone"
"""The module around the cell."""
_FRAMES = 8  # examples, and queries, in simulation


def alone(config: LearnerConfig, lanes: int) -> dict[str, bytes]:
    """The files of a design that is the cell learner with these parameters and nothing else; its top is TOP."""
    cells = room("hw") / "rtl"
    files = {f"{name}.sv": (cells / f"{name}.sv").read_bytes() for name in sorted(cell_closure({"learner"}))}
    return files | {f"{TOP}.sv": _around(config, cell_parameters(config, lanes)).encode()}


def _ports(config: LearnerConfig) -> tuple[dict[str, int], dict[str, int]]:
    """Inputs and outputs of the cell but clk and rst, and their bits."""
    label, votes = config.label_bits, config.vote_bits
    ins = {
        "s_data": config.width * config.feature_bits,
        "s_user": label + 2,
        "s_last": 1,
        "s_valid": 1,
        "m_ready": 1,
        "cmd_op": 3,
        "cmd_label": label,
        "cmd_data": 32,
        "cmd_valid": 1,
        "rsp_ready": 1,
    }
    outs = {
        "s_ready": 1,
        "m_data": 4 + 2 * votes + label,
        "m_valid": 1,
        "cmd_ready": 1,
        "rsp_data": 32,
        "rsp_status": 4,
        "rsp_valid": 1,
    }
    return ins, outs


def _around(config: LearnerConfig, parameters: Mapping[str, int]) -> str:
    ins, outs = _ports(config)
    ins = {"clk": 1, "rst": 1} | ins
    ports = [f"input wire logic [{bits - 1}:0] {name}" for name, bits in ins.items()]
    ports += [f"output logic [{bits - 1}:0] {name}" for name, bits in outs.items()]
    told = ", ".join(f".{name}({value})" for name, value in parameters.items())
    joined = ", ".join(f".{name}({name})" for name in (*ins, *outs))
    lines = ",\n    ".join(ports)
    return f"module {TOP} (\n    {lines}\n);\n  learner #({told}) u_learner ({joined});\nendmodule\n"


def areas(config: LearnerConfig, lanes: int, families: Sequence[str], timeout: float) -> Row:
    """What Yosys counts of the cell on each of `families`, and what lutwright.learn.cost says. Raises ToolFailed."""
    files = alone(config, lanes)
    found = {}
    for family in families:
        told = learner_parts(config, lanes).on(family).as_dict()
        found[family] = {"counted": asdict(count(files, TOP, family, timeout=timeout)), "told": told}
    return {"size": title(config), "lanes": lanes, "bits": config.memory_bits, "families": found}


def routed(config: LearnerConfig, lanes: int, families: Sequence[str], mhz: float, timeout: float) -> Row:
    """The clock of the cell on each of `families`, routed for one of `mhz`, in a shell with few pins.

    None where nextpnr finds no place for it, which is said.
    """
    files = alone(config, lanes) | {f"{hardware_pins.TOP}.sv": hardware_pins.few_pins(TOP, *_ports(config)).encode()}
    what, top = f"{title(config)}, {lanes} lanes", hardware_pins.TOP
    found = {family: tried(what, lambda on=family: fmax(files, top, mhz, timeout, family=on)) for family in families}
    return {"size": title(config), "lanes": lanes, "mhz": found}


def clocks(config: LearnerConfig, lanes: int, seed: int) -> Row:
    """Clocks from frame to frame in Verilator and by the formula. Raises ToolFailed, Mismatch."""
    learn, predict = _measured(config, lanes, seed)
    told = [max(f(config, lanes), config.subspaces) for f in (learn_clocks, predict_clocks)]
    if [learn, predict] != told:
        found = f"{learn} and {predict}"
        raise Mismatch(f"learner {title(config)}", f"must take {told[0]} and {told[1]} clocks", found)
    row = {"size": title(config), "lanes": lanes, "learn": learn, "predict": predict}
    return row | {"learn_told": told[0], "predict_told": told[1]}


def _measured(config: LearnerConfig, lanes: int, seed: int) -> tuple[int, int]:
    """Clocks of a frame that is learnt and of one that is predicted; each result is compared with the reference."""
    files = {name: data for name, data in alone(config, lanes).items() if name != f"{TOP}.sv"}
    bench = (room("sim") / "tb_learner.py").read_bytes()
    job = _job(config, seed)
    digest = hashlib.sha256(f"{cell_parameters(config, lanes)} {json.dumps(job)}\n".encode() + bench)
    for name, data in sorted(files.items()):
        digest.update(f"{name} {len(data)}\n".encode() + data)
    kept = CACHE / f"learner-{digest.hexdigest()[:32]}.json"
    if not kept.is_file():
        keep(kept, json.dumps(_played(config, lanes, job)) + "\n")
    came = np.diff(json.loads(kept.read_text())).tolist()
    learn, predict = came[: _FRAMES - 1], came[_FRAMES - 1 :]
    if len(set(learn)) != 1 or len(set(predict)) != 1:
        raise Mismatch(f"learner {title(config)}", "every frame must take as many clocks", came)
    return learn[0], predict[0]


def _played(config: LearnerConfig, lanes: int, job: dict[str, Any]) -> list[int]:
    """The clocks in which the results of `job` come in sim/tb_learner.py."""
    cells = sorted(room("hw") / "rtl" / f"{name}.sv" for name in cell_closure({"learner"}))
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        (work / "job.json").write_text(json.dumps(job | {"clocks": str(work / "clocks.json")}))
        bench = Bench(cells, "learner", work, cell_parameters(config, lanes), timing=False, top_only=True)
        bench.compile()
        bench.run("tb_learner", {"LUTWRIGHT_JOB": str(work / "job.json")}, expect=1)
        return [came for _, came in json.loads((work / "clocks.json").read_text())]


def _job(config: LearnerConfig, seed: int) -> dict[str, Any]:
    """_FRAMES examples and as many queries, one behind the other, with what the reference answers."""
    rng = np.random.default_rng(seed)
    learner = Learner(config)
    operations = []
    for index, x in enumerate(rng.integers(config.low, config.high + 1, (2 * _FRAMES, config.features))):
        learns, label = index < _FRAMES, index % config.classes
        found = learner.learn(x, label) if learns else learner.predict(x)
        user = 1 << (config.label_bits + 1) | learns << config.label_bits | label
        beats = [f"{pack(part, config.feature_bits):x}" for part in x.reshape(config.subspaces, -1)]
        operations.append({"beats": beats, "user": user, "result": _word(config, found)})
    run = {"idle": 0, "stall": 0, "seed": seed, "resets": [], "alone": False}
    return {"operations": operations, "runs": [run], "drain": 10_000, "limit": 1_000_000}


def _word(config: LearnerConfig, found: Result) -> str:
    """A result as the cell sends it, hexadecimal."""
    low, bits = config.label_bits, config.vote_bits
    word = found.label | found.votes << low | found.margin << (low + bits) | int(found.status) << (low + 2 * bits)
    return f"{word:x}"
