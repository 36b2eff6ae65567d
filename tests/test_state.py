"""The login in the session, over plain dictionaries."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any
from uuid import UUID

import pytest
from hypothesis import assume, example, given, settings, strategies as st

from flask_sessionauth.state import NEVER, LoginState, Mark

NOW = 1_800_000_000.75
STATE = LoginState()
# A realm may be named like a part of our keys.
REALMS = [None, "admin", "user", "fresh", "id", "user_id", "next"]
NAMES = st.none() | st.from_regex(r"[a-z][a-z0-9_]*", fullmatch=True)
KEYS = ["_user_id", "_fresh", "_id", "next"]

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters()),
    st.sampled_from([10**400, -(10**400), float("inf"), -float("inf"), float("nan"), "7", ""]),
)
JUNK = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=3,
)
SESSIONS = st.dictionaries(
    st.sampled_from([*KEYS, *(f"admin:{key}" for key in KEYS), "csrf_token", "cart"]) | st.text(st.characters()), JUNK
)


def mark(likeness: str, fresh_since: float | None) -> tuple[Any, ...]:
    """What makes a login by credentials at some time, or one that is not fresh and says nothing of its time."""
    return (likeness,) if fresh_since is None else (likeness, int(fresh_since), 0)


class BareSession(MutableMapping[str, Any]):
    """A session that is a mutable mapping and nothing more."""

    def __init__(self) -> None:
        self.content: dict[str, Any] = {}

    def __getitem__(self, key: str) -> Any:
        return self.content[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.content[key] = value

    def __delitem__(self, key: str) -> None:
        del self.content[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.content)

    def __len__(self) -> int:
        return len(self.content)


# Reading.


@pytest.mark.parametrize(
    ("value", "user_id"),
    [
        ("7", "7"),
        (" ", " "),
        (7, "7"),
        (0, "0"),
        (-1, "-1"),
        (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        ("", None),
        (None, None),
        (True, None),
        (False, None),
        (7.0, None),
        (b"7", None),
        (["7"], None),
        ({"id": 7}, None),
    ],
)
def test_a_user_id_is_a_text_or_becomes_one(value: object, user_id: str | None) -> None:
    """A text, a number and a UUID are ids; a blank and anything else are nobody."""
    assert STATE.user_id({"_user_id": value}) == user_id


@pytest.mark.parametrize("value", [10**5000, -(10**5000)], ids=["huge", "hugely negative"])
def test_a_number_that_python_will_not_write_out_is_nobody(value: int) -> None:
    """A number of thousands of digits is no id, and no error."""
    assert STATE.user_id({"_user_id": value}) is None


def test_an_empty_session_says_nothing() -> None:
    """Nobody is logged in, nothing is fresh, and asking changes nothing."""
    session: dict[str, Any] = {}
    assert STATE.user_id(session) is None
    assert STATE.mark(session) == Mark()
    assert STATE.is_fresh(session) is False
    assert STATE.fresh_for(session, NOW) is None
    assert STATE.take_next(session) is None
    assert session == {}


@pytest.mark.parametrize("value", [1, "True", "yes", [1], {"a": 1}, 1.0, None, False, 0, ""])
def test_only_true_is_fresh(value: object) -> None:
    """What is merely true to Python does not make a login fresh."""
    assert STATE.is_fresh({"_fresh": value}) is False
    assert STATE.fresh_for({"_fresh": value, "_id": f"likeness.{int(NOW)}.0"}, NOW) is None
    assert STATE.is_fresh({"_fresh": True}) is True


@pytest.mark.parametrize(
    ("mark", "age"),
    [
        (f"likeness.{int(NOW) - 600}.0", 600.75),
        (f"likeness.{int(NOW) - 700}.100", 600.75),
        (f"likeness.{int(NOW)}.0", 0.75),
        (f".{int(NOW)}.0", 0.75),
        (f"likeness.{int(NOW) + 60}.0", 0.0),
        (f"likeness.{int(NOW)}.60", 0.0),
        (f"likeness.{int(NOW) + 61}.0", None),
        (f"likeness.{int(NOW)}.61", None),
        ("likeness.0.0", NOW),
        (f"likeness.{int(NOW)}", None),
        (f"likeness..{int(NOW)}", None),
        ("likeness." + "9" * 12 + ".0", None),
        *((mark, None) for mark in ("likeness", "likeness.", "", ".", "likeness.soon", "likeness.-5", "likeness.1e9")),
        *((f"likeness.{int(NOW)}.{moment}", None) for moment in ("soon", "-5", "1e1", " 5", "\u0661", "9" * 5000)),
        *((f"likeness.{since}.0", None) for since in (f" {int(NOW)}", "\u0661", "9" * 5000, "nan", "1_0")),
        *((mark, None) for mark in (None, True, 5, int(NOW), [f"likeness.{int(NOW)}"], float("nan"), b".5")),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_freshness_has_an_age(mark: object, age: float | None) -> None:
    """The age counts from the date in the mark; one more than 60 seconds ahead, or what is no date, has none."""
    assert STATE.fresh_for({"_fresh": True, "_id": mark}, NOW) == age
    assert STATE.fresh_for({"_fresh": False, "_id": mark}, NOW) is None


def test_a_login_of_unknown_age_is_fresh_without_an_age() -> None:
    """A session of Flask-Login's is fresh, but nobody knows since when."""
    session = {"_user_id": "7", "_fresh": True}
    assert STATE.is_fresh(session)
    assert STATE.fresh_for(session, NOW) is None


