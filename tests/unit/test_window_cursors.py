"""The cursors of window_folded against the formula, where that holds, and against what was measured where not."""

import itertools

import pytest

from lutwright.dataflow.clocks import Windows
from lutwright.dataflow.window_cursors import Cursors


def cursors(windows, groups, times, parts=1):
    shape = (windows.height, windows.width, windows.k, windows.stride)
    return Cursors(groups, times, *shape, windows.top, windows.left, windows.rows, windows.columns, parts).interval()


@pytest.mark.parametrize(
    ("height", "width", "k", "stride"), list(itertools.product((10, 13), (10, 12), (2, 3, 5), (1, 2, 3)))
)
def test_wide_images_take_what_the_formula_says(height, width, k, stride):
    if stride > k:
        return
    pad = (k - 1) // 2
    rows, columns = ((side + 2 * pad - k) // stride + 1 for side in (height, width))
    windows = Windows(height, width, k, stride, pad, pad, rows, columns)
    for groups, times, parts in ((1, 1, 1), (3, 2, 1), (2, 1, 3)):
        assert windows.folded(groups, times, parts) == cursors(windows, groups, times, parts)


@pytest.mark.parametrize(
    ("windows", "groups", "times", "clocks"),
    [
        (Windows(9, 5, 3, 2, 2, 2, 6, 3), 2, 2, 98),  # measured in simulation; the formula says 96
        (Windows(2, 2, 3, 1, 1, 0, 2, 2), 4, 1, 20),  # and 16
    ],
)
def test_narrow_images_are_followed(windows, groups, times, clocks):
    assert windows.folded(groups, times) == cursors(windows, groups, times) == clocks


@pytest.mark.parametrize(
    ("windows", "groups", "times", "more"),
    [
        (Windows(385, 5, 4, 2, 2, 3, 192, 3), 2, 3, 2),
        (Windows(256, 3, 5, 1, 3, 0, 255, 2), 3, 3, 3),
        (Windows(240, 2, 3, 1, 2, 0, 240, 2), 3, 3, 0),
    ],
)
def test_long_images_are_followed_for_their_first_rows(windows, groups, times, more):
    clocks, formula = windows.folded(groups, times), windows._folded(groups, times, 1)
    assert clocks == cursors(windows, groups, times)
    assert formula > 4096
    assert clocks == formula + more


def test_rows_too_long_to_follow_take_the_formula():
    narrow = Windows(200, 2, 3, 1, 1, 0, 200, 2)
    assert narrow.folded(64, 8) == 200 * 2 * 64 * 8
