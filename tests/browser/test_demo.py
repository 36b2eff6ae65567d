"""The demo in a browser: what a visitor sees and does."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

PASSWORD = "analytical-engine"
PAGES = ("/", "/login", "/account", "/devices", "/password", "/reauthenticate")


def log_in(page: Page, password: str = PASSWORD, *, remember: bool = False) -> None:
    """Fill in the login form that the page shows."""
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill(password)
    if remember:
        page.get_by_label("Remember me").check()
    page.get_by_role("main").get_by_role("button", name="Log in").click()


def expect_path(page: Page, path: str) -> None:
    expect(page).to_have_url(re.compile(rf"^http://127\.0\.0\.1:\d+{re.escape(path)}$"))


def expect_login_page(page: Page) -> None:
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def expect_reauthentication_page(page: Page) -> None:
    expect(page.get_by_role("heading", name="Confirm your password")).to_be_visible()


def expect_login(page: Page, source: str, *, fresh: str, remembered: str) -> None:
    """What the account page says of the login."""
    page.goto("/account")
    expect(page.locator("#login-source")).to_have_text(source)
    expect(page.locator("#login-fresh")).to_have_text(fresh)
    expect(page.locator("#login-remembered")).to_have_text(remembered)


def test_a_login_leads_to_next(device: Any) -> None:
    """After a login with "remember me" the visitor is at the page that `next` named, and has its cookies."""
    device.page.goto("/login?next=/account")
    log_in(device.page, remember=True)
    expect_path(device.page, "/account")
    assert device.cookie_names() == {"session", "remember_token", "device"}
    expect_login(device.page, "session", fresh="yes", remembered="yes")


def test_a_login_without_remember_me_leaves_no_remember_cookie(device: Any) -> None:
    """Without "remember me" a login ends when the browser is closed."""
    device.page.goto("/login")
    log_in(device.page)
    expect_login(device.page, "session", fresh="yes", remembered="no")
    device.restart()
    device.page.goto("/account")
    expect_login_page(device.page)


@pytest.mark.parametrize("name", ["ada", "nobody"])
def test_a_wrong_password_is_refused(device: Any, name: str) -> None:
    """A wrong password and an unknown name give the same message on the same page; the name stays, `next` too."""
    page = device.page
    page.goto("/login?next=/account")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("main").get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text("This name and password do not match.")
    expect(page.get_by_label("Password")).to_have_accessible_description("This name and password do not match.")
    expect(page.get_by_label("Password")).to_have_value("")
    expect(page.get_by_label("Name")).to_have_value(name)
    expect(page).to_have_title(re.compile("^Error: "))
    page.goto("/account")
    expect_login_page(page)


def test_a_second_try_still_leads_to_next(device: Any) -> None:
    """A wrong password on the way does not lose the way back."""
    device.page.goto("/login?next=/account")
    log_in(device.page, "not the password")
    expect(device.page.get_by_role("alert")).to_be_visible()
    log_in(device.page)
    expect_path(device.page, "/account")


def test_the_account_page_asks_to_log_in_and_is_shown_after_it(device: Any) -> None:
    """A visitor who opens the account page is sent to log in, told why, and led back."""
    page = device.page
    page.goto("/account")
    expect_path(page, "/login?next=%2Faccount")
    expect(page.get_by_role("status")).to_have_text("Please log in to see that page.")
    log_in(page)
    expect_path(page, "/account")
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example/", r"/\evil.example", "javascript:alert(1)"]
)
def test_a_next_to_another_site_leads_home(device: Any, target: str) -> None:
    """A `next` to another site, or to a script, is ignored."""
    device.page.goto(f"/login?next={target}")
    log_in(device.page)
    expect(device.page.get_by_role("heading", name="Hello, ada")).to_be_visible()
    expect_path(device.page, "/")


def test_a_remembered_user_comes_back(device: Any) -> None:
    """After the browser was closed, the remember cookie logs in, once, and that is not fresh."""
    device.page.goto("/login")
    log_in(device.page, remember=True)
    expect(device.page.get_by_role("heading", name="Hello, ada")).to_be_visible()
    device.restart()
    assert device.cookie_names() == {"remember_token", "device"}
    expect_login(device.page, "remember", fresh="no", remembered="yes")
    expect_login(device.page, "session", fresh="no", remembered="yes")


def test_a_remembered_user_confirms_the_password(device: Any) -> None:
    """A remembered login does not open the fresh page; a wrong password does not, either; the right one does."""
    page = device.page
    page.goto("/login")
    log_in(page, remember=True)
    expect(page.get_by_role("heading", name="Hello, ada")).to_be_visible()
    device.restart()
    page = device.page
    page.goto("/password")
    expect_reauthentication_page(page)
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("alert")).to_have_text("This is not your password.")
    page.goto("/password")
    expect_reauthentication_page(page)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    expect_path(page, "/password")
    expect(page.get_by_role("heading", name="Change your password")).to_be_visible()
    expect_login(page, "session", fresh="yes", remembered="yes")


def test_a_login_is_fresh_enough_for_ten_minutes(device: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fresh page asks for the password again eleven minutes after the login, though the login is still fresh."""
    page = device.page
    page.goto("/login")
    log_in(page)
    expect(page.get_by_role("heading", name="Hello, ada")).to_be_visible()
    start = time.time()
    monkeypatch.setattr("time.time", lambda: start + 9 * 60)
    page.goto("/password")
    expect(page.get_by_role("heading", name="Change your password")).to_be_visible()
    monkeypatch.setattr("time.time", lambda: start + 11 * 60)
    page.goto("/password")
    expect_reauthentication_page(page)
    expect_login(page, "session", fresh="yes", remembered="no")


