"""The page of a check: what it says for equal, unequal, rounded and unanswered; its pictures."""

import re

import jinja2
import pytest

from lutwright.report import check_pictures
from lutwright.report.check_report import answer_cells, check_report, float32_sentence
from lutwright.report.page import check_page


def stage(name, op="Conv", **more):
    values = {
        "name": name,
        "op": op,
        "shape": [4, 4, 2],
        "words": 320,
        "mismatches": 0,
        "first": "",
        "float32_differences": 0,
        "low": -20,
        "high": 30,
        "observed_low": -5,
        "observed_high": 12,
        "bits": 6,
        "observed_bits": 5,
        "accumulator_bits": 6,
        "requantise": "",
        "proof": None,
        "unused_codes": 33,
        "saturated": None,
        "saturated_low": None,
        "saturated_high": None,
    }
    return {**values, **more}


STEP = {
    "requantise": "multiply",
    "proof": {"words": 102, "method": "monotone"},
    "saturated": 0.75,
    "saturated_low": 0.5,
    "saturated_high": 0.25,
    "low": 0,
    "high": 3,
    "observed_low": 0,
    "observed_high": 3,
}


def result(**more):
    values = {
        "name": "net<1>",
        "source": "random, seed 1",
        "frames": 10,
        "arithmetic": "float32",
        "reason": "",
        "stages": [stage("conv"), stage("act", "Step", **STEP)],
        "words": 640,
        "mismatches": 0,
        "float32_differences": 0,
        "first": "",
        "accuracy": {},
        "what_if": [],
        "refused": None,
        "outputs": [output()],
    }
    return {**values, **more}


def output(**more):
    return {"name": "scores", "words": 40, "after_passes": 0, "floats": None, "classes": True, **more}


def asked(**more):
    values = {
        "question": "accumulators of 8 bits",
        "kind": "accumulator-bits",
        "setting": "8",
        "frames": 10,
        "accuracy": 0.8,
        "classes_changed": 2,
        "words_different": 31,
        "layers": [{"name": "conv", "bits": 10, "wrapped": 5, "words": 100}],
        "refused": "",
    }
    return {**values, **more}


def page(told, histogram=None):
    return check_report(told, histogram or {}, "0")


def test_an_equal_model():
    text = page(result(), {"act": (5, 0, 3, 2)})
    assert 'class="verdict equal"' in text and "Equal: 640 words of 2 stages" in text
    assert "net&lt;1&gt;" in text and "net<1>" not in text
    assert not re.findall(r'(?:src|href)="(?!data:|#)', text)
    assert text.count("<svg") == 2 and "<h2>What if</h2>" not in text and "<h2>Accuracy</h2>" not in text
    assert "102" in text and "monotone" in text and "50.0%" in text and "25.0%" in text
    assert page(result(), {"act": (5, 0, 3, 2)}) == text


def test_an_unequal_model():
    told = result(mismatches=7, first="stage 'act', frame 0", stages=[stage("conv"), stage("act", mismatches=7)])
    text = page(told)
    assert 'class="verdict unequal"' in text and "Not equal: 7 of 640 words" in text
    assert "First: stage &#39;act&#39;, frame 0." in text and re.search(r'<td class=" bad">7</td>', text)


def test_every_place_that_differs_is_listed():
    wrong = stage("act", mismatches=7, first="stage 'act', frame 2, element 1: model 3, integer 4 (first of 7)")
    floats = {"values": 40, "mismatches": 5, "largest": 0.25}
    text = page(
        result(mismatches=14, stages=[stage("conv"), wrong], outputs=[output(after_passes=2, floats=floats), output()])
    )
    places = re.findall(r"<li><b>(.*?)</b>: (.*?)</li>", text)
    assert places == [
        ("act", "7 of 320 words different; first at frame 2, element 1: model 3, integer 4."),
        ("output scores, after the passes", "2 of 40 words different."),
        ("floats of output scores", "5 of 40 words different; largest difference 0.25."),
    ]
    assert "Where it differs" not in page(result())


def test_a_refused_model():
    refused = {"node": "a<b>", "op": "LSTM", "reason": "no.", "error": "UnsupportedOp", "message": "node 'a<b>': no."}
    text = page(result(refused=refused))
    assert "Not converted." in text and "<dd>a&lt;b&gt;</dd>" in text and "<dd>LSTM</dd>" in text and "<svg" not in text
    text = page(result(refused={**refused, "node": "", "op": ""}))
    assert "<dt>node</dt>" not in text and "<dd>UnsupportedOp</dd>" in text


