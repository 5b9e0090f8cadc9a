"""What-if questions: the same frames through a graph of narrower sums, forced forms or fewer weight bits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lutwright.check.altered import Altered
from lutwright.check.classes import accuracy, class_output, classes, output_values
from lutwright.check.inputs import Frames
from lutwright.check.opened import Opened
from lutwright.check.result import Answer
from lutwright.check.weight_bits import ALL, with_weight_bits
from lutwright.errors import BadOption, NotExact, UnsupportedOp
from lutwright.frontend.translate import import_with_taps
from lutwright.ir.execute import execute_outputs
from lutwright.ir.graph import Graph, Node
from lutwright.numerics.approximate import FORMS, approximate
from lutwright.numerics.quantiser import IntArray
from lutwright.numerics.requantise import Multiply, Requantise

_SUMS = ("Conv", "Dense")
Outputs = tuple[NDArray[Any], ...]  # of each output [batch, ...]
_MOST_BITS = 62


@dataclass(frozen=True)
class Questions:
    """What to ask.

    accumulator_bits: widths at which every Conv and Dense wraps. requantise: forms for every step function.
    weight_bits: one altered model each, layer -> width, see weight_bits.with_weight_bits.
    """

    accumulator_bits: tuple[int, ...] = ()
    requantise: tuple[str, ...] = ()
    weight_bits: tuple[dict[str, int], ...] = ()

    def __post_init__(self) -> None:
        for bits in self.accumulator_bits:
            if not 2 <= bits <= _MOST_BITS:
                raise BadOption("--accumulator-bits", f"must be 2 to {_MOST_BITS}", bits)
        for form in self.requantise:
            if form not in FORMS:
                raise BadOption("--requantise", f"must be one of {', '.join(FORMS)}", repr(form))

    @property
    def count(self) -> int:
        """How many answers there will be."""
        return len(self.accumulator_bits) + len(self.requantise) + len(self.weight_bits)


def answer_all(
    opened: Opened, frames: Frames, questions: Questions, progress: Callable[[str, int], None] = lambda text, done: None
) -> tuple[Answer, ...]:
    """The answers, in the order accumulator bits, forms, weight bits. `progress` gets each question and the
    number of answers so far.

    Raises BadOption where a question does not fit the model.
    """
    if not questions.count:
        return ()
    asker = _Asker(opened, frames)
    made: list[Answer] = []
    for text, ask in asker.all(questions):
        progress(text, len(made))
        made.append(ask())
    return tuple(made)


class _Asker:
    """The frames as codes and the exact outputs, which every answer is compared with."""

    def __init__(self, opened: Opened, frames: Frames) -> None:
        self.opened, self.graph, self.frames = opened, opened.graph, frames
        self.codes = _codes(opened.graph, frames.x)
        self.words = execute_outputs(self.graph, self.codes)
        self.values = _values(self.graph, self.words)
        self.told = class_output(self.graph)

    def all(self, questions: Questions) -> Iterator[tuple[str, Callable[[], Answer]]]:
        """Each question with the function that answers it."""
        for bits in questions.accumulator_bits:
            yield f"accumulators of {bits} bits", partial(self.accumulators, bits)
        for form in questions.requantise:
            yield f"every step function as {form}", partial(self.forms, form)
        for widths in questions.weight_bits:
            yield "other weight bits", partial(self.weights, widths)

    def accumulators(self, bits: int) -> Answer:
        """Every sum of products wraps at `bits` bits."""
        nodes = [node for node in self.graph.nodes if node.op in _SUMS]
        altered = Altered(self.graph, {node.name: bits for node in nodes})
        words = altered.run(self.codes)
        layers = tuple(
            {
                "name": node.name,
                "bits": self.graph.tensors[node.output].type.width,
                "wrapped": altered.wrapped.get(node.name, 0),
                "words": self.graph.tensors[node.output].words * len(self.codes),
            }
            for node in nodes
        )
        return self._answer(f"accumulators of {bits} bits", "accumulator-bits", str(bits), words, layers)

    def forms(self, form: str) -> Answer:
        """Every step function as the nearest `form`."""
        question = f"every step function as {form}"
        forms: dict[str, Requantise] = {}
        wrong: dict[str, int] = {}
        nodes = [node for node in self.graph.nodes if node.op == "Step"]
        try:
            for node in nodes:
                where = node.source or node.name
                forms[node.name], wrong[node.name] = approximate(node.attrs["steps"], form, where=where)
        except NotExact as error:
            return self._refused(question, "requantise", form, str(error))
        altered = Altered(self.graph, forms=forms)
        words = altered.run(self.codes)
        layers = tuple(self._form_of(node, form, forms[node.name], wrong[node.name], altered) for node in nodes)
        return self._answer(question, "requantise", form, words, layers)

    def _form_of(self, node: Node, name: str, form: Requantise, wrong: int, altered: Altered) -> dict[str, Any]:
        steps = node.attrs["steps"]
        bits = self.graph.tensors[node.inputs[0]].type.width
        if isinstance(form, Multiply):
            bits = int(np.abs(form.multiplier).max()).bit_length() if name != "shift" else 0
        return {
            "name": node.name,
            "form": name,
            "bits": bits,  # of the multiplier (0 for shifts alone), or of the comparisons
            "wrong_codes": wrong,
            "codes": (steps.high - steps.low + 1) * steps.channels,
            "words_different": altered.different.get(node.name, 0),
        }

    def weights(self, widths: dict[str, int]) -> Answer:
        """The model with other weight bits, imported again."""
        question = "weights: " + ", ".join(f"{_all_others(name, widths)} {bits} bits" for name, bits in widths.items())
        setting = ",".join(f"{name}={bits}" for name, bits in widths.items())
        try:
            model = with_weight_bits(self.opened, widths)
            graph = import_with_taps(model, self.graph.name, self.opened.declared).graph
        except (UnsupportedOp, NotExact) as error:
            return self._refused(question, "weight-bits", setting, str(error))
        values = _values(graph, execute_outputs(graph, _codes(graph, self.frames.x)))
        layers = tuple(
            {"name": node.name, "bits": _weight_bits(node), "accumulator_bits": graph.tensors[node.output].type.width}
            for node in graph.nodes
            if node.op in _SUMS
        )
        return self._compared(question, "weight-bits", setting, values, _different(values, self.values), layers)

    def _answer(
        self, question: str, kind: str, setting: str, words: Outputs, layers: tuple[dict[str, Any], ...]
    ) -> Answer:
        values = _values(self.graph, words)
        return self._compared(question, kind, setting, values, _different(words, self.words), layers)

    def _compared(
        self,
        question: str,
        kind: str,
        setting: str,
        values: Outputs,
        different: int,
        layers: tuple[dict[str, Any], ...],
    ) -> Answer:
        labels = self.frames.labels
        now, before = classes(values[self.told]), classes(self.values[self.told])
        changed = None if now is None or before is None else int((now != before).sum())
        score = None if labels is None else accuracy(values[self.told], labels)
        return Answer(question, kind, setting, len(self.codes), score, changed, different, layers)

    def _refused(self, question: str, kind: str, setting: str, why: str) -> Answer:
        return Answer(question, kind, setting, len(self.codes), None, None, None, refused=why)


def _values(graph: Graph, words: Outputs) -> Outputs:
    """What the model puts out of the integers of each output."""
    return tuple(output_values(output, one) for output, one in zip(graph.outputs, words, strict=True))


def _different(some: Outputs, others: Outputs) -> int:
    return sum(int((one != other).sum()) for one, other in zip(some, others, strict=True))


def _all_others(name: str, widths: dict[str, int]) -> str:
    return name if name != ALL else "every layer" if len(widths) == 1 else "others"


def _codes(graph: Graph, x: NDArray[np.float32]) -> IntArray:
    return graph.edge.codes(graph.edge.arrange(x))


def _weight_bits(node: Node) -> int:
    """Bits that the node's integer weights need."""
    w = node.attrs["weights"]
    return max(int(w.max()).bit_length(), (-int(w.min()) - 1).bit_length() if w.min() < 0 else 0) + int(w.min() < 0)
