"""The demo in two browsers and in real time: what ends a login, and what does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

PASSWORD = "analytical-engine"


def log_in(page: Page, *, remember: bool = False) -> None:
    page.goto("/login?next=/account")
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    if remember:
        page.get_by_label("Remember me").check()
    page.get_by_role("main").get_by_role("button", name="Log in").click()
    expect(page.locator("#login-source")).to_have_text("session")


def expect_to_be_out(page: Page) -> None:
    page.goto("/account")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def test_a_changed_password_ends_the_other_devices(new_device: Callable[..., Any]) -> None:
    """The browser in which the password was changed stays logged in and remembered; the other one is out for good."""
    here, there = new_device(), new_device()
    for device in (here, there):
        log_in(device.page, remember=True)
    page = here.page
    page.goto("/password")
    page.get_by_label("New password", exact=True).fill("a difference engine")
    page.get_by_label("New password, again").fill("a difference engine")
    page.get_by_role("button", name="Change password").click()
    expect(page.locator("#login-source")).to_have_text("session")
    expect(page.locator("#login-fresh")).to_have_text("yes")
    expect_to_be_out(there.page)
    assert "remember_token" not in there.cookie_names()
    there.restart()
    expect_to_be_out(there.page)
    here.restart()
    here.page.goto("/account")
    expect(here.page.locator("#login-source")).to_have_text("remember")


@pytest.mark.parametrize("config", [{"LOGIN_IDLE_TIMEOUT": 10, "LOGIN_TOUCH_INTERVAL": 1}])
def test_an_idle_session_ends_in_real_time(new_device: Callable[..., Any], config: dict[str, Any]) -> None:
    """A browser that is used stays in, one that is not is out, and one that is remembered comes back, not fresh."""
    unused, remembered, used = new_device(), new_device(), new_device()
    log_in(unused.page)
    log_in(remembered.page, remember=True)
    # Last: how long the others take is not its idle time.
    log_in(used.page)
    for _ in range(5):
        used.page.wait_for_timeout(2200)
        used.page.goto("/account")
        expect(used.page.locator("#login-fresh")).to_have_text("yes")
    expect_to_be_out(unused.page)
    remembered.page.goto("/account")
    expect(remembered.page.locator("#login-source")).to_have_text("remember")
    expect(remembered.page.locator("#login-fresh")).to_have_text("no")
