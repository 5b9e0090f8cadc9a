"""The host's side of the link against a board in Python behind a pseudo-terminal."""

import binascii
import os
import random
import select
import struct
import threading
import tty
from contextlib import contextmanager

import numpy as np
import pytest

from lutwright.cli.run import Frames, Project, read_project, run_on_board
from lutwright.errors import BadData, BadProject, LinkError, Mismatch
from lutwright.runtime.link import Identity, Link, encode

SIZES = (1, 16, 1, 1)
PROJECT = 0xC0FFEE42


def reply(status, sequence, payload=b""):
    body = struct.pack("<BBH", status, sequence, len(payload)) + payload
    return b"\x6c\x77" + body + struct.pack(">H", binascii.crc_hqx(body, 0xFFFF))


class FakeBoard(threading.Thread):
    """Parses whole messages and answers what `answer` returns; `messages` counts them."""

    def __init__(self, terminal):
        super().__init__(daemon=True)
        self.terminal, self.received, self.messages, self.wanted = terminal, bytearray(), 0, True
        self.answer = self.honest
        self.done = []  # commands

    def honest(self, command, sequence, payload):
        if command == ord("I"):
            return reply(0, sequence, struct.pack("<IBHHHHBB", PROJECT, 2, *SIZES, 3, 1))
        if command == ord("C"):
            op, label, data = struct.unpack("<BxHI", payload)
            self.done.append((op, label, data))
            return reply(0, sequence, struct.pack("<IB", data ^ label, op))
        if len(payload) != 16:
            return reply(2, sequence)
        return reply(0, sequence, bytes([sum(payload) % 256]))

    def run(self):
        while self.wanted:
            if not select.select([self.terminal], [], [], 0.01)[0]:
                continue
            try:
                self.received += os.read(self.terminal, 4096)
            except OSError:
                return
            while (message := self.next_message()) is not None:
                self.messages += 1
                os.write(self.terminal, self.answer(*message))

    def next_message(self):
        start = self.received.find(b"\x4c\x57")
        if start < 0 or len(self.received) < start + 8:
            return None
        command, sequence, length = struct.unpack_from("<BBH", self.received, start + 2)
        end = start + 8 + length
        if len(self.received) < end:
            return None
        assert binascii.crc_hqx(bytes(self.received[start + 2 : end]), 0xFFFF) == 0
        payload = bytes(self.received[start + 6 : end - 2])
        del self.received[:end]
        return command, sequence, payload


@contextmanager
def fake_board(timeout=0.3, retries=3):
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    board = FakeBoard(ours)
    board.start()
    try:
        with Link(os.ttyname(theirs), timeout=timeout, retries=retries) as link:
            yield board, link
    finally:
        board.wanted = False
        board.join()
        os.close(theirs)
        if board.terminal == ours:
            os.close(ours)


def frames(count):
    return [random.Random(i).randbytes(16) for i in range(count)]


def sums(data):
    return [bytes([sum(frame) % 256]) for frame in data]


def test_encoding():
    crc = struct.pack(">H", binascii.crc_hqx(b"I\7\0\0", 0xFFFF))
    assert encode(ord("I"), 7) == bytes.fromhex("4c57 49 07 0000") + crc
    assert binascii.crc_hqx(b"123456789", 0xFFFF) == 0x29B1


def test_good_board():
    with fake_board() as (board, link):
        assert link.require(PROJECT) == Identity(PROJECT, 2, *SIZES, 3, True)
        assert link.classify(bytes(range(16))) == bytes([120])
        assert list(link.classify_all(frames(300))) == sums(frames(300))
        assert list(link.classify_all([])) == []
        assert board.messages == 302


def test_wrong_project():
    with fake_board() as (_, link), pytest.raises(LinkError) as caught:
        link.require(1)
    assert str(caught.value) == (
        f"port '{link.port}': the board must hold project 00000001, not project c0ffee42. "
        "Load this project's bitstream, or name the project that is on the board."
    )


def test_another_protocol():
    with fake_board() as (board, link):
        board.answer = lambda command, sequence, payload: reply(0, sequence, bytes([0, 0, 0, 0, 9]) + bytes(8))
        with pytest.raises(LinkError, match="must speak protocol version 2, not version 9"):
            link.identify()
        board.answer = lambda command, sequence, payload: reply(0, sequence, b"abc")
        with pytest.raises(LinkError, match="must speak protocol version 2, not 3 bytes"):
            link.identify()


@pytest.mark.parametrize("status", [1, 4, 5, 6])
def test_faults_are_tried_again(status):
    with fake_board() as (board, link):
        seen = []

        def sometimes(command, sequence, payload):
            seen.append(payload)
            return reply(status, sequence) if len(seen) % 5 == 3 else board.honest(command, sequence, payload)

        board.answer = sometimes
        assert list(link.classify_all(frames(12))) == sums(frames(12))


