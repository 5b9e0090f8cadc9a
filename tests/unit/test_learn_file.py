"""State files: round trips, and the refusal of everything that is not one, with the memory unchanged."""

import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest

from lutwright.errors import BadState, OutputError
from lutwright.learn import Learner, LearnerConfig
from lutwright.learn.config import DISTANCES, POLICIES
from lutwright.learn.file import HEADER_BYTES, body_bytes, from_words, pack_rows, row_bytes, state_words, unpack
from lutwright.learn.state import EXAMPLES_MAX

SMALL = LearnerConfig(4, 2, 2, 3, feature_bits=4, fraction_bits=1, count_bits=3)
BODY = 4 * (1 + 2 * 3)  # where the rows begin behind the header


def taught(config=SMALL, source=b"", count=12):
    learner, rng = Learner(config, source), np.random.default_rng(0)
    x = rng.integers(config.low, config.high + 1, (count, config.features))
    learner.learn_many(x, rng.integers(0, config.classes, count))
    return learner


def sealed(raw):
    """`raw` with checksums that are right."""
    raw = bytearray(raw)
    struct.pack_into("<I", raw, 80, zlib.crc32(bytes(raw[HEADER_BYTES:])))
    struct.pack_into("<I", raw, 84, zlib.crc32(bytes(raw[:84])))
    return bytes(raw)


def refused(raw, words, learner=None):
    """`raw` is refused with `words`, and what the learner knows stays."""
    learner = learner or taught()
    before = learner.dump()
    with pytest.raises(BadState) as caught:
        learner.restore(raw)
    assert words in str(caught.value)
    assert learner.dump() == before


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("policy", POLICIES)
def test_what_is_saved_is_loaded_and_goes_on_alike(policy, distance, signed, tmp_path):
    config = replace(SMALL, policy=policy, distance=distance, signed=signed)
    one, other = taught(config), Learner(config)
    one.save(tmp_path / "state")
    other.load(tmp_path / "state")
    assert one.state.equals(other.state)
    x = np.full(4, config.low)
    for learner in (one, other):
        learner.learn(x, 1)
        learner.forget(2)
    assert one.state.equals(other.state) and one.dump() == other.dump()
    assert one.predict(x) == other.predict(x)


def test_a_file_names_its_learner():
    config = replace(SMALL, policy="random", seed=300, versions=10, distance="l2")
    stored = unpack(taught(config).dump(), "here")
    assert stored.config == config and stored.source == b""
    assert unpack(taught(source=b"a" * 32).dump(), "here").source == b"a" * 32


def test_the_same_state_gives_the_same_bytes():
    assert taught().dump() == taught().dump()
    assert taught().dump() != taught(count=13).dump()


def test_the_bytes_are_those_of_the_page():
    learner = Learner(replace(SMALL, signed=True, policy="round-robin", seed=0x1234))
    learner.learn([1, -2, 3, -4], 1)
    learner.learn([-8, 7, 0, 0], 1)
    learner.learn([2, -1, 0, 0], 1)
    raw = learner.dump()
    assert raw[:12] == b"LWLEARN\x1a" + b"\x01\x00" + b"\x58\x00"
    assert struct.unpack_from("<4I6BHI", raw, 12) == (4, 2, 2, 3, 4, 1, 3, 1, 1, 0, 0x1234, 1)
    assert raw[40:72] == bytes(32)
    assert struct.unpack_from("<QI", raw, 72) == (body_bytes(learner.config), zlib.crc32(raw[88:]))
    assert raw[84:88] == struct.pack("<I", zlib.crc32(raw[:84]))
    assert struct.unpack_from("<7I", raw, 88) == (0x1234, 0, 3, 0, 0, 1, 0)
    # Class 1, anchor 0, subspace 0 learnt (1, -2) and (2, -1): 2n*mean = 6, -6; y = 3, -3 of 5 bits, r = 0, n = 2.
    row = row_bytes(learner.config)
    assert row == 4
    at = 88 + BODY + row * 2 * 2
    assert int.from_bytes(raw[at : at + row], "little") == 3 | (-3 & 31) << 5 | 0 << 10 | 0 << 13 | 2 << 16
    # Anchor 1, subspace 0 behind anchor 0's two subspaces: (-8, 7) once.
    at += row * 2
    assert int.from_bytes(raw[at : at + row], "little") == (-16 & 31) | 14 << 5 | 1 << 16
    assert pack_rows(learner.config, learner.state).tobytes() == raw[88 + BODY :]


