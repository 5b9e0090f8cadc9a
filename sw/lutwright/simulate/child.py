"""The child process of runner.Bench: reads one job as JSON from standard input and calls cocotb's runner."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

# PINCONNECTEMPTY and the like are style of benches; cells are linted alone, with -Wall, by the tests.
_VERILATOR = ["-O3", "--no-assert-case", "-Wno-fatal"]


def _build_arguments(job: dict[str, Any]) -> list[str]:
    if job["simulator"] == "icarus":
        return ["-g2012"]
    timing = ["--timing", "-CFLAGS", "-std=c++20", "-CFLAGS", "-fcoroutines"] if job["timing"] else []
    # Where Python looks at the top alone, the compiler may optimise everything below.
    top_only = ["--no-public-flat-rw", "--public-depth", "1"] if job["top_only"] else []
    link = [word for library in job["link"] for word in ("-LDFLAGS", library)]
    return [*_VERILATOR, *timing, *top_only, *link, *(["--trace"] if job["waves"] else [])]


def main() -> None:
    """Compile or run, as the job on standard input says."""
    from cocotb_tools.runner import get_runner

    job = json.load(sys.stdin)
    runner = get_runner(job["simulator"])
    if job["action"] == "compile":
        runner.build(
            sources=job["sources"],
            hdl_toplevel=job["top"],
            build_dir=job["build_dir"],
            always=True,
            parameters=job["parameters"],
            includes=job["include"],
            defines=job["defines"],
            build_args=_build_arguments(job),
            waves=job["waves"],
            timescale=("1ns", "1ps"),
        )
        return
    runner.build_dir = job["build_dir"]
    runner.test(
        test_module=job["test_module"],
        hdl_toplevel=job["top"],
        hdl_toplevel_lang="verilog",
        build_dir=job["build_dir"],
        test_dir=job["cwd"],
        results_xml=job["results"],
        testcase=job["testcase"],
        waves=job["waves"],
        extra_env=dict(os.environ),
    )


if __name__ == "__main__":
    main()
