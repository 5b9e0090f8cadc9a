"""How long the conversion of a model file takes and how much memory, measured in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from lutwright.frontend.load import load_model
from lutwright.frontend.translate import import_with_taps
from lutwright.passes import run_pipeline

_RUNS = 3


@dataclass(frozen=True)
class Conversion:
    """One conversion. Seconds: file to graph, and the passes behind it. MiB: the peak of resident memory of a Python
    process that has imported all it needs, that after the graph is made, and that after the passes."""

    graph_seconds: float
    passes_seconds: float
    imports_mib: float
    graph_mib: float
    peak_mib: float
    nodes: int

    @property
    def seconds(self) -> float:
        """File to the graph behind the passes."""
        return self.graph_seconds + self.passes_seconds


def measure(path: Path) -> Conversion:
    """Convert the ONNX file `path` in some child processes, one after the other: the fastest, with the highest peak."""
    command = [sys.executable, str(Path(__file__).resolve()), str(path)]
    runs = [
        Conversion(**json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))
        for _ in range(_RUNS)
    ]
    best = min(runs, key=lambda run: run.seconds)
    return replace(best, graph_mib=max(r.graph_mib for r in runs), peak_mib=max(r.peak_mib for r in runs))


def convert(path: Path) -> Conversion:
    """Convert the ONNX file `path` in this process."""
    imports = _peak_mib()
    start = time.perf_counter()
    graph = import_with_taps(load_model(path), "model").graph
    made, middle = time.perf_counter(), _peak_mib()
    fitted = run_pipeline(graph)
    end = time.perf_counter()
    return Conversion(made - start, end - made, imports, middle, _peak_mib(), len(fitted.nodes))


def _peak_mib() -> float:
    """The peak of this program alone: ru_maxrss also counts the parent, whose memory a child has until its exec."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


if __name__ == "__main__":
    print(json.dumps(asdict(convert(Path(sys.argv[1])))))
