"""The whole chip of a network and a learner, simulated: every result, answer and word of the state."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from learner_chips import small_project
from streams import simulator
from typer.testing import CliRunner

from lutwright.cli.main import app
from lutwright.cli.sim import simulate_project
from lutwright.errors import BadFeatures, BadOption, ToolFailed
from lutwright.learn import Learner
from lutwright.resources import room
from lutwright.runtime.link import Link
from lutwright.simulate.board import compile_board
from lutwright.simulate.core import standard_runs
from lutwright.simulate.learner_chip import (
    CLEAR,
    READ,
    Command,
    Frame,
    compile_chip,
    load_operations,
    play_chip,
    read_chip,
    save_operations,
    state_from_answers,
)
from lutwright.simulate.learner_runs import Script, chip_features, play_runs
from lutwright.simulate.runner import simulator_environment
from lutwright.simulate.virtual_board import virtual_board

WORDS = "classes=5,subspaces=8,anchors=2"
# What is unlike in each: ratio of the beats, views and crops, policy, distance, signs, lanes of the learner.
CHIPS = {
    "plain": WORDS,
    "flipped crops": "classes=3,subspaces=6,anchors=2,views=flip,image=8x7,policy=random,distance=l2,seed=77,lanes=2",
    "signed sums": "classes=4,subspaces=20,anchors=1,features=first,policy=round-robin,lanes=4,count_bits=3",
    "odd widths": "classes=9,subspaces=9,anchors=2,features=pool,views=5crop,image=7x5,policy=nearest",
}


@pytest.fixture(scope="module")
def projects(tmp_path_factory):
    """The opened projects of CHIPS, each made when it is asked for."""
    folder, made = tmp_path_factory.mktemp("chips"), {}

    def project(name):
        if name not in made:
            made[name] = small_project(folder / name.replace(" ", "_"), CHIPS[name])
        return made[name]

    return project


@pytest.fixture(scope="module")
def plain(projects, tmp_path_factory):
    """The plain project and its compiled bench."""
    project = projects("plain")
    return project, compile_chip(project, tmp_path_factory.mktemp("plain_sim"), simulator())


def images(chip, count, seed=1):
    rng = np.random.default_rng(seed)
    top = (1 << chip.image.bits) - 1
    return rng.integers(0, top + 1, (count, *chip.shape)), rng.integers(0, chip.config.classes + 1, count)


@pytest.mark.parametrize(
    ("name", "ratios", "versions"),
    [("plain", (4, 3), 1), ("flipped crops", (1, 1), 2), ("signed sums", (2, 3), 1), ("odd widths", (3, 2), 5)],
)
def test_every_word_under_every_stall(name, ratios, versions, projects, tmp_path):
    project = projects(name)
    chip = project.learner
    assert (chip.ratios, chip.config.versions) == (ratios, versions)
    bench = compile_chip(project, tmp_path, simulator())
    codes, labels = images(chip, 12)
    runs = standard_runs(12, project.pipeline.interval)
    runs = runs if name == "plain" else [runs[1], runs[-1]]
    results = play_runs(bench, project, chip, codes, labels, runs)
    assert [result.run.name for result in results][-1] == "reset in mid-frame"
    for result in results:
        assert result.mismatches == 0, [c.first for c in result.comparisons if c.mismatches]
    stages = [comparison.stage for comparison in results[0].comparisons]
    assert stages == ["label", "votes", "margin", "status", "commands", "status of a command", "state"]
    assert results[0].words > 4 * 12 + len(save_operations(chip.config))


@pytest.mark.parametrize("name", CHIPS)
def test_the_chip_lints_and_elaborates(name, projects, tmp_path):
    project = projects(name)
    for top in (project.learner.name, "board_top"):
        files = [str(path) for path in project.board_sources]
        call = ["verilator", "--lint-only", "-Wall", "-Wno-DECLFILENAME", "--top-module", top, *files]
        environment = simulator_environment("verilator")
        lint = subprocess.run(call, env=environment, capture_output=True, text=True, check=False)
        assert lint.returncode == 0 and "%Warning" not in lint.stderr, lint.stderr
        call = ["iverilog", "-g2012", "-s", top, "-o", str(tmp_path / top), *files]
        icarus = subprocess.run(call, capture_output=True, text=True, check=False)
        assert icarus.returncode == 0, icarus.stderr
    script = (
        f"from pyosys import libyosys as y; d = y.Design(); y.run_pass('read_verilog -sv {' '.join(files)}', d); "
        f"y.run_pass('hierarchy -check -top {top}', d); y.run_pass('proc', d); y.run_pass('check -assert', d)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, (done.stdout + done.stderr)[-800:]


def test_a_state_goes_from_chip_to_chip(plain):
    """Saved by one run, loaded by another, which then says the same; and it is the reference's."""
    project, bench = plain
    chip, config = project.learner, project.learner.config
    codes, labels = images(chip, 12, seed=3)
    features = chip_features(project, chip, codes)
    script = Script(Learner(config, chip.source))
    for index in range(8):
        script.frame(codes[index], features[index], int(labels[index]) % config.classes, True)
    first = play_chip(bench, project, [*script.operations, *save_operations(config)])
    state = state_from_answers(config, first.data[1:])
    assert state.equals(script.learner.state) and first.clocks > 0
    queries = [Frame(image) for image in codes[8:]]
    done = []
    again = play_chip(bench, project, [*load_operations(config, state), *queries, Command(CLEAR)], progress=(
        lambda count, total: done.append((count, total))))  # fmt: skip
    for index, image in enumerate(features[8:]):
        want = script.learner.predict(image)
        assert (again.label[index], again.votes[index], again.margin[index]) == (want.label, want.votes, want.margin)
    total = len(load_operations(config, state)) + 5
    assert done[-1] == (total, total)
    assert (np.diff(again.clock) > 0).all()
    alone = play_chip(bench, project, queries[:1])
    assert (alone.label.tolist(), alone.status.tolist(), alone.data.size) == ([0], [1], 0)  # it knows nothing


