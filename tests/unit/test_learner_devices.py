"""The devices of a learner's project without hardware: records that grow, a link that answers, and their faults."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest
from learner_chips import small_project

from lutwright.errors import LinkError, ToolFailed
from lutwright.learn import Learner, Result, Status
from lutwright.learn.device import Load, ReferenceDevice, Save, Show
from lutwright.learn.file import body_bytes, state_words
from lutwright.learn.result_word import result_of
from lutwright.runtime import learner_device
from lutwright.runtime.learner_board import BoardDevice, image_bytes
from lutwright.runtime.learner_device import ChipDevice
from lutwright.runtime.learner_pictures import Network
from lutwright.simulate.chip_tail import ChipTail
from lutwright.simulate.learner_chip import CLEAR, READ, REWIND, WRITE, Frame


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return small_project(tmp_path_factory.mktemp("devices"), "classes=5,subspaces=6,anchors=2", (1, 6, 5))


@pytest.fixture(scope="module")
def chip(project):
    return project.learner


@pytest.fixture(scope="module")
def actions(project, chip):
    """A state to begin with, examples, queries, and the state between them and in the end."""
    images = np.random.default_rng(1).integers(0, 16, (9, *chip.shape))
    learner = Learner(chip.config)
    learner.learn_many(Network(project, chip)(images[:3])[:, 0], [4, 2, 4])
    shows = [Show(image, index % 5, index < 4) for index, image in enumerate(images)]
    return [Load(state_words(chip.config, learner.state)), Save(), *shows[:3], Save(), *shows[3:], Save()]


@pytest.fixture
def expected(project, chip, actions):
    return list(ReferenceDevice(Learner(chip.config), Network(project, chip)).play(actions))


def word_of(config, result):
    word, low = 0, 0
    parts = ((result.label, config.label_bits), (result.votes, config.vote_bits), (result.margin, config.vote_bits))
    for value, width in (*parts, (int(result.status), 4)):
        word |= value << low
        low += width
    return word


class Chip:
    """The reference, asked as the hardware is: a frame or a command at a time."""

    def __init__(self, project, chip):
        self.config, self.learner, self.network = chip.config, Learner(chip.config), Network(project, chip)
        self.at = 0
        self.written = None

    def frame(self, codes, label, learn):
        versions = self.network(codes[None])[0]
        return self.learner.learn(versions, label) if learn else self.learner.predict(versions)

    def command(self, op, data):
        words = state_words(self.config, self.learner.state)
        if op == REWIND:
            self.at = 0
        elif op == CLEAR:
            self.learner.clear()
        elif op == READ:
            self.at += 1
            return int(words[self.at - 1])
        elif op == WRITE:
            self.written = np.append([] if self.at == 0 else self.written, data).astype(np.uint32)
            self.at += 1
            if self.at == len(words):
                list(ReferenceDevice(self.learner, self.network).play([Load(self.written)]))
        return 0


def equal(found, expected):
    assert len(found) == len(expected)
    for mine, wanted in zip(found, expected, strict=True):
        assert np.array_equal(mine, wanted) if isinstance(wanted, np.ndarray) else mine == wanted


def test_result_words(chip):
    config = chip.config
    for result in (Result(5, 0, 0, Status.FULL), Result(3, 6, 4, Status(0)), Result(15, 7, 7, Status(7))):
        assert result_of(config, word_of(config, result)) == result
        assert result_of(config, word_of(config, result) | 1 << chip.result_bits) == result


def bench_in(folder, stopped):
    return SimpleNamespace(work=folder, stop=lambda: stopped.append(True))


def playing(monkeypatch, made, **how):
    """Make the device's simulation write what `made`, a Chip, says; how: faults."""

    def play_chip(bench, opened, program):
        chip = opened.learner
        digits, told = 2 * chip.out_bytes, 0
        with (bench.work / "results.txt").open("w") as results, (bench.work / "answers.txt").open("w") as answers:
            for operation in program[: how.get("most", len(program))]:
                if isinstance(operation, Frame):
                    word = word_of(chip.config, made.frame(operation.codes, operation.label, operation.learn))
                    results.write(f"{word:0{digits}x} {told:08x}\n")
                    results.flush()
                else:
                    data = how.get("data") or f"{made.command(operation.op, operation.data):08x}"
                    answers.write(f"{data} {how.get('status', 0)}\n")
                    if told % 50 == 0:
                        answers.flush()  # often in the middle of a line
                told += 1
        if "fault" in how:
            raise how["fault"]
        return SimpleNamespace(clocks=1234)

    monkeypatch.setattr(learner_device, "play_chip", play_chip)


def test_a_simulated_chip_says_all_in_order(project, chip, actions, expected, tmp_path, monkeypatch):
    playing(monkeypatch, Chip(project, chip))
    device = ChipDevice(bench_in(tmp_path, []), project, chip)
    equal(list(device.play(actions)), expected)
    assert device.clocks == 1234


