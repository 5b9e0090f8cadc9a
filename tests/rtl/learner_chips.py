"""Small chips of a network and a learner, for tests."""

import onnx
from small_models import Net

from lutwright.boards import load_board
from lutwright.cli.build import Wish, build_project
from lutwright.emit.project import open_project
from lutwright.learn.wish import parse_learner

SHAPE = (2, 6, 5)


def small_model(shape=SHAPE, classes=5, seed=0):
    """Two convolutions and a pool: features 3 x 2 x 4 of 4 bits for SHAPE, behind them a classifier."""
    net = Net(shape, seed=seed)
    x = net.act(net.add("Conv", net.start(), net.weights(6, shape[0], 3, 3), pads=[1] * 4, name="first"), 0.4)
    x = net.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2], name="pool")
    x = net.add("Conv", x, net.weights(4, 6, 1, 1), name="second")
    x = net.act(x, 0.4, name="second_act")
    flat = net.add("Flatten", x, name="flat")
    features = 4 * (shape[1] // 2) * (shape[2] // 2)
    return net.model(net.add("MatMul", flat, net.weights(features, classes), name="fc"))


def small_project(folder, words, shape=SHAPE, seed=0, fps=None, board="ulx3s-45f"):
    """The opened project of a small model with a learner of the words `words`."""
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(small_model(shape, seed=seed), folder / "tiny.onnx")
    wish = Wish(fps)
    build_project(folder / "tiny.onnx", load_board(board), folder / "p", None, wish, parse_learner(words))
    return open_project(folder / "p")
