"""An honest browser on a bad network against the registry: it is never thrown out, and never taken for a thief."""

from __future__ import annotations

from math import inf

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule
from registry_walk import LIMITS, PAGES, PAUSES, Walk
from registry_world import GRACE, REMEMBER, SESSION, Answer, Jar

#: When an answer arrives, in seconds after the request; ``None``: never.
FATES = st.sampled_from([0, 0, None, 1, 20])

LOGINS = st.sampled_from([{"remember": "y"}, {}])

RARELY = st.sampled_from([False, False, True])


class Honest(Walk):
    """One browser, another device of the same user, and nobody else.

    One answer at a time is lost or late. Between two pages time passes, the browser is closed, the clock is set back,
    the app's keys change, the store is down.
    """

    def __init__(self) -> None:
        super().__init__()
        self.jar: Jar = {}
        self.device: Jar = {}
        #: The login that has to be recognised; ``None``: nobody is logged in here.
        self.login: str | None = None
        self.is_remembered = False
        #: Whether it was once not recognised, and that was in order.
        self.may_be_out = False
        #: Whether this browser's user gave credentials since it was opened.
        self.is_proved = False
        #: The answers that are on their way, and when they arrive.
        self.late: list[tuple[float, Answer]] = []
        #: Whether an answer got lost, or is late, and none has come since.
        self.is_troubled = False
        #: How many pages were asked for since the login.
        self.visits = 0

    # What it may rely on

    def visit(self, page: str) -> Answer:
        was_over = self.world.is_over(self.login)
        answer = self.request(dict(self.jar), page)
        self.judge(answer, page, was_over)
        return answer

    def judge(self, answer: Answer, page: str, was_over: bool) -> None:
        came = answer.came
        self.visits += 1
        if came:
            self.may_be_out = came["id"] is None and (self.may_be_out or self.is_left_behind())
            is_in = not was_over and not self.may_be_out
            assert came["id"] == (self.login if is_in else None), "the honest browser was not recognised"
            assert self.is_proved or not came["fresh"], "fresh without credentials"
        if was_over or page == "logout":
            self.forget_login()
        elif page == "confirm":
            self.is_proved = True

    def is_left_behind(self) -> bool:
        """Whether this browser's cookies are older than the design lets in: an answer with newer ones has not come.

        Nothing from before a new password does. Without a remember cookie, it takes the current mark, or the one before
        it, as long as the current one was not seen, and within the grace.
        """
        if self.login is None:
            return False
        row = self.world.rows[self.login]
        behind, age = row.epoch - self.world.epoch_of(self.jar), self.world.now / 1000 - row.renewed_at.timestamp()
        is_stale = behind > 1 or (behind == 1 and row.renewal_seen and age >= GRACE)
        return (is_stale and not self.is_remembered) or self.is_older(self.jar, self.login)

    def forget_login(self) -> None:
        self.login, self.is_proved, self.may_be_out = None, False, False

    # How its answers come

    def reach(self, *answers: Answer) -> None:
        for answer in answers:
            answer.reach(self.jar)
        self.is_troubled = bool(self.late)
        if self.may_be_out and REMEMBER not in self.jar:
            self.is_remembered = False

    def deliver(self, until: float) -> None:
        """Let the answers come that are due."""
        for due, answer in [one for one in self.late if one[0] <= until]:
            self.late.remove((due, answer))
            answer.reach(self.jar)
        self.is_troubled = self.is_troubled and bool(self.late)

    def pause(self, seconds: int, is_closed: bool = False) -> None:
        """Time passes. What comes to a browser that was closed, comes to nobody, and its session is gone."""
        if is_closed:
            self.late.clear()
            self.is_troubled = self.is_proved = False
            self.jar.pop(SESSION, None)
        self.deliver(self.world.passed + seconds * 1000)
        self.world.wait(seconds)
        is_idle = self.idle_timeout is not None and seconds >= self.idle_timeout
        if not self.is_remembered and (is_closed or is_idle):
            self.forget_login()

    # What its user does

    def may_end(self) -> bool:
        """One that always ends at once never gets old."""
        return self.login is not None and self.visits >= 5

    @precondition(lambda self: self.world.is_over(self.login) or self.may_end())
    @rule(form=LOGINS)
    def log_in(self, form: dict[str, str]) -> None:
        self.deliver(inf)
        answer = self.request(self.jar, "login", **form)
        self.reach(answer)
        self.logins += 1
        assert not form or REMEMBER in self.jar
        self.login, self.is_proved, self.may_be_out = answer.went["id"], True, False
        self.is_remembered = REMEMBER in self.jar
        self.visits = 0

    @rule(page=PAGES, fate=FATES, seconds=PAUSES, is_closed=RARELY)
    def go(self, page: str, fate: int | None, seconds: int, is_closed: bool) -> None:
        self.pause(seconds, is_closed)
        if page == "password":
            # A remember cookie that arrives after its successor, and is then shown only after the grace, is a false
            # alarm that the design admits.
            self.deliver(inf)
        was_troubled = self.is_troubled
        answer = self.visit(page)
        if fate == 0 or was_troubled:
            self.reach(answer)
            return
        self.is_troubled = True
        if fate is not None:
            self.late.append((self.world.passed + fate * 1000, answer))

    @precondition(lambda self: not self.is_troubled)
    @rule(pages=st.lists(PAGES, min_size=2, max_size=3), is_reversed=st.booleans(), is_closed=st.booleans())
    def open_tabs(self, pages: list[str], is_reversed: bool, is_closed: bool) -> None:
        """Tabs ask at once: where they are restored, they all are, by one rotation."""
        self.pause(0, is_closed)
        answers = [self.visit(page) for page in pages]
        if "password" not in pages:
            jars: list[Jar] = [{} for _ in answers]
            for jar, answer in zip(jars, answers, strict=True):
                answer.reach(jar)
            assert len({jar[REMEMBER] for jar in jars if REMEMBER in jar}) <= 1
        self.reach(*(reversed(answers) if is_reversed else answers))

    @precondition(lambda self: not self.is_troubled)
    @rule(
        slow=PAGES,
        quick=st.sampled_from(["look", "shop", "confirm", "password", "logout"]),
        seconds=st.sampled_from([0, 2]),
        is_in_view=st.booleans(),
        is_quick_last=st.booleans(),
        is_closed=st.booleans(),
    )
    def overtake(
        self, slow: str, quick: str, seconds: int, is_in_view: bool, is_quick_last: bool, is_closed: bool
    ) -> None:
        """A tab asks while another waits: for its view, or between the look at the row and what is written."""
        self.pause(0, is_closed)
        jar, answers = dict(self.jar), list[Answer]()

        def meanwhile() -> None:
            answers.append(self.request(jar, quick))
            self.world.wait(seconds + 0.002)

        was_over = self.world.is_over(self.login)
        (self.world if is_in_view else self.world.store).meanwhile = meanwhile
        slow_answer = self.request(dict(jar), slow, is_overtaken=True)
        self.world.meanwhile = self.world.store.meanwhile = None
        for answer in answers:
            self.judge(answer, quick, was_over)
        if not (answers and quick == "logout"):
            self.judge(slow_answer, slow, was_over)
        self.reach(*([slow_answer, *answers] if is_quick_last else [*answers, slow_answer]))

    @precondition(lambda self: self.may_end())
    @rule()
    def log_out(self) -> None:
        login, was_in = self.login, not self.world.is_over(self.login) and not self.may_be_out
        self.reach(self.visit("logout"))
        assert not was_in or self.world.rows[str(login)].ended_reason == "logout"

    # What the user does elsewhere

    @precondition(lambda self: self.may_end())
    @rule(how=st.sampled_from(["end_one", "end_others", "password"]))
    def end_from_elsewhere(self, how: str) -> None:
        if not self.device or not self.request(self.device, "look").came["is_in"]:
            self.device = {}
            self.request(self.device, "login").reach(self.device)
            self.logins += 1
        login, was_over = str(self.login), self.world.is_over(self.login)
        self.request(self.device, how, id=login).reach(self.device)
        reason = "credentials_changed" if how == "password" else "revoked"
        assert was_over or self.world.rows[login].ended_reason == reason
        self.forget_login()

    # What the server does

    @rule(seconds=st.sampled_from([1, 10, GRACE]))
    def set_clock_back(self, seconds: int) -> None:
        self.world.set_clock_back(seconds)

    @precondition(lambda self: not self.is_troubled)
    @rule(page=st.sampled_from(["look", "shop", "confirm"]), answers=st.integers(0, 2), is_closed=RARELY)
    def go_while_store_is_down(self, page: str, answers: int, is_closed: bool) -> None:
        """No user without the store, and no cookie deleted; what it had answered before may have changed one."""
        self.pause(0, is_closed)
        before, self.world.store.answers = set(self.jar), answers
        answer = self.visit(page)
        self.world.store.answers = None
        self.reach(answer)
        assert answer.status == 200 or before <= set(self.jar)

    @precondition(lambda self: not self.is_troubled)
    @rule(is_closed=st.booleans())
    def rotate_key(self, is_closed: bool) -> None:
        """Once the browser was seen under a new key, it does not need the older ones, and no copy under them works."""
        self.pause(0, is_closed)
        copy = dict(self.jar)
        self.world.change_key()
        self.reach(self.visit("look"))
        self.world.drop_keys()
        assert not self.request(copy, "look").came["is_in"]
        self.device = {}

    # What never happens

    @invariant()
    def there_is_no_alarm(self) -> None:
        assert self.world.stolen() == 0, "the honest browser was taken for a thief"


Honest.TestCase.settings = LIMITS
TestHonest = Honest.TestCase