def test_a_stage_that_nothing_is_compared_with():
    assert '<td class="">-</td>' in page(result(stages=[stage("conv", words=0)]))


@pytest.mark.parametrize(
    ("more", "part"),
    [
        ({}, "every sum is exact in float32"),
        ({"arithmetic": "float64", "reason": "so it is"}, "because so it is. The model's float32 forward"),
    ],
)
def test_float32_agrees(more, part):
    told = result(**more)
    assert part in float32_sentence(told) and page(told).count("<svg") == 1


def test_float32_differs():
    told = result(arithmetic="float64", reason="so it is", float32_differences=4)
    told["stages"][0]["float32_differences"] = 4
    sentence = float32_sentence(told)
    assert "otherwise in float32: 4; stages that have some: 1. That is no error" in sentence
    assert page(told).count("<svg") == 2


def test_what_if_answers():
    rows = [asked(), asked(question="every step function as shift", kind="requantise", setting="shift", accuracy=0.9,
                           layers=[{"wrong_codes": 3, "codes": 10, "bits": 0}])]  # fmt: skip
    text = page(result(what_if=rows, accuracy={"float32": 0.9, "integer": 0.9}))
    assert text.count("<svg") == 2 and "5.00% of the sums wrap, in 1 of 1 layers" in text
    assert "3 of 10 codes wrong, no multiplier" in text and "accuracy of the integers" in text


def test_answers_without_labels_or_classes():
    rows = [asked(accuracy=None), asked(accuracy=None, classes_changed=None)]
    assert page(result(what_if=rows)).count("<svg") == 2
    assert page(result(what_if=rows[1:])).count("<svg") == 1
    refused = asked(accuracy=None, classes_changed=None, words_different=None, layers=[], refused="it is a table")
    assert list(answer_cells(refused).values())[1:] == ["-", "-", "-", "no answer: it is a table"]
    assert "no answer: it is a table" in page(result(what_if=[refused]))


@pytest.mark.parametrize(
    ("more", "detail"),
    [
        ({"layers": [{"name": "a", "bits": 4, "wrapped": 0, "words": 9}]}, "no sum can wrap"),
        (
            {"layers": [{"name": "a", "bits": 9, "wrapped": 0, "words": 9}]},
            "no sum wraps on these frames; 9 bits hold every sum",
        ),
        (
            {"kind": "requantise", "setting": "multiply", "layers": [{"wrong_codes": 0, "codes": 9, "bits": 7}]},
            "0 of 9 codes wrong, multipliers of up to 7 bits",
        ),
        (
            {"kind": "requantise", "setting": "multiply", "layers": [{"wrong_codes": 0, "codes": 9, "bits": 1}]},
            "0 of 9 codes wrong, multipliers of up to 1 bit",
        ),
        (
            {"kind": "requantise", "setting": "threshold", "layers": [{"wrong_codes": 0, "codes": 9, "bits": 7}]},
            "0 of 9 codes wrong, comparisons of up to 7 bits",
        ),
        ({"kind": "weight-bits", "layers": [{"accumulator_bits": 11}]}, "accumulators of up to 11 bits"),
        ({"kind": "weight-bits", "layers": []}, "accumulators of up to 0 bits"),
    ],
)
def test_details(more, detail):
    assert answer_cells(asked(**more))["detail"] == detail


def test_many_codes_share_bars():
    few = check_pictures.histograms([{"name": "a", "low": -2, "histogram": (1, 2, 3, 4)}])
    many = check_pictures.histograms([{"name": "a" * 40, "low": 0, "histogram": tuple(range(4096))}])
    assert many.count("<path") < few.count("<path") + 80


def test_long_names_keep_both_ends():
    assert check_pictures.shorten("layer", 24) == "layer"
    short = check_pictures.shorten("features_block_3_branch_17_conv_5", 24)
    assert len(short) == 24 and short.startswith("features_bl") and short.endswith("_conv_5") and "…" in short


def test_a_missing_value_is_an_error():
    with pytest.raises(jinja2.UndefinedError):
        check_page({"plots": {}})
