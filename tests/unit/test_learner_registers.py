"""The learner's registers: what is made from their description, and the driver over a bus that is not there."""

import sys

import numpy as np
import pytest

from lutwright.errors import BadFeatures, BadState, LinkError
from lutwright.learn import Learner, LearnerConfig, Status
from lutwright.learn.file import body_bytes, from_words, state_words
from lutwright.learn.result import Result
from lutwright.resources import room
from lutwright.runtime import learner_registers as at
from lutwright.runtime.learner_axi import LearnerRegisters

sys.path.insert(0, str(room("hw") / "rdl"))

import generate

CONFIG = LearnerConfig(12, 3, 2, 4, 5, 2, 6, True, "random", "l2", seed=9, versions=3)


class Fake:
    """A bus with the reference learner behind its registers."""

    def __init__(self, config=CONFIG):
        self.learner = Learner(config)
        self.words = {
            at.IDENTITY.address: at.IDENTITY.pack(version=1, magic=0x4C524E),
            at.FEATURES.address: config.features,
            at.SUBSPACES.address: config.subspaces,
            at.ANCHORS.address: config.anchors,
            at.CLASSES.address: config.classes,
            at.WIDTHS.address: at.WIDTHS.pack(
                feature_bits=config.feature_bits, fraction_bits=config.fraction_bits, count_bits=config.count_bits
            ),
            at.RULE.address: at.RULE.pack(policy=2, distance=1, signed_features=config.signed),
            at.SEED.address: config.seed,
            at.VERSIONS.address: config.versions,
            at.LANES.address: 3,
            at.WORDS.address: body_bytes(config) // 4,
            at.STATUS.address: 0,
        }
        self.cursor, self.state, self.polls = 0, [], 0
        self.answers = True

    def read(self, address):
        if address == at.STATUS.address and self.polls:
            self.polls -= 1
            return at.STATUS.pack(busy=1)
        return self.words[address]

    def write(self, address, value):
        self.words[address] = value
        if address == at.COMMAND.address and self.answers:
            answer, code = self.command(**at.COMMAND.unpack(value))
            self.words[at.ANSWER.address] = answer
            self.words[at.STATUS.address] = at.STATUS.pack(answered=1, code=code)
            self.polls = 3

    def command(self, op, label):
        learner, config = self.learner, self.learner.config
        if op == 0:
            return learner.count(label), 2 * (label >= config.classes)
        if op == 1:
            return 0, int(learner.forget(label).status)
        if op == 2:
            learner.clear()
        if op == 3:
            self.cursor, self.state = 0, state_words(config, learner.state).tolist()
        if op < 4:
            return 0, 0
        if self.cursor == len(self.state):
            return 0, 2
        word = self.state[self.cursor]
        if op == 5:
            self.state[self.cursor] = self.words[at.DATA.address]
        self.cursor += 1
        if op == 5 and self.cursor == len(self.state):
            learner.state = from_words(config, np.array(self.state, np.uint32), "fake")
        return (word if op == 4 else 0), 0


def taught(learner, seed=1):
    rng = np.random.default_rng(seed)
    for label in (0, 1, 3, 0, 1):
        learner.learn(rng.integers(-16, 16, (2, 12)), label)
    return learner.state


# ---- what is made ----------------------------------------------------------------------------------------------------


def test_what_is_made_is_up_to_date():
    """The cell, the Python and the page are those that their description gives: else `make registers`."""
    made = generate.generated()
    assert sorted(path.name for path in made) == [
        "learner-registers.md",
        "learner_registers.py",
        "learner_registers.sv",
    ]
    for path, data in made.items():
        assert path.read_bytes() == data, path.name


def test_only_what_has_changed_is_written(tmp_path, monkeypatch, capsys):
    files = {tmp_path / "a": b"1", tmp_path / "b": b"2"}
    (tmp_path / "a").write_bytes(b"1")
    monkeypatch.setattr(generate, "generated", lambda: files)
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    assert generate.main() == 0
    assert capsys.readouterr().out == "b\n" and (tmp_path / "b").read_bytes() == b"2"


