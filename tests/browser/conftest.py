"""The demo behind a real server, and real browsers in front of it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from werkzeug.serving import make_server

DEMO = Path(__file__).parents[2] / "examples" / "demo" / "app.py"

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Else Chromium looks up outside hosts at every start.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1",
]


@pytest.fixture(scope="module")
def demo() -> Iterator[ModuleType]:
    """The demo's module, loaded from its file: it is a program, not a package."""
    spec = importlib.util.spec_from_file_location("sessionauth_demo", DEMO)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    # As for a program that is started, its own folder is the first to import from.
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(DEMO.parent)
        spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name], sys.modules["words"]


@pytest.fixture
def config() -> dict[str, Any]:
    """The demo's settings that a test wants otherwise."""
    return {}


@pytest.fixture
def site(demo: ModuleType, tmp_path: Path, config: dict[str, Any]) -> Iterator[str]:
    """The address of the demo, with a database of its own."""
    own = {"DATABASE": tmp_path / "demo.sqlite3", "SECRET_KEY": "a-key-of-the-browser-tests"}
    app = demo.create_app(own | config)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()
    demo.login_manager.registry.close()


# For a module, not the session: while Playwright's event loop runs in this thread, async views cannot.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        message = "these tests need Chromium: install the package chromium (Debian: apt-get install chromium)"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable,
            args=CHROMIUM_ARGUMENTS,
            # Playwright switches off what keeps pages for the Back button; people's browsers have it.
            ignore_default_args=["--disable-back-forward-cache"],
        )
        yield browser
        browser.close()


class Device:
    """A browser with cookies of its own, and what went wrong in it: console errors, failed requests, error answers."""

    def __init__(self, browser: Browser, site: str, **options: Any) -> None:
        self._browser = browser
        self._options = options
        self.site = site
        self.problems: list[str] = []
        self._open()

    def _open(self, **more: Any) -> None:
        self.context: BrowserContext = self._browser.new_context(base_url=self.site, **self._options, **more)
        self.context.set_default_timeout(10_000)
        self.context.on("console", lambda m: self._note(m.type in ("error", "warning"), f"{m.type}: {m.text}"))
        self.context.on("weberror", lambda e: self._note(True, f"script error: {e.error}"))
        # A page that is left while it loads aborts its requests.
        self.context.on("requestfailed", lambda r: self._note(r.failure != "net::ERR_ABORTED", f"failed: {r.url}"))
        self.context.on("response", lambda r: self._note(r.status >= 400, f"{r.status}: {r.url}"))
        self.page: Page = self.context.new_page()

    def _note(self, is_problem: bool, text: str) -> None:
        if is_problem:
            self.problems.append(text)

    def cookie_names(self) -> set[str]:
        return {cookie["name"] for cookie in self.context.cookies()}

    def restart(self) -> None:
        """Close the browser and open it again: only cookies with an expiry date are still there."""
        state = self.context.storage_state()
        state["cookies"] = [cookie for cookie in state["cookies"] if cookie["expires"] != -1]
        self.close()
        self._open(storage_state=state)

    def close(self) -> None:
        self.context.close()


@pytest.fixture
def new_device(browser: Browser, site: str) -> Iterator[Callable[..., Device]]:
    """Makes devices, with options of Playwright's `new_context`. None may have had a problem in the end."""
    devices: list[Device] = []

    def make(**options: Any) -> Device:
        devices.append(Device(browser, site, **options))
        return devices[-1]

    yield make
    for device in devices:
        device.close()
    assert [problem for device in devices for problem in device.problems] == []


@pytest.fixture
def device(new_device: Callable[..., Device]) -> Device:
    return new_device()
