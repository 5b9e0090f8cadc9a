"""One graph that has every layer of the hls4ml backend, and random ones as the backend takes them."""

from dataclasses import replace

import numpy as np
from graphs import Maker

from lutwright.hls.project import for_hls
from lutwright.ir.graph import Output
from lutwright.ir.verify import verify


def everything():
    """Branches of each operator, form and kind of convolution from one image; each branch ends in an output."""
    maker = Maker(np.random.default_rng(5), (6, 5, 4), 4, signed=True)
    start, ends = maker.here, []

    def end():
        ends.append(maker.here.name)
        maker.here = start

    maker.conv(3, (3, 3), (1, 1), (1, 1, 1, 1), bias=True)  # hls4ml's own
    maker.step(4, True)
    image = maker.here
    maker.conv(4, (3, 3), (2, 2), (0, 1, 1, 0), "sign")
    maker.step(3, False)
    maker.add("MaxPool", kernel=(2, 2), stride=(1, 2), pads=(1, 0, 0, 1))
    maker.add("Flatten")
    maker.dense(5, 4, bias=True)
    maker.curve(5)
    maker.dense(3, 2)  # ternary
    scores = maker.here
    maker.add("ArgMax")
    end()
    maker.here = scores
    maker.affine(9)
    maker.add("TopK", k=2)
    end()
    maker.conv(2, (3, 3), (1, 1), (1, 0, 0, 1), "mux", bits=4, bias=True)
    maker.add("SumPool", kernel=(3, 2), stride=(2, 2), pads=(1, 0, 1, 1))
    maker.table(3)
    end()
    maker.conv(8, (2, 3), (1, 2), (0, 1, 0, 0), groups=2)
    maker.binary()
    maker.add("DepthToSpace", block=2, mode="CRD")
    maker.add("Pad", pads=(1, 0, 0, 2), value=-2)
    maker.add("Resize", rows=np.array([0, 3, 3]), columns=np.array([5, 1]))
    end()
    maker.conv(3, (1, 1), (1, 1), (0, 0, 0, 0), bits=1)
    left = maker.here
    maker.add("Add", left, image, gains=(np.array([3]), np.array([-1, 2, 5])))
    maker.add("Concat", maker.here, left, image, axis=2)
    maker.add("Concat", maker.here, maker.here, axis=0)
    maker.add("Reorder", shape=(maker.here.words,), index=maker.rng.permutation(maker.here.words))
    flat = maker.here
    maker.add("Add", flat, flat, gains=(np.array([2]), np.array([1])))
    end()
    graph = maker.graph("everything")
    return for_hls(verify(replace(graph, outputs=tuple(Output(name, f"end{i}") for i, name in enumerate(ends)))))
