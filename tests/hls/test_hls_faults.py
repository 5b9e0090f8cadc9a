"""A wrong word in the emitted C++ is found where it is; what fails on the way to the C model has a name."""

import shutil

import numpy as np
import pytest
from graphs import frames
from shell_net import plan, project, shell_net

from lutwright.errors import ToolFailed, ToolMissing
from lutwright.hls import convert
from lutwright.hls.frames import answer_words
from lutwright.hls.lower import lower
from lutwright.hls.options import HlsOptions
from lutwright.simulate import hls_model
from lutwright.simulate.hls_model import CModel, compare_model, compile_model, run_model


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    return project(tmp_path_factory.mktemp("faults") / "p")


def test_a_wrong_word_is_told_with_stage_frame_and_channel(opened, tmp_path, monkeypatch):
    sources = tmp_path / "hls"
    shutil.copytree(opened.sources, sources)
    header = sources / "firmware" / "nnet_utils" / "lutwright_mux.h"
    call = "out[output] = mux_sign_word<typename data_T::value_type"
    before, behind = header.read_text().split(call)
    # The last word of the second frame is one too high.
    counted = "static unsigned calls = 0; out[output] = (calls++ == 119 ? 1 : 0) +"
    header.write_text(before + counted + call.removeprefix("out[output] =") + behind)
    compiled = compile_model(sources, "shellnet", tmp_path / "work", "-O0")
    # Two frames a start of the program: a message tells the frame of the whole run.
    monkeypatch.setattr(hls_model, "_BLOCK_WORDS", 2 * answer_words(opened.model, True))
    found = list(compare_model(compiled, opened.model, opened.graph, frames(opened.graph, 6), tmp_path))
    assert [done for done, _ in found] == [2, 4, 6]
    first = [next(one.first for one in block if one.stage == "conv0") for _, block in found]
    place = "stage 'conv0', frame {}, channel 2, row 4, column 3: integer "
    assert [text.startswith(place.format(frame)) for text, frame in zip(first, (1, 3, 5), strict=True)] == [True] * 3
    assert all(text.endswith("(first of 1)") for text in first)


def test_the_same_project_twice_is_the_same_and_knows_no_place():
    first, second = plan(shell_net()), plan(shell_net())
    assert first.files == second.files and len(first.files) > 40
    told = [name for name, data in first.files.items() if b"/tmp/" in data or b"lutwright-hls-" in data]
    assert not told


def test_what_hls4ml_raises_has_a_name(monkeypatch):
    def fails(*rest):
        raise KeyError("n_in")

    monkeypatch.setattr(convert, "_write", fails)
    graph = shell_net()
    with pytest.raises(ToolFailed, match=r"tool 'hls4ml': failed on 'shellnet' \(KeyError: 'n_in'\)"):
        convert.hls_files(lower(graph, HlsOptions()), "shellnet", HlsOptions())


def test_no_compiler_has_a_name(opened, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ToolMissing, match=r"tool 'g\+\+': must be on PATH for the C model"):
        compile_model(opened.sources, "shellnet", tmp_path)


def test_what_does_not_compile_is_told_with_the_compilers_words(tmp_path):
    (tmp_path / "firmware").mkdir()
    for name in ("firmware/x.cpp", "x_bridge.cpp"):
        (tmp_path / name).write_text("")
    (tmp_path / "frames.cpp").write_text("int main() { return wrong; }")
    with pytest.raises(ToolFailed, match=r"tool 'g\+\+': ended with status 1: .*wrong. was not declared"):
        compile_model(tmp_path, "x", tmp_path / "work")


def program(tmp_path, text):
    made = tmp_path / "frames"
    made.write_text(f"#!/bin/sh\n{text}\n")
    made.chmod(0o755)
    return CModel(made, 0.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("exit 3", r"tool 'frames': ended with status 3: it said nothing"),
        (': > "$2"', r"the C model: must write 376 words, not 0"),
    ],
)
def test_a_program_that_fails_or_says_too_little(opened, tmp_path, text, message):
    with pytest.raises(ToolFailed, match=message):
        run_model(program(tmp_path, text), opened.model, frames(opened.graph, 2), tmp_path)


def test_a_program_that_does_not_start(opened, tmp_path):
    with pytest.raises(ToolFailed, match="tool 'nothing': did not run"):
        run_model(CModel(tmp_path / "nothing", 0.0), opened.model, np.zeros((1, 40), np.int64), tmp_path)
