"""The settings: what is taken, what is refused and how it says so, and changes at run time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import FrozenInstanceError, fields
from datetime import timedelta
from functools import partial
from itertools import combinations
from typing import Any, NamedTuple

import pytest
from flask import Config, Flask
from hypothesis import given, settings as hypothesis_settings, strategies as st

from flask_sessionauth import settings
from flask_sessionauth.checks import seconds
from flask_sessionauth.errors import ConfigurationError
from flask_sessionauth.settings import KEYS, Settings, SettingsReader, read, signing_keys

DAY = timedelta(days=1)
CENTURY = timedelta(days=36525)
TEXT = [("a", "a"), ("", None), (None, None)]
NOT_TEXT = [1, True, b"a", ["a"], "a\nb", "a\r\nSet-Cookie: b=c", "a\x00", "a;b"]
SWITCH = [(True, True), (False, False)]
NOT_A_SWITCH = [None, 0, 1, "", "true", "False", [], object]


class Case(NamedTuple):
    """A setting: its default, values that are right (and what they become), values that are wrong."""

    default: object
    right: list[tuple[Any, Any]]
    wrong: list[Any]


def values_of(result: Settings) -> dict[str, Any]:
    """All that can be set by name, to be compared."""
    return {key: getattr(result, key.lower()) for key in KEYS}


LIMIT = Case(
    None,
    [(DAY, DAY), (60, timedelta(seconds=60)), (0.5, timedelta(seconds=0.5)), (CENTURY, CENTURY), (None, None)],
    [0, -1, 0.0, timedelta(0), -DAY, CENTURY.total_seconds() + 1, True, False, "60", "", b"1", [60], float("nan")],
)

INTERVAL = [(0, timedelta(0)), (0.0, timedelta(0)), (timedelta(0), timedelta(0)), (5, timedelta(seconds=5)), (DAY, DAY)]
NOT_AN_INTERVAL = [
    *[None, True, False, -1, timedelta(seconds=-1), CENTURY + DAY, "60", b"", "", [], {}],
    *[float("nan"), float("inf"), 10**400],
]

CASES = {
    "REMEMBER_COOKIE_NAME": Case(
        "remember_token",
        [("x", "x"), ("a.b-c_d", "a.b-c_d"), ("__Host-login", "__Host-login")],
        ["", None, 5, b"x", "a b", "a;b", "a=b", "a,b", "a\n", "a\x00", "caf\u00e9", '"a"', ["a"]],
    ),
    "REMEMBER_COOKIE_DURATION": Case(
        timedelta(days=365),
        [(DAY, DAY), (60, timedelta(seconds=60)), (0.5, timedelta(seconds=0.5)), (CENTURY, CENTURY)],
        [
            *[0, -1, 0.0, -0.5, timedelta(0), -DAY],
            *[CENTURY + timedelta(seconds=1), CENTURY.total_seconds() + 1, timedelta.max],
            *[None, True, "60", b"60", "1 day", [60], float("nan"), float("inf"), -float("inf")],
            *[10**400, -(10**400), 1e300, -1e300],
        ],
    ),
    "REMEMBER_COOKIE_DOMAIN": Case(None, [*TEXT, (".example.com", ".example.com")], NOT_TEXT),
    "REMEMBER_COOKIE_PATH": Case(
        "/", [("/", "/"), ("/app", "/app")], ["", "app", None, 1, b"/", "/a;b", "/a\n", "/a\x00", ["/"]]
    ),
    "REMEMBER_COOKIE_SECURE": Case(None, [*SWITCH, (None, None)], NOT_A_SWITCH[1:]),
    "REMEMBER_COOKIE_HTTPONLY": Case(True, SWITCH, NOT_A_SWITCH),
    "REMEMBER_COOKIE_SAMESITE": Case(
        "Lax",
        [("Lax", "Lax"), ("Strict", "Strict"), ("None", "None"), ("lax", "Lax"), ("STRICT", "Strict"), (None, None)],
        ["", "Laxx", "Lax ", "Lax; Secure", True, False, 1, b"Lax", ["Lax"]],
    ),
    "REMEMBER_COOKIE_REFRESH_EACH_REQUEST": Case(False, SWITCH, NOT_A_SWITCH),
    "REMEMBER_COOKIE_ACCEPT_LEGACY": Case(True, SWITCH, NOT_A_SWITCH),
    "SESSION_PROTECTION": Case(
        settings._MISSING,
        [("basic", "basic"), ("strong", "strong"), (None, None), (False, None)],
        ["", "Basic", "strng", "STRONG", True, 0, 1, b"strong", ["strong"]],
    ),
    "SESSION_PROTECTION_BIND": Case(
        ("user_agent",),
        [
            (("user_agent",), ("user_agent",)),
            (["ip"], ("ip",)),
            ({"user_agent", "ip"}, ("ip", "user_agent")),
            (frozenset({"ip"}), ("ip",)),
            (("ip", "user_agent"), ("ip", "user_agent")),
        ],
        [(), [], set(), None, "ip", "user_agent", b"ip", True, ("ip", "port"), (None,), ([],), {"ip": True}],
    ),
    "USE_SESSION_FOR_NEXT": Case(False, SWITCH, NOT_A_SWITCH),
    "FORCE_HOST_FOR_REDIRECTS": Case(
        None,
        [("", None), (None, None), ("example.com:8443", "example.com:8443"), ("Example.COM", "example.com")],
        [1, True, b"a", ["a"], "a\nb", "a\x00", "a b", "https://a", "a/", "a/b", "a\\b", "u@a", "a?b", "a#b"],
    ),
    "LOGIN_DISABLED": Case(False, SWITCH, NOT_A_SWITCH),
    "LOGIN_CACHE_CONTROL": Case(
        "private",
        [*TEXT, ("no-store, private", "no-store, private")],
        [1, True, b"private", ["private"], "a\nb", "a\r\nSet-Cookie: b=c", "a\x00", "\u20ac"],
    ),
    "LOGIN_NEGOTIATE": Case(True, SWITCH, NOT_A_SWITCH),
    "LOGIN_NEXT_HOSTS": Case(
        (),
        [
            ((), ()),
            ([], ()),
            (["b.example", "A.Example:8443"], ("a.example:8443", "b.example")),
            ({"[::1]:5000"}, ("[::1]:5000",)),
            (frozenset({"a"}), ("a",)),
        ],
        [
            *["example.com", None, True, b"a", {"a": "b"}],
            *[
                ("",),
                (None,),
                (b"a",),
                (5,),
                ("https://a",),
                ("a/",),
                ("a/b",),
                ("a\\b",),
                ("u@a",),
                ("a?b",),
                ("a#b",),
            ],
            *[("a b",), ("a\n",), ("a\t",)],
        ],
    ),
    "LOGIN_AUDIENCE": Case(None, [*TEXT, ("shop", "shop"), ("a;b", "a;b")], [1, True, b"a", ["a"]]),
    "LOGIN_IDLE_TIMEOUT": LIMIT,
    "LOGIN_ABSOLUTE_TIMEOUT": LIMIT,
    "LOGIN_FRESH_LIFETIME": LIMIT,
    "LOGIN_ASSURANCE": Case(
        None,
        [("aal1", "aal1"), ("aal2", "aal2"), ("aal3", "aal3"), (None, None)],
        ["", "AAL1", "aal4", "aal", 1, 2, True, False, b"aal1", ["aal1"], ("aal1",)],
    ),
    "LOGIN_TOUCH_INTERVAL": Case(timedelta(seconds=60), INTERVAL, NOT_AN_INTERVAL),
    "LOGIN_MAX_SESSIONS": Case(
        50,
        [(1, 1), (50, 50), (10**400, 10**400), (None, None)],
        [0, -1, -(10**400), True, False, 1.0, 0.5, "50", "", b"50", [50], timedelta(1), float("inf"), float("nan")],
    ),
    "LOGIN_MAX_SESSIONS_POLICY": Case(
        "end_oldest",
        [("end_oldest", "end_oldest"), ("refuse", "refuse")],
        ["", "Refuse", "end_newest", None, True, False, 0, b"refuse", ["refuse"], ("refuse",)],
    ),
    "LOGIN_ROTATION_GRACE": Case(timedelta(seconds=60), INTERVAL, NOT_AN_INTERVAL),
    "LOGIN_REGISTRY_CACHE": Case(timedelta(0), INTERVAL, NOT_AN_INTERVAL),
    "LOGIN_CLEAR_SITE_DATA": Case(
        (),
        [
            *[(None, ()), ((), ()), ([], ()), ("*", ("*",)), (["storage"], ("storage",))],
            (("cache", "cookies"), ("cache", "cookies")),
        ],
        ["", "Cache", '"cache"', "cache,cookies", True, False, 0, 1, b"cache", ("cash",), (None,), ([],), {"cache": 1}],
    ),
}

LIMITS = ("LOGIN_IDLE_TIMEOUT", "LOGIN_ABSOLUTE_TIMEOUT", "LOGIN_FRESH_LIFETIME")
RIGHT = [(key, given, result) for key, case in CASES.items() for given, result in case.right]
WRONG = [(key, value) for key, case in CASES.items() for value in case.wrong]


def name_of(value: object) -> str | None:
    # A number of 400 digits is no name for a test.
    return f"{str(value)[:10]}..." if isinstance(value, int) and abs(value) > 10**20 else None


def test_every_setting_has_its_cases_here() -> None:
    """The cases cover every setting there is, and no other."""
    assert sorted(CASES) == sorted(KEYS)


@pytest.mark.parametrize("key", CASES)
def test_a_setting_that_is_not_set_has_its_default(key: str) -> None:
    """An empty configuration gives each setting its documented default."""
    assert getattr(read({}), key.lower()) == CASES[key].default


@pytest.mark.parametrize(("key", "value", "result"), RIGHT)
def test_a_right_value_is_taken(key: str, value: object, result: object) -> None:
    """A right value of each allowed type is taken, and only for its own setting."""
    # Some need a Secure cookie; see below what happens without one.
    config = {"REMEMBER_COOKIE_SECURE": True, key: value}
    taken = read(config)
    assert getattr(taken, key.lower()) == result
    # See below for those that do.
    touches_others = {"LOGIN_ASSURANCE": set(LIMITS), "LOGIN_IDLE_TIMEOUT": {"LOGIN_TOUCH_INTERVAL"}}
    for other in set(KEYS) - {key, "REMEMBER_COOKIE_SECURE"} - touches_others.get(key, set()):
        assert getattr(taken, other.lower()) == CASES[other].default


@pytest.mark.parametrize(("key", "value"), WRONG, ids=name_of)
def test_a_wrong_value_is_refused_by_name(key: str, value: object) -> None:
    """A wrong type or value is refused with the name of its setting, and with what is allowed."""
    allowed = next(entry.metadata["allowed"] for entry in fields(Settings) if entry.name == key.lower())
    with pytest.raises(ConfigurationError) as refusal:
        read({key: value})
    assert str(refusal.value).startswith(f"{key} is ")
    assert str(refusal.value).endswith(f"; allowed: {allowed}")
    assert str(refusal.value).count("allowed:") == 1


def test_all_wrong_values_are_named_in_one_message() -> None:
    """One message names every wrong value and every misspelt key, so that one start shows all there is to repair."""
    config = {key: object() for key in KEYS} | {"LOGIN_DISABELD": True, "SECRET_KEY_FALLBACKS": "key"}
    with pytest.raises(ConfigurationError) as refusal:
        read(config)
    for key in config:
        assert f"{key} is " in str(refusal.value)


@pytest.mark.parametrize("key", KEYS)
def test_every_setting_says_what_it_means(key: str) -> None:
    """The table has a meaning and the allowed values of every setting, from which the reference is made."""
    entry = next(entry for entry in fields(Settings) if entry.name == key.lower())
    assert entry.metadata["meaning"].endswith(".")
    assert entry.metadata["allowed"]


def test_settings_cannot_be_changed() -> None:
    """Settings are a value: nobody changes them behind the configuration's back."""
    with pytest.raises(FrozenInstanceError):
        read({}).login_disabled = True  # type: ignore[misc]


