"""The cursors of the cell window_folded, clock by clock: how many clocks a frame takes where no formula says it.

The names are those of hw/rtl/window_folded.sv. Input is always offered; each window leaves in `parts` beats, one a
clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

_FRAMES = 12  # after so many the interval is that of the last
_STEADY = 3  # equal intervals in a row that count as settled


@dataclass
class Cursors:
    """What the cell's registers hold, and its parameters.

    sf, nf: groups of channels; how often a window's groups are sent. height .. out_w: as in the cell.
    """

    sf: int
    nf: int
    height: int
    width: int
    k: int
    stride: int
    pad_t: int
    pad_l: int
    out_h: int
    out_w: int
    parts: int = 1

    def __post_init__(self) -> None:
        self.columns = (self.out_w - 1) * self.stride + self.k - self.pad_l
        self.rows = min((self.out_h - 1) * self.stride + self.k - self.pad_t, self.height)
        self.image, self.lead = min(self.columns, self.width), self.k - 1 - self.pad_l
        self.merged = min(self.columns - self.image, self.lead, self.image)
        self.top_last = (self.out_h - 1) * self.stride
        self.turn = self.rows - self.top_last
        self.banks = self.k - 1 + max(self.turn, self.stride)
        self.write_group = self.write_column = self.write_row = self.top = self.begin = 0
        self.column = self.phase = self.turn_pass = self.group = self.hold = 0
        self.ahead = self.pad_t
        self.joined = self.stage_valid = self.stage_ends_window = False

    def interval(self) -> int:
        """Clocks from the last window of a frame to that of the next, once that has settled."""
        beats = self.out_h * self.out_w * self.nf * self.sf
        ends: list[int] = []
        sent = clock = 0
        while len(ends) <= _FRAMES:
            if self._clock():
                sent += 1
                if sent % beats == 0:
                    ends.append(clock)
                    last = [after - before for before, after in pairwise(ends)][-_STEADY:]
                    if len(last) == _STEADY and len(set(last)) == 1 and len(ends) > _STEADY + 1:
                        break
            clock += 1
        return ends[-1] - ends[-2]

    def _clock(self) -> bool:
        """One clock; whether a window's last beat is taken from the cell."""
        taken = self.stage_valid and self.stage_ends_window and self.hold == 0
        stage_free = not self.stage_valid or not self.stage_ends_window or taken
        dropped = self._dropped()
        above = self.top < self.pad_t
        ready = (
            dropped
            or self.ahead < self.banks
            or (self.ahead + self.top < self.banks + self.pad_t if above else self.write_column < self.begin)
        )
        write_done = ready and not dropped and self.write_group == self.sf - 1 and self.write_column == self.image - 1
        ends_window = self.column >= self.lead and self.phase == 0
        pass_last = not ends_window or self.turn_pass == self.nf - 1
        joins = self._joins(pass_last, dropped)
        read = self.column < self.image or joins
        issue = stage_free and (not read or self._there(dropped, self.begin + 1))
        done = issue and self.group == self.sf - 1 and pass_last
        read_done = done and read and self.begin == self.image - 1
        step = self.turn if self.top == self.top_last else self.stride
        self.ahead += int(write_done) - (step if read_done else 0)
        self.hold = self.parts - 1 if taken else max(0, self.hold - 1)
        if ready:
            self._write()
        if issue:
            if self.group == 0:
                self.joined = joins
            self.stage_ends_window = ends_window
            self._read(pass_last)
        if stage_free:
            self.stage_valid = issue
        if done:
            self._column(joins, read)
        return taken

    def _dropped(self) -> bool:
        return (self.rows < self.height and self.write_row >= self.rows) or (
            self.image < self.width and self.write_column >= self.image
        )

    def _there(self, dropped: bool, columns: int) -> bool:
        """Whether the rows that the reader needs are there, the newest at least so many columns wide."""
        end = self.height + self.pad_t
        if self.ahead >= self.k or self.ahead + self.top >= end:
            return True
        partly = self.ahead == self.k - 1 or self.ahead + self.top == end - 1
        return not dropped and partly and self.write_column >= columns

    def _joins(self, pass_last: bool, dropped: bool) -> bool:
        if not (self.merged and pass_last and self.column >= self.columns - self.merged):
            return False
        if self.top or self.begin:
            return True
        return self._there(dropped, self.merged) if self.group == 0 else self.joined

    def _write(self) -> None:
        if self.write_group < self.sf - 1:
            self.write_group += 1
            return
        self.write_group = 0
        self.write_column += 1
        if self.write_column == self.width:
            self.write_column = 0
            self.write_row = (self.write_row + 1) % self.height

    def _read(self, pass_last: bool) -> None:
        if self.group < self.sf - 1:
            self.group += 1
            return
        self.group = 0
        self.turn_pass = 0 if pass_last else self.turn_pass + 1

    def _column(self, joins: bool, read: bool) -> None:
        """The reader leaves its column."""
        last = self.column == self.columns - 1
        if last or self.column < self.lead or self.phase == self.stride - 1:
            self.phase = 0
        else:
            self.phase += 1
        self.column = (self.begin + 1 if joins else 0) if last else self.column + 1
        if read:
            if self.begin == self.image - 1:
                self.begin = 0
                self.top = 0 if self.top == self.top_last else self.top + self.stride
            else:
                self.begin += 1
