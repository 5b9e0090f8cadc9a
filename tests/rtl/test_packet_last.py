"""Where packets end, past a core that holds some of its beats; in Python, clock by clock."""

import random

import pytest
from test_parts import run

# idle, stall of the core's input, stall of its output, stall behind the cell
STALLS = [(0, 0, 0, 0), (0.5, 0, 0, 0), (0, 0.6, 0.2, 0), (0.1, 0.1, 0.1, 0.8), (0.3, 0.3, 0.3, 0.3)]


def played(beats_in, beats_out, depth, stalls, seed, frames=40):
    """Ports of each clock, and what must come out; the core gives its results when it has most of a frame."""
    rng = random.Random(seed)
    idle, stall_in, stall_out, stall = stalls
    ends = [rng.randrange(2) for _ in range(frames)]
    inputs, expected = [], []
    sent = done = taken = pushed = 0  # beats into the core, beats out of it, ends that have come through, ends told
    offered = shown = False
    last = 0
    while done < frames * beats_out:
        frame, beat = divmod(sent, beats_in)
        out_frame, out_beat = divmod(done, beats_out)
        if not offered:
            offered = frame < frames and rng.random() >= idle
            last = ends[frame] if offered and beat == beats_in - 1 else rng.randrange(2)
        core_ready = rng.random() >= stall_in
        # The first results come before the frame is whole.
        shown = shown or ((sent + beats_in // 2) // beats_in > out_frame and rng.random() >= stall_out)
        m_ready = rng.random() >= stall
        in_memory = pushed - taken
        at_end, out_end = beat == beats_in - 1, out_beat == beats_out - 1
        may = not at_end or in_memory < depth
        known = taken > out_frame
        passes = not out_end or known
        ports = {"rst": 0, "s_valid": int(offered), "core_ready": int(core_ready), "x_valid": int(shown)}
        ports |= {"m_ready": int(m_ready), "s_last": last}
        out = {"core_valid": int(offered and may), "s_ready": int(core_ready and may)}
        out |= {"m_valid": int(shown and passes), "x_ready": int(m_ready and passes)}
        if shown and passes:
            out["m_last"] = ends[out_frame] if out_end else 0
        inputs.append(ports)
        expected.append(out)
        moves = shown and passes and m_ready
        if in_memory and (taken == out_frame or (moves and out_end)):
            taken += 1
        if moves:
            done, shown = done + 1, False
        if offered and may and core_ready:
            pushed += at_end
            sent, offered = sent + 1, False
    return inputs, expected


@pytest.mark.parametrize(("beats_in", "beats_out", "depth"), [(1, 1, 2), (5, 3, 2), (2, 7, 3), (9, 1, 16)])
def test_packets_end_where_they_did(beats_in, beats_out, depth, tmp_path):
    parameters = {"IN_BEATS": beats_in, "OUT_BEATS": beats_out, "DEPTH": depth}
    reset = {"rst": 1, "s_valid": 0, "core_ready": 0, "x_valid": 0, "m_ready": 0, "s_last": 0}
    inputs, expected = [], []
    for seed, stalls in enumerate(STALLS):
        more, wanted = played(beats_in, beats_out, depth, stalls, seed)
        cut = len(more) // 2 if seed == 1 else len(more)  # a reset in the middle, and from the beginning again
        for end in (cut, len(more)) if cut < len(more) else (cut,):
            inputs += [reset, *more[:end]]
            expected += [{}, *wanted[:end]]
    run("packet_last", parameters, inputs, expected, tmp_path)


def test_a_full_core_holds_the_end_of_a_frame_back(tmp_path):
    """With nothing taken behind it, DEPTH + 1 frames go in whole, and the next one all but its last beat."""
    ports = {"rst": 0, "s_valid": 1, "core_ready": 1, "x_valid": 0, "m_ready": 0, "s_last": 1}
    reset = ports | {"rst": 1}
    parameters = {"IN_BEATS": 4, "OUT_BEATS": 2, "DEPTH": 2}
    expected = [{"s_ready": 1, "core_valid": 1}] * 15 + [{"s_ready": 0, "core_valid": 0}] * 20
    run("packet_last", parameters, [reset, *([ports] * 35)], [{}, *expected], tmp_path)