def test_noise_and_old_answers_are_skipped():
    with fake_board() as (board, link):

        def noisy(command, sequence, payload):
            old = reply(0, (sequence + 100) % 256, b"old")
            return b"noise\x6c" + old + b"\x6c\x6c" + board.honest(command, sequence, payload) + b"\x00\xff\x6c"

        board.answer = noisy
        assert list(link.classify_all(frames(10))) == sums(frames(10))


def test_damaged_answers_are_asked_again():
    with fake_board() as (board, link):
        count = 0

        def damaged(command, sequence, payload):
            nonlocal count
            count += 1
            message = bytearray(board.honest(command, sequence, payload))
            if count % 4 == 2:
                message[6] ^= 1
            return bytes(message)

        board.answer = damaged
        assert list(link.classify_all(frames(8))) == sums(frames(8))
        board.answer = lambda command, sequence, payload: reply(0, sequence, b"x")[:-1] + b"?"
        with pytest.raises(LinkError, match="must answer well within 4 tries, not a damaged answer"):
            link.classify(frames(1)[0])


@pytest.mark.parametrize(
    ("given", "told"),
    [(b"", "no answer"), (b"\x6c\x77\x00\x01", "half an answer"), (b"hello, this is a modem\r\n", "no answer")],
)
def test_a_board_that_does_not_answer(given, told):
    with fake_board(timeout=0.05, retries=1) as (board, link):
        board.answer = lambda command, sequence, payload: given
        with pytest.raises(LinkError) as caught:
            link.identify()
        assert board.messages == 2
    assert str(caught.value) == (
        f"port '{link.port}': the board must answer well within 2 tries, not {told}. "
        "Check the cable, the baud rate, and that the board holds a bitstream of this project."
    )


def test_a_status_that_stays():
    with fake_board(timeout=0.05, retries=2) as (board, link):
        with pytest.raises(LinkError, match=r"within 3 tries, not status 2 \(a length that is not the command's\)"):
            link.classify(b"short")
        board.answer = lambda command, sequence, payload: reply(99, sequence)
        with pytest.raises(LinkError, match=r"status 99 \(unknown\)"):
            link.classify(b"short")


def test_a_frame_too_long():
    with fake_board() as (_, link), pytest.raises(LinkError, match="a frame must have at most 65535 bytes, not 65536"):
        link.classify(bytes(65536))


COMMANDS = [(i % 4, i, i * 0x1020304 & 0xFFFFFFFF) for i in range(200)]
READ = 4


def told(commands):
    return [(data ^ label, op) for op, label, data in commands]


def test_commands():
    with fake_board() as (board, link):
        assert link.command(3, 0x1234, 0xFFFF0000) == (0xFFFF1234, 3)
        assert list(link.commands(iter(COMMANDS))) == told(COMMANDS)
        assert list(link.commands([(READ, 0, n) for n in range(7)])) == [(n, READ) for n in range(7)]
        assert list(link.commands([])) == []
        assert board.done[1:201] == COMMANDS


def test_commands_that_change_nothing_twice_are_asked_again():
    with fake_board() as (board, link):
        counts = [(0, i, 7 * i) for i in range(8)]
        board.answer = lost_at(board, {3, 9})
        assert list(link.commands(counts)) == told(counts)
        board.answer = lost_at(board, {2, 4})
        assert [link.command(*asked) for asked in COMMANDS[:4]] == told(COMMANDS[:4])


@pytest.mark.parametrize("pair", [[(0, 1, 0), (2, 0, 0)], [(3, 0, 0), (0, 1, 0)]])
def test_a_command_that_another_one_follows_is_not_sent_twice(pair):
    """Counted again behind a clear, the answer would be another."""
    with fake_board() as (board, link):
        board.answer = lost_at(board, {1})
        with pytest.raises(LinkError, match="must not be done twice must come, not a damaged answer"):
            list(link.commands(pair))
        assert board.done == pair[: len(board.done)]


def lost_at(board, which, status=None):
    """Answers of which some are damaged, or are `status` in place of what was asked for."""
    seen = []

    def answer(command, sequence, payload):
        seen.append(payload)
        if len(seen) not in which:
            return board.honest(command, sequence, payload)
        return reply(status, sequence) if status else board.honest(command, sequence, payload)[:-1] + b"?"

    return answer


