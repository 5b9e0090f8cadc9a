"""The names of a model and its nodes as names of generated SystemVerilog."""

from __future__ import annotations

from pathlib import Path

_INNER = {
    "act_quant",
    "export_handler",
    "activation_impl",
    "fused_activation_quant_proxy",
    "tensor_quant",
    "input_quant",
}
_OPERATORS = {"Conv", "Quant", "BipolarQuant", "Gemm", "MatMul", "BatchNormalization", "MaxPool", "Trunc", "IntQuant"}

# The keywords of IEEE 1800-2017.
_RESERVED = frozenset(
    """
    accept_on alias always always_comb always_ff always_latch and assert assign assume automatic before begin
    bind bins binsof bit break buf bufif0 bufif1 byte case casex casez cell chandle checker class clocking cmos
    config const constraint context continue cover covergroup coverpoint cross deassign default defparam design
    disable dist do edge else end endcase endchecker endclass endclocking endconfig endfunction endgenerate
    endgroup endinterface endmodule endpackage endprimitive endprogram endproperty endsequence endspecify
    endtable endtask enum event eventually expect export extends extern final first_match for force foreach
    forever fork forkjoin function generate genvar global highz0 highz1 if iff ifnone ignore_bins illegal_bins
    implements implies import incdir include initial inout input inside instance int integer interconnect
    interface intersect join join_any join_none large let liblist library local localparam logic longint
    macromodule matches medium modport module nand negedge nettype new nexttime nmos nor noshowcancelled not
    notif0 notif1 null or output package packed parameter pmos posedge primitive priority program property
    protected pull0 pull1 pulldown pullup pulsestyle_ondetect pulsestyle_onevent pure rand randc randcase
    randsequence rcmos real realtime ref reg reject_on release repeat restrict return rnmos rpmos rtran rtranif0
    rtranif1 s_always s_eventually s_nexttime s_until s_until_with scalared sequence shortint shortreal
    showcancelled signed small soft solve specify specparam static string strong strong0 strong1 struct super
    supply0 supply1 sync_accept_on sync_reject_on table tagged task this throughout time timeprecision timeunit
    tran tranif0 tranif1 tri tri0 tri1 triand trior trireg type typedef union unique unique0 unsigned until
    until_with untyped use uwire var vectored virtual void wait wait_order wand weak weak0 weak1 while wildcard
    wire with within wor xnor xor
    """.split()  # noqa: SIM905 - a list of quoted words reads worse
)


def short_name(name: str) -> str:
    """The scopes of a PyTorch export without what says nothing: "/features.0/act_quant/Quant" -> "features.0"."""
    scopes = [s for s in name.split("/") if s and s not in _INNER]
    if len(scopes) > 1 and scopes[-1].rstrip("_0123456789") in _OPERATORS:
        scopes.pop()
    return ".".join(scopes) or name


def identifier(name: str) -> str:
    """`name` as a SystemVerilog identifier."""
    text = "".join(c if c.isascii() and c.isalnum() else "_" for c in name).strip("_")
    while "__" in text:
        text = text.replace("__", "_")
    return f"m_{text}" if not text or text[0].isdigit() or text in _RESERVED else text


def model_stem(path: Path) -> str:
    """The name of the ONNX file `path` without its endings: "a/mnist-mux.onnx.xz" -> "mnist-mux"."""
    return Path(path.stem).stem if path.suffix == ".xz" else path.stem
