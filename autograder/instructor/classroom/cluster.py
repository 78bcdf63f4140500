"""Work on a Dask cluster: the same tasks, the same reports. Who is free and who has died is Dask's to know.

A worker process grades one exercise at a time (`dask worker --nthreads 1`). It needs the course installed and nothing
else: files travel with the task.
"""

import importlib
import traceback
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from autograder import fault
from autograder.instructor.classroom import grading_task
from autograder.instructor.classroom.grading_task import RefusedError, Task

AHEAD = 2  # tasks that wait for each worker
PATIENCE = 30  # seconds to reach the scheduler

Name = TypeVar("Name")


def run(
    tasks: Iterator[tuple[Name, Task]], address: str, running: Callable[[int], None]
) -> Iterator[tuple[Name, Task, bytes]]:
    """Grade on a cluster.

    Args:
        tasks: with names for them; taken as the cluster has room.
        address: of its scheduler, as tcp://10.0.0.1:8786.
        running: is told how many are at work.

    Yields:
        Name, task and report, as they come.

    Raises:
        RefusedError: there is no cluster, or it cannot grade.
    """
    try:
        dask: Any = importlib.import_module("distributed")
    except ImportError:
        raise RefusedError("--cluster needs Dask: `python -m pip install -e '.[cluster]'` installs it.") from None
    try:
        client = dask.Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise RefusedError(f"There is no Dask scheduler at {address}: {error}.") from None
    with client:
        threads = sum(client.nthreads().values())
        if not threads:
            raise RefusedError(f"The cluster at {address} has no worker; start some with `dask worker {address}`.")
        sent: dict[Any, tuple[Name, Task]] = {}
        done = dask.as_completed(loop=client.loop)

        def send(name: Name, task: Task) -> None:
            future = client.submit(grading_task.grade, task, pure=False, retries=1)  # what was in the way may pass
            sent[future] = (name, task)
            done.add(future)

        for _ in range(threads * (1 + AHEAD)):
            for named in _one(tasks):
                send(*named)
        for future in done:
            running(min(threads, len(sent)))
            name, task = sent.pop(future)
            failed = future.exception()
            if isinstance(failed, RefusedError):
                raise failed
            if failed is None:
                report = future.result()
                future.release()
                yield name, task, report
            elif task.fault:
                raise RefusedError(f"The cluster cannot even say what failed: {failed}")
            else:
                trace = "".join(traceback.format_exception(failed))
                said = f"The grader failed on this: {fault.sentence(failed)}"
                send(name, task._replace(fault=said, traceback=trace))
                continue
            for named in _one(tasks):
                send(*named)


def _one(tasks: Iterator[tuple[Name, Task]]) -> Iterator[tuple[Name, Task]]:
    """The next one, if there is any."""
    named = next(tasks, None)
    if named:
        yield named
