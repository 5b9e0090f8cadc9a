"""Views: there and back, constants by channel, which views are plain images."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lutwright.numerics.view import View, image_index, plain, same, signal_index

SHAPES = [(3, 4, 5), (1, 1, 7), (6, 1, 1), (3, 5), (7,), (2, 3, 2, 2)]


@st.composite
def views(draw):
    """A plain view, seen through moves as Reshape and Transpose nodes make them."""
    view = plain(draw(st.sampled_from(SHAPES)), draw(st.booleans()))
    for _ in range(draw(st.integers(0, 3))):
        index = view.index
        if draw(st.booleans()):
            index = index.transpose(draw(st.permutations(range(index.ndim))))
        else:
            index = index.reshape(draw(st.sampled_from([(-1,), (1, -1), (*index.shape, 1), index.shape[::-1]])))
        view = view.seen(index)
    return view


@given(views(), st.integers(1, 3))
@settings(max_examples=200, deadline=None)
def test_from_model_and_to_model_are_inverse(view, batch):
    words = int(np.prod(view.shape))
    x = np.arange(batch * words).reshape(batch, *view.model_shape)
    there = view.from_model(x)
    assert there.shape == (batch, *view.shape)
    assert np.array_equal(view.to_model(there), x)
    y = np.arange(batch * words).reshape(batch, *view.shape)
    assert np.array_equal(view.from_model(view.to_model(y)), y)


@given(views())
@settings(max_examples=100, deadline=None)
def test_the_index_says_where_an_element_lies(view):
    flat = np.arange(int(np.prod(view.shape)))
    assert np.array_equal(view.to_model(flat.reshape(1, *view.shape))[0], view.index)


@given(views(), st.data())
@settings(max_examples=200, deadline=None)
def test_constants_by_channel(view, data):
    """What is given by channel comes back by channel; one element changed in an image does not."""
    channels = np.arange(1.0, view.channels + 1)
    full = view.to_model(np.broadcast_to(channels, (1, *view.shape)))
    found = view.per_channel(full)
    assert found is not None
    assert np.array_equal(np.broadcast_to(found, view.channels), channels)
    if full.size > view.channels:
        broken = full.copy()
        broken.reshape(-1)[data.draw(st.integers(0, full.size - 1))] += 0.5
        assert view.per_channel(broken) is None


@pytest.mark.parametrize(
    ("shape", "constant", "expected"),
    [
        ((3, 4, 5), np.float64(2.0), [2.0]),
        ((3, 4, 5), np.array([[[2.0]]]), [2.0]),
        ((3, 4, 5), np.array([1.0, 2.0, 3.0]).reshape(3, 1, 1), [1.0, 2.0, 3.0]),
        ((3, 4, 5), np.array([1.0, 2.0, 3.0]).reshape(1, 3, 1, 1), [1.0, 2.0, 3.0]),
        ((3, 5), np.array([1.0, 2.0, 3.0]).reshape(3, 1), [1.0, 2.0, 3.0]),
        ((3,), np.array([1.0, 2.0, 3.0]), [1.0, 2.0, 3.0]),
        ((3, 4, 5), np.arange(5.0), None),
        ((3, 4, 5), np.arange(4.0).reshape(4, 1), None),
    ],
)
def test_constants_that_broadcast(shape, constant, expected):
    found = plain(shape).per_channel(constant)
    assert (found is None) == (expected is None)
    assert found is None or found.tolist() == expected


@pytest.mark.parametrize("constant", [np.ones(2), np.ones((4, 3, 1, 1)), np.ones((2, 1, 3, 1, 1))])
def test_constants_that_do_not_broadcast(constant):
    with pytest.raises(ValueError, match=r"broadcast|shape|dimensions"):
        plain((3, 4, 5)).per_channel(constant)


def test_plain_views_are_those_of_images():
    assert plain((3, 4, 5)).shape == (4, 5, 3)
    assert plain((3, 5)).shape == (1, 5, 3)
    assert plain((7,)).shape == (7,)
    assert plain((2, 3, 2, 2)).shape == (24,)
    assert plain((4, 5, 3), channels_last=True).shape == (4, 5, 3)
    assert plain((5, 3), channels_last=True).shape == (1, 5, 3)
    assert plain((3, 4, 5)).is_image()
    assert plain((3, 5)).is_image()
    assert not plain((7,)).is_image()
    assert not plain((4, 5, 3), channels_last=True).is_image()
    last = plain((4, 5, 3), channels_last=True)
    assert last.seen(last.index.transpose(2, 0, 1)).is_image()


def test_pixels_of_a_plain_view():
    x = np.arange(24).reshape(1, 2, 3, 4)
    assert np.array_equal(plain((2, 3, 4)).from_model(x), x.transpose(0, 2, 3, 1))
    assert np.array_equal(image_index((3, 4, 2)), np.arange(24).reshape(3, 4, 2).transpose(2, 0, 1))
    assert np.array_equal(signal_index((1, 4, 2)), np.arange(8).reshape(4, 2).T)
    assert same(image_index((3, 4, 2)), plain((2, 3, 4)).index)
    assert not same(image_index((3, 4, 2)), image_index((4, 3, 2)))
    assert View(np.arange(6), (6,)).model_shape == (6,)
