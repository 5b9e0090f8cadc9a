"""The registers of hw/rtl/learner_axi.sv, made from hw/rdl/learner.rdl. Do not edit this: `make registers`."""

from lutwright.runtime.registers import Field, Register

IDENTITY = Register(
    "identity",
    0x00,
    "r",
    (
        Field("version", 0, 8),
        Field("magic", 8, 24),
    ),
)
"""What this is."""

FEATURES = Register(
    "features",
    0x04,
    "r",
    (Field("value", 0, 32),),
)
"""Features, d."""

SUBSPACES = Register(
    "subspaces",
    0x08,
    "r",
    (Field("value", 0, 32),),
)
"""Subspaces, P."""

ANCHORS = Register(
    "anchors",
    0x0C,
    "r",
    (Field("value", 0, 32),),
)
"""Anchors of a class in a subspace, k."""

CLASSES = Register(
    "classes",
    0x10,
    "r",
    (Field("value", 0, 32),),
)
"""Classes that there is room for, C."""

WIDTHS = Register(
    "widths",
    0x14,
    "r",
    (
        Field("feature_bits", 0, 8),
        Field("fraction_bits", 8, 8),
        Field("count_bits", 16, 8),
    ),
)
"""Bits of what it works on."""

RULE = Register(
    "rule",
    0x18,
    "r",
    (
        Field("policy", 0, 2),
        Field("distance", 8, 1),
        Field("signed_features", 16, 1),
    ),
)
"""How it learns and compares."""

SEED = Register(
    "seed",
    0x1C,
    "r",
    (Field("value", 0, 16),),
)
"""Seed of the generator."""

VERSIONS = Register(
    "versions",
    0x20,
    "r",
    (Field("value", 0, 16),),
)
"""Versions of one query at most, R."""

LANES = Register(
    "lanes",
    0x24,
    "r",
    (Field("value", 0, 32),),
)
"""Subspaces at a time; does not change what it computes."""

WORDS = Register(
    "words",
    0x28,
    "r",
    (Field("value", 0, 32),),
)
"""32-bit words of the state."""

DATA = Register(
    "data",
    0x40,
    "rw",
    (Field("value", 0, 32),),
)
"""The word for the next command of op 5; what it was when COMMAND is written."""

COMMAND = Register(
    "command",
    0x44,
    "rw",
    (
        Field("op", 0, 3),
        Field("label", 8, 24),
    ),
)
"""Writing its lowest byte starts a command. While one is busy that is refused."""

ANSWER = Register(
    "answer",
    0x48,
    "r",
    (Field("value", 0, 32),),
)
"""What the last command found, once it is answered: examples, or the word."""

STATUS = Register(
    "status",
    0x4C,
    "rw",
    (
        Field("busy", 0, 1),
        Field("answered", 1, 1),
        Field("refused", 2, 1),
        Field("result", 3, 1),
        Field("code", 8, 4),
    ),
)
"""What goes on."""

CONTROL = Register(
    "control",
    0x50,
    "rw",
    (
        Field("capture", 0, 1),
        Field("answered_interrupt", 8, 1),
        Field("result_interrupt", 9, 1),
    ),
)
"""Where results go, and what raises the interrupt."""

RESULT = Register(
    "result",
    0x54,
    "r",
    (
        Field("label", 0, 24),
        Field("code", 24, 4),
    ),
)
"""The result that is there."""

VOTES = Register(
    "votes",
    0x58,
    "r",
    (Field("value", 0, 32),),
)
"""Votes of its class."""

MARGIN = Register(
    "margin",
    0x5C,
    "r",
    (Field("value", 0, 32),),
)
"""Those votes less the votes of the next class."""

TAKE = Register(
    "take",
    0x60,
    "w",
    (Field("next", 0, 1),),
)
"""For when a result was read."""

REGISTERS = (
    IDENTITY,
    FEATURES,
    SUBSPACES,
    ANCHORS,
    CLASSES,
    WIDTHS,
    RULE,
    SEED,
    VERSIONS,
    LANES,
    WORDS,
    DATA,
    COMMAND,
    ANSWER,
    STATUS,
    CONTROL,
    RESULT,
    VOTES,
    MARGIN,
    TAKE,
)
"""All of them, by address."""
