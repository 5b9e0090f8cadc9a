"""The host side of the UART link (docs/uart.md).

    with Link("/dev/ttyUSB1", baud=1_000_000) as link:
        link.require(project_id)
        result = link.classify(frame)            # bytes in, bytes out
        results = list(link.classify_all(frames))  # keeps the line full

Whatever goes wrong on the line is tried again; what stays wrong ends in LinkError.
"""

from __future__ import annotations

import binascii
import struct
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType

import serial

from lutwright.errors import LinkError

SYNC_TO_BOARD = b"\x4c\x57"
SYNC_TO_HOST = b"\x6c\x77"
IDENTIFY = ord("I")
FRAME = ord("F")
PROTOCOL = 1
IDENTITY_BYTES = 13
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


@dataclass(frozen=True)
class Identity:
    """What a board says of itself: project, protocol version, and the sizes of its beats and frames."""

    project_id: int
    protocol: int
    in_bytes: int
    in_beats: int
    out_bytes: int
    out_beats: int


class _Fault(Exception):
    """One try that failed, in words that follow "found"."""


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
        payload = self._ask(IDENTIFY, b"")
        if len(payload) != IDENTITY_BYTES or payload[4] != PROTOCOL:
            found = f"version {payload[4]}" if len(payload) > 4 else f"{len(payload)} bytes"
            raise self._error(
                f"the board must speak protocol version {PROTOCOL}", found, "Load a newly built bitstream."
            )
        return Identity(*struct.unpack("<IBHHHH", payload))

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

    def classify(self, frame: bytes) -> bytes:
        """Send one frame, return its result."""
        return self._ask(FRAME, frame)

    def classify_all(self, frames: Iterable[bytes]) -> Iterator[bytes]:
        """Send frame after frame and yield the results in order, with two frames under way at a time."""
        under_way: deque[tuple[int, bytes]] = deque()
        for frame in frames:
            under_way.append((self._send(FRAME, frame), frame))
            if len(under_way) == 2:
                yield from self._collect(under_way, 1)
        yield from self._collect(under_way, len(under_way))

    def _collect(self, under_way: deque[tuple[int, bytes]], count: int) -> Iterator[bytes]:
        """Yield the results of the first `count` frames under way; after a fault, ask for all of them one by one."""
        for _ in range(count):
            if not under_way:
                return
            try:
                result = self._answer(under_way[0][0], sum(len(frame) for _, frame in under_way))
            except _Fault:
                self._recover()
                frames = [frame for _, frame in under_way]
                under_way.clear()
                for frame in frames:
                    yield self._ask(FRAME, frame)
                return
            under_way.popleft()
            yield result

    def _ask(self, command: int, payload: bytes) -> bytes:
        """Send a message until it is answered well, at most 1 + retries times."""
        fault = _Fault("nothing")
        for attempt in range(1 + self.retries):
            if attempt:
                self._recover()
            try:
                return self._answer(self._send(command, payload), len(payload))
            except _Fault as error:
                fault = error
        raise self._error(
            f"the board must answer well within {1 + self.retries} tries",
            str(fault),
            "Check the cable, the baud rate, and that the board holds a bitstream of this project.",
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
                raise _Fault(f"status {status} ({STATUS.get(status, 'unknown')})")
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
