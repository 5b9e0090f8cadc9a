"""A training recipe: the TOML file that says which network to train on what, for how long."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lutwright import resources
from lutwright.errors import BadRecipe
from lutwright.train.names import Kind, Policy, Pruning

Bits = Annotated[int, Field(ge=2, le=8)]
Kernel = Annotated[int, Field(ge=1, le=7)]
Window = Kernel | Annotated[tuple[Kernel, Kernel], Field(strict=False)]
Channels = Annotated[int, Field(ge=1, le=1024)]
Class = Annotated[int, Field(ge=0)]
Norm = Literal["batch", "power-of-two", "power-of-two-shared"]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Conv(_Table):
    """A dense convolution, batch norm and a quantised ReLU; as large as its input at stride 1.

    kernel: a side, or (rows, columns): a signal is an image of one row, its kernels are (1, k).
    """

    kind: Literal["conv"]
    out: Channels
    kernel: Window = 3
    stride: Annotated[int, Field(ge=1, le=4)] = 1
    weight_bits: Bits
    act_bits: Bits

    @model_validator(mode="after")
    def _odd(self) -> Conv:
        if any(side % 2 == 0 for side in sides(self.kernel)):
            raise ValueError("kernel must be odd")
        return self


class Mux(Conv):
    """The same with exactly one weight a kernel (or `kept` of them) at positions that the policy chooses."""

    kind: Literal["mux"]  # type: ignore[assignment]


class Block(Conv):
    """A residual block: two mux convolutions; beside them nothing, or a dense 1x1 where the shape changes; a sum.

    stride: of the first. The sum is of signed codes of act_bits + 1 bits on the grid of the activations.
    """

    kind: Literal["block"]  # type: ignore[assignment]


class Pool(_Table):
    """Max pooling; rows and columns that do not fill a window are dropped."""

    kind: Literal["pool"]
    size: Annotated[int, Field(ge=2, le=8)] | Annotated[tuple[Kernel, Kernel], Field(strict=False)] = 2


class Average(_Table):
    """The mean of each channel over the whole image."""

    kind: Literal["average"]


class Dense(_Table):
    """The last layer: flattens, then one logit a class, without bias."""

    kind: Literal["dense"]
    weight_bits: Bits


Layer = Annotated[Conv | Mux | Block | Pool | Average | Dense, Field(discriminator="kind")]


def sides(window: int | tuple[int, int]) -> tuple[int, int]:
    """Return (rows, columns) of a kernel or pool."""
    return (window, window) if isinstance(window, int) else window


class Positions(_Table):
    """How mux layers choose their positions, and what their weights are; see train/positions.py and train/weights.py.

    policy: for comparison "dense" leaves them dense, and "float" quantises nothing either, so it cannot be exported.
    """

    policy: Policy | Literal["dense", "float"] = "sal"
    kept: Annotated[int, Field(ge=1, le=48)] = 1
    weights: Kind = "uniform"
    schedule: Pruning | None = None


class Schedule(_Table):
    """How long, how fast.

    sal_epochs:     until the positions are decided, whatever the policy.
    lr, tune_lr:    the learning rate at the start of each phase; it falls to zero along a cosine.
    warm_up:        fraction of a phase in which the rate first climbs from zero.
    hold:           in this last fraction of the tune phase mux weights stand still and only the rest learns.
    evaluate_every: epochs between looks at the test images, for show only.
    """

    sal_epochs: Annotated[int, Field(ge=1)]
    tune_epochs: Annotated[int, Field(ge=1)]
    batch: Annotated[int, Field(ge=2)]
    lr: Annotated[float, Field(gt=0)]
    tune_lr: Annotated[float, Field(gt=0)]
    optimiser: Literal["adam", "sgd"] = "adam"
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    warm_up: Annotated[float, Field(ge=0, lt=1)] = 0.0
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    hold: Annotated[float, Field(ge=0, le=1)] = 0.0
    evaluate_every: Annotated[int, Field(ge=1)] = 1


class Attention(_Table):
    """The temperature that sharpens SAL's choice of positions: from `t_init` to `t_final` over the sal phase."""

    t_init: Annotated[float, Field(gt=0)]
    t_final: Annotated[float, Field(gt=0)]

    @model_validator(mode="after")
    def _grows(self) -> Attention:
        if self.t_final < self.t_init:
            raise ValueError("t_final must be at least t_init")
        return self