@pytest.mark.parametrize("which", [{1}, {2}])
def test_what_must_not_be_done_twice_is_not_sent_twice(which):
    with fake_board() as (board, link):
        board.answer = lost_at(board, which)
        with pytest.raises(LinkError) as caught:
            list(link.commands([(READ, 0, 0)] * 3))
        assert str(caught.value) == (
            f"port '{link.port}': the answer to what must not be done twice must come, not a damaged answer. "
            "The board may have done it: save or load its state again, or load one that was saved."
        )
        assert board.done == [(READ, 0, 0)] * len(board.done) and len(board.done) <= 3
    with fake_board() as (board, link):
        board.answer = lost_at(board, which)
        with pytest.raises(LinkError, match="must not be done twice must come, not a damaged answer"):
            [link.classify(frame, once=True) for frame in frames(2)]
        assert board.messages == max(which)
    with fake_board() as (board, link):
        board.answer = lost_at(board, which)
        with pytest.raises(LinkError, match="must not be done twice"):
            list(link.classify_all(frames(3), once=True))


@pytest.mark.parametrize("status", [1, 6])
def test_what_was_not_done_is_sent_again(status):
    """A message that the board refused is no danger, unless it has another one already."""
    with fake_board() as (board, link):
        board.answer = lost_at(board, {1, 3}, status)
        assert link.command(READ, 0, 5) == (5, READ)
        assert link.classify(frames(1)[0], once=True) == sums(frames(1))[0]
        assert board.done == [(READ, 0, 5)]
    with fake_board() as (board, link):
        board.answer = lost_at(board, {1}, status)
        with pytest.raises(LinkError, match=rf"must not be done twice must come, not status {status}"):
            list(link.commands([(READ, 0, 0)] * 2))


def test_commands_that_are_none():
    with fake_board() as (board, link):
        with pytest.raises(LinkError) as caught:
            link.command(0, 65536)
        assert str(caught.value) == (
            f"port '{link.port}': a command must be an operation below 256, a label below 65536 and 32 bits of data, "
            "not (0, 65536, 0). Send what the board's core knows."
        )
        board.answer = lambda command, sequence, payload: reply(0, sequence, b"abc")
        with pytest.raises(LinkError, match="the answer to a command must have 5 bytes, not 3"):
            link.command(0)


def test_cut_cable():
    with fake_board(timeout=0.2) as (board, link):

        def cut(command, sequence, payload):
            board.wanted = False
            return b"\x6c\x77\x00"

        board.answer = cut
        link._send(ord("I"), b"")
        board.join()
        os.close(board.terminal)
        board.terminal = None
        with pytest.raises(LinkError, match=r"must stay connected, not lost \(.*\)\. Check the cable"):
            link.classify(frames(1)[0])


def test_no_such_port(tmp_path):
    with pytest.raises(LinkError, match=r"must be a serial port that can be opened, not .*No such file"):
        Link(str(tmp_path / "ttyNONE"))


# ---- lutwright run, without the command line around it

OURS = Project("tiny", PROJECT, *SIZES, 1_000_000)


def test_run_on_board():
    data = frames(20)
    array = np.frombuffer(b"".join(data), np.uint8).reshape(20, 16)
    expected = np.frombuffer(b"".join(sums(data)), np.uint8).reshape(20, 1)
    labels = expected[:, 0].astype(np.int64)
    labels[:5] += 1
    with fake_board() as (_, link):
        link.close()
        counted = []
        done = run_on_board(OURS, link.port, Frames(array, labels, expected), progress=counted.append)
        assert done.classes == [result[0] for result in sums(data)]
        assert done.accuracy == 0.75
        assert done.compared
        assert done.frames_per_second > 1
        assert counted == list(range(1, 21))
        plain = run_on_board(OURS, link.port, Frames(array))
        assert (plain.accuracy, plain.compared) == (None, False)
        wrong = expected.copy()
        wrong[7] ^= 1
        with pytest.raises(Mismatch, match=rf"frame 7: the result must be {wrong[7, 0]:02x}, not {expected[7, 0]:02x}"):
            run_on_board(OURS, link.port, Frames(array, None, wrong))
        with pytest.raises(BadData, match=r"must be uint8 \[N, 16\], not uint8 \[20, 8\]"):
            run_on_board(OURS, link.port, Frames(array[:, :8]))
        with pytest.raises(LinkError, match=r"sizes must be the project's \(1, 8, 1, 1\), not \(1, 16, 1, 1\)"):
            run_on_board(Project("tiny", PROJECT, 1, 8, 1, 1, 1_000_000), link.port, Frames(array[:, :8]))


def test_project_files(tmp_path):
    with pytest.raises(BadProject, match=r"must hold a readable project.json, not No such file"):
        read_project(tmp_path)
    (tmp_path / "project.json").write_text('{"name": "tiny", "project_id": 1}')
    with pytest.raises(BadProject, match=r"must say name, project_id, core and baud, not without 'core'"):
        read_project(tmp_path)
    (tmp_path / "project.json").write_text(
        '{"name": "tiny", "project_id": 3237998146, "baud": 1000000, "board": "tangnano9k",'
        ' "core": {"in_bytes": 1, "in_beats": 16, "out_bytes": 1, "out_beats": 1}}'
    )
    assert read_project(tmp_path) == OURS
