"""The demo on several devices: listed, ended, restored, stolen, and told why."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Locator, Page, expect

from flask_sessionauth import LoginManager, login_user

PASSWORD = "analytical-engine"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.1 Mobile/15E148 Safari/604.1"
)
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"


def log_in(device: Any, *, remember: bool = False) -> None:
    page = device.page
    page.goto("/login?next=/account")
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    if remember:
        page.get_by_label("Remember me").check()
    page.get_by_role("main").get_by_role("button", name="Log in").click()
    expect(page.locator("#login-source")).to_have_text("session")


def listed(page: Page) -> Locator:
    """The devices in the list."""
    page.goto("/devices")
    expect(page.get_by_role("heading", name="Where you are logged in")).to_be_visible()
    return page.get_by_role("main").get_by_role("listitem")


def expect_to_be_out(page: Page, why: str) -> None:
    """The visitor is asked to log in, and told why: once."""
    page.goto("/account")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text(why)
    page.goto("/account")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def drop_session(device: Any) -> None:
    device.context.clear_cookies(name="session")


@pytest.fixture
def phone(new_device: Callable[..., Any]) -> Any:
    return new_device(user_agent=IPHONE)


@pytest.fixture
def laptop(new_device: Callable[..., Any]) -> Any:
    return new_device(user_agent=WINDOWS)


def test_both_devices_are_listed(phone: Any, laptop: Any) -> None:
    """Each shows both: itself first, marked, without a button; what they are, where from, and whether remembered."""
    log_in(laptop)
    log_in(phone, remember=True)
    rows = listed(laptop.page)
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("Firefox on Windows")
    expect(rows.nth(0)).to_contain_text("This device")
    expect(rows.nth(0)).to_contain_text("Logged in just now from 127.0.0.1")
    expect(rows.nth(0)).to_contain_text("In use now · not remembered")
    expect(rows.nth(0).get_by_role("button")).to_have_count(0)
    expect(rows.nth(1)).to_contain_text("Safari on iPhone")
    expect(rows.nth(1)).to_contain_text("Last seen just now · remembered")
    expect(rows.nth(1)).not_to_contain_text("This device")
    expect(rows.nth(1).get_by_role("button", name="Log out Safari on iPhone, last seen just now")).to_be_visible()
    rows = listed(phone.page)
    expect(rows.filter(has_text="This device")).to_contain_text("Safari on iPhone")


def test_one_device_ends_another(phone: Any, laptop: Any) -> None:
    """The other one is told, and asked to log in; its remember cookie is gone; this one goes on, alone."""
    log_in(phone, remember=True)
    log_in(laptop)
    copies = phone.context.cookies()
    listed(laptop.page).get_by_role("button", name="Log out Safari").click()
    expect(laptop.page.get_by_role("status")).to_have_text("The device is logged out.")
    expect(listed(laptop.page)).to_have_count(1)
    expect(laptop.page.get_by_text("You are logged in on no other device.")).to_be_visible()
    expect_to_be_out(phone.page, "You were logged out of this device")
    assert not phone.cookie_names() & {"remember_token", "device"}
    phone.context.add_cookies(copies)
    phone.page.goto("/account")
    expect(phone.page.get_by_role("heading", name="Log in")).to_be_visible()
    # A new login there is a new device, and needs no more words.
    log_in(phone)
    expect(phone.page.get_by_role("alert")).to_have_count(0)
    expect(listed(laptop.page)).to_have_count(2)


def test_a_device_that_was_ended_is_told_on_an_open_page_too(phone: Any, laptop: Any) -> None:
    """Also where no login is needed."""
    log_in(phone)
    log_in(laptop)
    listed(laptop.page).get_by_role("button", name="Log out Safari").click()
    expect(laptop.page.get_by_role("status")).to_be_visible()
    phone.page.goto("/")
    expect(phone.page.get_by_role("alert")).to_contain_text("You were logged out of this device")
    expect(phone.page.get_by_role("heading", name="A small app with users")).to_be_visible()


def test_everywhere_else(new_device: Callable[..., Any]) -> None:
    """One button ends all others, and says how many; this device goes on."""
    here, *others = (new_device() for _ in range(3))
    for device in (here, *others):
        log_in(device)
    listed(here.page)
    here.page.get_by_role("button", name="Log out everywhere else").click()
    expect(here.page.get_by_role("status")).to_have_text("You are logged out of 2 other devices.")
    expect(listed(here.page)).to_have_count(1)
    for device in others:
        expect_to_be_out(device.page, "It was done on another device.")


def test_a_device_that_has_ended_already(phone: Any, laptop: Any) -> None:
    """A list that is out of date ends nothing, and says so."""
    log_in(phone)
    log_in(laptop)
    button = listed(laptop.page).get_by_role("button", name="Log out Safari")
    phone.page.get_by_role("button", name="Log out").click()
    expect(phone.page.get_by_role("status")).to_have_text("You are logged out.")
    # Who has logged out here needs no reason.
    expect(phone.page.get_by_role("alert")).to_have_count(0)
    button.click()
    expect(laptop.page.get_by_role("status")).to_have_text("That device was logged out already.")


def test_a_remembered_login_ends_no_other(phone: Any, laptop: Any) -> None:
    """Who came by the remember cookie sees the list, and gives the password before there are buttons."""
    log_in(laptop)
    log_in(phone, remember=True)
    drop_session(phone)
    page = phone.page
    expect(listed(page)).to_have_count(2)
    expect(page.get_by_role("main").get_by_role("button")).to_have_count(0)
    page.get_by_role("link", name="confirm your password").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", name="Where you are logged in")).to_be_visible()
    page.get_by_role("button", name="Log out Firefox").click()
    expect(page.get_by_role("status")).to_have_text("The device is logged out.")


def test_to_end_a_device_takes_a_post_with_a_token(phone: Any, laptop: Any) -> None:
    """A link, or another site's form, ends none."""
    log_in(phone)
    log_in(laptop)
    listed(laptop.page)
    path = laptop.page.locator("form[action*='/end']").first.get_attribute("action")
    for address in (path, "/devices/end-others"):
        assert laptop.page.request.post(address).status == 400
    assert laptop.page.request.get("/devices/end-others").status == 405
    expect(listed(laptop.page)).to_have_count(2)