def test_flasks_own_configuration_is_left_alone() -> None:
    """A new app's configuration is right as it is."""
    assert values_of(read(Flask("app").config)) == values_of(Settings())


# Misspelt keys.


def spoilt(key: str) -> Iterator[str]:
    """The key with one letter left out, doubled, replaced, or exchanged with the next."""
    for i in range(len(key)):
        yield key[:i] + key[i + 1 :]
        yield key[:i] + key[i] + key[i:]
        yield key[:i] + ("X" if key[i] != "X" else "Y") + key[i + 1 :]
        if key[i : i + 1] != key[i + 1 : i + 2]:
            yield key[:i] + key[i + 1 : i + 2] + key[i] + key[i + 2 :]


def words_exchanged(key: str) -> Iterator[str]:
    words = key.split("_")
    for i, j in combinations(range(len(words)), 2):
        exchanged = list(words)
        exchanged[i], exchanged[j] = words[j], words[i]
        if exchanged != words:
            yield "_".join(exchanged)


@pytest.mark.parametrize("key", KEYS)
def test_a_key_with_a_typing_error_is_refused(key: str) -> None:
    """A key that is one letter off is refused, and the right one suggested."""
    unnoticed = []
    for wrong in spoilt(key):
        if wrong not in KEYS:
            try:
                read({wrong: CASES[key].default})
            except ConfigurationError as refusal:
                assert str(refusal) == f"{wrong} is not a setting; did you mean {key}?"  # noqa: PT017
            else:
                unnoticed.append(wrong)
    assert unnoticed == []


