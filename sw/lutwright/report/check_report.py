"""The report of a check, from the object that `lutwright check --json` prints."""

from __future__ import annotations

from typing import Any

from lutwright.report.check_pictures import answers, differences, histograms, ranges
from lutwright.report.page import check_page, refused_page

_HEAD = (
    "stage",
    "op",
    "shape",
    "words",
    "different",
    "float32 differs",
    "bits",
    "form",
    "unused codes",
    "at lowest",
    "at highest",
)
_MOST_PANELS = 48


def check_report(result: dict[str, Any], histogram: dict[str, tuple[int, ...]], version: str) -> str:
    """One HTML page out of plain data.

    result: CheckResult.as_dict(). histogram: counts by stage name, from its `low` on; neither is looked at where the
    model was refused. The same data gives the same page. Raises ToolMissing without matplotlib.
    """
    if result["refused"] is not None:
        return refused_page({"name": result["name"], "version": version, **result["refused"]})
    stages = result["stages"]
    panels = [{**s, "histogram": histogram[s["name"]]} for s in stages if histogram.get(s["name"])][:_MOST_PANELS]
    differing = [s for s in stages if s["float32_differences"]]
    asked = [row for row in result["what_if"] if not row["refused"]]
    return check_page(
        {
            "name": result["name"],
            "version": version,
            "frames": f"{result['frames']:,}",
            "source": result["source"],
            "equal": not result["mismatches"],
            "verdict": _verdict(result),
            "explanation": _explanation(result),
            "cards": _cards(result),
            "wrong": _wrong(result),
            "table": {"head": _HEAD, "rows": [{"cells": _cells(s), "bad": s["mismatches"] > 0} for s in stages]},
            "outputs": [output_cells(output) for output in result["outputs"]],
            "proofs": [{"name": s["name"], "form": s["requantise"], **s["proof"]} for s in stages if s["proof"]],
            "float32": float32_sentence(result),
            "accuracy": [{"rung": k, "value": f"{v:.2%}"} for k, v in result["accuracy"].items()],
            "what_if": [answer_cells(row) for row in result["what_if"]],
            "plots": {
                "ranges": ranges(stages),
                "histograms": histograms(panels) if panels else "",
                "differences": differences(differing) if differing else "",
                "answers": _answers(result, asked) if asked else "",
            },
        }
    )


def _verdict(result: dict[str, Any]) -> str:
    compared = sum(1 for s in result["stages"] if s["words"])
    words = f"{result['words']:,} words of {compared} stages and of the output after the passes"
    if result["mismatches"]:
        return f"Not equal: {result['mismatches']:,} of {words} are different."
    return f"Equal: {words}, 0 different."


def _explanation(result: dict[str, Any]) -> str:
    if result["mismatches"]:
        return f"First: {result['first']}."
    return f"The model, run node by node in {result['arithmetic']}, and the integer graph agree on every number."


def _wrong(result: dict[str, Any]) -> list[dict[str, str]]:
    """What differs, in the order of the graph: where, how many words, the first of them."""
    rows = [
        {"name": s["name"], "count": f"{s['mismatches']:,} of {s['words']:,}", "first": _place(s)}
        for s in result["stages"]
        if s["mismatches"]
    ]
    for output in result["outputs"]:
        if output["after_passes"]:
            count = f"{output['after_passes']:,} of {output['words']:,}"
            rows.append({"name": f"output {output['name']}, after the passes", "count": count, "first": ""})
        floats = output["floats"]
        if floats is not None and floats["mismatches"]:
            count, furthest = f"{floats['mismatches']:,} of {floats['values']:,}", f"{floats['largest']:.3g}"
            told = {"count": count, "first": f"largest difference {furthest}"}
            rows.append({"name": f"floats of output {output['name']}", **told})
    return rows


def _place(stage: dict[str, Any]) -> str:
    """Where the first mismatch of a stage is, without its name and the count, which stand beside it."""
    start, end = f"stage '{stage['name']}', ", f" (first of {stage['mismatches']})"
    return "first at " + str(stage["first"]).removeprefix(start).removesuffix(end)


def float32_sentence(result: dict[str, Any]) -> str:
    """What the float32 differences of a check mean."""
    count = result["float32_differences"]
    if result["arithmetic"] == "float32":
        return (
            "Every scale of this model is a power of two and every sum is exact in float32. Its own float32 forward "
            f"is therefore the truth; {count:,} words of it differ from the integers."
        )
    stages = sum(1 for s in result["stages"] if s["float32_differences"])
    truth = f"The truth is the model in float64, because {result['reason']}. "
    if not count:
        return (
            truth
            + "The model's float32 forward gave the same integers on these frames, which is not certain for others."
        )
    return truth + (
        f"Words that come out otherwise in float32: {count:,}; stages that have some: {stages}. "
        "That is no error of the conversion: "
        "float32 rounds scales and sums to 24 bits, a value beside the threshold of a quantiser can land on its other "
        "side, and what follows inherits it. How often that happens also depends on the library that runs the model."
    )