# Writing.


def test_a_fresh_login_is_written_and_read_back() -> None:
    """A fresh login leaves who, since when, and in which browser, under Flask-Login's keys."""
    session: dict[str, Any] = {"cart": [1]}
    STATE.write(session, "7", *mark("likeness", NOW))
    assert session == {"cart": [1], "_user_id": "7", "_fresh": True, "_id": f"likeness.{int(NOW)}.0"}
    assert STATE.user_id(session) == "7"
    assert STATE.mark(session).likeness == "likeness"
    assert STATE.fresh_for(session, NOW + 10) == pytest.approx(10.75)


def test_a_login_that_is_not_fresh_leaves_no_time() -> None:
    """A login that is not fresh takes the time of an earlier one with it."""
    session: dict[str, Any] = {"_fresh": True, "_id": f"likeness.{int(NOW)}.0"}
    STATE.write(session, "7", *mark("likeness", None))
    assert session == {"_user_id": "7", "_fresh": False, "_id": "likeness"}


@pytest.mark.parametrize("started", [None, 0, int(NOW)])
@pytest.mark.parametrize("fresh", [None, 0, 7])
@pytest.mark.parametrize("seen", [None, 0, 9])
@pytest.mark.parametrize("stamp", ["", "MAC"])
def test_a_mark_is_read_back(started: int | None, fresh: int | None, seen: int | None, stamp: str) -> None:
    """Whatever is known of a login and whatever is not, it is read as it was written, and written as it was read."""
    session: dict[str, Any] = {}
    parts = [NEVER if part is None else part for part in (started, fresh, seen)]
    STATE.write(session, "7", "likeness", *parts, stamp)
    assert STATE.mark(session) == ("likeness", started, fresh, seen, stamp)
    assert session["_id"] == str(STATE.mark(session))
    assert not session["_id"].endswith(".")
    assert session["_fresh"] is (fresh is not None)


def test_a_login_may_be_fresh_since_1970() -> None:
    """Zero is a time, too."""
    session: dict[str, Any] = {}
    STATE.write(session, "7", *mark("likeness", 0.0))
    assert STATE.is_fresh(session)
    assert STATE.fresh_for(session, 5.0) == 5.0


def test_confirming_makes_fresh_and_keeps_the_user() -> None:
    """A confirmed login is fresh from now on, in this browser, and the same user's."""
    session: dict[str, Any] = {"cart": [1]}
    STATE.write(session, "7", *mark("old", None))
    STATE.confirm(session, "new", NOW)
    assert session == {"cart": [1], "_user_id": "7", "_fresh": True, "_id": f"new.{int(NOW)}.0"}


def test_confirming_keeps_the_start() -> None:
    """A later confirmation is written beside the start, and one by a clock that is a little behind is no earlier."""
    session: dict[str, Any] = {}
    STATE.write(session, "7", *mark("old", NOW))
    STATE.confirm(session, "new", NOW + 100)
    assert session["_id"] == f"new.{int(NOW)}.100"
    assert STATE.fresh_for(session, NOW + 110) == pytest.approx(10.75)
    STATE.confirm(session, "new", NOW - 30)
    assert session["_id"] == f"new.{int(NOW)}.0"


def test_binding_changes_the_likeness_alone() -> None:
    """To bind a session to a browser leaves the login as it is, and as old as it is."""
    session: dict[str, Any] = {}
    STATE.write(session, "7", *mark("old", NOW))
    before = dict(session)
    STATE.bind(session, "new")
    assert session == before | {"_id": f"new.{int(NOW)}.0"}
    stale: dict[str, Any] = {"_id": "old"}
    STATE.bind(stale, "new")
    assert stale == {"_id": "new"}


