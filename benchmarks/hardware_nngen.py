"""The same integer networks by NNgen, as the Verilog that it writes itself, and the clocks that it takes in Icarus."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from contextlib import chdir
from typing import Any

import numpy as np
from hardware_peers import Peer
from hardware_synthesis import CACHE, keep

from lutwright.errors import ToolFailed, UnsupportedOp
from lutwright.ir.execute import execute_all
from lutwright.ir.graph import Graph, Node
from lutwright.numerics.quantiser import IntArray
from lutwright.numerics.requantise import Multiply

_BUS = 32  # bits of the memory outside
_LINE = 64  # bytes at which a block of memory begins
_MEMORY = 1 << 18  # words of that memory


def by_nngen(graph: Graph, codes: IntArray) -> Peer:
    """`graph`, a chain of Conv or Dense with Step, pools and Flatten, up to its scores; weights in memory outside.

    NNgen rounds halves up. codes: int64 [frames, *input shape]. Raises UnsupportedOp for another graph, ToolFailed.
    """
    import nngen

    x = graph.tensors[graph.input]
    source = value = nngen.placeholder(dtype=nngen.uint8, shape=(1, *x.shape), name="x")
    nodes = [node for node in graph.nodes if node.op != "ArgMax"]
    for node, after in zip(nodes, [*nodes[1:], None], strict=True):
        form = after.attrs["form"] if after is not None and after.op == "Step" else None
        value = _node(nngen, graph, node, form, value)
    found = [np.asarray(nngen.eval([value], x=frame[None])[0]).reshape(-1) for frame in codes]
    last = nodes[-1].output
    wanted = execute_all(graph, codes, {last})[last].reshape(len(codes), -1)
    exact = int((np.stack(found) == wanted).all(axis=1).sum())
    module = nngen.to_veriloggen([value], "peer", silent=True, config={"maxi_datawidth": _BUS})
    text = module.to_verilog()
    return Peer({"peer.v": text.encode()}, "peer", exact, len(codes), _clocks(text, module, source, value, codes[:1]))


def _node(nngen: Any, graph: Graph, node: Node, form: Any, x: Any) -> Any:
    """The output of `node`, a step behind it included, for NNgen's `x`."""
    sums = {"sum_dtype": nngen.int16}
    made = sums | {"dtype": nngen.int16}
    if isinstance(form, Multiply):
        bits = int(form.code_high).bit_length() + 1  # it clips as if there were a sign
        made = sums | {"rshift_out": form.shift, "act_func": nngen.relu, "dtype": nngen.dtype_int(bits)}
    if node.op in ("Conv", "Dense"):
        w = node.attrs["weights"]
        weights = nngen.variable(dtype=nngen.int4, shape=w.shape, name=f"w_{node.name}")
        weights.set_value(w)
        if node.op == "Dense":
            return nngen.matmul(x, weights, transposed_b=True, **made)
        return nngen.conv2d(x, weights, strides=(1, *node.attrs["stride"], 1), **made)
    if node.op == "MaxPool":
        size = (1, *node.attrs["kernel"], 1)
        return nngen.max_pool(x, ksize=size, strides=size)
    if node.op == "Flatten":
        return nngen.reshape(x, (1, -1))
    if node.op == "Step":
        return x
    raise UnsupportedOp(f"node '{node.name}' ({node.op})", "is not written for NNgen here")


# ---- simulation ------------------------------------------------------------------------------------------------------


def _clocks(text: str, module: Any, source: Any, value: Any, frame: IntArray) -> int:
    """Clocks of one frame, from the host's start to the end that it reads; kept on disk."""
    kept = CACHE / f"nngen-{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"
    if not kept.is_file():
        log = _simulated(module, source, value, frame)
        found = re.search(r"clocks: +(\d+)", log)
        if found is None:
            raise ToolFailed("tool 'nngen'", "must end its frame in simulation", log[-200:])
        keep(kept, found[1] + "\n")
    return int(json.loads(kept.read_text()))


def _simulated(module: Any, source: Any, value: Any, frame: IntArray) -> str:
    """The log of Icarus for `frame`, with a memory at the bus and a host that starts the design."""
    import veriloggen as vg
    from nngen import sim
    from veriloggen import simulation, thread
    from veriloggen.types import axi

    bench = vg.Module("bench")
    bench.copy_params(module)
    ports = bench.copy_sim_ports(module)
    clk, resetn = ports["CLK"], ports["RESETN"]
    rst = bench.Wire("RST")
    rst.assign(vg.Not(resetn))
    image, free = _memory(axi, source, value, frame)
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        told = {"datawidth": _BUS, "memimg": image, "memimg_name": "memory.out", "memimg_datawidth": _BUS}
        axi.AxiMemoryModel(bench, "memory", clk, rst, **told).connect(ports, "maxi")
        host = thread.AXIMLite(bench, "host", clk, rst, noio=True)
        host.connect(ports, "saxi")
        count = bench.Reg("count", 32, initval=0)
        vg.Seq(bench, "counter", clk, rst)(count.inc())

        def control() -> None:  # veriloggen reads this text and makes a state machine of it
            for _ in range(100):
                pass
            sim.set_global_addrs(host, free)
            begin = count.value
            sim.start(host)
            sim.wait(host)
            print("clocks: %d" % (count.value - begin))  # noqa: UP031
            thread.finish()

        thread.Thread(bench, "control", clk, rst, control).start()
        told = {"params": bench.connect_params(module), "ports": bench.connect_ports(module)}
        bench.Instance(module, "peer", **told)
        simulation.setup_clock(bench, clk, hperiod=5)
        reset = simulation.setup_reset(bench, resetn, bench.make_reset(), period=100, polarity="low")
        reset.add(vg.Delay(10_000_000), vg.Systask("finish"))
        return str(simulation.Simulator(bench, sim="iverilog").run(outputfile="bench.out"))


def _memory(axi: Any, source: Any, value: Any, frame: IntArray) -> tuple[IntArray, int]:
    """The memory outside with input and weights, int64 of _BUS bits, and where it is free."""
    import nngen

    weights = nngen.export_ndarray([value], _LINE)
    at = -(-(source.addr + source.memory_size) // _LINE) * _LINE
    image = np.zeros(_MEMORY, np.int64)
    axi.set_memory(image, frame, _BUS, 8, source.addr, _BUS // 8)
    axi.set_memory(image, weights, _BUS, 8, at)
    return image, at + len(weights) + 4096
