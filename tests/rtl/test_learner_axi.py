"""The cell learner_axi: the learner's operations through its registers, driven as a host does it."""

import json

import pytest
from learner_job import Script
from streams import sources

from lutwright.learn import LearnerConfig
from lutwright.learn.cell import cell_parameters
from lutwright.learn.config import DISTANCES, POLICIES
from lutwright.learn.file import body_bytes
from lutwright.runtime.learner_registers import REGISTERS
from lutwright.simulate.runner import Bench

# Beats of whole bytes and not; each policy of a state with more than rows in it; more lanes than one.
CONFIGS = {
    "usual": (LearnerConfig(8, 2, 2, 3, feature_bits=4, fraction_bits=2, count_bits=4), 1),
    "odd": (LearnerConfig(9, 3, 2, 2, 3, 1, 3, signed=True, policy="random", distance="l2", seed=77, versions=2), 3),
}
QUIET = {"seed": 1, "in": 0.0, "out": 0.0, "channels": [0.0] * 5}
RUNS = [
    QUIET,
    {"seed": 2, "in": 0.4, "out": 0.6, "channels": [0.5, 0.2, 0.6, 0.3, 0.7]},
    {"seed": 3, "in": 0.0, "out": 0.9, "channels": [0.0, 0.7, 0.0, 0.6, 0.2]},
]


class Registers(Script):
    """A script whose commands are those of the driver."""

    def count(self, label):
        self.operations.append({"count": label, "answer": self.learner.count(label)})

    def forget(self, label):
        self.operations.append({"forget": label, "answer": int(self.learner.forget(label).status)})

    def clear(self):
        self.learner.clear()
        self.operations.append({"clear": None})

    def capture(self, on):
        self.operations.append({"capture": int(on)})


def script(config):
    """Operations of all kinds, with results on the stream and in the registers; the state saved and loaded."""
    made = Registers(config, seed=3).random(12)
    made.load(made.known_state())
    made.predict(made.versions())
    made.capture(True)
    made.random(8)
    made.capture(False)
    made.clear()
    made.learn(made.versions(), 1)
    made.save()
    return made


def constants(config, lanes):
    """What the registers of constants must read."""
    widths = {"feature_bits": config.feature_bits, "fraction_bits": config.fraction_bits}
    rule = {"policy": POLICIES.index(config.policy), "distance": DISTANCES.index(config.distance)}
    values = {name: getattr(config, name) for name in ("features", "subspaces", "anchors", "classes", "seed")}
    values |= {"versions": config.versions, "lanes": lanes, "words": body_bytes(config) // 4}
    return {name: {"value": value} for name, value in values.items()} | {
        "identity": {"version": 1, "magic": int.from_bytes(b"LRN")},
        "widths": widths | {"count_bits": config.count_bits},
        "rule": rule | {"signed_features": int(config.signed)},
    }


@pytest.mark.parametrize("name", CONFIGS)
def test_operations_through_registers(name, tmp_path):
    config, lanes = CONFIGS[name]
    made = script(config)
    job = {
        "parameters": constants(config, lanes),
        "addresses": [[register.address, register.access] for register in REGISTERS],
        "operations": made.operations,
        "runs": RUNS,
        "resets": list(range(1, 400, 23)),
    }
    (tmp_path / "job.json").write_text(json.dumps(job))
    parameters = cell_parameters(config, lanes)
    bench = Bench(sources("learner_axi"), "learner_axi", tmp_path, parameters, "verilator", timing=False, top_only=True)
    bench.compile()
    bench.run("tb_learner_axi", {"LUTWRIGHT_JOB": str(tmp_path / "job.json")}, expect=3)