def test_every_flipped_bit_is_refused():
    learner = taught()
    raw, before = learner.dump(), learner.state
    for at in range(len(raw)):
        for bit in (0, 3, 7):
            damaged = bytearray(raw)
            damaged[at] ^= 1 << bit
            with pytest.raises(BadState):
                learner.restore(bytes(damaged))
    assert learner.state is before and learner.dump() == raw


def test_every_changed_byte_of_the_parameters_is_refused_even_when_sealed():
    learner = taught(replace(SMALL, versions=1))
    raw = learner.dump()
    for at in (*range(36), *range(72, 80)):  # all but the versions and the source
        damaged = bytearray(raw)
        damaged[at] ^= 0xFF
        with pytest.raises(BadState):
            learner.restore(sealed(damaged))
    assert learner.dump() == raw


def test_every_length_but_the_right_one_is_refused():
    raw = taught().dump()
    for size in range(len(raw)):
        words = "must be a learner's state" if size < 8 else "must have a header of" if size < 88 else "must have "
        refused(raw[:size], words)
    refused(raw + b"\0", f"must have {len(raw)} bytes")


def test_other_files_are_refused(tmp_path):
    refused(b"\x7fELF" + bytes(200), "must be a learner's state, not another file")
    learner = taught()
    with pytest.raises(BadState, match=r"learner's state '.*none': must be a readable file, not No such file"):
        learner.load(tmp_path / "none")
    with pytest.raises(OutputError):
        learner.save(tmp_path)


def test_another_version_is_named():
    raw = bytearray(taught().dump())
    raw[8] = 2
    refused(bytes(raw), "must be of version 1, not 2. Save it again with this lutwright.")


def test_wrong_checksums_are_named():
    raw = taught().dump()
    refused(raw[:84] + bytes(4) + raw[88:], "the checksum of its header must be right")
    refused(raw[:-1] + bytes([raw[-1] ^ 1]), "the checksum of its contents must be right")
    header = bytearray(raw)
    header[10] = 90
    refused(sealed(header), "the checksum of its header must be right")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"features": 8}, "must be of a learner with features = 4, not 8"),
        ({"subspaces": 1}, "with subspaces = 2, not 1"),
        ({"anchors": 1}, "with anchors = 2, not 1"),
        ({"classes": 4}, "with classes = 3, not 4"),
        ({"feature_bits": 5}, "with feature_bits = 4, not 5"),
        ({"fraction_bits": 2}, "with fraction_bits = 1, not 2"),
        ({"count_bits": 4}, "with count_bits = 3, not 4"),
        ({"signed": True}, "with signed = False, not True"),
        ({"policy": "nearest"}, "with policy = weighted, not nearest"),
        ({"distance": "l2"}, "with distance = l1, not l2"),
        ({"seed": 9}, "with seed = 1, not 9"),
    ],
)
def test_another_learner_is_named(change, words):
    refused(taught(replace(SMALL, **change)).dump(), words)


def test_more_versions_are_no_other_learner():
    learner = Learner(replace(SMALL, versions=7))
    learner.restore(taught().dump())
    assert learner.state.equals(taught().state) and learner.config.versions == 7


