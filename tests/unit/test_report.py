"""The report: self-contained, escaped, its marks on the right places; the same data gives the same page."""

import re

import jinja2
import numpy as np
import pytest

from lutwright.errors import ToolMissing
from lutwright.report import pictures
from lutwright.report.page import demo_page

HISTORY = [
    {"phase": "sal", "accuracy": 0.9, "loss": 1.0},
    {"phase": "tune", "accuracy": 0.95, "loss": 0.5},
    {"phase": "tune", "accuracy": 0.96, "loss": 0.4},
]


def values():
    image = np.zeros((28, 28, 1), np.uint8)
    image[10:20, 14] = 255
    return {
        "name": "net<1>",
        "version": "0",
        "curve": pictures.training_curve(HISTORY),
        "played": 2,
        "cards": [{"value": "1", "label": "one"}],
        "comparisons": [{"name": "rtl", "frames": 2, "words": 1234, "mismatches": 0, "clocks": 784}],
        "boards": [
            {
                "title": "B",
                "line": "fast",
                "rows": [{"kind": "LUT", "estimate": 1, "measured": 2, "available": 4, "share": "50%"}],
            }
        ],
        "layers": {"head": ["stage", "cell", "output", "LUT"], "rows": [("conv1", "mux_mac", "2x2", "7")]},
        "digits": [
            {"image": pictures.digit(image), "label": 3, "got": 3, "wrong": False},
            {"image": pictures.digit(image), "label": 3, "got": 5, "wrong": True},
        ],
        "times": [("training", 1.25)],
    }


def test_the_page_loads_nothing_and_marks_mistakes():
    page = demo_page(values())
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)
    assert "net&lt;1&gt;" in page and "<svg" in page and "1,234" in page
    assert page.count('<figure class="wrong">') == 1 and "5 (is 3)" in page
    assert '<td class="text">mux_mac</td>' in page and "<td>7</td>" in page


def test_the_same_data_gives_the_same_page():
    assert demo_page(values()) == demo_page(values())


def test_a_missing_value_is_an_error():
    lacking = values()
    del lacking["version"]
    with pytest.raises(jinja2.UndefinedError):
        demo_page(lacking)


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(ToolMissing, match="the package matplotlib must be installed"):
        pictures.digit(np.zeros((2, 2), np.uint8))