class Augment(_Table):
    """Random changes of every training image.

    shift in pixels (fractions as well), rotate in degrees, scale as a fraction; crop: up to so many whole pixels to
    each side, which costs less than a shift; flip: left for right, one in two. What comes in is zero.
    """

    shift: Annotated[float, Field(ge=0, le=4)] = 0.0
    rotate: Annotated[float, Field(ge=0, le=45)] = 0.0
    scale: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    crop: Annotated[int, Field(ge=0, le=8)] = 0
    flip: bool = False


class Recipe(_Table):
    """A whole recipe; see examples/recipes for one with every key.

    classes: of the data set that are trained and tested, at least two; classes[i] is output i. None: all.
    norm:    "batch", plain batch norm; "power-of-two", its gains are rounded to powers of two, one a channel, before
             the tune phase; "power-of-two-shared", one power for all channels of a layer.
    threads: that compute. Part of the recipe, because the order of a float sum depends on how many share it.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)]
    dataset: str
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    input_bits: Bits
    classes: Annotated[tuple[Class, ...], Field(min_length=2, strict=False)] | None = None
    norm: Norm = "batch"
    threads: Annotated[int, Field(ge=1, le=64)] = 1
    schedule: Schedule
    attention: Attention = Attention(t_init=20.0, t_final=70.0)
    positions: Positions = Positions()
    augment: Augment = Augment()
    layers: Annotated[tuple[Layer, ...], Field(min_length=1, strict=False)]

    def record(self) -> dict[str, Any]:
        """Return what differs from the defaults, as plain values for JSON: a new key changes no old record."""
        return self.model_dump(mode="json", exclude_defaults=True)

    @model_validator(mode="after")
    def _classes_differ(self) -> Recipe:
        if self.classes is not None and len(set(self.classes)) < len(self.classes):
            raise ValueError("classes must all differ")
        return self

    @model_validator(mode="after")
    def _dense_ends(self) -> Recipe:
        dense = [isinstance(layer, Dense) for layer in self.layers]
        if not dense[-1] or any(dense[:-1]):
            raise ValueError("layers must end with the one layer of kind dense")
        return self


def load_recipe(name_or_path: str | Path) -> Recipe:
    """Return the recipe in a file, or the built-in one of that name.

    Anything with a slash or the ending .toml is a path, the rest a name in examples/recipes. BadRecipe names
    the file, and for a wrong value the key.
    """
    path = _find(str(name_or_path))
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadRecipe(f"recipe '{path}'", "must be a readable file", error.strerror) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadRecipe(f"recipe '{path}'", f"must be TOML in UTF-8 ({error})") from error
    try:
        return Recipe.model_validate(table)
    except ValidationError as error:
        raise _first_problem(path, error) from error


def _find(text: str) -> Path:
    if text.endswith(".toml") or "/" in text:
        return Path(text)
    folder = resources.room("examples") / "recipes"
    path = folder / f"{text}.toml"
    if not path.is_file():
        names = ", ".join(sorted(file.stem for file in folder.glob("*.toml")))
        raise BadRecipe(
            f"recipe '{text}'", f"must be one of the built-in names ({names}) or the path of a .toml file", "known"
        )
    return path


def _first_problem(path: Path, error: ValidationError) -> BadRecipe:
    problem = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in problem["loc"])
    rule = problem["msg"].removeprefix("Value error, ")
    place = f"recipe '{path}'" + (f", key '{key}'" if key else "")
    shown = None if not key or isinstance(problem["input"], dict) else repr(problem["input"])
    others = f"{error.error_count() - 1} more such problems." if error.error_count() > 1 else ""
    return BadRecipe(place, rule[:1].lower() + rule[1:], shown, others)