@pytest.mark.parametrize("session", [{}, {"_fresh": True, "_id": "likeness.5.0"}, {"_fresh": "junk"}, {"_fresh": True}])
def test_a_stale_login_has_no_time(session: dict[str, Any]) -> None:
    """A login made stale is not fresh, whatever was there, and nobody knows since when; its browser and start stay."""
    browser = {"_id": "likeness.5"} if "_id" in session else {}
    STATE.make_stale(session)
    assert session == {"_fresh": False, **browser}


def test_making_stale_twice_does_not_write_twice() -> None:
    """A session that is stale already is not written again."""

    class Frozen(dict[str, Any]):
        def __setitem__(self, key: str, value: Any) -> None:
            raise AssertionError("written")

    STATE.make_stale(Frozen({"_fresh": False}))
    with pytest.raises(AssertionError, match="written"):
        STATE.make_stale(Frozen({"_fresh": True}))


# Erasing.


def test_erasing_takes_the_login_alone() -> None:
    """After erasing nothing of the login is left, and all else is."""
    rest = {"cart": [1], "next": "/a", "admin:_user_id": "1", "csrf_token": "x"}
    session: dict[str, Any] = dict(rest)
    STATE.write(session, "7", *mark("likeness", NOW))
    STATE.erase(session)
    assert session == rest


def test_emptying_keeps_the_logins_of_other_realms_only() -> None:
    """After emptying only what makes a login in another realm is left."""
    session: dict[str, Any] = {"cart": [1], "next": "/a", "csrf_token": "x", "_flashes": [], "_permanent": True}
    admin = LoginState("admin")
    admin.write(session, "1", *mark("likeness", NOW))
    admin_login = {key: value for key, value in session.items() if key.startswith("admin:")}
    admin.put_next(session, "/admin")
    session["admin:cart"] = [2]
    STATE.write(session, "7", *mark("likeness", NOW))
    STATE.empty(session, [admin])
    assert session == admin_login
    assert len(admin_login) == 3


def test_emptying_a_realm_keeps_the_default_one() -> None:
    """A named realm's session is emptied of all but the default realm's login, and others'."""
    session: dict[str, Any] = {"cart": [1]}
    admin, staff = LoginState("admin"), LoginState("staff")
    for state in (STATE, admin, staff):
        state.write(session, "7", *mark("likeness", NOW))
    admin.empty(session, [STATE, staff])
    assert STATE.user_id(session) == staff.user_id(session) == "7"
    assert admin.user_id(session) is None
    assert len(session) == 6


@pytest.mark.parametrize("key", ["x:y:_id", "Shop:_id", ":_id", "my cart:_fresh", "9:_user_id", "cart:_id"])
def test_emptying_drops_what_only_looks_like_a_realms_login(key: str) -> None:
    """A program's own key that only looks like a realm's goes with the rest."""
    session: dict[str, Any] = {key: "private"}
    STATE.empty(session, [LoginState("admin")])
    assert session == {}


def test_keys_that_are_no_texts_are_dropped_too() -> None:
    """A server-side session may have any keys; emptying drops them."""
    session: dict[Any, Any] = {7: "a", None: "b", ("_user_id",): "c"}
    STATE.empty(session)
    assert session == {}


# The way back.


def test_the_way_back_is_used_once() -> None:
    """What was remembered is taken out."""
    session: dict[str, Any] = {}
    STATE.put_next(session, "/a")
    assert session == {"next": "/a"}
    assert STATE.take_next(session) == "/a"
    assert STATE.take_next(session) is None
    assert session == {}


def test_an_older_way_back_is_forgotten() -> None:
    """A new way back takes the place of the old one, and none takes it away."""
    session: dict[str, Any] = {"next": "/old"}
    STATE.put_next(session, "/new")
    assert session == {"next": "/new"}
    STATE.put_next(session, None)
    assert session == {}
    STATE.put_next(session, None)
    assert session == {}


@pytest.mark.parametrize("junk", [None, 5, ["/a"], {"a": "b"}, b"/a"])
def test_a_way_back_that_is_no_text_is_none(junk: object) -> None:
    """Junk is no way back, and is taken out all the same."""
    session: dict[str, Any] = {"next": junk}
    assert STATE.take_next(session) is None
    assert session == {}


# Realms.