@pytest.mark.parametrize("key", KEYS)
def test_a_key_with_words_exchanged_is_refused(key: str) -> None:
    """A key with two words exchanged is refused, and the right one suggested."""
    unnoticed = []
    for wrong in words_exchanged(key):
        try:
            read({wrong: CASES[key].default})
        except ConfigurationError as refusal:
            assert str(refusal) == f"{wrong} is not a setting; did you mean {key}?"  # noqa: PT017
        else:
            unnoticed.append(wrong)
    assert unnoticed == []


@pytest.mark.parametrize("key", ["REMEMBER_COOKIE_ENCRYPTION_MODE", "REMEMBER_COOKIE_MAX_BYTES"])
def test_an_unknown_key_of_the_remember_cookie_is_refused(key: str) -> None:
    """The keys that begin with REMEMBER_COOKIE_ are ours alone: an unknown one is refused with a list of them."""
    with pytest.raises(ConfigurationError) as refusal:
        read({key: 1})
    assert str(refusal.value).startswith(f"{key} is not a setting; ")
    assert "REMEMBER_COOKIE_SECURE" in str(refusal.value)
    assert "LOGIN_NEGOTIATE" not in str(refusal.value)


@pytest.mark.parametrize(
    "key",
    [
        *["LOGIN_BANNER", "LOGIN_URL", "LOGIN_VIEW", "LOGIN_MESSAGE", "LOGIN_REDIRECT_URL", "LOGIN_ATTEMPTS", "LOGIN"],
        *["SESSION_COOKIE_NAME", "SESSION_COOKIE_SECURE", "SESSION_COOKIE_DOMAIN", "SESSION_COOKIE_PATH"],
        *["SESSION_COOKIE_HTTPONLY", "SESSION_COOKIE_SAMESITE", "SESSION_REFRESH_EACH_REQUEST", "SESSION_TYPE"],
        *["PERMANENT_SESSION_LIFETIME", "CSRF_COOKIE_NAME", "JWT_COOKIE_SECURE", "SECURITY_LOGIN_URL", "REMEMBER_ME"],
    ],
)
def test_a_programs_own_key_is_left_alone(key: str) -> None:
    """Keys of the program, of Flask and of other extensions may look a little like ours."""
    assert values_of(read({key: "something"})) == values_of(Settings())