def test_registers_do_not_overlap():
    addresses = [register.address for register in at.REGISTERS]
    assert addresses == sorted(set(addresses)) and all(address % 4 == 0 for address in addresses)
    for register in at.REGISTERS:
        bits = [bit for field in register.fields for bit in range(field.low, field.low + field.bits)]
        assert len(bits) == len(set(bits)) and max(bits) < 32


def test_words_of_fields():
    assert at.COMMAND.pack(op=5, label=0xABCDEF) == 0xABCDEF05
    assert at.COMMAND.unpack(0xABCDEF05) == {"op": 5, "label": 0xABCDEF}
    for value in (8, -1):
        with pytest.raises(LinkError, match=f"'command': op must be of 3 bits, 0 or more, not {value}"):
            at.COMMAND.pack(op=value)


# ---- the driver ------------------------------------------------------------------------------------------------------


def test_what_the_learner_is():
    driver = LearnerRegisters(Fake())
    assert driver.config == CONFIG and driver.lanes == 3


def test_commands():
    fake = Fake()
    driver = LearnerRegisters(fake)
    taught(fake.learner)
    assert [driver.count(label) for label in (0, 1, 2, 3, 4, 1 << 40)] == [4, 4, 0, 2, 0, 0]
    assert driver.forget(1) == Result(1, 0, 0, Status(0)) and driver.count(1) == 0
    assert driver.forget(4).status is Status.FULL
    driver.clear()
    assert driver.count(0) == 0
    with pytest.raises(BadFeatures, match="class: must be 0 or more, not -1"):
        driver.count(-1)


def test_the_state_goes_from_one_to_another():
    fake, other = Fake(), Fake()
    state = taught(fake.learner)
    saved = LearnerRegisters(fake).save()
    assert saved.equals(state)
    driver = LearnerRegisters(other)
    driver.load(saved)
    assert other.learner.state.equals(state) and driver.save().equals(state)


def test_results():
    fake = Fake()
    driver = LearnerRegisters(fake)
    driver.capture(True, interrupts=True)
    assert fake.words[at.CONTROL.address] == 0x301
    assert driver.result() is None and at.TAKE.address not in fake.words
    fake.words |= {at.STATUS.address: 8, at.RESULT.address: 0x4000003, at.VOTES.address: 7, at.MARGIN.address: 2}
    assert driver.result() == Result(3, 7, 2, Status.SATURATED)
    assert fake.words[at.TAKE.address] == 1
    driver.capture(False)
    assert fake.words[at.CONTROL.address] == 0


def test_another_design():
    fake = Fake()
    fake.words[at.IDENTITY.address] = 0x4C524E02
    with pytest.raises(LinkError, match="learner's registers: must begin with 4c524e01, not 4c524e02"):
        LearnerRegisters(fake)


def test_parameters_that_cannot_be():
    fake = Fake()
    fake.words[at.SUBSPACES.address] = 5
    with pytest.raises(LinkError, match="must be of a learner that can be, not learner: subspaces must divide the 12"):
        LearnerRegisters(fake)


def test_no_answer():
    fake = Fake()
    fake.answers = False
    driver = LearnerRegisters(fake, seconds=0.01)
    with pytest.raises(LinkError, match=r"must answer clear in 0\.01 s, not no answer"):
        driver.clear()


def test_a_refused_command():
    fake = Fake()
    fake.answers = False
    driver = LearnerRegisters(fake)
    fake.words[at.STATUS.address] = at.STATUS.pack(busy=1, refused=1)
    with pytest.raises(LinkError, match="must take the command clear, not refused: another one is under way"):
        driver.clear()
    assert fake.words[at.STATUS.address] == at.STATUS.pack(refused=1)  # writing it clears it


def test_states_with_faults():
    fake = Fake()
    driver = LearnerRegisters(fake)
    fake.words[at.WORDS.address] += 1
    with pytest.raises(LinkError, match="must have all words of the state, not status"):
        driver.save()
    fake.words[at.WORDS.address] -= 2
    with pytest.raises(BadState, match="learner's registers: must have"):
        driver.save()
