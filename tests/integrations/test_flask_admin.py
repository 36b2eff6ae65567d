"""Flask-Admin: its views ask `current_user` whether they are accessible."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import pytest
from flask import Flask
from flask_admin import Admin, AdminIndexView, BaseView, expose
from scene import REDIRECT, Users

from flask_sessionauth import current_user, login_fresh


class Guarded:
    def is_accessible(self) -> bool:
        return bool(current_user.is_authenticated)

    def inaccessible_callback(self, name: str, **kwargs: Any) -> Any:
        return self.admin.app.login_manager.unauthorized()  # type: ignore[attr-defined]


class Home(Guarded, AdminIndexView):
    pass


class Reports(Guarded, BaseView):
    @expose("/")
    def index(self) -> str:
        return f"reports for {current_user.name}"

    @expose("/year/<int:year>")
    def year(self, year: int) -> str:
        return f"{year}"


class Secrets(BaseView):
    """Only for who has just logged in; refused without a way to the login page, as is the extension's default."""

    def is_accessible(self) -> bool:
        return login_fresh()

    @expose("/")
    def index(self) -> str:
        return "secret"


@pytest.fixture
def client(app: Flask) -> Any:
    admin = Admin(app, index_view=Home())
    admin.add_view(Reports("Reports", endpoint="reports"))
    admin.add_view(Secrets("Secrets", endpoint="secrets"))
    return app.test_client()


@pytest.mark.parametrize("path", ["/admin/", "/admin/reports/", "/admin/reports/year/2026"])
def test_visitor(client: Any, path: str) -> None:
    """A visitor is sent to the login page by every view and sub-view, and comes back to it."""
    response = client.get(path)
    assert response.status_code == REDIRECT
    assert unquote(response.location) == f"/login?next={path}"
    assert "Cookie" in response.vary


def test_user(client: Any, users: Users) -> None:
    """A user gets the pages; the menu, which asks once for each view, loads the user once."""
    client.login(users["1"])
    users.loads = 0
    page = client.get("/admin/")
    assert page.status_code == 200
    assert "/admin/reports/" in page.text
    assert users.loads == 1
    assert page.headers.getlist("Vary") == ["Cookie"]
    assert client.get("/admin/reports/").text == "reports for ada"
    assert client.get("/admin/reports/year/2026").text == "2026"


def test_fresh(client: Any, users: Users) -> None:
    """A view that is accessible to fresh logins only is hidden from others, and refused to them."""
    client.login(users["1"], fresh=False)
    assert "/admin/secrets/" not in client.get("/admin/").text
    assert client.get("/admin/secrets/").status_code == 403
    client.login(users["1"])
    assert "/admin/secrets/" in client.get("/admin/").text
    assert client.get("/admin/secrets/").text == "secret"


def test_after_logout(client: Any, users: Users) -> None:
    """Nothing of the user stays with the views, which are the same objects for all requests."""
    client.login(users["1"])
    client.get("/admin/reports/")
    client.logout()
    assert client.get("/admin/reports/").status_code == REDIRECT
    client.login(users["2"])
    assert client.get("/admin/reports/").text == "reports for bob"


def test_protected_app(make_app: Any) -> None:
    """Where a login is needed everywhere, it is needed for the admin's pages, and not for its styles and scripts."""
    app = make_app()
    app.login_manager.protect(app)
    Admin(app)
    client = app.test_client()
    assert client.get("/admin/").status_code == REDIRECT
    assert client.get("/admin/static/no-such.css").status_code == 404