def test_a_key_that_is_no_text_is_left_alone() -> None:
    """Configuration may hold any keys; those that are not texts are not ours."""
    assert values_of(read({5: 1, None: 2, ("LOGIN_DISABELD",): 3})) == values_of(Settings())  # type: ignore[dict-item]


# Settings that contradict each other.


@pytest.mark.parametrize("name", ["__Host-remember", "__Secure-remember"])
def test_a_prefixed_cookie_is_secure(name: str) -> None:
    """A cookie whose name promises Secure is Secure unless set otherwise, and that is refused."""
    assert read({"REMEMBER_COOKIE_NAME": name}).remember_cookie_secure is True
    assert read({"REMEMBER_COOKIE_NAME": name, "REMEMBER_COOKIE_SECURE": True}).remember_cookie_secure is True
    with pytest.raises(ConfigurationError, match=r"^REMEMBER_COOKIE_SECURE is False.*allowed: True$"):
        read({"REMEMBER_COOKIE_NAME": name, "REMEMBER_COOKIE_SECURE": False})


def test_a_host_cookie_has_no_path_or_domain() -> None:
    """A __Host- cookie with a Domain or another Path is refused, since browsers drop it; a __Secure- one is not."""
    attributes = {"REMEMBER_COOKIE_PATH": "/app", "REMEMBER_COOKIE_DOMAIN": "example.com"}
    with pytest.raises(ConfigurationError) as refusal:
        read({"REMEMBER_COOKIE_NAME": "__Host-remember"} | attributes)
    assert "REMEMBER_COOKIE_PATH is '/app'" in str(refusal.value)
    assert "REMEMBER_COOKIE_DOMAIN is set" in str(refusal.value)
    assert read({"REMEMBER_COOKIE_NAME": "__Secure-remember"} | attributes).remember_cookie_path == "/app"
    harmless = {"REMEMBER_COOKIE_PATH": "/", "REMEMBER_COOKIE_DOMAIN": ""}
    assert read({"REMEMBER_COOKIE_NAME": "__Host-remember"} | harmless).remember_cookie_domain is None


def test_a_cross_site_cookie_is_secure() -> None:
    """SameSite=None makes the cookie Secure unless set otherwise, and that is refused, since browsers drop it."""
    assert read({"REMEMBER_COOKIE_SAMESITE": "none"}).remember_cookie_secure is True
    with pytest.raises(ConfigurationError, match=r"^REMEMBER_COOKIE_SECURE is False.*SAMESITE"):
        read({"REMEMBER_COOKIE_SAMESITE": "none", "REMEMBER_COOKIE_SECURE": False})


