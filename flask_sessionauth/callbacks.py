"""Calling what the program gave us, which may be a coroutine function."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from threading import get_ident
from types import CoroutineType
from typing import Any

from flask import Flask

#: The threads that wait for this thread of control, to run a coroutine function for them.
waiting: ContextVar[tuple[int, ...]] = ContextVar("flask_sessionauth.waiting", default=())


def call(app: Flask, function: Callable[..., Any], *args: Any) -> Any:
    """Call a loader or handler of the program's, which may be a coroutine function."""
    result = function(*args)
    return awaited(app, result) if type(result) is CoroutineType else result


def awaited(app: Flask, coroutine: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine of the program's returns."""
    import asyncio
    from concurrent.futures import ThreadPoolExecutor
    from contextvars import copy_context

    waiting_now = (*waiting.get(), get_ident())

    async def main() -> Any:
        waiting.set(waiting_now)
        return await coroutine

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return app.async_to_sync(main)()
    # Asked for inside an async view: its loop waits for us and cannot run the loader, so another one does.
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(copy_context().run, asyncio.run, main()).result()