def test_another_source_is_named_and_a_missing_one_taken_up():
    one, other = b"a" * 32, b"b" * 32
    refused(
        taught(source=other).dump(), f"whose source is {one.hex()[:16]}, not {other.hex()[:16]}", taught(source=one)
    )
    learner = Learner(SMALL)
    learner.restore(taught(source=one).dump())
    assert learner.source == one
    learner.restore(taught().dump())
    assert learner.source == one


@pytest.mark.parametrize(("place", "value"), [(28, 0), (29, 17), (31, 2), (32, 4), (33, 2), (12, 5)])
def test_parameters_that_cannot_be_are_refused(place, value):
    raw = bytearray(taught().dump())
    raw[place] = value
    refused(sealed(raw), "must be of a learner that can be (")


def test_filled_bits_are_refused():
    raw = bytearray(taught().dump())
    raw[-1] |= 0x80  # a row has 19 bits
    refused(sealed(raw), "the bits that fill its words must be 0, not 1")


@pytest.mark.parametrize("policy", POLICIES)
def test_words_of_the_hardware_are_those_of_the_file(policy):
    learner = taught(replace(SMALL, policy=policy))
    words = state_words(learner.config, learner.state)
    assert words.dtype == np.uint32 and words.tobytes() == learner.dump()[HEADER_BYTES:]
    assert from_words(learner.config, words, "board").equals(learner.state)


def test_words_that_are_no_state_are_refused():
    learner = taught()
    words = state_words(learner.config, learner.state)
    with pytest.raises(BadState, match=rf"board: must have {len(words)} words, not \[{len(words) - 1}\]"):
        from_words(learner.config, words[:-1], "board")
    words[0] = 7
    with pytest.raises(BadState, match="board: the generator must be at its seed"):
        from_words(learner.config, words, "board")


def test_sizes_beyond_all_memory_are_refused_before_they_are_taken():
    raw = bytearray(taught().dump())
    struct.pack_into("<4I", raw, 12, 65536, 1, 16, 256)
    refused(sealed(raw), "must have ")


def word(name, value, place=()):
    """A change of a state's memory `name` at `place`."""

    def change(state):
        getattr(state, name)[place] = value

    return change


def several(*changes):
    return lambda state: [change(state) for change in changes]


@pytest.mark.parametrize(
    ("policy", "change", "words"),
    [
        ("weighted", word("r", 7, (0, 0, 0, 0)), "a remainder must be less than its count"),
        ("weighted", several(word("n", 0, (0, 0, 0)), word("r", 0, (0, 0, 0))), "an empty anchor must be 0"),
        ("weighted", word("y", 31, (0, 0, 0, 0)), "an anchor must be a mean of feature codes"),
        (
            "weighted",
            several(word("y", 2, (0, 0, 0)), word("r", 1, (0, 0, 0)), word("n", 2, (0, 0, 0))),
            "an anchor's sum must be one of integers",
        ),
        ("weighted", word("examples", 99, 0), "counts must add up to the examples"),
        ("weighted", word("examples", 1, 0), "counts must add up to the examples"),
        ("weighted", word("pointer", 1, 0), "the pointer must follow the examples"),
        ("round-robin", word("pointer", 2, 0), "the pointer must follow the examples"),
        ("round-robin", several(word("examples", EXAMPLES_MAX, 0), word("pointer", 2, 0)), "the pointer must follow"),
        ("random", lambda state: setattr(state, "lfsr", 0), "the generator must be at its seed, or at work"),
        ("nearest", lambda state: setattr(state, "lfsr", 2), "the generator must be at its seed, or at work"),
        (
            "weighted",
            several(*(word(name, 0, 0) for name in ("y", "r", "n")), word("examples", EXAMPLES_MAX, 0)),
            "a class without examples must be empty",
        ),
    ],
)
def test_a_state_that_no_examples_lead_to_is_refused(policy, change, words):
    config = replace(SMALL, policy=policy)
    learner = taught(config, count=9)
    change(learner.state)
    refused(learner.dump(), words, taught(config))
