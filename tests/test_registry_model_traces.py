"""What random walks have found: the shortest way to each fault, as a plain test."""

from __future__ import annotations

import pytest
from registry_world import GRACE, LIFE, REMEMBER, SESSION, Jar, World, cookie_of


def logged_in(remember: bool = True, **config: object) -> tuple[World, Jar]:
    """A world, and a browser that has just logged in."""
    world, jar = World(**config), Jar()
    world.send(jar, "login", **({"remember": "y"} if remember else {})).reach(jar)
    return world, jar


def reopen(world: World, jar: Jar) -> None:
    """The browser is closed, and comes back when no grace covers it, after all its answers were seen to arrive."""
    for _ in range(2):
        world.wait(1)
        world.send(jar, "look").reach(jar)
    jar.pop(SESSION, None)
    world.wait(2 * GRACE)


def assert_is_known(world: World, jar: Jar) -> None:
    assert world.send(jar, "look").came["is_in"]
    assert world.stolen() == 0


def assert_is_left_alone(world: World, jar: Jar) -> None:
    """The browser is out, but its cookies stay, and nobody takes it for a thief."""
    answer = world.send(jar, "look")
    assert not answer.came["is_in"]
    assert (answer.cookies, world.stolen()) == ([], 0)


# No cookie from before new credentials works. The browser that never got the newer ones is out, and no thief.


def test_lost_answer_to_new_credentials() -> None:
    """If the answer with the cookies after `credentials_changed` is lost, the login is, but that is no theft."""
    world, jar = logged_in()
    world.send(jar, "password")
    reopen(world, jar)
    assert_is_left_alone(world, jar)


def test_restored_tab_answers_after_new_credentials() -> None:
    """Nor is it if two tabs are restored, one gets new credentials, and the other's answer comes last."""
    world, jar = logged_in()
    del jar[SESSION]
    first, second = world.send(jar, "look"), world.send(jar, "password")
    second.reach(jar)
    first.reach(jar)
    reopen(world, jar)
    assert_is_left_alone(world, jar)


def test_slow_restored_tab_and_new_credentials() -> None:
    """A slow page that was restored does not overwrite the remember cookie that is newer than its own."""
    world, jar = logged_in()
    del jar[SESSION]

    def meanwhile() -> None:
        world.wait(2)
        world.send(jar, "look").reach(jar)
        world.send(jar, "password").reach(jar)

    world.meanwhile = meanwhile
    world.send(dict(jar), "look").reach(jar)
    assert cookie_of(jar)[1] == 3
    reopen(world, jar)
    assert_is_known(world, jar)


@pytest.mark.parametrize("seconds", [5, 2 * GRACE])
def test_lost_answer_that_restored_and_changed_credentials(seconds: int) -> None:
    """If the answer of a request that restored the login and changed its credentials is lost, that is no theft."""
    world, jar = logged_in()
    del jar[SESSION]
    world.send(jar, "password")
    world.wait(seconds)
    assert_is_left_alone(world, jar)


def test_lost_answer_of_an_idle_session_that_was_restored() -> None:
    """If the answer that restores an idle session is lost, its mark works no more, and that is no theft later on."""
    world, jar = logged_in(LOGIN_IDLE_TIMEOUT=1800)
    world.wait(3600)
    world.send(jar, "look")
    reopen(world, jar)
    assert_is_known(world, jar)


# A decision about a row that has changed since


@pytest.mark.parametrize("is_open", [True, False])
def test_new_credentials_between_look_and_decision(is_open: bool) -> None:
    """A request that read the row before new credentials, and the user after them, does not end the login."""
    world, jar = logged_in()
    if not is_open:
        del jar[SESSION]
    other = dict(jar)
    world.store.meanwhile = lambda: world.send(other, "password").reach(other)
    world.send(jar, "look")
    assert [*world.told.values()] == [["session-started"]]
    assert_is_known(world, other)


# A late answer that brings an old session back


@pytest.mark.parametrize(("seconds", "is_in"), [(GRACE - 1, True), (GRACE + 1, False)])
def test_old_session_comes_back_after_the_new_one_was_seen(seconds: int, is_in: bool) -> None:
    """Within the grace, it is a session; after it, it is none, and is left alone."""
    world, jar = logged_in(remember=False)
    late = world.send(jar, "shop")
    world.send(jar, "confirm").reach(jar)
    world.send(jar, "look").reach(jar)
    late.reach(jar)
    world.wait(seconds)
    if is_in:
        assert_is_known(world, jar)
    else:
        assert_is_left_alone(world, jar)


def test_lost_answer_to_credentials_given_once_more() -> None:
    """If the new session was never seen, the one before it is a session, however late."""
    world, jar = logged_in(remember=False)
    world.send(jar, "confirm")
    world.wait(2 * GRACE)
    assert_is_known(world, jar)


