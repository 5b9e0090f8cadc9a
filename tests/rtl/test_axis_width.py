"""The cell axis_width: packets of all lengths keep their bytes, with pauses on both sides and a reset in the middle."""

import numpy as np
import pytest
from axis import play_packets
from streams import sources


@pytest.mark.parametrize(("wide_in", "wide_out"), [(4, 1), (1, 4), (4, 3), (8, 4), (4, 4)])
def test_the_bytes_of_packets(wide_in, wide_out, tmp_path):
    rng = np.random.default_rng(1)
    lengths = [*range(1, 2 * max(wide_in, wide_out) + 2), 97]
    packets = [rng.integers(0, 256, length, np.uint8).tobytes() for length in lengths]
    # The narrower side moves in every clock; a packet may take one beat more on either side than its bytes fill.
    clocks = sum(-(-length // min(wide_in, wide_out)) + 1 for length in lengths) + 8
    parameters = {"IN_BYTES": wide_in, "OUT_BYTES": wide_out}
    play_packets(sources("axis_width"), "axis_width", packets, packets, tmp_path, parameters, clocks=clocks)