def test_other_cookies_are_secure_where_they_are_set() -> None:
    """An ordinary cookie keeps what was set: Secure, not Secure, or as the request is."""
    for secure in (None, False, True):
        assert read({"REMEMBER_COOKIE_SECURE": secure}).remember_cookie_secure is secure


def test_the_cookies_of_session_and_login_have_two_names() -> None:
    """The remember cookie must not have the session cookie's name."""
    with pytest.raises(ConfigurationError, match=r"^REMEMBER_COOKIE_NAME is 'session', as SESSION_COOKIE_NAME is"):
        read({"SESSION_COOKIE_NAME": "session", "REMEMBER_COOKIE_NAME": "session"})
    with pytest.raises(ConfigurationError, match=r"^REMEMBER_COOKIE_NAME is"):
        read({"SESSION_COOKIE_NAME": "remember_token"})


# Limits.

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("level", "idle", "absolute", "remember"),
    [
        ("aal1", None, 30 * DAY, 30 * DAY),
        ("aal2", HOUR, DAY, DAY),
        ("aal3", timedelta(minutes=15), timedelta(hours=12), timedelta(0)),
    ],
)
def test_an_assurance_level_sets_the_limits(
    level: str, idle: timedelta | None, absolute: timedelta, remember: timedelta
) -> None:
    """Each level of NIST SP 800-63B sets what is not set, and leaves what is stricter."""
    taken = read({"LOGIN_ASSURANCE": level})
    assert taken.login_idle_timeout == idle
    assert taken.login_absolute_timeout == absolute
    assert taken.login_fresh_lifetime == absolute
    assert taken.remember_limit == remember
    stricter = read({"LOGIN_ASSURANCE": level} | dict.fromkeys(LIMITS, 300))
    assert [getattr(stricter, key.lower()) for key in LIMITS] == [timedelta(minutes=5)] * 3


@pytest.mark.parametrize(
    ("level", "key"),
    [
        *[("aal1", key) for key in ("LOGIN_ABSOLUTE_TIMEOUT", "LOGIN_FRESH_LIFETIME", "REMEMBER_COOKIE_DURATION")],
        *[("aal2", key) for key in (*LIMITS, "REMEMBER_COOKIE_DURATION")],
        *[("aal3", key) for key in LIMITS],
    ],
)
def test_nothing_is_looser_than_the_assurance_level(level: str, key: str) -> None:
    """A setting that allows more than the level does is refused, with what the level allows."""
    with pytest.raises(ConfigurationError, match=rf"^{key} is 31 days.*LOGIN_ASSURANCE is '{level}'; allowed: at most"):
        read({"LOGIN_ASSURANCE": level, key: 31 * DAY})


def test_an_assurance_level_and_a_sliding_remember_cookie() -> None:
    """A remember cookie that starts anew at each request would never end: it is refused beside a level."""
    with pytest.raises(ConfigurationError, match=r"^REMEMBER_COOKIE_REFRESH_EACH_REQUEST is True.*allowed: False$"):
        read({"LOGIN_ASSURANCE": "aal1", "REMEMBER_COOKIE_REFRESH_EACH_REQUEST": True})


def test_the_touch_interval_is_less_than_the_idle_timeout() -> None:
    """Else a session in use would end: as a default it is lowered, as a setting it is refused."""
    assert read({"LOGIN_IDLE_TIMEOUT": 30}).login_touch_interval == timedelta(seconds=15)
    assert read({"LOGIN_IDLE_TIMEOUT": 61}).login_touch_interval == timedelta(seconds=60)
    for touch in (30, 31):
        with pytest.raises(ConfigurationError, match=r"^LOGIN_TOUCH_INTERVAL is .*; allowed: less than that$"):
            read({"LOGIN_IDLE_TIMEOUT": 30, "LOGIN_TOUCH_INTERVAL": touch})
    assert read({"LOGIN_TOUCH_INTERVAL": 3600}).login_touch_interval == HOUR
    # The level's idle timeout counts, too.
    with pytest.raises(ConfigurationError, match=r"^LOGIN_TOUCH_INTERVAL is 1:00:00"):
        read({"LOGIN_ASSURANCE": "aal2", "LOGIN_TOUCH_INTERVAL": 3600})


# Keys.


