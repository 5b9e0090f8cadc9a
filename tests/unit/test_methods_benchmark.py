"""The comparison of position policies: what is counted of a network, and what the page says of the results."""

import json
import sys

import pytest
import torch
from torch import nn

from lutwright.resources import room

sys.path.insert(0, str(room("hw").parent / "benchmarks"))

import methods
import methods_page
import methods_run


def row(method, seed, accuracy, lut=1000, interval=64):
    hardware = {"lut": lut, "bram": lut and 3, "fps": lut and 2.5e4, "interval": interval}
    counts = {"epochs": 6, "weights": 1234, "bits": 5678, "operations": 91011}
    return {"digest": f"{method}{seed}", "method": method, "seed": seed, "accuracy": accuracy} | counts | hardware


ROWS = [row("float", 1, 0.99, None, 9), row("sal", 1, 0.95, 900), row("sal", 2, 0.97, 910), row("dense", 1, 0.98)]


def multiplexed():
    """Two kernels of 3 x 3 for each of two inputs with a weight each, 1 x 1 that are not, and a dense layer."""
    network = nn.Sequential(
        nn.Conv2d(2, 2, 3, bias=False), nn.Conv2d(2, 1, 1, bias=False), nn.Flatten(), nn.Linear(4, 3)
    )
    with torch.no_grad():
        for layer in (network[0], network[1], network[3]):
            layer.weight.fill_(1)
        network[0].weight.zero_()
        network[0].weight[0, 0, 0, 0] = network[0].weight[0, 1, 2, 2] = network[0].weight[1, 0, 1, 1] = 1
        network[0].weight[1, 1, 0, 2] = 1
    return network


def test_weights_bits_and_operations_of_a_multiplexer_network():
    network = multiplexed()
    weights, bits = methods_run.storage(network, "float")
    assert (weights, bits) == (4 + 2 + 12, 32 * 18 + 4 * 4)  # a position of nine takes 4 bits
    assert methods_run.operations_of(network, (2, 4, 4)) == 4 * 4 + 2 * 4 + 12


def test_positions_that_all_outputs_share_are_stored_once():
    network = multiplexed()
    with torch.no_grad():
        network[0].weight[1] = network[0].weight[0]
    assert methods_run.storage(network, "float")[1] == 32 * 18 + 4 * 2


def test_every_setting_of_a_training_is_in_its_digest():
    jobs = [
        methods_run.Job("mnist-mux", "sal", 1, 0.5),
        methods_run.Job("mnist-mux", "sal", 2, 0.5),
        methods_run.Job("mnist-mux", "guided", 1, 0.5),
        methods_run.Job("mnist-mux", "sal", 1, 1.0),
    ]
    assert len({job.digest() for job in jobs}) == 4
    assert jobs[0].digest() == methods_run.Job("mnist-mux", "sal", 1, 0.5).digest()
    assert jobs[0].made().positions.policy == "sal" and jobs[1].made().seed == 2


def test_the_page():
    routed = [row("sal", 1, 0.97) | {"recipe": "r", "ff": 800, "fmax": 77.7, "estimate": 950}]
    text = methods_page.page({"r": ROWS}, routed, "a-board", "make methods")
    assert "LUT and block RAM at 64 clocks a frame." in text
    assert "| dense, float | 99.00 | 1 | 6 | 1,234 | 5,678 | 91,011 |  |  |  |" in text
    assert "| SAL, a pair each | 96.00 ± 1.00 | 2 | 6 | 1,234 | 5,678 | 91,011 | 900 | 3 | 25,000 |" in text
    assert "| r | SAL, a pair each | 97.00 | 1,000 | 950 | 800 | 3 | 77.7 | 25,000 |" in text
    assert "Placed and routed" not in methods_page.page({"r": ROWS}, [], "a-board", "make methods")


def test_the_plot_is_the_same_twice():
    assert methods_page.plot("r", ROWS) == methods_page.plot("r", ROWS) != methods_page.plot("r", ROWS[:2])


def test_results_of_an_older_recipe_are_not_shown(tmp_path, monkeypatch):
    monkeypatch.setattr(methods, "RESULTS", tmp_path)
    now = methods_run.Job("mnist-mux", "sal", 1, methods.SETS["mnist-mux"][2]).digest()
    rows = [row("sal", 1, 0.9) | {"digest": now}, row("dense", 1, 0.9) | {"digest": "of another recipe"}]
    (tmp_path / "mnist-mux.json").write_text(json.dumps(rows))
    assert [r["method"] for r in methods.results("mnist-mux")] == ["sal"]
    methods.keep("mnist-mux", rows[0] | {"accuracy": 0.5})
    assert [r["accuracy"] for r in methods.results("mnist-mux")] == [0.5]


@pytest.mark.parametrize(("lut", "fps"), [(44_000, True), (10, False)])
def test_hardware_of_a_model(lut, fps, monkeypatch):
    model = (room("examples") / "models" / "mnist-mux.onnx").read_bytes()
    board = methods_run.load_board("ulx3s-45f")
    small = board.model_copy(update={"resources": board.resources.model_copy(update={"lut": lut})})
    monkeypatch.setattr(methods_run, "load_board", lambda name: small)
    found = methods_run.hardware_of(model, "ulx3s-45f", 3136)
    assert found["interval"] == 3136 and 2000 < found["lut"] < 6000 and (found["fps"] is not None) == fps


def test_what_was_routed_is_kept_one_by_one(tmp_path, monkeypatch):
    monkeypatch.setattr(methods, "RESULTS", tmp_path)
    assert methods.routed() == []
    for recipe, lut in (("fashion-mux", 1), ("mnist-mux", 2), ("fashion-mux", 3)):
        methods.keep_routed({"recipe": recipe, "lut": lut})
    assert methods.routed() == [{"recipe": "mnist-mux", "lut": 2}, {"recipe": "fashion-mux", "lut": 3}]