def test_a_wrong_word_is_found(plain, tmp_path):
    """A learner whose anchors start one fraction bit off: the state says so."""
    project, _ = plain
    shutil.copytree(project.folder, tmp_path / "p")
    changed = replace(project, folder=tmp_path / "p")
    top = tmp_path / "p" / "rtl" / f"{project.learner.name}.sv"
    text = top.read_text()
    assert ".POLICY(0)" in text
    top.write_text(text.replace(".POLICY(0)", ".POLICY(1)"))
    codes, labels = images(project.learner, 9)
    bench = compile_chip(changed, tmp_path / "sim", simulator())
    (result,) = play_runs(bench, changed, project.learner, codes, labels, standard_runs(9, 30)[:1])
    wrong = {comparison.stage: comparison.first for comparison in result.comparisons if comparison.mismatches}
    assert "state" in wrong and wrong["state"].startswith("stage 'state', frame 0, element")


def test_a_chip_that_hangs_or_does_not_know_is_named(plain, tmp_path):
    project, _ = plain
    shutil.copytree(project.folder, tmp_path / "p")
    changed = replace(project, folder=tmp_path / "p")
    top = tmp_path / "p" / "rtl" / f"{project.learner.name}.sv"
    text = top.read_text()
    codes, _ = images(project.learner, 1)
    for index, (old, new, told) in enumerate(
        [
            (".m_valid   (x_valid)", ".m_valid   ()", "stuck after 0 results and 0 answers"),
            ("(result);", "('x);", "every bit must be known"),
        ]
    ):
        assert old in text
        top.write_text(text.replace(old, new))
        bench = compile_chip(changed, tmp_path / f"sim{index}", "icarus")  # which has unknown bits
        with pytest.raises(ToolFailed, match=told):
            play_chip(bench, changed, [Frame(codes[0])])


