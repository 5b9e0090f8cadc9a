"""A QONNX file by hls4ml's own conversion, in a process of its own.

python hls_plain.py MODEL FRAMES OUTPUTS IO PRECISION
FRAMES and OUTPUTS are .npy files, float [n, ...]; the last line of standard output is JSON: seconds to compile, frames
a second. It may die in any way; `plain` says how.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Plain:
    """outputs: float [n, ...], or None where it died; said: why.

    Seconds to compile and frames a second are those of its C model.
    """

    outputs: NDArray[np.float64] | None
    said: str
    compile_seconds: float = 0.0
    rate: float = 0.0


def plain(model: onnx.ModelProto, x: NDArray[np.float32], io: str, precision: str, timeout: float) -> Plain:
    """What hls4ml makes of `model` on frames `x` in layout NCHW, within `timeout` seconds."""
    with tempfile.TemporaryDirectory(prefix="hls4ml-") as folder:
        place = Path(folder)
        onnx.save(model, place / "model.onnx")
        np.save(place / "x.npy", x)
        names = [str(place / name) for name in ("model.onnx", "x.npy", "y.npy")]
        command = [sys.executable, str(Path(__file__).resolve()), *names, io, precision]
        try:
            done = subprocess.run(
                command,
                cwd=place,
                capture_output=True,
                text=True,
                check=False,
                timeout=timeout,
                preexec_fn=_widen_stack,
            )
        except subprocess.TimeoutExpired:
            return Plain(None, f"not done after {timeout:.0f} s")
        if done.returncode < 0:
            return Plain(None, f"killed by signal {-done.returncode}")
        if done.returncode:
            return Plain(None, _why(done.stderr, folder))
        told = json.loads(done.stdout.strip().splitlines()[-1])
        return Plain(np.load(place / "y.npy"), "", told["compile_seconds"], told["rate"])


def _why(text: str, folder: str) -> str:
    """The last line of a traceback, without paths."""
    return (text.strip().splitlines() or ["it said nothing"])[-1].replace(folder, ".")[:160]


def _widen_stack() -> None:
    """Its layers keep whole tensors on the stack."""
    _, most = resource.getrlimit(resource.RLIMIT_STACK)
    resource.setrlimit(resource.RLIMIT_STACK, (most, most))


def convert(model: Path, x: NDArray[np.float32], io: str, precision: str) -> tuple[NDArray[np.float64], float, float]:
    """Convert as hls4ml's documentation does, compile at -O1, run: outputs, seconds to compile, frames a second."""
    import hls4ml
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.channels_last import ConvertToChannelsLastAndClean
    from qonnx.transformation.gemm_to_matmul import GemmToMatMul
    from qonnx.util.cleanup import cleanup_model

    wrapped = cleanup_model(ModelWrapper(str(model)))
    if x.ndim == 4:
        wrapped = wrapped.transform(ConvertToChannelsLastAndClean())
        x = x.transpose(0, 2, 3, 1)
    wrapped = cleanup_model(wrapped.transform(GemmToMatMul()))
    config = hls4ml.utils.config_from_onnx_model(
        wrapped, granularity="name", backend="Vitis", default_precision=precision
    )
    made = hls4ml.converters.convert_from_onnx_model(
        wrapped, output_dir="plain", io_type=io, backend="Vitis", hls_config=config
    )
    made.write()
    script = Path("plain") / "build_lib.sh"
    script.write_text(script.read_text().replace("-O3", "-O1"))
    begin = time.perf_counter()
    made._compile()
    compiled = time.perf_counter()
    outputs = made.predict(np.ascontiguousarray(x, np.float64))
    done = time.perf_counter()
    return np.asarray(outputs).reshape(len(x), -1), compiled - begin, len(x) / (done - compiled)


if __name__ == "__main__":
    _model, _x, _y, _io, _precision = sys.argv[1:]
    _outputs, _seconds, _rate = convert(Path(_model), np.load(_x), _io, _precision)
    np.save(_y, _outputs)
    print(json.dumps({"compile_seconds": _seconds, "rate": _rate}))
