"""The command `lutwright`: every verb on one Typer application."""

from __future__ import annotations

import typer

import lutwright
from lutwright.cli.boards import boards
from lutwright.cli.build import build
from lutwright.cli.check import check
from lutwright.cli.data import data
from lutwright.cli.demo import demo
from lutwright.cli.demo_learner import demo_learner
from lutwright.cli.doctor import doctor
from lutwright.cli.explore import explore
from lutwright.cli.learn import learn
from lutwright.cli.program import program
from lutwright.cli.run import run
from lutwright.cli.sim import sim
from lutwright.cli.train import train

VERBS = (demo, demo_learner, train, check, build, explore, sim, program, run, learn, boards, doctor)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="From a quantised PyTorch network to an FPGA bitstream that computes the same integers.",
)
for function in VERBS:
    app.command()(function)
app.add_typer(data, name="data")


@app.callback(invoke_without_command=True)
def version(show: bool = typer.Option(False, "--version", help="Print the version and leave.")) -> None:
    """From a quantised PyTorch network to an FPGA bitstream that computes the same integers."""
    if show:
        typer.echo(lutwright.__version__)
        raise typer.Exit()


def main() -> None:
    """Entry point of the command."""
    app()
