"""Proving properties of one cell for all inputs, all stalls and any number of clocks, with what comes with Yosys.

Law 4 is inductive: temporal induction proves it at once. Counts and order need facts about what the cell holds; ABC's
property directed reachability (PDR) finds those itself.
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pyosys
from streams import sources

from lutwright.resources import room

CHECKERS = sorted((room("hw") / "formal").glob("*.sv"))
ABC = Path(pyosys.__file__).parent / "yosys-abc"


@dataclass(frozen=True)
class Stream:
    """Expressions for the lines of one stream, and the bits of a beat."""

    data: str
    valid: str
    ready: str
    width: int

    @property
    def moves(self):
        return f"{self.valid} && {self.ready}"


@dataclass(frozen=True)
class Cell:
    """A cell with small parameters: its ports but clk and rst, name -> bits, and the streams that they are."""

    name: str
    parameters: dict
    takes: dict
    gives: dict
    inputs: list
    outputs: list


def cell(name, parameters, widths_in, widths_out, shared=False):
    """A cell with the usual ports; widths of the beats of its streams in and out. shared: all outputs are m_data."""

    def streams(widths, prefix, same):
        low, found = 0, []
        for i, width in enumerate(widths):
            lines = f"{prefix}_data[{low + width - 1}:{low}]"
            found.append(Stream(lines, f"{prefix}_valid[{i}]", f"{prefix}_ready[{i}]", width))
            low += 0 if same else width
        return found

    ins, outs = len(widths_in), len(widths_out)
    return Cell(
        name,
        parameters,
        {"s_data": sum(widths_in), "s_valid": ins, "m_ready": outs},
        {"s_ready": ins, "m_data": widths_out[0] if shared else sum(widths_out), "m_valid": outs},
        streams(widths_in, "s", False),
        streams(widths_out, "m", shared),
    )


def checker(name, parameters, ports):
    """An instance of a checker of hw/formal: what stands before and behind its name."""
    parameters = ", ".join(f".{key}({value})" for key, value in parameters.items())
    ports = ", ".join(f".{key}({value})" for key, value in {"clk": "clk", "rst": "rst", **ports}.items())
    return f"{name} #({parameters})", f"({ports});"


def law4(stream, assume=0):
    """Valid stays and data holds until ready."""
    ports = {"data": stream.data, "valid": stream.valid, "ready": stream.ready}
    return checker("law4", {"WIDTH": stream.width, "ASSUME": assume}, ports)


def credits(taken, sent, most, beats_in=1, beats_out=1, first=0):
    """`beats_in` beats `taken` allow `beats_out` beats `sent`; never more, and at most `most` are open."""
    parameters = {"IN": beats_in, "OUT": beats_out, "FIRST": first, "MOST": most}
    return checker("credits", parameters, {"taken": taken, "sent": sent})


def in_order(source, sink, most):
    """What comes out is what went in."""
    ports = {"in_data": source.data, "taken": source.moves, "out_data": sink.data, "sent": sink.moves}
    return checker("in_order", {"WIDTH": source.width, "MOST": most}, ports)


def wrapper(cell, properties):
    """SystemVerilog: the cell with free inputs that keep law 4, a reset first, and the properties."""
    lines = ["module prove (", "  input wire clk,", "  input wire rst,"]
    lines += [",\n".join(f"  input wire [{width - 1}:0] {port}" for port, width in cell.takes.items()), ");"]
    lines += [f"  wire [{width - 1}:0] {port};" for port, width in cell.gives.items()]
    parameters = ", ".join(f".{key}({value})" for key, value in cell.parameters.items())
    ports = ", ".join(f".{port}({port})" for port in ["clk", "rst", *cell.takes, *cell.gives])
    lines.append(f"  {cell.name} #({parameters}) dut ({ports});")
    assumed = [checker("reset_first", {}, {}), *(law4(stream, assume=1) for stream in cell.inputs)]
    lines += [f"  {left} check_{i} {right}" for i, (left, right) in enumerate([*assumed, *properties])]
    return "\n".join([*lines, "endmodule", ""])


def yosys(passes, work):
    """Run Yosys in a process of its own; return its exit status and what it printed."""
    script = f"from pyosys import libyosys as y; d = y.Design(); [y.run_pass(p, d) for p in {passes!r}]"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=work)
    return done.returncode, done.stdout + done.stderr


def netlist(cell, properties, work, files):
    """The passes that make a flat netlist of the wrapped cell, its memories as registers, each x a free bit."""
    (work / "prove.sv").write_text(wrapper(cell, properties))
    read = " ".join(map(str, [*CHECKERS, *(files or sources(cell.name)), work / "prove.sv"]))
    passes = [f"read_verilog -sv -formal {read}", "hierarchy -check -top prove", "proc", "flatten", "opt", "memory"]
    return [*passes, "opt", "async2sync", "dffunmap", "setundef -undriven -anyseq", "setundef -anyseq", "opt_clean"]


def inductive(cell, properties, work, files=None):
    """Whether temporal induction proves the properties (one or more); AssertionError where it does not decide.

    files: the sources, if not those of hw/rtl.
    """
    assert properties
    induction = "sat -tempinduct -prove-asserts -set-assumes -seq 1 -maxsteps 4 -verify"
    status, said = yosys([*netlist(cell, properties, work, files), induction], work)
    if status == 0:
        assert "Induction step proven: SUCCESS!" in said, said[-1500:]
        return True
    assert "SAT temporal induction proof finished - model found for base case: FAIL" in said, said[-1500:]
    return False


def reachable(cell, properties, work, files=None):
    """Whether PDR proves the properties; arguments and AssertionError as for inductive."""
    assert properties
    aiger = work / "prove.aig"
    # -zinit: a register without an initial value may start with any.
    to_gates = ["techmap", "opt", "simplemap", "dffunmap", "setundef -anyseq", "aigmap", "opt_clean"]
    write = f"write_aiger -I -B -zinit -no-startoffset {aiger}"
    status, said = yosys([*netlist(cell, properties, work, files), *to_gates, write], work)
    assert status == 0, said[-1500:]
    command = f"read_aiger {aiger}; fold; strash; pdr -T 60"
    answer = subprocess.run([str(ABC), "-c", command], capture_output=True, text=True, check=False, cwd=work).stdout
    refuted = "was asserted in frame" in answer
    assert refuted != ("Property proved" in answer), answer[-1500:]
    return not refuted
