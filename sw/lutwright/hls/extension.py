"""Our extension layers, registered with hls4ml: classes, configurations, calls of hw/hls. Importing it needs hls4ml.

Every class takes one attribute, `lutwright`: the HlsLayer that it stands for.
"""

from __future__ import annotations

from typing import Any

from hls4ml.backends import get_backend
from hls4ml.backends.template import FunctionCallTemplate, LayerConfigTemplate
from hls4ml.model.layers import Layer, register_layer
from hls4ml.model.types import IntegerPrecisionType

from lutwright.hls.layer import HlsLayer, type_text
from lutwright.numerics.ranges import IntType
from lutwright.resources import room

ATTRIBUTE = "lutwright"
# Constants of a configuration that may be negative; all others count something.
_SIGNED = frozenset({"code_low", "code_high", "low", "pad", "value"})


def precision(kind: IntType) -> IntegerPrecisionType:
    """hls4ml's ap_int or ap_uint of `kind`."""
    return IntegerPrecisionType(width=kind.width, signed=kind.signed)


class _Extension(Layer):
    """A layer whose output and constants an HlsLayer tells."""

    def initialize(self) -> None:
        """Add the output and the constants."""
        told: HlsLayer = self.attributes[ATTRIBUTE]
        self.add_output_variable(list(told.shape))
        for name, array in told.arrays.items():
            self.add_weights_variable(
                name=f"constant_{name}",  # names such as `index` are taken
                var_name=f"{name}{{index}}",
                type_name=f"{name}{{index}}_t",
                data=array.values,
                precision=precision(array.type),
            )


class LutwrightMux(_Extension):
    """Multiplexer convolution."""


class LutwrightConv(_Extension):
    """Convolution in groups."""


class LutwrightRequantise(_Extension):
    """Accumulators to codes by multiplying and shifting, or by thresholds."""


class LutwrightTable(_Extension):
    """Accumulators to codes by a table."""


class LutwrightAffine(_Extension):
    """Gain and offset of each channel."""


class LutwrightAdd(_Extension):
    """Weighted sum of two tensors."""


class LutwrightPool(_Extension):
    """Largest or sum of each window."""


class LutwrightGather(_Extension):
    """Words picked by index."""


class LutwrightConcat(_Extension):
    """Two tensors joined."""


class LutwrightOrder(_Extension):
    """Places of the largest words."""


CLASSES = (
    LutwrightMux,
    LutwrightConv,
    LutwrightRequantise,
    LutwrightTable,
    LutwrightAffine,
    LutwrightAdd,
    LutwrightPool,
    LutwrightGather,
    LutwrightConcat,
    LutwrightOrder,
)


class _Config(LayerConfigTemplate):
    """The struct of constants and types that a layer's function takes."""

    def __init__(self) -> None:
        super().__init__(CLASSES)
        self.name = "lutwright_config_template"

    def format(self, node: Any) -> str:
        """The C++ text."""
        told: HlsLayer = node.get_attr(ATTRIBUTE)
        lines = [f"    static const unsigned reuse_factor = {node.get_attr('reuse_factor')};"]
        for name, value in told.constants.items():
            lines.append(f"    static const {'long long' if name in _SIGNED else 'unsigned'} {name} = {value};")
        for name, kind in told.types.items():
            lines.append(f"    typedef {type_text(kind)} {name}_t;")
        for name in told.arrays:
            lines.append(f"    typedef {node.get_weights(f'constant_{name}').type.name} {name}_t;")
        return "\n".join([f"struct config{node.index} {{", *lines, "};\n"])


class _Call(FunctionCallTemplate):
    """The call of a layer's function."""

    def __init__(self) -> None:
        super().__init__(CLASSES)
        self.name = "lutwright_function_template"

    def format(self, node: Any) -> str:
        """The C++ text."""
        told: HlsLayer = node.get_attr(ATTRIBUTE)
        variables = [*(node.get_input_variable(name) for name in node.inputs), node.get_output_variable()]
        types = [*(variable.type.name for variable in variables), f"config{node.index}"]
        names = [variable.name for variable in variables]
        names += [node.get_weights(f"constant_{name}").name for name in told.arrays]
        return f"lutwright::{told.function}<{', '.join(types)}>({', '.join(names)});"

    def transform(self, model: Any, node: Any) -> bool:
        """Set the call, and the header that it needs."""
        changed = super().transform(model, node)
        node.set_attr("include_header", [f"nnet_utils/{node.get_attr(ATTRIBUTE).header}"])
        return bool(changed)


def _register() -> None:
    for one in CLASSES:
        register_layer(one.__name__, one)
    vivado = get_backend("Vivado")
    for template in (_Config, _Call):
        vivado.register_template(template)  # Vitis runs these too
    for tool in ("Vivado", "Vitis"):
        for header in sorted((room("hw") / "hls").glob("*.h")):
            get_backend(tool).register_source(header)


_register()
