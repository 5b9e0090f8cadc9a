"""The host side of the UART link (docs/uart.md).

    with Link("/dev/ttyUSB1", baud=1_000_000) as link:
        link.require(project_id)
        result = link.classify(frame)            # bytes in, bytes out
        results = list(link.classify_all(frames))  # keeps the line full
        data, status = link.command(op, label, data)  # to a board whose core takes commands

Whatever goes wrong on the line is tried again; what stays wrong ends in LinkError. What must not be done twice, a frame
that is learnt or a command that moves on, is sent again only where the board said that it had not done it.
"""

from __future__ import annotations

import binascii
import struct
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from types import TracebackType

import serial

from lutwright.errors import LinkError

SYNC_TO_BOARD = b"\x4c\x57"
SYNC_TO_HOST = b"\x6c\x77"
IDENTIFY = ord("I")
FRAME = ord("F")
COMMAND = ord("C")
PROTOCOL = 2
IDENTITY_BYTES = 15
STATUS = {
    0: "good",
    1: "a wrong checksum",
    2: "a length that is not the command's",
    3: "an unknown command",
    4: "silence in mid-message",
    5: "a damaged byte",
    6: "two messages still in work",
}
# A board gives a silent message up after 100,000 bit times; a host that waits longer finds it ready.
_BOARD_TIMEOUT_BITS = 100_000
_MOST_PAYLOAD = 65535
_COMMAND = struct.Struct("<BxHI")
_ANSWER = struct.Struct("<IB")


class _Repeat(IntEnum):
    """Whether a message may be sent again where it may have been done."""

    NEVER = 0
    ALONE = 1  # done again it changes nothing more, but what else is under way may
    FREELY = 2  # it changes nothing


# The operations of a learner: count; forget, clear, rewind. Read and write move to the next word.
_REPEAT = {0: _Repeat.FREELY, 1: _Repeat.ALONE, 2: _Repeat.ALONE, 3: _Repeat.ALONE}


@dataclass(frozen=True)
class Identity:
    """What a board says of itself: project, protocol version, and the sizes of its beats and frames.

    user_bytes: before each frame. commands: whether its core takes commands.
    """

    project_id: int
    protocol: int
    in_bytes: int
    in_beats: int
    out_bytes: int
    out_beats: int
    user_bytes: int = 0
    commands: bool = False


class _Fault(Exception):
    """One try that failed, in words that follow "found"."""


class _Refused(_Fault):
    """The board said that it did not do what the message asked for."""


@dataclass(frozen=True)
class _Message:
    """What is sent."""

    command: int
    payload: bytes
    repeat: _Repeat = _Repeat.FREELY


def encode(command: int, sequence: int, payload: bytes = b"") -> bytes:
    """One message to the board, sync to CRC."""
    body = struct.pack("<BBH", command, sequence, len(payload)) + payload
    return SYNC_TO_BOARD + body + struct.pack(">H", binascii.crc_hqx(body, 0xFFFF))