@pytest.mark.parametrize("mine", REALMS)
@pytest.mark.parametrize("theirs", REALMS)
def test_realms_do_not_touch_each_other(mine: str | None, theirs: str | None) -> None:
    """What one realm writes, no other one reads, changes or erases."""
    if mine == theirs:
        return
    me, they = LoginState(mine), LoginState(theirs)
    session: dict[str, Any] = {}
    me.write(session, "7", *mark("likeness", NOW))
    me.put_next(session, "/a")
    written = dict(session)
    assert they.user_id(session) is None
    assert they.mark(session) == Mark()
    assert they.is_fresh(session) is False
    assert they.take_next(session) is None
    they.erase(session)
    they.put_next(session, None)
    assert session == written
    they.write(session, "8", *mark("other", None))
    they.put_next(session, "/b")
    assert written.items() <= session.items()
    they.confirm(session, "other", NOW)
    they.make_stale(session)
    they.erase(session)
    assert me.user_id(session) == "7"
    assert me.fresh_for(session, NOW) == pytest.approx(0.75)
    assert me.take_next(session) == "/a"


@given(mine=NAMES, theirs=NAMES)
@settings(deadline=None)
def test_two_names_have_no_key_in_common(mine: str | None, theirs: str | None) -> None:
    """Two realms of any two names use different keys."""
    assume(mine != theirs)
    sessions: list[dict[str, Any]] = [{}, {}]
    for name, session in zip((mine, theirs), sessions, strict=True):
        LoginState(name).write(session, "7", *mark("likeness", NOW))
        LoginState(name).put_next(session, "/a")
    assert not sessions[0].keys() & sessions[1].keys()


# Any session at all.

VERBS: dict[str, Callable[[LoginState, Any], object]] = {
    "user_id": lambda state, session: state.user_id(session),
    "mark": lambda state, session: state.mark(session),
    "touch": lambda state, session: state.touch(session, NOW),
    "restamp": lambda state, session: state.restamp(session, "8", "stamp"),
    "is_fresh": lambda state, session: state.is_fresh(session),
    "fresh_for": lambda state, session: state.fresh_for(session, NOW),
    "bind": lambda state, session: state.bind(session, "likeness"),
    "write": lambda state, session: state.write(session, "7", *mark("likeness", NOW)),
    "write stale": lambda state, session: state.write(session, "7", *mark("likeness", None)),
    "confirm": lambda state, session: state.confirm(session, "likeness", NOW),
    "make_stale": lambda state, session: state.make_stale(session),
    "erase": lambda state, session: state.erase(session),
    "empty": lambda state, session: state.empty(session),
    "put_next": lambda state, session: state.put_next(session, "/a"),
    "forget next": lambda state, session: state.put_next(session, None),
    "take_next": lambda state, session: state.take_next(session),
}
QUESTIONS = ["user_id", "mark", "is_fresh", "fresh_for"]


@given(content=SESSIONS)
@settings(max_examples=200, deadline=None)
@example({"_fresh": True, "_id": 10**400})
@example({"_fresh": True, "_user_id": float("nan"), "_id": [], "next": {}})
def test_no_content_of_a_session_is_an_error(content: dict[str, Any]) -> None:
    """Whatever stands under whatever key, no verb raises, in any realm."""
    for state in (STATE, LoginState("admin")):
        for verb in VERBS.values():
            session = copy.deepcopy(content)
            verb(state, session)
        assert state.user_id(content) is None or isinstance(state.user_id(content), str)
        session = copy.deepcopy(content)
        state.write(session, "7", *mark("likeness", NOW))
        assert state.user_id(session) == "7"
        assert state.fresh_for(session, NOW) == pytest.approx(0.75)
        state.erase(session)
        assert state.user_id(session) is None
        assert not state.is_fresh(session)


@given(content=SESSIONS, name=st.sampled_from(QUESTIONS))
@settings(deadline=None)
def test_a_question_changes_nothing(content: dict[str, Any], name: str) -> None:
    """To ask a session is not to write it."""
    session = copy.deepcopy(content)
    VERBS[name](STATE, session)
    assert repr(session) == repr(content)


@pytest.mark.parametrize("name", VERBS)
def test_a_session_is_any_mutable_mapping(name: str) -> None:
    """Nothing but a mapping is asked of a session, empty or full."""
    empty, full = BareSession(), BareSession()
    STATE.write(full, "7", *mark("likeness", NOW))
    STATE.put_next(full, "/a")
    full["csrf_token"] = "x"
    plain = dict(full)
    VERBS[name](STATE, empty)
    assert VERBS[name](STATE, full) == VERBS[name](STATE, plain)
    assert dict(full) == plain
