"""Each cell alone: Verilator -Wall says nothing, Icarus elaborates it, Yosys reads it."""

import subprocess
import sys

import pytest
from streams import sources

from lutwright.resources import room
from lutwright.simulate.runner import simulator_environment

CELLS = sorted(path.stem for path in (room("hw") / "rtl").glob("*.sv"))
WAIVERS = [str(path) for path in sorted((room("hw") / "lint").glob("*.vlt"))]


@pytest.mark.parametrize("cell", CELLS)
def test_verilator_and_icarus(cell, tmp_path):
    files = [str(path) for path in sources(cell)]
    lint = subprocess.run(
        ["verilator", "--lint-only", "-Wall", "--top-module", cell, *WAIVERS, *files],
        env=simulator_environment("verilator"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert lint.returncode == 0 and "%Warning" not in lint.stderr, lint.stderr
    icarus = subprocess.run(
        ["iverilog", "-g2012", "-s", cell, "-o", str(tmp_path / "x"), *files],
        capture_output=True,
        text=True,
        check=False,
    )
    assert icarus.returncode == 0, icarus.stderr


# Parameters that open other branches of a cell than the defaults do.
VARIANTS = [
    ("stream_fork", "WIDTH=1 OUTPUTS=1"),
    ("stream_add", "PE=2 NF=3 A_SIGNED=1 GAIN_BITS=3 A_GAINS=18'h1A2B3 B_GAINS=18'h0 OUT_BITS=9"),
    ("stream_add", "PE=3 B_SIGNED=1 OUT_BITS=4"),
    ("concat", "INPUTS=1"),
    ("concat", "INPUTS=3 BEATS=96'h000000010000000500000002"),
    ("gather", "IN_BEATS=1 OUT_BEATS=3"),
    ("gather", "IN_BEATS=5 OUT_BEATS=1 BLOCK=1"),
    ("pad", "NF=3 HEIGHT=1 COLUMNS=1 PAD_T=0 PAD_B=2 PAD_L=0"),
    ("sum_pool", "PE=2 NF=3 KH=28 KW=28 OUT_BITS=14"),
    ("sum_pool", "KH=1 KW=3 SIGNED=1 BLOCK=1 OUT_BITS=3"),
    ("window_pool", "ROWS=1 COLUMNS=1 KH=1 KW=1"),
    ("window_pool", "KH=1 SIGNED=1"),
    ("window_pool", "KH=1 KW=1 MAX=0 OUT_BITS=5"),
    ("window_row", "K=1 PAD_L=0 STRIDE=2 OUT_W=14"),
    ("window_row", "K=7 PAD_L=3 WIDTH=2 OUT_W=2 CHANNELS=4 SIMD=2"),
    ("window_row", "WIDTH=1 K=5 PAD_L=4 OUT_W=5"),
    ("window_pool", "PE=2 MAX=0 OUT_BITS=3"),
    ("folded_mac", "BINARY=1 X_BITS=1 W_BITS=1 SIMD=5 PE=2 SF=3 NF=2"),
    ("folded_mac", "BINARY=1 X_BITS=1 W_BITS=1 SIMD=8 PE=2 SF=3 HOLD=0 BLOCK=1"),
    ("folded_mac", "DSP=1 SIMD=3"),
    ("folded_mac", "DSP=2 PE=4 SIMD=3 NF=2"),
    ("product_dsp", "PAIR=0 X_BITS=8 X_SIGNED=1 P_BITS=11"),
    ("sign_count", "N=1"),
    ("mux_mac", "KEPT=2 PE=2 SIMD=3 NF=2 SF=2"),
    ("product", "W_BITS=1 P_BITS=5"),
    ("product", "POWERS=1 W_BITS=3"),
    ("product", "POWERS=1 W_BITS=2 X_BITS=1 P_BITS=3"),
    ("mux_mac", "SHARED=1 PE=2 SIMD=2 NF=2 SF=1"),
    ("mux_mac", "SHARED=1 KEPT=2 SF=10 SIGN_ONLY=1 W_BITS=1"),
    ("signs", "LANES=3 BITS=4"),
    ("requantise_table", "PE=2 NF=3 LOW=-7 DEPTH=13"),
    ("requantise_table", "DEPTH=1"),
    ("requantise_table", "SHARED=1 PE=2 NF=3"),
    ("top_k", "N=1 K=1"),
    ("top_k", "N=5 K=5 SIGNED=0"),
    ("product", "COMPLEMENT=1 P_BITS=7"),
    ("product", "COMPLEMENT=1 X_BITS=5 X_SIGNED=1 W_BITS=3"),
    ("product", "COMPLEMENT=1 X_BITS=1 W_BITS=3 P_BITS=2"),
    ("product", "COMPLEMENT=1 W_BITS=1 P_BITS=4"),
    ("product", "COMPLEMENT=1 POWERS=1 W_BITS=3 P_BITS=6"),
    ("product", "COMPLEMENT=1 W_BITS=6 P_BITS=9"),
    ("folded_mac", "COMPLEMENT=1 PE=2 SIMD=3 NF=2 P_BITS=7"),
    ("mux_mac", "COMPLEMENT=1 PE=2 SIMD=3 NF=2 SF=2 P_BITS=7"),
    ("depthwise_mac", "COMPLEMENT=1 NF=3 PE=2 P_BITS=7"),
    ("mac_accumulate", "ADDS=1 SIGNED=0 PE=2 SIMD=3"),
    ("adder_tree", "SIGNED=0 TERMS=5"),
    ("depthwise_mac", "NF=3 PE=2"),
    ("views", "HEIGHT=1 WIDTH=1 CROP_H=1 CROP_W=1"),
    ("views", "HEIGHT=1 WIDTH=1 CROP_H=1 CROP_W=1 FRAMES=1 FLIP=1 BLOCK=1"),
    ("views", "CHANNELS=6 SIMD=2 CROPS=2 TOP=64'h0000000400000002 LEFT=64'h0000000400000001 USER=6 FLIP=1"),
    ("views", "HEIGHT=24 CROPS=3 USER=1 CHANNELS=3 FRAMES=1"),
    ("depthwise_mac", "TAPS=1 X_BITS=8 P_BITS=12 X_SIGNED=1 EVERY=3"),
    ("learner", "LANES=8 POLICY=2 L2=1 SIGNED=1 N=20"),
    ("learner", "D=15 P=3 K=3 C=7 F=5 FRAC=0 LANES=3 POLICY=1 R_MAX=5 BLOCK=0"),
    ("learner", "D=1 P=1 K=1 C=1 F=1 FRAC=0 N=1"),
    ("learner", "D=16 P=4 K=1 C=2 LANES=2 POLICY=3 EVERY=1 FRAME_BLOCK=1"),
    ("frame_user", "USER=1 IN_BEATS=1 OUT_BEATS=1 DEPTH=2"),
    ("axis_width", "IN_BYTES=1 OUT_BYTES=4"),
    ("axis_width", "IN_BYTES=8 OUT_BYTES=3"),
    ("axis_width", "IN_BYTES=1 OUT_BYTES=1"),
    ("packet_last", "IN_BEATS=1 OUT_BEATS=1 DEPTH=2"),
    ("packet_last", "OUT_BEATS=5"),
    ("frame_link", "USER_BYTES=1 COMMANDS=1"),
    ("frame_link", "USER_BYTES=3 COMMANDS=1 IN_BYTES=1 IN_BEATS=1 OUT_BYTES=6"),
    ("frame_link", "USER_BYTES=2 IN_BYTES=4 IN_BEATS=3"),
    ("link_receive", "COMMANDS=1 FRAME_BYTES=3"),
    ("link_answer", "COMMANDS=1 USER_BYTES=2 OUT_BYTES=5"),
    ("learner_axi", "D=15 P=3 K=3 C=7 F=5 FRAC=0 LANES=3 POLICY=1 R_MAX=5 SIGNED=1"),
    ("learner_axi", "D=1 P=1 K=1 C=1 F=1 FRAC=0 N=1 L2=1"),
]


@pytest.mark.parametrize(("cell", "parameters"), VARIANTS)
def test_verilator_with_other_parameters(cell, parameters):
    options = [f"-G{p}" for p in parameters.split()]
    lint = subprocess.run(
        ["verilator", "--lint-only", "-Wall", "--top-module", cell, *options, *WAIVERS, *map(str, sources(cell))],
        env=simulator_environment("verilator"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert lint.returncode == 0 and "%Warning" not in lint.stderr, lint.stderr


@pytest.mark.parametrize("cell", CELLS)
def test_yosys(cell):
    files = " ".join(map(str, sources(cell)))
    script = (
        f"from pyosys import libyosys as y; d = y.Design(); y.run_pass('read_verilog -sv {files}', d); "
        f"y.run_pass('hierarchy -check -top {cell}', d); y.run_pass('proc', d); y.run_pass('check -assert', d)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, (done.stdout + done.stderr)[-800:]


@pytest.mark.parametrize(
    ("cell", "parameter", "fault"),
    [
        ("window", "K=3 SIMD=2", "ERROR_SIMD_must_divide_CHANNELS"),
        ("window", "PAD_T=2", "ERROR_padding_above_or_left_must_be_at_most_K_minus_2"),
        ("window_folded", "SIMD=3 CHANNELS=4", "ERROR_SIMD_must_divide_CHANNELS"),
        ("window", "HEIGHT=1", "ERROR_HEIGHT_and_WIDTH_and_K_must_be_at_least_2"),
        ("stream_fork", "OUTPUTS=0", "ERROR_OUTPUTS_must_be_at_least_1"),
        ("concat", "BEATS=64'h1", "ERROR_each_of_BEATS_must_be_at_least_1"),
        ("gather", "IN_BEATS=0", "ERROR_IN_BEATS_and_OUT_BEATS_must_be_at_least_1"),
        ("pad", "PAD_R=-1", "ERROR_HEIGHT_and_COLUMNS_must_be_at_least_1_and_no_padding_negative"),
        ("sum_pool", "HEIGHT=3 KH=4", "ERROR_a_window_must_lie_inside_of_the_image"),
        ("window_pool", "BITS=3", "ERROR_OUT_BITS_must_be_BITS_for_a_maximum"),
        ("window_pool", "KH=0", "ERROR_KH_and_KW_must_be_1_to_ROWS_and_COLUMNS"),
        ("window_pool", "KW=4", "ERROR_KH_and_KW_must_be_1_to_ROWS_and_COLUMNS"),
        ("window_row", "PAD_L=3", "ERROR_padding_on_the_left_must_be_at_most_K_minus_1"),
        ("window_row", "SIMD=2", "ERROR_SIMD_must_divide_CHANNELS"),
        ("window_row", "STRIDE=0", "ERROR_WIDTH_and_K_and_STRIDE_must_be_at_least_1"),
        ("requantise_table", "BLOCK=1", "ERROR_BLOCK_needs_SHARED"),
        ("product", "POWERS=1 CONSTANT=1 X_BITS=5", "ERROR_POWERS_needs_W_BITS_of_2_or_more_and_no_CONSTANT"),
        ("product", "COMPLEMENT=1 CONSTANT=1", "ERROR_COMPLEMENT_and_CONSTANT_exclude_each_other"),
        ("folded_mac", "COMPLEMENT=1 DSP=1", "ERROR_COMPLEMENT_excludes_BINARY_and_DSP"),
        ("sign_count", "N=5", "ERROR_N_must_be_1_to_4"),
        ("folded_mac", "DSP=2", "ERROR_DSP_must_be_0_to_2_and_2_needs_an_even_PE"),
        ("folded_mac", "DSP=3", "ERROR_DSP_must_be_0_to_2_and_2_needs_an_even_PE"),
        ("folded_mac", "BINARY=1", "ERROR_BINARY_needs_X_BITS_and_W_BITS_of_1"),
        ("top_k", "N=3 K=4", "ERROR_K_must_be_1_to_N"),
        ("learner", "D=12 P=8", "ERROR_P_must_divide_D"),
        ("learner", "LANES=3", "ERROR_LANES_must_divide_P"),
        ("learner", "POLICY=4", "ERROR_POLICY_must_be_0_to_3"),
        ("learner", "SEED=0", "ERROR_SEED_must_be_1_to_65535"),
        ("frame_user", "DEPTH=1", "ERROR_IN_BEATS_and_OUT_BEATS_must_be_at_least_1_and_DEPTH_2"),
        ("frame_user", "OUT_BEATS=0", "ERROR_IN_BEATS_and_OUT_BEATS_must_be_at_least_1_and_DEPTH_2"),
        ("axis_width", "OUT_BYTES=0", "ERROR_IN_BYTES_and_OUT_BYTES_must_be_at_least_1"),
        ("packet_last", "IN_BEATS=0", "ERROR_IN_BEATS_and_OUT_BEATS_must_be_at_least_1_and_DEPTH_2"),
        ("link_answer", "USER_BYTES=256", "ERROR_USER_BYTES_is_not_0_to_255_or_COMMANDS_not_0_or_1"),
        ("views", "CHANNELS=3 SIMD=2", "ERROR_SIMD_must_divide_CHANNELS"),
        ("views", "CROP_H=29", "ERROR_CROP_H_and_CROP_W_must_be_1_to_HEIGHT_and_WIDTH"),
        ("views", "CROP_W=0", "ERROR_CROP_H_and_CROP_W_must_be_1_to_HEIGHT_and_WIDTH"),
        ("views", "CROPS=2 TOP=64'h0000000500000000", "ERROR_a_crop_must_lie_in_the_image"),
        ("views", "CROPS=2 LEFT=64'hffffffff00000004", "ERROR_a_crop_must_lie_in_the_image"),
        ("views", "USER=0", "ERROR_CROPS_and_USER_must_be_at_least_1"),
        ("views", "CROPS=0", "ERROR_CROPS_and_USER_must_be_at_least_1"),
        ("views", "FRAMES=3", "ERROR_FRAMES_must_be_1_or_2"),
        ("views", "FRAMES=0", "ERROR_FRAMES_must_be_1_or_2"),
    ],
)
def test_bad_parameters_stop_elaboration(cell, parameter, fault):
    options = [f"-G{p}" for p in parameter.split()]
    files = [str(path) for path in sources(cell)]
    lint = subprocess.run(
        ["verilator", "--lint-only", "--top-module", cell, *options, *files],
        env=simulator_environment("verilator"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert lint.returncode != 0 and fault in lint.stderr