def test_records_of_an_earlier_run_do_not_count(project, chip, actions, expected, tmp_path, monkeypatch):
    for _ in range(2):
        playing(monkeypatch, Chip(project, chip))
        equal(list(ChipDevice(bench_in(tmp_path, []), project, chip).play(actions)), expected)


def test_who_stops_to_listen_stops_the_simulation(project, chip, actions, tmp_path, monkeypatch):
    stopped, going = [], threading.Event()

    def play_chip(bench, opened, program):
        (bench.work / "answers.txt").write_text("00000000 0\n" * len(program))
        going.wait(20)
        raise ToolFailed("simulator", "must not be stopped")

    monkeypatch.setattr(learner_device, "play_chip", play_chip)
    bench = SimpleNamespace(work=tmp_path, stop=lambda: (stopped.append(True), going.set()))
    replies = ChipDevice(bench, project, chip).play(actions)
    assert next(replies) is None
    replies.close()
    assert stopped == [True]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"most": 70}, "learner's chip: must answer every operation, not fewer"),
        ({"status": 2}, "learner's chip: every command must be answered with status 0, not 2"),
        ({"data": "0000x000"}, "record 'answers.txt': every bit must be known, not x"),
        ({"most": 70, "fault": ToolFailed("simulator", "must not fall over")}, "simulator: must not fall over"),
    ],
)
def test_faults_of_a_simulation(project, chip, actions, tmp_path, monkeypatch, how, message):
    playing(monkeypatch, Chip(project, chip), **how)
    with pytest.raises(ToolFailed) as caught:
        list(ChipDevice(bench_in(tmp_path, []), project, chip).play(actions))
    assert message in str(caught.value)


def test_the_tail_of_a_record_is_read_once_and_by_whole_lines(chip, tmp_path):
    tail = ChipTail(tmp_path, chip)
    assert tail.results() == [] and tail.answers()[0].size == 0
    lines = [
        f"{word_of(chip.config, Result(n, 0, 0, Status(0))):0{2 * chip.out_bytes}x} 0000000{n}\n" for n in range(4)
    ]
    text = "".join(lines)
    for end, labels in ((len(lines[0]) + 3, [0]), (2 * len(lines[0]), [1]), (len(text), [2, 3])):
        (tmp_path / "results.txt").write_text(text[:end])
        assert [result.label for result in tail.results()] == labels
    (tmp_path / "answers.txt").write_text("deadbeef 0\n00000007 2\n0000")
    data, status = tail.answers()
    assert data.tolist() == [0xDEADBEEF, 7] and status.tolist() == [0, 2] and data.dtype == np.uint32


class FakeLink:
    """A link to a board; it notes how frames were sent."""

    port = "/dev/fake"

    def __init__(self, chip, made, status=0):
        self.chip, self.made, self.status, self.frames = chip, made, status, []

    def classify_all(self, frames, once=False):
        for frame in frames:
            self.frames.append((once, frame))
            user = int.from_bytes(frame[: self.chip.user_bytes], "little")
            codes = np.frombuffer(frame[self.chip.user_bytes :], np.uint8).astype(np.int64).reshape(self.chip.shape)
            label, learn = user % (1 << self.chip.config.label_bits), user >> self.chip.config.label_bits
            result = self.made.frame(codes, label, bool(learn))
            yield word_of(self.chip.config, result).to_bytes(self.chip.out_bytes, "little")

    def commands(self, commands):
        for op, _, data in commands:
            yield self.made.command(op, data), self.status


def test_a_board_says_all_in_order_and_begins_with_nothing(project, chip, actions, expected):
    made = Chip(project, chip)
    made.learner.learn(np.zeros(chip.config.features, np.int64), 0)  # what it knew before
    link = FakeLink(chip, made)
    equal(list(BoardDevice(link, chip).play(actions[2:])), list(
        ReferenceDevice(Learner(chip.config), Network(project, chip)).play(actions[2:])))  # fmt: skip
    equal(list(BoardDevice(link, chip).play(actions)), expected)
    assert [once for once, _ in link.frames] == 2 * ([True] * 4 + [False] * 5)


def test_a_frame_on_the_link(chip):
    codes = np.arange(30).reshape(chip.shape) % 16
    raw = image_bytes(chip, codes, 3, True)
    assert raw == bytes([1 << chip.config.label_bits | 3, *codes.reshape(-1).tolist()])
    assert image_bytes(chip, codes, 3, False)[0] == 3


def test_a_board_that_cannot_do_a_command(project, chip, actions):
    with pytest.raises(LinkError, match="port '/dev/fake': command 2 must be answered with status 0, not 2"):
        list(BoardDevice(FakeLink(chip, Chip(project, chip), status=2), chip).play(actions))


def test_a_state_has_so_many_words(chip, expected):
    assert all(len(reply) == body_bytes(chip.config) // 4 for reply in expected if isinstance(reply, np.ndarray))
