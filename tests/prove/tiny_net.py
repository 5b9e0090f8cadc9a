"""A network that is small enough to be synthesised, placed and simulated at gate level in seconds."""

import numpy as np
import onnx
from small_models import Net


def tiny_net(path, size=8, channels=4, classes=5, seed=3):
    """Write an ONNX file `path`: a convolution, a pool and a dense layer on 4-bit images of size x size; return it."""
    net = Net((1, size, size), seed=seed)
    x = net.start()
    x = net.add("Conv", x, net.weights(channels, 1, 3, 3), name="conv1", kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    x = net.act(net.add("Relu", x), near=0.5, bits=3)
    x = net.add("MaxPool", x, name="pool1", kernel_shape=[2, 2], strides=[2, 2])
    x = net.add("Flatten", x)
    features = channels * (size // 2) ** 2
    x = net.add("MatMul", x, net.weights(features, classes), name="fc")
    onnx.save(net.model(x), path)
    return path


def codes(graph, count, seed=1):
    """Random input codes [count, ...shape] of `graph`."""
    tensor = graph.tensors[graph.input]
    rng = np.random.default_rng(seed)
    return rng.integers(tensor.low, tensor.high + 1, (count, *tensor.shape))