@pytest.mark.parametrize(
    "fallbacks",
    [
        *["s3cr3t-key", b"s3cr3t-key", "", {"s3cr3t-key"}, {"s3cr3t-key": 1}, 5, True],
        *[["s3cr3t-key", ""], ["s3cr3t-key", None], [["s3cr3t-key"]], ("s3cr3t-key", 5), [b""]],
    ],
)
def test_fallback_keys_must_be_a_list_of_keys(fallbacks: object) -> None:
    """A text would make each of its letters a key: it is refused, like all that is no list of keys. No key is shown."""
    config = {"SECRET_KEY": "n3w3st-key", "SECRET_KEY_FALLBACKS": fallbacks}
    for reader in (read, signing_keys):
        with pytest.raises(ConfigurationError, match=r"^SECRET_KEY_FALLBACKS .*allowed: a list of ") as refusal:
            reader(config)
        for shown in (str(refusal.value), repr(refusal.value)):
            assert "s3cr3t-key" not in shown
            assert "n3w3st-key" not in shown


def test_no_message_shows_a_key() -> None:
    """A configuration with everything wrong is refused without a word of its keys."""
    secrets = {"SECRET_KEY": "s3cr3t-key", "SECRET_KEY_FALLBACKS": ["s3cr3t-key", 5]}
    with pytest.raises(ConfigurationError) as refusal:
        read(secrets | {key: object() for key in KEYS} | {"REMEMBER_COOKIE_KEY": "s3cr3t-key"})
    assert "s3cr3t-key" not in repr(refusal.value)
    assert "s3cr3t-key" not in repr(refusal.value.__context__)


@pytest.mark.parametrize(
    ("config", "keys"),
    [
        ({}, ()),
        ({"SECRET_KEY": None}, ()),
        ({"SECRET_KEY": ""}, ()),
        ({"SECRET_KEY": None, "SECRET_KEY_FALLBACKS": ["old"]}, ()),
        ({"SECRET_KEY": "new"}, ("new",)),
        ({"SECRET_KEY": b"new", "SECRET_KEY_FALLBACKS": None}, (b"new",)),
        ({"SECRET_KEY": "new", "SECRET_KEY_FALLBACKS": []}, ("new",)),
        ({"SECRET_KEY": "new", "SECRET_KEY_FALLBACKS": ["old", b"older"]}, ("new", "old", b"older")),
        ({"SECRET_KEY": "new", "SECRET_KEY_FALLBACKS": ("old",)}, ("new", "old")),
    ],
)
def test_the_newest_key_is_the_first(config: dict[str, Any], keys: tuple[object, ...]) -> None:
    """SECRET_KEY comes before its fallbacks; without it there is no key at all. No key is shown."""
    assert signing_keys(config) == read(config).signing_keys == keys
    assert "signing_keys" not in repr(read(config))


@pytest.mark.parametrize(
    ("config", "key"),
    [({}, "csrf_token"), ({"WTF_CSRF_FIELD_NAME": "token"}, "token"), ({"WTF_CSRF_FIELD_NAME": None}, "csrf_token")],
)
def test_flask_wtfs_field_name_is_read(config: dict[str, Any], key: str) -> None:
    """The CSRF token is where Flask-WTF's setting says, or where its default does."""
    assert read(config).csrf_key == key


# Values that are given in code.


@pytest.mark.parametrize(("value", "result"), [(DAY, 86400.0), (60, 60.0), (0.5, 0.5), (CENTURY, 36525 * 86400.0)])
def test_a_duration_is_a_timedelta_or_seconds(value: Any, result: float) -> None:
    """A duration in code may be what the setting may be."""
    assert seconds(value) == result


@pytest.mark.parametrize("value", CASES["REMEMBER_COOKIE_DURATION"].wrong, ids=name_of)
def test_a_wrong_duration_is_refused(value: object) -> None:
    """A wrong duration is refused with its value, and with what is allowed."""
    with pytest.raises(ConfigurationError, match=r"^duration is .*; allowed: a timedelta or a number of seconds"):
        seconds(value)


@pytest.mark.parametrize(
    ("setting", "attribute", "mode"),
    [
        ({}, "basic", "basic"),
        ({}, "strong", "strong"),
        ({}, None, None),
        ({}, False, None),
        ({"SESSION_PROTECTION": "strong"}, "basic", "strong"),
        ({"SESSION_PROTECTION": None}, "strong", None),
        ({"SESSION_PROTECTION": False}, "strong", None),
    ],
)
def test_the_protection_setting_wins_over_the_managers_attribute(
    setting: dict[str, Any], attribute: object, mode: str | None
) -> None:
    """SESSION_PROTECTION decides where it is set, also when it says None; else the attribute does."""
    assert read(setting).protection_mode(attribute) == mode


@pytest.mark.parametrize("attribute", ["", "Strong", "strng", True, 0, 1, ["strong"], b"basic"])
def test_a_wrong_protection_attribute_is_refused(attribute: object) -> None:
    """A typing error in the manager's attribute does not switch the protection off."""
    with pytest.raises(ConfigurationError, match=r"^session_protection is .*; allowed: "):
        read({}).protection_mode(attribute)


