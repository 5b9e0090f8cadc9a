"""Jobs on Dask: a cluster of this machine's processors, or one that the user has."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from lutwright.errors import BadOption, ToolFailed, ToolMissing

RETRIES = 3
"""How often a job is tried again where it fails, or where the worker that has it dies."""

_CONNECT = 10.0  # seconds until a scheduler must answer

Given = TypeVar("Given")
Result = TypeVar("Result")


@contextmanager
def client(scheduler: str | None = None, workers: int | None = None) -> Iterator[Any]:
    """A distributed.Client: of the scheduler at the address `scheduler`, or of a cluster that ends with the block.

    workers: processes of that cluster, each doing one job at a time; as many as processors without. It has no dashboard
    and listens on this machine only. Raises ToolMissing without Dask, BadOption where no scheduler answers.
    """
    distributed = _distributed()
    with ExitStack() as stack:
        if scheduler is None:
            # The tools leave nothing half-done behind, so that a worker may be killed and started at any time.
            stack.enter_context(_settings({"distributed.scheduler.allowed-failures": RETRIES}))
            scheduler = stack.enter_context(
                distributed.LocalCluster(
                    n_workers=workers or os.cpu_count() or 1,
                    threads_per_worker=1,
                    processes=True,
                    dashboard_address="127.0.0.1:0",  # of its health page; Dask would take port 8787 without
                    scheduler_kwargs={"dashboard": False},
                    host="127.0.0.1",
                    memory_limit=0,
                    silence_logs=50,
                )
            )
        try:
            connected = distributed.Client(scheduler, timeout=_CONNECT, set_as_default=False)
        except (OSError, ValueError) as error:
            raise BadOption(
                "--scheduler", "must be the address of a Dask scheduler that answers", repr(scheduler), str(error)
            ) from error
        yield stack.enter_context(connected)


def run_all(
    connected: Any,
    work: Callable[[Given], Result],
    jobs: Mapping[str, Given],
    finished: Callable[[str, Result], None],
) -> None:
    """Do `work` on each of `jobs`, by their keys, and call `finished` with key and result as each comes in.

    A job whose worker dies is done by another, RETRIES times. Raises ToolFailed naming the first that failed each time;
    what came in before it is finished.
    """
    distributed = _distributed()
    futures = {connected.submit(work, job, key=key, retries=RETRIES, pure=False): key for key, job in jobs.items()}
    for future in distributed.as_completed(list(futures), loop=connected.loop):
        key = futures[future]
        error = future.exception()
        if error is not None:
            connected.cancel(list(futures))
            raise ToolFailed(
                f"job {key[:12]}", f"must end well in one of {RETRIES + 1} attempts", f"{type(error).__name__}: {error}"
            ) from error
        finished(key, future.result())


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise ToolMissing(
            "explore", "the package distributed must be installed", "absent", "pip install 'lutwright[explore]'."
        ) from error
    return distributed


def _settings(values: Mapping[str, object]) -> Any:
    import dask

    return dask.config.set(values)
