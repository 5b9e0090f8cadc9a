"""A wheel, installed elsewhere and used from any folder, has every data room in it."""

import json
import os
import subprocess
import sys

import pytest

from lutwright.resources import room

ROOT = room("hw").parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(ROOT)], check=True)
    (wheel,) = folder.glob("lutwright-*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", str(folder / "site"), str(wheel)], check=True)
    return folder / "site"


def test_it_builds_a_project_from_any_folder(installed, tmp_path):
    env = {**os.environ, "PYTHONPATH": str(installed)}
    code = (
        "import lutwright, sys; from lutwright.cli.main import main; print(lutwright.__file__, file=sys.stderr); main()"
    )
    model = next(installed.rglob("mnist-mux.onnx"))
    done = subprocess.run(
        [sys.executable, "-c", code, "build", str(model), "--board", "tangnano9k", "--json"],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert str(installed) in done.stderr.splitlines()[0]
    assert json.loads(done.stdout)["project"] == "mnist-mux-tangnano9k"
    assert (tmp_path / "mnist-mux-tangnano9k" / "rtl" / "mnist_mux.sv").is_file()


def test_every_room_travels(installed):
    for name in (
        "hw/rtl/window.sv",
        "rtl_templates/core.sv.j2",
        "sim/tb_core.py",
        "boards/tangnano9k.toml",
        "examples/recipes/mnist-mux.toml",
    ):
        assert (installed / "lutwright" / "_rooms" / name).is_file(), name
    assert (installed / "lutwright" / "report" / "demo.html.j2").is_file()
