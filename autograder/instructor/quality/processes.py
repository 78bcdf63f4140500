"""Work that is done in processes of their own, several at a time."""

import concurrent.futures
from collections.abc import Callable, Iterable, Iterator
from multiprocessing import get_context
from typing import Any, TypeVar

Done = TypeVar("Done")
Arguments = tuple[Any, ...]


def each(
    function: Callable[..., Done], asked: Iterable[Arguments], most: int | None = None
) -> Iterator[tuple[Arguments, Done]]:
    """Call a function with each of some arguments; whoever stops listening cancels what has not begun.

    Args:
        function: of a module, so that another process can import it.
        asked: the arguments of each call.
        most: processes at a time; one for each core if left out.

    Yields:
        The arguments and what the function returned, as the calls are done.
    """
    with concurrent.futures.ProcessPoolExecutor(most, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(function, *arguments): arguments for arguments in asked}
        try:
            for done in concurrent.futures.as_completed(waiting):
                yield waiting[done], done.result()
        finally:
            pool.shutdown(cancel_futures=True)
