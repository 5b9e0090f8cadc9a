"""Every error that lutwright raises for its user.

One base class. A message says where, what must hold, what was found and what to do, in that order:

    UnsupportedOp: node 'conv3' (Conv): groups must be 1 or the input channels (32), not 4. Split the layer.
"""

from __future__ import annotations


class LutwrightError(Exception):
    """Base of all named errors; the command line prints it on one line and leaves with `exit_code`.

    where: the node, file, board or tool that the error is about.
    rule:  what must hold, as a clause ("groups must be 1 or the input channels (32)").
    found: what was there instead; printed after ", not ".
    fix:   what the user can do; a whole sentence.
    """

    exit_code = 2

    def __init__(self, where: str, rule: str, found: object = None, fix: str = "") -> None:
        self.where = where
        self.rule = rule
        self.found = found
        self.fix = fix
        message = f"{where}: {rule}"
        if found is not None:
            message += f", not {found}"
        message += "."
        if fix:
            message += f" {fix}"
        super().__init__(message)

    @property
    def name(self) -> str:
        """The class name, which starts the printed line."""
        return type(self).__name__


class BadModel(LutwrightError):
    """A model file that is missing, truncated, hostile or inconsistent."""


class UnsupportedOp(LutwrightError):
    """A node that cannot be converted exactly."""


class NotExact(LutwrightError):
    """A step between two integers for which no exact hardware form exists."""


class BadGraph(LutwrightError):
    """An integer graph that breaks a rule of the IR."""


class DoesNotFit(LutwrightError):
    """A design that needs more than the board has, in area or in speed."""


class BadFolding(LutwrightError):
    """A folding file that breaks the schema, or a fold that its layer cannot have."""


class UnknownBoard(LutwrightError):
    """A board name without a board file."""


class BadBoard(LutwrightError):
    """A board file that breaks the schema or its own limits."""


class BadProject(LutwrightError):
    """A folder that is no lutwright project, or one that was changed since it was built."""


class BadRecipe(LutwrightError):
    """A training recipe that breaks the schema."""


class BadData(LutwrightError):
    """A data set that is missing, damaged or does not match the model."""


class BadOption(LutwrightError):
    """A command-line option whose value cannot be used."""


class BadLayer(LutwrightError):
    """A layer that a position policy or a weight quantiser cannot take."""


class BadCheckpoint(LutwrightError):
    """A checkpoint that is damaged or belongs to another training."""


class TrainingFailed(LutwrightError):
    """Training that stopped: the loss is not finite, or the export does not equal the model."""


class BadLearner(LutwrightError):
    """Parameters that no learner can have."""


class BadFeatures(LutwrightError):
    """Features, images or a label that a learner cannot take."""


class BadState(LutwrightError):
    """A learner's state that is damaged, breaks its own rule or belongs to another learner."""


class ToolMissing(LutwrightError):
    """A tool that is needed and not installed."""


class ToolFailed(LutwrightError):
    """A tool that ran and failed; the message ends with its last lines."""


class Deadlock(LutwrightError):
    """Stalls between which no beat of a stream ever moves."""


class CannotSimulate(LutwrightError):
    """A level at which a design cannot be simulated, or a cell without a model."""


class LinkError(LutwrightError):
    """A board that does not answer, answers wrongly or is another board than the project's."""


class OutputError(LutwrightError):
    """A file or folder that cannot be written: full disk, no permission, already there."""


class Interrupted(LutwrightError):
    """Ctrl-C; nothing that looks finished is left behind."""


class Mismatch(LutwrightError):
    """Two executors that disagree on a word. The run itself worked, hence its own exit code."""

    exit_code = 1
