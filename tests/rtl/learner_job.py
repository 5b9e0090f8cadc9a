"""Operations for the cell learner, and what the reference says of each."""

import json

import numpy as np
from streams import simulator, sources

from lutwright.learn import Learner
from lutwright.learn.cell import cell_parameters
from lutwright.learn.file import state_words
from lutwright.learn.state import State
from lutwright.numerics.packing import pack
from lutwright.simulate.runner import Bench

EMPTY, FULL, SATURATED, BAD = 1, 2, 4, 8
COUNT, FORGET, CLEAR, REWIND, READ, WRITE = range(6)

# idle x stall
RUNS = [
    {"idle": idle, "stall": stall, "seed": seed, "resets": [], "alone": False}
    for seed, (idle, stall) in enumerate([(0, 0), (0.4, 0), (0, 0.6), (0.5, 0.9), (0.8, 0.1)])
]
STALLED = {"idle": 0.3, "stall": 0.3, "seed": 5, "resets": [], "alone": False}
QUIET = RUNS[:1]
ALONE = [RUNS[0] | {"alone": True}]


def result_word(config, label, votes, margin, status):
    """A beat of m_data, hexadecimal."""
    low, bits = config.label_bits, config.vote_bits
    return f"{label | votes << low | margin << (low + bits) | status << (low + 2 * bits):x}"


class Script:
    """Operations one after the other, done by the reference as they are written down. saves: the state after each."""

    def __init__(self, config, seed=1, saves=False):
        self.config, self.saves = config, saves
        self.rng = np.random.default_rng(seed)
        self.learner = Learner(config)
        self.operations = []
        self.seen = []

    def frame(self, x, learn, label, last, result=None):
        """One frame [d] of a version; result: (label, votes, margin, status), if it is the last one."""
        config = self.config
        beats = [f"{pack(part, config.feature_bits):x}" for part in np.asarray(x).reshape(config.subspaces, -1)]
        user = int(last) << (config.label_bits + 1) | int(learn) << config.label_bits | label
        word = result_word(config, *result) if result else None
        self.operations.append({"beats": beats, "user": user, "result": word})

    def frames(self, x, learn, label, result):
        for index, version in enumerate(x):
            last = index == len(x) - 1
            self.frame(version, learn, label, last, result if last else None)
        if self.saves:
            self.save()

    def learn(self, x, label):
        """An example [R, d]."""
        found = self.learner.learn(x, label)
        self.frames(x, True, label, (label, 0, 0, int(found.status)))
        return found

    def predict(self, x):
        """A query [R, d]."""
        found = self.learner.predict(x)
        label = int(self.rng.integers(0, 1 << self.config.label_bits))  # means nothing
        self.frames(x, False, label, (found.label, found.votes, found.margin, int(found.status)))
        return found

    def command(self, op, label=0, data=0, answer=(0, 0)):
        self.operations.append({"command": [op, label, data], "answer": list(answer)})

    def count(self, label):
        full = label >= self.config.classes
        self.command(COUNT, label, 7, (self.learner.count(label), FULL if full else 0))

    def forget(self, label):
        self.command(FORGET, label, 7, (0, int(self.learner.forget(label).status)))
        if self.saves:
            self.save()

    def clear(self):
        self.learner.clear()
        self.command(CLEAR)
        if self.saves:
            self.save()

    def save(self):
        self.operations.append({"save": state_words(self.config, self.learner.state).tolist()})

    def load(self, state):
        self.learner.state = state
        self.operations.append({"load": state_words(self.config, state).tolist()})

    def versions(self):
        """Features [R, d]: of the whole range, near others that were seen, seen before, or extremes."""
        config, rng = self.config, self.rng
        shape = (int(rng.integers(1, config.versions + 1)), config.features)
        kind = rng.integers(0, 5)
        if kind == 0:
            x = rng.choice([config.low, config.high], shape)
        elif kind == 1:
            x = np.full(shape, rng.choice([config.low, config.high]))
        elif kind == 2 or not self.seen:
            x = rng.integers(config.low, config.high + 1, shape)
        else:
            x = np.repeat(self.seen[rng.integers(len(self.seen))][None], shape[0], axis=0)
            if kind == 3:
                x = np.clip(x + rng.integers(-2, 3, shape), config.low, config.high)
        self.seen = [*self.seen[-20:], x[-1]]
        return x

    def random(self, count):
        """`count` operations of all kinds."""
        config, rng = self.config, self.rng
        for _ in range(count):
            kind = rng.random()
            label = int(rng.integers(0, config.classes))
            beyond = int(rng.integers(config.classes, 1 << config.label_bits))
            if kind < 0.5:
                self.learn(self.versions(), label)
            elif kind < 0.85:
                self.predict(self.versions())
            elif kind < 0.90:
                self.count(label)
            elif kind < 0.95:
                self.forget(label)
            elif kind < 0.96:
                self.clear()
            elif kind < 0.98:
                self.learn(self.versions(), beyond)
            else:
                [self.count, self.forget][int(rng.integers(2))](beyond)
        self.save()
        return self

    def known_state(self):
        """The state of a learner that has learnt something else: to load."""
        other = Script(self.config, int(self.rng.integers(1 << 30)))
        for _ in range(5 * self.config.classes):
            other.learner.learn(other.versions(), int(self.rng.integers(0, self.config.classes)))
        return other.learner.state

    def empty_state(self):
        return State.empty(self.config)


def play(script, lanes, work, runs=None, simulate="verilator", **more):
    """Play a script through the cell in every run; return the clocks of the last one.

    For each result: the clock in which the last beat of its frame was taken, and that in which it came.
    """
    work.mkdir(parents=True, exist_ok=True)
    steps = sum(1 + len(o.get("beats", o.get("save", o.get("load", [])))) for o in script.operations)
    config = script.config
    slowest = config.subspaces * (config.classes * config.anchors + 40) + config.classes + 1000
    job = {
        "operations": script.operations,
        "runs": runs or RUNS,
        "drain": slowest,
        "limit": 40 * steps * slowest + 100_000,
        "clocks": str(work / "clocks.json"),
    }
    (work / "job.json").write_text(json.dumps(job))
    bench = Bench(
        sources("learner"),
        "learner",
        work,
        cell_parameters(config, lanes) | more,
        simulate,
        timing=False,
        top_only=True,
    )
    bench.compile()
    bench.run("tb_learner", {"LUTWRIGHT_JOB": str(work / "job.json")}, expect=1)
    return json.loads((work / "clocks.json").read_text())


__all__ = ["ALONE", "QUIET", "RUNS", "STALLED", "Script", "play", "simulator"]