# Changes at run time.


def reader_of(config: dict[str, Any]) -> SettingsReader:
    """The reader of an app with this configuration."""
    app = Flask("app")
    app.config = config  # type: ignore[assignment]
    return SettingsReader(app)


def test_a_reader_reads_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as nothing changes, the configuration is read one time."""
    config = {"LOGIN_NEXT_HOSTS": ["a"], "SECRET_KEY_FALLBACKS": ["old"], "UNRELATED": 1}
    calls = []
    monkeypatch.setattr(settings, "read", lambda given: calls.append(given) or read(given))
    reader = reader_of(config)
    first = reader.now()
    config["UNRELATED"] = 2
    config["LOGIN_NEXT_HOSTS"] = ["a"]
    assert reader.now() is first
    assert len(calls) == 1


def test_a_reader_sees_a_changed_value() -> None:
    """A value that is set, changed or deleted later counts from the next request on."""
    config: dict[str, Any] = {}
    reader = reader_of(config)
    assert reader.now().login_negotiate is True
    config["LOGIN_NEGOTIATE"] = False
    assert reader.now().login_negotiate is False
    config["LOGIN_NEGOTIATE"] = True
    assert reader.now().login_negotiate is True
    config["LOGIN_NEGOTIATE"] = False
    del config["LOGIN_NEGOTIATE"]
    assert reader.now().login_negotiate is True


def test_a_reader_sees_the_difference_between_none_and_nothing() -> None:
    """A key that is set to None is not a key that is missing."""
    config: dict[str, Any] = {"SESSION_PROTECTION": None}
    reader = reader_of(config)
    assert reader.now().protection_mode("strong") is None
    del config["SESSION_PROTECTION"]
    assert reader.now().protection_mode("strong") == "strong"


@pytest.mark.parametrize("hosts", [["a.example"], {"a.example"}])
def test_a_reader_sees_a_collection_changed_in_place(hosts: Any) -> None:
    """A list or set of hosts that changes in place counts, too, and is checked."""
    config = {"LOGIN_NEXT_HOSTS": hosts}
    reader = reader_of(config)
    assert reader.now().login_next_hosts == ("a.example",)
    add = hosts.append if isinstance(hosts, list) else hosts.add
    add("b.example")
    assert reader.now().login_next_hosts == ("a.example", "b.example")
    add("https://c.example/")
    with pytest.raises(ConfigurationError, match="LOGIN_NEXT_HOSTS"):
        reader.now()


def test_a_reader_checks_every_change() -> None:
    """A wrong value is refused at each request until it is right again."""
    config: dict[str, Any] = {}
    reader = reader_of(config)
    good = reader.now()
    config["REMEMBER_COOKIE_SECURE"] = "yes"
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="REMEMBER_COOKIE_SECURE"):
            reader.now()
    del config["REMEMBER_COOKIE_SECURE"]
    assert reader.now() == good


def test_a_reader_checks_the_first_time() -> None:
    """A reader of a wrong configuration has no settings to give."""
    with pytest.raises(ConfigurationError):
        reader_of({"LOGIN_DISABLED": "no"}).now()


def test_a_reader_refuses_a_misspelt_key_that_is_added() -> None:
    """A misspelt key that is added later is refused."""
    config: dict[str, Any] = {"UNRELATED": 1}
    reader = reader_of(config)
    reader.now()
    config["REMEMBER_COOKIE_SECUR"] = True
    with pytest.raises(ConfigurationError, match="did you mean REMEMBER_COOKIE_SECURE"):
        reader.now()


def test_a_reader_checks_the_keys_again() -> None:
    """Fallback keys that become a text, or get a blank key in place, are refused."""
    config: dict[str, Any] = {"SECRET_KEY_FALLBACKS": ["old"]}
    reader = reader_of(config)
    reader.now()
    config["SECRET_KEY_FALLBACKS"].append("")
    with pytest.raises(ConfigurationError, match="SECRET_KEY_FALLBACKS"):
        reader.now()
    config["SECRET_KEY_FALLBACKS"] = "old"
    with pytest.raises(ConfigurationError, match="SECRET_KEY_FALLBACKS"):
        reader.now()


def test_a_reader_sees_changed_keys() -> None:
    """A key that is replaced, or a fallback that is added in place, counts from the next request on."""
    config: dict[str, Any] = {"SECRET_KEY": "first", "SECRET_KEY_FALLBACKS": []}
    reader = reader_of(config)
    assert reader.now().signing_keys == ("first",)
    config["SECRET_KEY_FALLBACKS"].append("first")
    assert reader.now().signing_keys == ("first", "first")
    config["SECRET_KEY"] = b"second"
    assert reader.now().signing_keys == (b"second", "first")
    config["SECRET_KEY"] = None
    assert reader.now().signing_keys == ()
    assert reader.now().csrf_key == "csrf_token"
    config["WTF_CSRF_FIELD_NAME"] = "token"
    assert reader.now().csrf_key == "token"


def test_a_reader_sees_another_configuration_of_its_app() -> None:
    """A program may give its app another configuration: the keys of the first one count no longer."""
    app = Flask("app")
    app.config["SECRET_KEY"] = "first"
    reader = SettingsReader(app)
    assert reader.now().signing_keys == ("first",)
    app.config = Config(".", {**app.config, "SECRET_KEY": "second"})
    assert reader.now().signing_keys == ("second",)


def test_a_reader_asks_a_configuration_of_the_programs_own() -> None:
    """One that gets its values elsewhere is asked each time."""

    class Vault(Config):
        key = "first"

        def __getitem__(self, key: str) -> Any:
            return self.key if key == "SECRET_KEY" else super().__getitem__(key)

    app = Flask("app")
    app.config = Config(".", {"SECRET_KEY": "none"})
    reader = SettingsReader(app)
    assert reader.now().signing_keys == ("none",)
    app.config = Vault(".", {"SECRET_KEY": "none"})
    assert reader.now().signing_keys == ("first",)
    app.config = Vault(".", {"SECRET_KEY": "first"})
    assert reader.now().signing_keys == ("first",)
    app.config.key = "second"
    assert reader.now().signing_keys == ("second",)


def test_a_reader_sees_a_change_while_it_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """What changes while a thread reads is read the next time."""
    config: dict[str, Any] = {"SECRET_KEY": "first"}
    reader = reader_of(config)

    def slow(given: Any) -> Settings:
        result = read(dict(given))
        config["SECRET_KEY"] = "second"
        return result

    with monkeypatch.context() as patch:
        patch.setattr(settings, "read", slow)
        reader.now()
    assert reader.now().signing_keys == ("second",)


def test_a_reader_sees_a_session_cookie_of_the_same_name() -> None:
    """A session cookie that is given the remember cookie's name later is refused."""
    config: dict[str, Any] = {"SESSION_COOKIE_NAME": "session"}
    reader = reader_of(config)
    reader.now()
    config["SESSION_COOKIE_NAME"] = "remember_token"
    with pytest.raises(ConfigurationError, match="SESSION_COOKIE_NAME"):
        reader.now()


