"""What a check found, as plain values that go into JSON as they are."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Stage:
    """One node of the integer graph, or its input.

    name, op, shape: of the node; shape of its output without the batch.
    words:           words compared with the model, 0 where the model has no tensor of the same numbers.
    mismatches:      of them different; first says where the first one is, or is "".
    float32_differences: words that the model's float32 forward has otherwise than the integers.
    low, high:       the derived range of the output; observed_low, observed_high: what the frames reached of it.
    bits:            width of the output. accumulator_bits: width of the sum that this stage makes or requantises, None
                     where there is none; observed_bits: the width that the observed values alone would need.
    requantise:      form of a step function ("shift", "multiply", "threshold", "table"), "" for other nodes.
    proof:           {"words", "method"} of the proof of that form, or None.
    unused_codes:    integers of the derived range that no frame reached, None where there are more than 4096.
    saturated_low, saturated_high: share of the words of a step function at its lowest and highest code, else None.
    histogram:       how often each integer of [low, high] came, for step functions and the input; () where too many.
    """

    name: str
    op: str
    shape: tuple[int, ...]
    words: int
    mismatches: int
    first: str
    float32_differences: int
    low: int
    high: int
    observed_low: int
    observed_high: int
    bits: int
    accumulator_bits: int | None
    observed_bits: int
    requantise: str
    proof: dict[str, Any] | None
    unused_codes: int | None
    saturated_low: float | None
    saturated_high: float | None
    histogram: tuple[int, ...] = ()

    @property
    def saturated(self) -> float | None:
        """Share of the words at either end, or None."""
        if self.saturated_low is None or self.saturated_high is None:
            return None
        return self.saturated_low + self.saturated_high


@dataclass(frozen=True)
class FloatOutput:
    """The model's float output behind the last integers: floats compared, different ones, the largest difference."""

    values: int
    mismatches: int
    largest: float


@dataclass(frozen=True)
class OutputResult:
    """One output of the model. words: of its integers, all frames; after_passes: of them changed by the passes, which
    must be 0. floats: what the model computes behind them, None where they are the model's output themselves.
    classes: whether accuracy and changed classes are told from this output."""

    name: str
    words: int
    after_passes: int
    floats: FloatOutput | None = None
    classes: bool = False

    @property
    def mismatches(self) -> int:
        """Words that the passes changed, and floats that differ."""
        return self.after_passes + (self.floats.mismatches if self.floats else 0)

    @property
    def first(self) -> str:
        """What differs, or ""."""
        if self.after_passes:
            return f"output '{self.name}': {self.after_passes} words changed by the passes"
        if self.floats and self.floats.mismatches:
            return f"output '{self.name}': {self.floats.mismatches} floats differ, by up to {self.floats.largest:.3g}"
        return ""


@dataclass(frozen=True)
class Refusal:
    """Why a model is not converted: node and operator (both "" where it is no node), reason, and the whole error."""

    node: str
    op: str
    reason: str
    error: str
    message: str


@dataclass(frozen=True)
class Answer:
    """The answer to one what-if question, against the exact integer graph on the same frames.

    question: for people; kind and setting: for programs. accuracy: None without labels.
    classes_changed: frames whose class differs, None where no output is a vector of scores or an index.
    words_different: values of all outputs that differ. layers: one entry for each layer that was altered.
    refused: why there is no answer, or "".
    """

    question: str
    kind: str
    setting: str
    frames: int
    accuracy: float | None
    classes_changed: int | None
    words_different: int | None
    layers: tuple[dict[str, Any], ...] = ()
    refused: str = ""


@dataclass(frozen=True)
class CheckResult:
    """The model `name` on `frames` frames of `source`: what the model computes against the integers.

    arithmetic: "float32" where the model's own float32 forward is exact and therefore the truth, else "float64";
    reason says why it is not float32. outputs: in the order of the model.
    accuracy: by rung ("float32", "float64", "integer"), empty without labels; of the output that tells the classes.
    """

    name: str
    source: str
    frames: int
    arithmetic: str = ""
    reason: str = ""
    stages: tuple[Stage, ...] = ()
    outputs: tuple[OutputResult, ...] = ()
    accuracy: dict[str, float] = field(default_factory=dict)
    what_if: tuple[Answer, ...] = ()
    refused: Refusal | None = None

    @property
    def words(self) -> int:
        """Words compared with the model, over all stages, and output words compared across the passes."""
        return sum(stage.words for stage in self.stages) + sum(output.words for output in self.outputs)

    @property
    def mismatches(self) -> int:
        """Words that differ, over all stages, the passes and the float outputs."""
        return sum(stage.mismatches for stage in self.stages) + sum(output.mismatches for output in self.outputs)

    @property
    def float32_differences(self) -> int:
        """Words that the model's float32 forward has otherwise than the integers."""
        return sum(stage.float32_differences for stage in self.stages)

    @property
    def first(self) -> str:
        """Where the first mismatch is, or ""."""
        places = [*(stage.first for stage in self.stages), *(output.first for output in self.outputs)]
        return next(filter(None, places), "")

    def answered(self, answers: tuple[Answer, ...]) -> CheckResult:
        """This result with the answers to what-if questions."""
        return replace(self, what_if=answers)

    def as_dict(self) -> dict[str, Any]:
        """The result for JSON, sums included, histograms left out because they are long."""
        made = asdict(self)
        for stage, row in zip(self.stages, made["stages"], strict=True):
            row["saturated"] = stage.saturated
            del row["histogram"]
        sums = ("words", "mismatches", "float32_differences", "first")
        return {**made, **{name: getattr(self, name) for name in sums}}