def test_a_restored_login_stays_one_device(phone: Any) -> None:
    """However often the session is lost, the remember cookie restores the same login, under a new cookie each time."""
    log_in(phone, remember=True)
    cookies = set()
    for _ in range(3):
        drop_session(phone)
        phone.page.goto("/account")
        expect(phone.page.locator("#login-source")).to_have_text("remember")
        cookies |= {cookie["value"] for cookie in phone.context.cookies() if cookie["name"] == "remember_token"}
    phone.restart()
    expect(listed(phone.page)).to_have_count(1)
    assert len(cookies) == 3


@pytest.fixture
def pass_grace(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Lets the time pass in which a replaced remember cookie still works."""

    def move() -> None:
        later = time.time() + 61
        monkeypatch.setattr("time.time", lambda: later)

    return move


@pytest.mark.parametrize("first", ["owner", "thief"])
def test_a_copied_remember_cookie(new_device: Callable[..., Any], pass_grace: Callable[[], None], first: str) -> None:
    """Whoever of the two uses it second, after the grace, the login ends for both, and both are warned."""
    owner, thief = new_device(), new_device()
    log_in(owner, remember=True)
    thief.context.add_cookies([cookie for cookie in owner.context.cookies() if cookie["name"] == "remember_token"])
    one, other = (owner, thief) if first == "owner" else (thief, owner)
    drop_session(owner)
    one.page.goto("/account")
    expect(one.page.locator("#login-source")).to_have_text("remember")
    expect(listed(one.page)).to_have_count(1)
    pass_grace()
    expect_to_be_out(other.page, "This login was used in two places")
    # The thief has copied the one cookie that opens something, and not the one by which the demo tells the reason.
    if one is owner:
        expect_to_be_out(one.page, "This login was used in two places")
    one.page.goto("/account")
    expect(one.page.get_by_role("heading", name="Log in")).to_be_visible()
    for device in (owner, thief):
        assert "remember_token" not in device.cookie_names()
    log_in(owner)
    expect(listed(owner.page)).to_have_count(1)


def test_a_theft_is_told_on_an_open_page_too(new_device: Callable[..., Any], pass_grace: Callable[[], None]) -> None:
    """The answer that ends the login warns by itself, if it is a page: once."""
    owner, thief = new_device(), new_device()
    log_in(owner, remember=True)
    thief.context.add_cookies([cookie for cookie in owner.context.cookies() if cookie["name"] == "remember_token"])
    drop_session(owner)
    expect(listed(owner.page)).to_have_count(1)
    expect(listed(owner.page)).to_have_count(1)
    pass_grace()
    answer = thief.page.goto("/")
    expect(thief.page.get_by_role("alert")).to_contain_text("This login was used in two places")
    changed = [value.partition("=")[0] for value in answer.header_values("Set-Cookie")]
    assert sorted(changed) == ["device", "remember_token"]
    thief.page.goto("/")
    expect(thief.page.get_by_role("alert")).to_have_count(0)
    assert "device" not in thief.cookie_names()


def test_a_changed_password_ends_the_other_device(phone: Any, laptop: Any) -> None:
    """The other one is told; this one goes on, remembered, as the only one."""
    log_in(phone, remember=True)
    log_in(laptop, remember=True)
    page = laptop.page
    page.goto("/password")
    page.get_by_label("New password", exact=True).fill("a difference engine")
    page.get_by_label("New password, again").fill("a difference engine")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("status")).to_contain_text("Your password has been changed.")
    expect(listed(page)).to_have_count(1)
    expect_to_be_out(phone.page, "Your password was changed on another device.")
    laptop.restart()
    expect(listed(laptop.page)).to_have_count(1)


def test_who_was_remembered_before_the_registry_goes_on(
    demo: ModuleType, site: str, tmp_path: Path, new_device: Callable[..., Any]
) -> None:
    """A remember cookie from a demo without a registry is exchanged for a login in it; a copy gives a theft away."""
    cookie = cookie_of_older_demo(demo, tmp_path / "demo.sqlite3")
    device, thief = new_device(), new_device()
    device.context.add_cookies([{"name": "remember_token", "value": cookie, "url": site}])
    device.page.goto("/account")
    expect(device.page.locator("#login-source")).to_have_text("remember")
    expect(listed(device.page)).to_have_count(1)
    assert cookie not in [one["value"] for one in device.context.cookies()]
    device.restart()
    expect(listed(device.page)).to_have_count(1)
    thief.context.add_cookies([{"name": "remember_token", "value": cookie, "url": site}])
    expect_to_be_out(thief.page, "This login was used in two places")


def cookie_of_older_demo(demo: ModuleType, database: Path) -> str:
    """The remember cookie that the demo's user has got under the same key, before there was a registry."""
    app = Flask("older_demo")
    app.config.update(SECRET_KEY="a-key-of-the-browser-tests", DATABASE=database)
    manager: LoginManager[Any] = LoginManager(app)
    manager.user_loader(demo.user_by_id)
    app.teardown_appcontext(demo.close_database)

    @app.get("/login")
    def login() -> str:
        login_user(demo.user_by_id("1"), remember=True)
        return ""

    client = app.test_client()
    client.get("/login")
    cookie = client.get_cookie("remember_token")
    assert cookie is not None
    return cookie.value


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (IPHONE, "Safari on iPhone"),
        (WINDOWS, "Firefox on Windows"),
        ("Mozilla/5.0 (X11; CrOS x86_64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36", "Chrome on ChromeOS"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0", "Edge on Windows"),
        ("Mozilla/5.0 (Linux; Android 10; K) Chrome/142.0.0.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.1 Safari/605.1.15", "Safari on macOS"),
        ("curl/8.17.0", "curl"),
        ("Something (Linux)", "A browser on Linux"),
        ("An app of ours", "An app of ours"),
        ("x" * 500, "x" * 40 + "…"),
        ("", "An unknown browser"),
    ],
)
def test_a_device_has_a_name(demo: ModuleType, user_agent: str, name: str) -> None:
    """A user agent is told in a few words; one that is not known is shown, but not all of it."""
    assert demo.device_name(user_agent) == name


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "just now"),
        (59, "just now"),
        (60, "1 minute ago"),
        (3599, "59 minutes ago"),
        (7200, "2 hours ago"),
        (86400, "1 day ago"),
    ],
)
def test_a_time_is_told_as_long_ago(demo: ModuleType, seconds: int, words: str) -> None:
    """In the largest unit that fits."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert demo.ago(now - timedelta(seconds=seconds), now) == words
