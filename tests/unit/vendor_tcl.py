"""A Tcl interpreter in which Vivado's and Quartus' commands are known by name and do nothing but leave their files.

What a script calls must be a command of Tcl or one of those below, what it reads must be there, ports must be those of
the design, and the pins of a block design those of its cells.
"""

import re
import tkinter
from pathlib import Path

# Pins and interfaces of the IPs, after their product guides.
PINS = {
    "processing_system7": "FCLK_CLK0 FCLK_RESET0_N M_AXI_GP0_ACLK S_AXI_HP0_ACLK M_AXI_GP0 S_AXI_HP0",
    "zynq_ultra_ps_e": "pl_clk0 pl_resetn0 maxihpm0_fpd_aclk saxihp0_fpd_aclk M_AXI_HPM0_FPD S_AXI_HP0_FPD",
    "axi_dma": "s_axi_lite_aclk m_axi_mm2s_aclk m_axi_s2mm_aclk axi_resetn S_AXI_LITE M_AXI_MM2S M_AXI_S2MM "
    "M_AXIS_MM2S S_AXIS_S2MM",
    "smartconnect": "aclk aresetn S00_AXI S01_AXI M00_AXI M01_AXI",
    "axi_gpio": "s_axi_aclk s_axi_aresetn gpio_io_i S_AXI",
    "proc_sys_reset": "slowest_sync_clk ext_reset_in peripheral_aresetn",
    "util_vector_logic": "Op1 Res",
}
QUIET = [
    "set_property",
    "update_ip_catalog",
    "update_compile_order",
    "launch_runs",
    "wait_on_run",
    "open_run",
    "close_project",
    "create_bd_design",
    "apply_bd_automation",
    "assign_bd_address",
    "validate_bd_design",
    "save_bd_design",
    "create_clock",
    "set_false_path",
    "ipx::associate_bus_interfaces",
    "ipx::create_xgui_files",
    "ipx::update_checksums",
    "ipx::check_integrity",
    "ipx::save_core",
    "load_package",
    "project_close",
    "derive_clock_uncertainty",
    "current_project",
    "current_fileset",
    "current_design",
    "get_runs",
    "get_files",
    "set_global_assignment",
    "set_instance_assignment",
    "create_project",
]


class Tool:
    """The interpreter for one project. calls: [command, arguments...] in their order.

    ports: of the top module. boards: whether Vivado has the board's files. fault: a run that does not end.
    """

    def __init__(self, project: Path, ports, boards=True, fault=""):
        self.project, self.ports, self.boards, self.fault = project, set(ports), boards, fault
        self.calls, self.cells, self.used, self.core_ports = [], {}, set(), set()
        self.wrong = None
        self.runs = project / "runs"
        self.runs.mkdir()
        self.tcl = tkinter.Tcl()
        self.tcl.eval("namespace eval ipx {}")
        for name in QUIET:
            self._know(name, lambda *words: "")
        own = [name for name in dir(self) if name.startswith("do_")]
        for name in own:
            self._know(name.removeprefix("do_").replace("ipx_", "ipx::"), getattr(self, name))

    def source(self, path):
        """Run the script `path` of the project. Raises TclError, or AssertionError out of a command."""
        try:
            return self.tcl.eval(f"source {{{self.project / path}}}")
        except tkinter.TclError as error:
            raise self.wrong or error from None

    def called(self, command):
        """The arguments of each call of `command`."""
        return [call[1:] for call in self.calls if call[0] == command]

    def _know(self, name, action):
        def call(*words):
            self.calls.append([name, *words])
            try:
                return action(*words) or ""
            except AssertionError as error:
                self.wrong = error
                raise

        self.tcl.createcommand(name, call)

    def _files(self, words):
        for word in words:
            for name in self.tcl.splitlist(word):
                if not name.startswith("-") and name != "constrs_1":
                    assert Path(name).is_file(), f"{name} is not there"

    def _pins(self, words):
        for word in words:
            cell, pin = word.split("/")
            assert pin in self.cells[cell], f"{cell} has no {pin}"
            self.used.add(word)
        return " ".join(words)

    # ---- files and runs
    def do_add_files(self, *words):
        self._files(words)

    def do_get_property(self, name, run):
        return {"PROGRESS": "42%" if self.fault else "100%", "DIRECTORY": str(self.runs)}[name]

    def do_report_utilization(self, flag, name):
        Path(name).write_text("area")

    def do_report_timing_summary(self, flag, name):
        Path(name).write_text("speed")

    def do_get_ports(self, names):
        found = self.tcl.splitlist(names)
        assert set(found) <= self.ports, f"{found} are not all of {self.ports}"
        return " ".join(found)

    # ---- IP and block design
    def do_ipx_package_project(self, *words):
        assert "-import_files" in words

    def do_ipx_current_core(self):
        return "core"

    def do_get_board_parts(self, *words):
        return words[-1].replace("*", "part0:1.0") if self.boards else ""

    def do_get_ipdefs(self, flag, pattern):
        kind = pattern.split(":")[2]
        assert kind in PINS, f"no IP {kind}"
        return f"xilinx.com:ip:{kind}:1.0 xilinx.com:ip:{kind}:10.1 xilinx.com:ip:{kind}:9.0"

    def do_create_bd_cell(self, *words):
        kind, version, name = *words[words.index("-vlnv") + 1].split(":")[2:], words[-1]
        self.cells[name] = set(PINS[kind].split()) if kind in PINS else self.core_ports
        assert version == ("10.1" if kind in PINS else "1.0")
        return name

    def do_get_bd_pins(self, *words):
        return self._pins(words)

    def do_get_bd_intf_pins(self, *words):
        return self._pins(words)

    def do_create_bd_port(self, *words):
        self.ports.add(words[-1])

    def do_get_bd_ports(self, name):
        assert name in self.ports
        return name

    def do_connect_bd_net(self, first, second):
        assert first != second

    def do_connect_bd_intf_net(self, first, second):
        assert first != second

    def do_make_wrapper(self, *words):
        made = self.project / "vivado/work/board_top.gen/sources_1/bd/board_top/hw_handoff"
        made.mkdir(parents=True)
        (made / "board_top.hwh").write_text("described")

    # ---- Quartus
    def do_project_open(self, name):
        assert (self.project / f"{name}.qpf").is_file()
        self.tcl.eval(f"source {{{self.project / name}.qsf}}")
        self.tcl.eval(f"source {{{self.project / name}.sdc}}")

    def do_set_location_assignment(self, pin, flag, port):
        assert port in self.ports

    def do_execute_flow(self, flag):
        assert flag == "-compile"
        for words in self.called("set_global_assignment"):
            kind, value = words[1:]
            if kind.endswith(("_FILE", "_PATH")):
                assert (self.project / value).exists(), value
            if kind == "SOURCE_TCL_SCRIPT_FILE":
                self.source(value)
        work = self.project / "quartus" / "work"
        work.mkdir()
        for suffix in ("fit.summary", "sta.rpt", "sof"):
            (work / f"board_top.{suffix}").write_text(suffix)


def ports_of(text):
    """The ports of a module in Verilog or SystemVerilog."""
    return re.findall(r"^\s+(?:input|output)\s+(?:wire|reg|logic)?\s*(?:\[\d+:0\])?\s*(\w+)", text, re.M)


def interfaces_of(ports):
    """The ports of a module as the cell of a block design has them: AXI4-Streams are one pin."""
    return {re.sub(r"^([sm]_axis)_t\w+$", r"\1", port) for port in ports}
