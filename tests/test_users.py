"""The mixins do what Flask-Login's do."""

from __future__ import annotations

from typing import Any

import flask_login
import pytest

from flask_sessionauth import AnonymousUserMixin, UserMixin

BOTH_USERS = pytest.mark.parametrize("mixin", [UserMixin, flask_login.UserMixin], ids=["ours", "Flask-Login's"])
BOTH_NOBODIES = pytest.mark.parametrize(
    "mixin", [AnonymousUserMixin, flask_login.AnonymousUserMixin], ids=["ours", "Flask-Login's"]
)


def user_class(mixin: Any, **attributes: Any) -> Any:
    def __init__(self: Any, id: Any = None) -> None:
        self.id = id

    return type("User", (mixin,), {"__init__": __init__, **attributes})


@BOTH_USERS
def test_a_user_is_active_and_authenticated(mixin: Any) -> None:
    """A user is active, authenticated and not anonymous unless its class says otherwise."""
    user = user_class(mixin)(7)
    assert (user.is_active, user.is_authenticated, user.is_anonymous) == (True, True, False)


@BOTH_USERS
def test_an_inactive_user_is_not_authenticated(mixin: Any) -> None:
    """Whoever is not active is not authenticated, and still not anonymous."""
    user = user_class(mixin, is_active=False)(7)
    assert (user.is_active, user.is_authenticated, user.is_anonymous) == (False, False, False)


@BOTH_USERS
@pytest.mark.parametrize(("id", "text"), [(7, "7"), ("7", "7"), ("", ""), (None, "None"), (0, "0")])
def test_the_id_is_a_text(mixin: Any, id: object, text: str) -> None:
    """The id is the attribute as a text."""
    assert user_class(mixin)(id).get_id() == text


@BOTH_USERS
def test_a_user_without_an_id_has_to_say_which_it_is(mixin: Any) -> None:
    """Without an attribute "id" get_id() is not implemented, and the error says what to override."""
    user = type("User", (mixin,), {})()
    with pytest.raises(NotImplementedError, match="get_id") as error:
        user.get_id()
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__


@BOTH_USERS
def test_users_with_the_same_id_are_equal(mixin: Any) -> None:
    """Two users are equal if their ids are, of whatever classes they are and of whatever types the ids."""
    one, other = user_class(mixin), user_class(mixin)
    assert one(7) == other(7)
    assert one(7) == other("7")
    assert (one(7) != other("7")) is False
    assert one(7) != other(8)
    assert (one(7) == other(8)) is False


@BOTH_USERS
def test_an_overridden_get_id_decides(mixin: Any) -> None:
    """Users are compared by get_id(), not by the attribute."""
    same = user_class(mixin, get_id=lambda self: "x")
    assert same(1) == same(2)


@BOTH_USERS
@pytest.mark.parametrize("other", [None, 7, "7", object()])
def test_a_user_is_not_equal_to_something_else(mixin: Any, other: object) -> None:
    """A comparison with something else is left to the other side, and then is False."""
    user = user_class(mixin)(7)
    assert user.__eq__(other) is NotImplemented
    assert user.__ne__(other) is NotImplemented
    assert user != other
    assert (user == other) is False


@BOTH_USERS
def test_the_other_side_may_call_itself_equal(mixin: Any) -> None:
    """Since the question is passed on, an object that equals everything equals a user."""

    class Anything:
        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = None  # type: ignore[assignment]

    assert user_class(mixin)(7) == Anything()


@BOTH_USERS
def test_users_can_be_kept_in_sets(mixin: Any) -> None:
    """A user's hash is its own: equal users are two members of a set, and the same one is found again."""
    one, other = user_class(mixin)(7), user_class(mixin)(7)
    assert mixin.__hash__ is object.__hash__
    assert len({one, other}) == 2
    assert one in {one}
    assert {one: "found"}[one] == "found"


@BOTH_NOBODIES
def test_nobody_is_nobody(mixin: Any) -> None:
    """The anonymous user is neither active nor authenticated, and has no id."""
    nobody = mixin()
    assert (nobody.is_active, nobody.is_authenticated, nobody.is_anonymous) == (False, False, True)
    assert nobody.get_id() is None


@BOTH_NOBODIES
def test_nobody_is_like_no_other(mixin: Any) -> None:
    """Two anonymous users are two objects, and can be kept in sets."""
    assert mixin() != mixin()
    assert len({mixin(), mixin()}) == 2


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(UserMixin, flask_login.UserMixin), (AnonymousUserMixin, flask_login.AnonymousUserMixin)],
    ids=["user", "nobody"],
)
def test_the_mixins_have_flask_logins_names(ours: type, theirs: type) -> None:
    """The public names are Flask-Login's, and there is no other for a user's class to clash with."""
    assert {name for name in vars(ours) if not name.startswith("_")} == {
        name for name in vars(theirs) if not name.startswith("_")
    }
