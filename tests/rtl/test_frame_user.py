"""What comes with a frame, past a core that holds some of its beats; in Python, clock by clock."""

import random

import pytest
from test_parts import run

# idle, stall of the core's input, stall of its output, stall behind the cell
STALLS = [(0, 0, 0, 0), (0.5, 0, 0, 0), (0, 0.6, 0.2, 0), (0.1, 0.1, 0.1, 0.8), (0.3, 0.3, 0.3, 0.3)]


def played(beats_in, beats_out, depth, stalls, seed, frames=40):
    """Ports of each clock, and what must come out; and the most frames that were in the core at once."""
    rng = random.Random(seed)
    idle, stall_in, stall_out, stall = stalls
    inputs, expected = [], []
    users = [rng.randrange(8) for _ in range(frames)]
    sent = done = taken = 0  # beats into the core, beats out of it, user words that have come through
    ready_at = []  # of the user words: the clock from which each may go
    offered = shown = False
    most = clock = 0
    while done < frames * beats_out:
        frame, beat = divmod(sent, beats_in)
        out_frame, out_beat = divmod(done, beats_out)
        offered = offered or (frame < frames and rng.random() >= idle)
        core_ready = rng.random() >= stall_in
        whole = sent // beats_in
        shown = shown or (out_frame < whole and rng.random() >= stall_out)
        m_ready = rng.random() >= stall
        # The FIFO's memory holds `depth`, its output register one more.
        in_memory = len(ready_at) - taken
        may = beat != 0 or in_memory < depth
        known = taken > out_frame
        ports = {"rst": 0, "s_valid": int(offered), "core_ready": int(core_ready), "x_valid": int(shown)}
        ports |= {"m_ready": int(m_ready), "s_user": users[frame] if offered and beat == 0 else rng.randrange(8)}
        out = {"core_valid": int(offered and may), "s_ready": int(core_ready and may)}
        out |= {"m_valid": int(shown and known), "x_ready": int(m_ready and known)}
        if known:
            out |= {"m_user": users[out_frame], "m_last": int(out_beat == beats_out - 1)}
        inputs.append(ports)
        expected.append(out)
        ends = shown and known and m_ready and out_beat == beats_out - 1
        if in_memory and (taken == out_frame or ends):
            taken += 1
        if shown and known and m_ready:
            done, shown = done + 1, False
        if offered and may and core_ready:
            if beat == 0:
                ready_at.append(clock)
            sent, offered = sent + 1, False
        most = max(most, len(ready_at) - done // beats_out)
        clock += 1
    return inputs, expected, most


@pytest.mark.parametrize(("beats_in", "beats_out", "depth"), [(1, 1, 2), (5, 3, 2), (2, 7, 3), (9, 1, 16)])
def test_user_bits_beside_a_core(beats_in, beats_out, depth, tmp_path):
    parameters = {"USER": 3, "IN_BEATS": beats_in, "OUT_BEATS": beats_out, "DEPTH": depth}
    reset = {"rst": 1, "s_valid": 0, "core_ready": 0, "x_valid": 0, "m_ready": 0, "s_user": 0}
    inputs, expected = [], []
    for seed, stalls in enumerate(STALLS):
        more, wanted, most = played(beats_in, beats_out, depth, stalls, seed)
        assert most <= depth + 1
        cut = len(more) // 2 if seed == 1 else len(more)  # a reset in the middle, and from the beginning again
        for end in (cut, len(more)) if cut < len(more) else (cut,):
            inputs += [reset, *more[:end]]
            expected += [{}, *wanted[:end]]
    run("frame_user", parameters, inputs, expected, tmp_path)


def test_a_full_core_holds_the_next_frame_back(tmp_path):
    """With nothing taken behind it, DEPTH + 1 frames go in whole and the next one waits."""
    ports = {"rst": 0, "s_valid": 1, "core_ready": 1, "x_valid": 0, "m_ready": 0, "s_user": 5}
    reset = ports | {"rst": 1}
    parameters = {"USER": 3, "IN_BEATS": 4, "OUT_BEATS": 2, "DEPTH": 2}
    expected = [{"s_ready": 1, "core_valid": 1}] * 12 + [{"s_ready": 0, "core_valid": 0}] * 20
    run("frame_user", parameters, [reset, *([ports] * 32)], [{}, *expected], tmp_path)