def test_what_a_chip_cannot_play(plain, projects, tmp_path):
    project, bench = plain
    chip = project.learner
    with pytest.raises(BadFeatures) as error:
        play_chip(bench, project, [Frame(np.zeros((6, 5, 3), np.int64))])
    assert str(error.value) == "image: must have the shape [6, 5, 2], not [6, 5, 3]."
    with pytest.raises(BadFeatures) as error:
        play_chip(bench, project, [Frame(np.zeros(chip.shape, np.int64), 16)])
    assert str(error.value) == "class: must be 0 .. 15 in an image's user bits, not 16."
    with pytest.raises(BadOption) as error:
        read_chip(bench, replace(project, learner=None))
    assert (
        str(error.value)
        == f"project '{project.folder}': must have a learner, not a network alone. Build it with --learner."
    )


def test_the_board_learns_through_its_serial_line(plain, tmp_path):
    """Frames with their labels and commands through the pins, by the host's own software; bit-exact."""
    project, _ = plain
    chip, config = project.learner, project.learner.config
    codes, labels = images(chip, 6, seed=5)
    features = chip_features(project, chip, codes)
    reference = Learner(config, chip.source)
    bench = compile_board(project, tmp_path)

    def message(index, label, learn):
        beats = codes[index].reshape(-1, chip.image.lanes)
        words = [sum(int(v) << (i * chip.image.bits) for i, v in enumerate(row)) for row in beats]
        user = chip.user(label, learn).to_bytes(chip.user_bytes, "little")
        return user + b"".join(word.to_bytes(chip.in_bytes, "little") for word in words)

    def result(found):
        low, bits = config.label_bits, config.vote_bits
        word = found.label | found.votes << low | found.margin << (low + bits) | int(found.status) << (low + 2 * bits)
        return word.to_bytes(chip.out_bytes, "little")

    with virtual_board(bench, project.board) as port, Link(port, project.board.uart.baud, 60.0) as link:
        identity = link.require(project.manifest["project_id"])
        assert (identity.user_bytes, identity.commands) == (chip.user_bytes, True)
        for index in range(4):
            label = int(labels[index])
            found = link.classify(message(index, label, True), once=True)
            assert found == result(reference.learn(features[index], label))
        queries = [message(index, 0, False) for index in (4, 5)]
        assert list(link.classify_all(queries)) == [result(reference.predict(features[i])) for i in (4, 5)]
        assert link.command(0, int(labels[0])) == (reference.count(int(labels[0])), 2 * (labels[0] >= config.classes))
        assert link.command(0, 32) == (0, 2)  # as wide as it is, it is no class
        assert link.command(3) == (0, 0)
        count = len(save_operations(config)) - 1
        words = [data for data, _ in link.commands([(READ, 0, 0)] * count)]
        assert state_from_answers(config, np.array(words)).equals(reference.state)


def test_sim_and_run_on_the_command_line(plain):
    project, _ = plain
    told = CliRunner().invoke(app, ["sim", str(project.folder), "--frames", "8", "--simulator", simulator(), "--json"])
    words = json.loads(told.stdout)
    assert (told.exit_code, words["mismatches"]) == (0, 0) and words["words"] > 5 * 4 * 3
    assert words["runs"][0]["name"] == "no stalls"
    refused = CliRunner().invoke(app, ["run", str(project.folder), "--virtual", "--json"])
    assert refused.exit_code == 2
    assert json.loads(refused.stdout)["error"]["message"] == (
        f"project '{project.folder}': must end in what the network answers, not in a learner. "
        f"Use lutwright learn {project.folder}."
    )


def test_the_stages_of_the_core_are_compared_too(projects, tmp_path):
    project = projects("flipped crops")
    result = simulate_project(project, 4, "random", simulator(), True, tmp_path)
    assert result.mismatches == 0
    assert {"first", "act", "pool"} <= {comparison.stage for comparison in result.runs[0].comparisons}


def test_the_committed_network(tmp_path):
    """The digits' features and a learner, through Verilator: what `lutwright sim` says."""
    model = room("examples") / "models" / "mnist-mux.onnx"
    words = ["build", str(model), "--board", "ulx3s-45f", "--learner", "classes=10,subspaces=9,anchors=4"]
    assert CliRunner().invoke(app, [*words, "--out", str(tmp_path / "p")]).exit_code == 0
    told = CliRunner().invoke(app, ["sim", str(tmp_path / "p"), "--frames", "12", "--json"])
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["words"] > 5 * 7000