def test_two_readers_do_not_share_anything() -> None:
    """Two apps have their own settings."""
    one, other = reader_of({"LOGIN_AUDIENCE": "one"}), reader_of({"LOGIN_AUDIENCE": "other"})
    assert (one.now().login_audience, other.now().login_audience) == ("one", "other")
    assert one.now().login_audience == "one"


# Anything at all.

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters()),
    st.binary(),
    st.timedeltas(),
    st.sampled_from([10**400, -(10**400), -1e300, timedelta.min, timedelta.max, object(), object, len, ..., 1j]),
    st.sampled_from([value for case in CASES.values() for value, _ in case.right]),
)
VALUES = st.one_of(
    SCALARS,
    st.lists(SCALARS, max_size=3),
    st.lists(SCALARS, max_size=3).map(tuple),
    st.dictionaries(st.text(max_size=5), SCALARS, max_size=2),
    st.sets(st.text(max_size=5), max_size=3),
)
NAMES = st.one_of(
    st.sampled_from([*KEYS, *KEYS, "SECRET_KEY", "SECRET_KEY_FALLBACKS", "SESSION_COOKIE_NAME", "WTF_CSRF_FIELD_NAME"]),
    st.sampled_from(KEYS).flatmap(lambda key: st.sampled_from(list(spoilt(key)))),
    st.text(st.characters(), max_size=20),
)


@given(config=st.dictionaries(NAMES, VALUES, max_size=6))
@hypothesis_settings(max_examples=500, deadline=None)
def test_any_configuration_is_read_or_refused(config: dict[str, Any]) -> None:
    """Whatever keys and values there are, they give settings that can be read back, or a ConfigurationError."""
    for look in (reader_of(config).now, partial(read, config), partial(signing_keys, config)):
        try:
            result = look()
        except ConfigurationError:
            continue
        if isinstance(result, Settings):
            assert isinstance(result.remember_cookie_duration, timedelta)
            assert timedelta(0) < result.remember_cookie_duration <= CENTURY
            again = {key: getattr(result, key.lower()) for key in KEYS}
            again = {key: value for key, value in again.items() if value is not settings._MISSING}
            assert values_of(read(again)) == values_of(result)