class Link:
    """An open link to one board.

    port:    name of the serial device. baud: bits a second. timeout: seconds to wait for an answer,
             on top of the time that the message takes on the line. retries: further tries after the first.
    """

    def __init__(self, port: str, baud: int = 1_000_000, timeout: float = 2.0, retries: int = 3) -> None:
        """Open the port; LinkError where that is refused."""
        self.port, self.baud, self.timeout, self.retries = port, baud, timeout, retries
        self._sequence = 0
        self._received = bytearray()
        try:
            self._serial = serial.Serial(port, baud, timeout=0.02, write_timeout=timeout + 60.0, exclusive=True)
        except (OSError, ValueError) as error:
            raise self._error(
                "must be a serial port that can be opened",
                str(error),
                "Check the name, the cable and your permission (group dialout).",
            ) from error

    def __enter__(self) -> Link:
        """The link itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the port."""
        self.close()

    def close(self) -> None:
        """Close the port."""
        self._serial.close()

    def identify(self) -> Identity:
        """Ask the board what it is; LinkError where nothing on the port answers as a board does."""
        payload = self._ask(_Message(IDENTIFY, b""))
        if len(payload) != IDENTITY_BYTES or payload[4] != PROTOCOL:
            found = f"version {payload[4]}" if len(payload) > 4 else f"{len(payload)} bytes"
            raise self._error(
                f"the board must speak protocol version {PROTOCOL}", found, "Load a newly built bitstream."
            )
        *sizes, user_bytes, commands = struct.unpack("<IBHHHHBB", payload)
        project, protocol, in_bytes, in_beats, out_bytes, out_beats = sizes
        return Identity(project, protocol, in_bytes, in_beats, out_bytes, out_beats, user_bytes, commands != 0)

    def require(self, project_id: int) -> Identity:
        """Identify the board and compare its project with `project_id`; LinkError where it holds another."""
        identity = self.identify()
        if identity.project_id != project_id:
            raise self._error(
                f"the board must hold project {project_id:08x}",
                f"project {identity.project_id:08x}",
                "Load this project's bitstream, or name the project that is on the board.",
            )
        return identity

    def classify(self, frame: bytes, once: bool = False) -> bytes:
        """Send one frame, its user bytes first, and return its result.

        once: it must not be worked on twice, for it is learnt; LinkError where it may have been and no answer came.
        """
        return self._ask(_Message(FRAME, frame, _Repeat.NEVER if once else _Repeat.FREELY))

    def classify_all(self, frames: Iterable[bytes], once: bool = False) -> Iterator[bytes]:
        """Send frame after frame and yield the results in order, with two frames under way at a time; see classify."""
        repeat = _Repeat.NEVER if once else _Repeat.FREELY
        return self._all(_Message(FRAME, frame, repeat) for frame in frames)

    def command(self, op: int, label: int = 0, data: int = 0) -> tuple[int, int]:
        """Send one command and return the data and the status of its answer.

        op: as in hw/rtl/learner.sv. A command that moves on to the next word is not sent twice: LinkError where its
        answer was lost; begin again with a rewind.
        """
        (answer,) = self.commands([(op, label, data)])
        return answer

    def commands(self, commands: Iterable[tuple[int, int, int]]) -> Iterator[tuple[int, int]]:
        """Send commands (op, label, data) and yield (data, status) of each, with two under way at a time; see command.

        What comes behind a command is sent before its answer is there.
        """
        for payload in self._all(self._commands(commands)):
            if len(payload) != _ANSWER.size:
                raise self._error(
                    f"the answer to a command must have {_ANSWER.size} bytes",
                    len(payload),
                    "Build the project and the bitstream again.",
                )
            data, status = _ANSWER.unpack(payload)
            yield data, status

    def _commands(self, commands: Iterable[tuple[int, int, int]]) -> Iterator[_Message]:
        for op, label, data in commands:
            try:
                yield _Message(COMMAND, _COMMAND.pack(op, label, data), _REPEAT.get(op, _Repeat.NEVER))
            except struct.error as error:
                rule = "a command must be an operation below 256, a label below 65536 and 32 bits of data"
                raise self._error(rule, (op, label, data), "Send what the board's core knows.") from error

    def _all(self, messages: Iterable[_Message]) -> Iterator[bytes]:
        under_way: deque[tuple[int, _Message]] = deque()
        for message in messages:
            under_way.append((self._send(message.command, message.payload), message))
            if len(under_way) == 2:
                yield from self._collect(under_way, 1)
        yield from self._collect(under_way, len(under_way))

    def _collect(self, under_way: deque[tuple[int, _Message]], count: int) -> Iterator[bytes]:
        """Yield the answers to the first `count` messages under way; after a fault, ask for all of them one by one."""
        for _ in range(count):
            if not under_way:
                return
            try:
                answer = self._answer(under_way[0][0], sum(len(message.payload) for _, message in under_way))
            except _Fault as fault:
                messages = [message for _, message in under_way]
                alone = len(messages) == 1
                least = min(message.repeat for message in messages)
                if least < (_Repeat.ALONE if alone else _Repeat.FREELY) and not (alone and isinstance(fault, _Refused)):
                    raise self._lost_answer(fault) from fault
                self._recover()
                under_way.clear()
                for message in messages:
                    yield self._ask(message)
                return
            under_way.popleft()
            yield answer

    def _ask(self, message: _Message) -> bytes:
        """Send a message until it is answered well, at most 1 + retries times."""
        fault = _Fault("nothing")
        for attempt in range(1 + self.retries):
            if attempt:
                self._recover()
            try:
                return self._answer(self._send(message.command, message.payload), len(message.payload))
            except _Refused as error:
                fault = error
            except _Fault as error:
                if message.repeat is _Repeat.NEVER:
                    raise self._lost_answer(error) from error
                fault = error
        raise self._error(
            f"the board must answer well within {1 + self.retries} tries",
            str(fault),
            "Check the cable, the baud rate, and that the board holds a bitstream of this project.",
        )

    def _lost_answer(self, fault: _Fault) -> LinkError:
        return self._error(
            "the answer to what must not be done twice must come",
            str(fault),
            "The board may have done it: save or load its state again, or load one that was saved.",
        )

    def _send(self, command: int, payload: bytes) -> int:
        """Send a message; return its sequence number."""
        if len(payload) > _MOST_PAYLOAD:
            raise self._error(f"a frame must have at most {_MOST_PAYLOAD} bytes", len(payload), "Use smaller frames.")
        # Never 0, which the board says where it did not receive the number.
        self._sequence = self._sequence % 255 + 1
        try:
            self._serial.write(encode(command, self._sequence, payload))
        except OSError as error:
            raise self._lost(error) from error
        return self._sequence

    def _answer(self, sequence: int, sent: int) -> bytes:
        """The payload of the answer to `sequence`, or _Fault. `sent`: bytes of payload still on their way out."""
        deadline = time.monotonic() + self.timeout + (sent + 64) * 10 / self.baud
        while True:
            status, answered, payload = self._next_answer(deadline)
            if status != 0:
                raise _Refused(f"status {status} ({STATUS.get(status, 'unknown')})")
            if answered == sequence:
                return payload

    def _next_answer(self, deadline: float) -> tuple[int, int, bytes]:
        """The next (status, sequence, payload) on the line; bytes before its sync are dropped."""
        while True:
            start = self._received.find(SYNC_TO_HOST)
            if start < 0:
                # The last byte may be the first half of a sync.
                del self._received[:-1]
                self._fill(len(self._received) + 1, deadline)
                continue
            del self._received[:start]
            self._fill(6, deadline)
            status, sequence, length = struct.unpack_from("<BBH", self._received, 2)
            self._fill(8 + length, deadline)
            message = bytes(self._received[: 8 + length])
            if binascii.crc_hqx(message[2:], 0xFFFF) != 0:
                del self._received[:2]
                raise _Fault("a damaged answer")
            del self._received[: 8 + length]
            return status, sequence, message[6 : 6 + length]

    def _fill(self, count: int, deadline: float) -> None:
        """Read until `count` bytes are there; _Fault at `deadline`."""
        while len(self._received) < count:
            if time.monotonic() > deadline:
                raise _Fault("half an answer" if len(self._received) >= 2 else "no answer")
            try:
                self._received += self._serial.read(max(1, min(count - len(self._received), 4096)))
            except OSError as error:
                raise self._lost(error) from error

    def _recover(self) -> None:
        """Wait until the line has been quiet for longer than the board's own timeout, and forget what came."""
        quiet = min(0.02 + _BOARD_TIMEOUT_BITS / self.baud, self.timeout)
        end = time.monotonic() + 10 * quiet + self.timeout
        since = time.monotonic()
        while time.monotonic() - since < quiet and time.monotonic() < end:
            try:
                if self._serial.read(4096):
                    since = time.monotonic()
            except OSError as error:
                raise self._lost(error) from error
        self._received.clear()

    def _lost(self, error: Exception) -> LinkError:
        return self._error("must stay connected", f"lost ({error})", "Check the cable and connect the board again.")

    def _error(self, rule: str, found: object, fix: str) -> LinkError:
        return LinkError(f"port '{self.port}'", rule, found, fix)
