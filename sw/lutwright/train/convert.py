"""An existing torch model with its convolutions turned into multiplexer convolutions."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from fnmatch import fnmatchcase

import torch
from torch import nn

from lutwright.errors import BadLayer
from lutwright.train.layers import MuxConv2d
from lutwright.train.names import Kind, Policy, Pruning


def multiplex(
    model: nn.Module,
    *,
    policy: Policy = "sal",
    keep: Sequence[str] = (),
    kept: int = 1,
    weights: Kind = "uniform",
    weight_bits: int = 4,
    t_init: float = 20.0,
    t_final: float = 70.0,
    schedule: Pruning | None = None,
) -> nn.Module:
    """Return a copy of `model` with each Conv2d (Brevitas's too) replaced by a MuxConv2d of the same name and weights.

    keep: names of modules that stay as they are, with * and ? as in file names ("layer1.*"); what lies within one
          stays too. 1x1 convolutions stay in any case: there is nothing to choose from.
    The rest as in `MuxConv2d`. A layer's reach is the least power of two that holds its largest weight, so it starts
    from what the model computes with all its weights; then train it (`Choosing`, `Clipping`), `harden` and fine-tune.

    BadLayer where a policy cannot take a layer, where a name in `keep` is that of no module, and where no convolution
    is left to replace.
    """
    made = copy.deepcopy(model)
    _check_names(made, keep)
    replaced = 0
    for name, module in list(made.named_modules()):
        if not isinstance(module, nn.Conv2d) or isinstance(module, MuxConv2d) or _stays(name, module, keep):
            continue
        layer = _multiplexed(module, name, policy, kept, weights, weight_bits, t_init, t_final, schedule)
        if not name:
            return layer
        parent, _, last = name.rpartition(".")
        setattr(made.get_submodule(parent), last, layer)
        replaced += 1
    if not replaced:
        raise BadLayer("the model", "must have a convolution larger than 1x1 that is not kept", "none")
    return made


def harden(model: nn.Module) -> nn.Module:
    """Decide the positions of every MuxConv2d in `model`, which is returned; the rest of the training tunes them."""
    for module in model.modules():
        if isinstance(module, MuxConv2d):
            module.harden()
    return model


def plain(model: nn.Module) -> nn.Module:
    """Return a copy of a hardened model with Brevitas's own layers in place of MuxConv2d, ready to be exported."""
    made = copy.deepcopy(model)
    if isinstance(made, MuxConv2d):
        return made.plain()
    for name, module in list(made.named_modules()):
        if isinstance(module, MuxConv2d):
            parent, _, last = name.rpartition(".")
            setattr(made.get_submodule(parent), last, module.plain())
    return made


def _check_names(model: nn.Module, keep: Sequence[str]) -> None:
    names = [name for name, _ in model.named_modules() if name]
    for wanted in keep:
        if not any(fnmatchcase(name, wanted) for name in names):
            raise BadLayer(f"keep, '{wanted}'", "must name a module of the model", "none", f"There are {_some(names)}.")


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def _stays(name: str, module: nn.Conv2d, keep: Sequence[str]) -> bool:
    above = [".".join(name.split(".")[: end + 1]) for end in range(name.count(".") + 1)]
    return math.prod(module.kernel_size) == 1 or any(fnmatchcase(part, wanted) for part in above for wanted in keep)


def _multiplexed(
    module: nn.Conv2d,
    name: str,
    policy: Policy,
    kept: int,
    weights: Kind,
    weight_bits: int,
    t_init: float,
    t_final: float,
    schedule: Pruning | None,
) -> MuxConv2d:
    where = f"layer '{name or 'model'}'"
    if isinstance(module.padding, str) or module.padding_mode != "zeros":
        raise BadLayer(where, "padding must be given in pixels, of zeros", f"{module.padding!r}, {module.padding_mode}")
    if any(side != 1 for side in module.dilation):
        raise BadLayer(where, "dilation must be 1", tuple(module.dilation), "Keep it, or take a larger kernel.")
    largest = float(module.weight.detach().abs().max())
    if not math.isfinite(largest):
        raise BadLayer(where, "weights must be finite", largest)
    layer = MuxConv2d(
        module.in_channels,
        module.out_channels,
        (module.kernel_size[0], module.kernel_size[1]),
        stride=(module.stride[0], module.stride[1]),
        padding=(int(module.padding[0]), int(module.padding[1])),
        groups=module.groups,
        bias=module.bias is not None,
        policy=policy,
        kept=kept,
        weights=weights,
        weight_bits=weight_bits,
        t_init=t_init,
        t_final=t_final,
        schedule=schedule,
        reach=2.0 ** math.ceil(math.log2(largest)) if largest else 1.0,
        name=where,
    ).to(module.weight.device)
    with torch.no_grad():
        layer.weight.copy_(module.weight)
        if layer.bias is not None and module.bias is not None:
            layer.bias.copy_(module.bias)
    return layer.train(module.training)
