"""Reports of AMD's tools: what Vitis HLS 2023.1, Vivado HLS 2020.1 and Vivado 2020.1 and 2022.2 wrote for designs of
hls4ml, cut to what is read."""

from pathlib import Path

import pytest

from lutwright.errors import ToolFailed
from lutwright.flow.hls_reports import Port, Resources, read_csynth, read_utilisation

REPORTS = Path(__file__).parent / "reports"
VITIS = (REPORTS / "csynth_vitis_hls_2023_1.xml").read_bytes()
VIVADO = (REPORTS / "csynth_vivado_hls_2020_1.xml").read_bytes()


def test_vitis_hls():
    found = read_csynth(VITIS, "myproject_csynth.xml")
    assert (found.version, found.part, found.top) == ("2023.1", "xczu49dr-ffvf1760-2-e", "myproject")
    assert (found.target_ns, found.estimated_ns, found.meets_clock) == (5.0, 3.649, True)
    assert (found.latency, found.interval) == ((695, 695), (578, 578))
    assert found.used == Resources(lut=339116, ff=65881, bram=166.0, dsp=29, uram=0)
    assert found.available == Resources(425280, 850560, 1080.0, 4272, 80)
    assert found.ports[0] == Port("input_1_TDATA", "in", 16, "axis")
    assert [port.name for port in found.ports if port.protocol == "ap_ctrl_hs"][:2] == ["ap_clk", "ap_rst_n"]
    told = found.as_dict()
    assert told["used"]["bram"] == 166.0 and told["meets_clock"] and "ports" not in told


def test_vivado_hls():
    found = read_csynth(VIVADO, "myproject_csynth.xml")
    assert (found.version, found.part, found.interval) == ("2020.1", "xc7z020-clg400-1", (8, 8))
    assert found.used == Resources(2532, 7969, 0.0, 73, 0)
    assert found.available.dsp == 220


def test_clocks_that_hls_cannot_tell_and_a_clock_that_is_missed():
    text = VITIS.replace(b"latency>695<", b"latency>undef<").replace(b"Latency>695<", b"Latency>undef<")
    found = read_csynth(text.replace(b">3.649<", b">5.001<"), "x")
    assert (found.latency, found.interval, found.meets_clock) == ((None, None), (578, 578), False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"<profile>", "no element found"),
        (b"<profile></profile>", "no ReportVersion/Version"),
        (VITIS.replace(b"<FF>65881</FF>", b""), "no AreaEstimates/Resources/FF"),
        (VITIS.replace(b">3.649<", b">NA<"), "could not convert string to float: 'NA'"),
    ],
)
def test_another_file_is_refused(text, message):
    with pytest.raises(ToolFailed, match=r"report 'x\.xml': must be the csynth\.xml of a finished synthesis") as caught:
        read_csynth(text, "x.xml")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "device", "used", "available"),
    [
        ("2020_1", "7z020clg400-1", (1526, 2428, 0, 66, 0), (53200, 106400, 140, 220, 0)),
        ("2022_2", "xcu50-fsvh2104-2L-e", (179437, 227971, 251, 2058, 0), (871680, 1743360, 1344, 5952, 640)),
    ],
)
def test_utilisation_of_vivado(name, device, used, available):
    found = read_utilisation((REPORTS / f"utilisation_{name}.rpt").read_text(), "vivado_synth.rpt")
    assert (found.device, found.state) == (device, "Synthesized")
    assert (found.used, found.available) == (Resources(*used), Resources(*available))
    assert found.as_dict()["used"]["lut"] == used[0]


def test_half_a_block_ram_and_a_thousand():
    text = (REPORTS / "utilisation_2022_2.rpt").read_text().replace("|  251 |", "| 2.5 |").replace("179437", "179,437")
    found = read_utilisation(text, "x")
    assert (found.used.bram, found.used.lut) == (2.5, 179437)


def test_a_report_without_dsps_is_refused():
    text = (REPORTS / "utilisation_2020_1.rpt").read_text()
    with pytest.raises(ToolFailed, match=r"report 'x.rpt': must be what .* wrote; it does not tell dsp"):
        read_utilisation(text[: text.index("3. DSP")], "x.rpt")