def _cards(result: dict[str, Any]) -> list[dict[str, str]]:
    cards = [
        {"value": f"{result['words']:,}", "label": "words compared"},
        {"value": f"{result['mismatches']:,}", "label": "of them different"},
        {"value": f"{result['float32_differences']:,}", "label": "words that float32 has otherwise"},
        {
            "value": f"{sum(s['proof']['words'] for s in result['stages'] if s['proof']):,}",
            "label": "step words proved",
        },
    ]
    if "integer" in result["accuracy"]:
        cards.append({"value": f"{result['accuracy']['integer']:.1%}", "label": "accuracy of the integers"})
    return cards


def _cells(s: dict[str, Any]) -> list[str]:
    compared = s["words"] > 0
    return [
        s["name"],
        s["op"],
        "x".join(map(str, s["shape"])),
        f"{s['words']:,}" if compared else "-",
        f"{s['mismatches']:,}" if compared else "-",
        f"{s['float32_differences']:,}" if compared else "-",
        str(s["bits"]),
        s["requantise"],
        "" if s["unused_codes"] is None or s["op"] not in ("Step", "input") else f"{s['unused_codes']:,}",
        *("" if s[end] is None else f"{s[end]:.1%}" for end in ("saturated_low", "saturated_high")),
    ]


def output_cells(output: dict[str, Any]) -> dict[str, str]:
    """One output in words: output, words, different after the passes, floats compared, different, furthest."""
    floats = output["floats"]
    return {
        "output": output["name"] + (", the classes" if output["classes"] else ""),
        "words": f"{output['words']:,}",
        "changed": f"{output['after_passes']:,}",
        "floats": "-" if floats is None else f"{floats['values']:,}",
        "different": "-" if floats is None else f"{floats['mismatches']:,}",
        "furthest": "-" if floats is None else f"{floats['largest']:.3g}",
    }


def answer_cells(row: dict[str, Any]) -> dict[str, str]:
    """One what-if answer in words: question, accuracy, classes, words, detail."""
    return {
        "question": row["question"],
        "accuracy": "-" if row["accuracy"] is None else f"{row['accuracy']:.2%}",
        "classes": "-" if row["classes_changed"] is None else f"{row['classes_changed']:,}",
        "words": "-" if row["words_different"] is None else f"{row['words_different']:,}",
        "detail": _detail(row),
    }


def _detail(row: dict[str, Any]) -> str:
    """What happened inside the layers, in a few words."""
    if row["refused"]:
        return f"no answer: {row['refused']}"
    if row["kind"] == "accumulator-bits":
        hit = [one for one in row["layers"] if one["wrapped"]]
        share = sum(one["wrapped"] for one in hit) / max(1, sum(one["words"] for one in row["layers"]))
        if hit:
            return f"{share:.2%} of the sums wrap, in {len(hit)} of {len(row['layers'])} layers"
        needed = max((one["bits"] for one in row["layers"]), default=0)
        sure = needed <= int(row["setting"])
        return "no sum can wrap" if sure else f"no sum wraps on these frames; {needed} bits hold every sum"
    if row["kind"] == "requantise":
        wrong, codes = (sum(one[key] for one in row["layers"]) for key in ("wrong_codes", "codes"))
        bits = max((one["bits"] for one in row["layers"]), default=0)
        many = "bit" if bits == 1 else "bits"
        width = {"shift": "no multiplier", "multiply": f"multipliers of up to {bits} {many}"}
        return f"{wrong:,} of {codes:,} codes wrong, {width.get(row['setting'], f'comparisons of up to {bits} {many}')}"
    widest = max((one["accumulator_bits"] for one in row["layers"]), default=0)
    return f"accumulators of up to {widest} bits"


def _answers(result: dict[str, Any], asked: list[dict[str, Any]]) -> str:
    """The plot: accuracy where there are labels, else frames that keep their class."""
    if "integer" in result["accuracy"]:
        rows = [{"question": row["question"], "score": 100 * row["accuracy"]} for row in asked]
        return answers(rows, 100 * result["accuracy"]["integer"], "accuracy, %")
    scored = [
        {"question": row["question"], "score": 100 * (1 - row["classes_changed"] / max(1, row["frames"]))}
        for row in asked
        if row["classes_changed"] is not None
    ]
    return answers(scored, 100.0, "frames that keep their class, %") if scored else ""