def test_late_request_of_a_session_that_was_logged_out() -> None:
    """It does not take the session of the next login out of the browser."""
    world, jar = logged_in(remember=False)
    old = dict(jar)
    world.send(jar, "logout").reach(jar)
    world.send(jar, "login").reach(jar)
    world.send(old, "look").reach(jar)
    assert_is_known(world, jar)


# Another key


def test_join_under_a_new_key_survives_the_old_one() -> None:
    """A login that was joined under a newer key does not depend on the older one any more."""
    world, jar = logged_in()
    del jar[SESSION]
    world.send(dict(jar), "look")
    world.change_key()
    world.send(jar, "look").reach(jar)
    world.drop_keys()
    assert_is_known(world, jar)


def test_previous_mark_under_a_new_key_brings_the_cookie_under_it() -> None:
    """A session with the previous mark gets the remember cookie under the newest key, too."""
    world, jar = logged_in()
    world.send(jar, "confirm")
    world.change_key()
    for _ in range(3):
        world.send(jar, "look").reach(jar)
    world.drop_keys()
    del jar[SESSION]
    assert_is_known(world, jar)


# Freshness


def test_clock_set_back_makes_nobody_fresh() -> None:
    """A restored session is not fresh because the clock was set back to before the login."""
    world, jar = logged_in()
    world.set_clock_back(10)
    del jar[SESSION]
    world.send(jar, "look").reach(jar)
    tab = dict(jar)
    del jar[SESSION]
    world.send(jar, "look").reach(jar)
    assert not world.send(tab, "look").came["fresh"]


def test_thief_gets_no_freshness_of_the_victims() -> None:
    """Who came in by a copied remember cookie is not fresh when the victim gives credentials once more."""
    world, jar = logged_in()
    thief = {REMEMBER: jar[REMEMBER]}
    del jar[SESSION]
    world.send(jar, "look").reach(jar)
    world.send(thief, "look").reach(thief)
    world.send(jar, "confirm").reach(jar)
    assert not world.send(thief, "look").came["fresh"]


# News


def test_expiry_is_told_once() -> None:
    """However many requests still bring the session of a login whose time is over, it has ended once, by its id."""
    world, jar = logged_in()
    (id,) = world.rows
    world.wait(LIFE)
    world.store.meanwhile = lambda: world.send(dict(jar), "look")
    world.send(dict(jar), "look")
    world.send(dict(jar), "look")
    assert world.told == {id: ["session-started", "absolute_timeout"]}


def test_theft_is_told_once() -> None:
    """Two copies of an old remember cookie that come at once are one theft."""
    world, jar = logged_in()
    copy = {REMEMBER: jar[REMEMBER]}
    reopen(world, jar)
    world.send(jar, "look").reach(jar)
    reopen(world, jar)
    (id,) = world.rows
    world.store.meanwhile = lambda: world.send(copy, "look")
    world.send(copy, "look")
    assert world.told == {id: ["session-started", "theft", "remember-stolen"]}


def test_end_beside_the_end_of_all_is_told_once() -> None:
    """A login that ends by itself while all of its user's are ended has ended once."""
    world, jar = logged_in()
    device: Jar = {}
    world.send(device, "login").reach(device)

    def log_out() -> None:
        world.send(jar, "logout")

    def wait_for_the_second_look() -> None:
        # The first one is before the end of all.
        world.store.meanwhile = lambda: setattr(world.store, "meanwhile", log_out)

    world.meanwhile = wait_for_the_second_look
    world.send(device, "end_others")
    assert sorted(world.told.values()) == [["session-started"], ["session-started", "revoked"]]


def test_login_beside_the_end_of_all_is_told() -> None:
    """A login that begins just before all of its user's are ended has ended, and that is told."""
    world, device = logged_in()
    jar: Jar = {}

    def wait_for_the_first_look() -> None:
        world.store.meanwhile = lambda: world.send(jar, "login").reach(jar)

    world.meanwhile = wait_for_the_first_look
    world.send(device, "end_others")
    (id,) = {id for id, row in world.rows.items() if row.ended_at}
    assert world.told[id] == ["session-started", "revoked"]
    assert not world.send(jar, "look").came["is_in"]


def test_two_ends_of_all_in_one_millisecond_are_told_once() -> None:
    """Two requests that end all other logins in the same millisecond tell of each end once."""
    world, _ = logged_in()
    (id,) = world.rows
    device: Jar = {}
    world.send(device, "login").reach(device)

    def meanwhile() -> None:
        world.now -= 2
        world.send(device, "end_others")

    world.meanwhile = meanwhile
    world.send(device, "end_others")
    assert world.told[id] == ["session-started", "revoked"]
