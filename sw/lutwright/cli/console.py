"""What every verb shares: the terminal, the JSON answer and the one place where an error becomes an exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape

from lutwright.errors import Interrupted, LutwrightError, OutputError, ToolFailed

JSON_OPTION = typer.Option(False, "--json", help="Print one JSON object on standard output and nothing else there.")

_LONGEST = 4000  # characters of one message

# Progress, tables and errors go to standard error, so that standard output stays clean for --json and pipes.
terminal = Console(stderr=True, highlight=False)


def answer(result: dict[str, Any], as_json: bool) -> None:
    """Print `result` as the verb's one JSON object, if asked to."""
    if as_json:
        sys.stdout.write(json.dumps(result, indent=2, sort_keys=True, default=str) + "\n")
        sys.stdout.flush()


def shown(text: str, lines: bool = False) -> str:
    """`text`, which may come from a file, as the terminal gets it: markup and control characters do nothing there.

    lines: whether it may have more than one. A long text is cut.
    """
    cut = text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} … {text[-_LONGEST // 2 :]}"
    return escape("".join(c if c.isprintable() or (lines and c == "\n") else repr(c)[1:-1] for c in cut))


def _fail(error: LutwrightError, as_json: bool) -> typer.Exit:
    if as_json:
        answer({"error": {"name": error.name, "message": str(error), "where": error.where}}, True)
    terminal.print(
        f"[bold red]{error.name}[/]: {shown(str(error), lines=isinstance(error, ToolFailed))}", soft_wrap=True
    )
    return typer.Exit(error.exit_code)


def verb(function: Callable[..., None]) -> Callable[..., None]:
    """Wrap a verb: a LutwrightError becomes one line and its exit code, Ctrl-C becomes Interrupted.

    Anything else is a defect of ours and keeps its traceback.
    """

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:
        as_json = bool(kwargs.get("as_json", False))
        try:
            function(*args, **kwargs)
        except LutwrightError as error:
            raise _fail(error, as_json) from error
        except KeyboardInterrupt as error:
            stopped = Interrupted(function.__name__, "stopped by Ctrl-C; what was not finished was removed")
            raise _fail(stopped, as_json) from error
        except BrokenPipeError as error:
            raise typer.Exit(0) from error
        except OSError as error:
            place = error.filename or function.__name__
            named = OutputError(
                f"'{place}'",
                f"the operating system refused ({error.strerror or error})",
                fix="Check the path, the permissions and the free space.",
            )
            raise _fail(named, as_json) from error

    return run