def test_the_password_can_be_changed(device: Any) -> None:
    """After a change the new password logs in, and the old one does not."""
    page = device.page
    page.goto("/login?next=/password")
    log_in(page)
    page.get_by_label("New password", exact=True).fill("a difference engine")
    page.get_by_label("New password, again").fill("a difference engin")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_label("New password, again")).to_have_accessible_description(
        "The two passwords are not the same."
    )
    page.get_by_label("New password", exact=True).fill("a difference engine")
    page.get_by_label("New password, again").fill("a difference engine")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("status")).to_have_text(
        "Your password has been changed. You are logged out on all other devices."
    )
    page.get_by_role("button", name="Log out").click()
    page.goto("/login")
    log_in(page)
    expect(page.get_by_role("alert")).to_be_visible()
    log_in(page, "a difference engine")
    expect(page.get_by_role("heading", name="Hello, ada")).to_be_visible()


def test_logout_ends_the_login(device: Any) -> None:
    """After logout the remember cookie is gone, the account page asks to log in, and Back does not show it."""
    page = device.page
    page.goto("/login?next=/account")
    log_in(page, remember=True)
    expect_path(page, "/account")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("status")).to_have_text("You are logged out.")
    assert "remember_token" not in device.cookie_names()
    page.go_back()
    expect_login_page(page)
    page.goto("/account")
    expect_login_page(page)


def test_logout_takes_a_post(device: Any) -> None:
    """A link to the logout page logs nobody out, and neither does a form of another site."""
    page = device.page
    page.goto("/login")
    log_in(page)
    expect(page.get_by_role("heading", name="Hello, ada")).to_be_visible()
    assert page.request.get("/logout").status == 405
    assert page.request.post("/logout").status == 400
    expect_login(page, "session", fresh="yes", remembered="no")


def test_a_form_from_before_a_login_in_another_tab_is_refused(device: Any) -> None:
    """Such a form carries the CSRF token of before the login; the visitor is told what to do."""
    page, other_tab = device.page, device.context.new_page()
    page.goto("/login")
    other_tab.goto("/login")
    log_in(other_tab)
    expect(other_tab.get_by_role("heading", name="Hello, ada")).to_be_visible()
    log_in(page)
    expect(page.get_by_role("heading", name="Bad Request")).to_be_visible()
    expect(page.get_by_text("Go back, reload the page, and try again.")).to_be_visible()
    assert [problem for problem in device.problems if not problem.startswith(("400: ", "error: Failed to load"))] == []
    device.problems.clear()


def test_two_browsers_are_two_devices(new_device: Callable[..., Any]) -> None:
    """A login and a logout on one device do not touch the other."""
    phone, laptop = new_device(), new_device()
    phone.page.goto("/login?next=/account")
    log_in(phone.page, remember=True)
    expect_path(phone.page, "/account")
    laptop.page.goto("/account")
    expect_login_page(laptop.page)
    log_in(laptop.page)
    expect_path(laptop.page, "/account")
    phone.page.get_by_role("button", name="Log out").click()
    expect(phone.page.get_by_role("status")).to_have_text("You are logged out.")
    expect_login(laptop.page, "session", fresh="yes", remembered="no")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_a_phone(new_device: Callable[..., Any], scheme: str) -> None:
    """At a width of 360 pixels no page scrolls sideways, in either colour scheme."""
    page = new_device(viewport={"width": 360, "height": 640}, color_scheme=scheme).page
    for path in ("/", "/login"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") == 360, path
    page.goto("/login")
    log_in(page, "not the password")
    expect(page.get_by_role("alert")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    log_in(page)
    expect(page.get_by_role("heading", name="Hello, ada")).to_be_visible()
    for path in ("/", "/account", "/devices", "/password", "/reauthenticate"):
        page.goto(path)
        expect_path(page, path)
        assert page.evaluate("document.documentElement.scrollWidth") == 360, path


def test_the_keyboard_reaches_the_content_first(device: Any) -> None:
    """The first Tab shows the skip link, and Enter moves the focus to the content."""
    page = device.page
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()


def test_password_managers_know_the_fields(device: Any) -> None:
    """Every field for a name or a password says which one, so that a password manager fills it."""
    page = device.page
    page.goto("/login?next=/password")
    autocomplete = "Array.from(document.querySelectorAll('main input[autocomplete]'), i => i.autocomplete)"
    assert page.evaluate(autocomplete) == ["username", "current-password"]
    log_in(page)
    expect_path(page, "/password")
    assert page.evaluate(autocomplete) == ["username", "new-password", "new-password"]
    page.goto("/reauthenticate")
    assert page.evaluate(autocomplete) == ["username", "current-password"]


def test_no_page_has_an_error(device: Any) -> None:
    """A walk through all pages leaves no console error or warning, no failed request and no error answer."""
    page = device.page
    for path in PAGES:
        page.goto(path)
    page.goto("/login")
    log_in(page, remember=True)
    expect(page.get_by_role("heading", name="Hello, ada")).to_be_visible()
    for path in PAGES:
        page.goto(path)
    assert device.problems == []


def test_a_problem_in_the_browser_is_noticed(device: Any) -> None:
    """The check for console errors and error answers, which every test here ends with, finds them."""
    device.page.goto("/no-such-page")
    expect(device.page.get_by_role("heading", name="Not Found")).to_be_visible()
    device.page.evaluate("console.error('broken')")
    found = "\n".join(device.problems)
    assert "404: " in found
    assert "error: broken" in found
    device.problems.clear()
