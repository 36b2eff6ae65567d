"""Random walks of browsers through the registry's world: what is asked of each request, and of what was told."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant
from registry_world import GRACE, Answer, Jar, World, cookie_of

#: Seconds.
IDLE = 1800
#: Seconds that pass before a request.
PAUSES = st.sampled_from([0, 0, 0, 1, 30, GRACE + 1, 2 * IDLE])

PAGES = st.sampled_from(["look", "look", "shop", "confirm", "password"])

_EXAMPLES = os.environ.get("MODEL_EXAMPLES")

#: The same walks each time, and few; ``MODEL_EXAMPLES`` is how many others to try.
LIMITS: Any = settings(
    max_examples=int(_EXAMPLES or 70),
    stateful_step_count=30,
    derandomize=_EXAMPLES is None,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


class Walk(RuleBasedStateMachine):
    """A random walk through a world."""

    def __init__(self) -> None:
        super().__init__()
        #: How many logins there were.
        self.logins = 0
        #: For each login, which remember cookie and which mark came with the user's latest password.
        self.renewed: dict[str, tuple[int, int]] = {}

    @initialize(idle_timeout=st.sampled_from([None, IDLE]))
    def begin(self, idle_timeout: int | None) -> None:
        self.world = World(LOGIN_IDLE_TIMEOUT=idle_timeout)
        self.idle_timeout = idle_timeout

    def request(self, jar: Jar, page: str, is_overtaken: bool = False, **form: str) -> Answer:
        """A request of anybody's: nobody comes in by what is over, and no restored login is fresh.

        :param is_overtaken: whether others may end its login while it runs.
        """
        live = {id for id in self.world.rows if not self.world.is_over(id)}
        left_behind = {id for id in self.renewed if self.is_older(jar, id)}
        answer = self.world.send(jar, page, **form)
        came = answer.came
        # A login that ended meanwhile is not on the list any more.
        if came and came["is_in"] and not (is_overtaken and came["id"] is None):
            assert came["id"] in live, "somebody came in after the end of a login"
            assert came["id"] not in left_behind, "somebody came in with cookies of an older password"
            if not is_overtaken:
                self.check_cookies(jar, answer)
        assert not (came and came["source"] == "remember" and came["fresh"]), "a restored login is fresh"
        if page == "password" and answer.went["id"] is not None:
            row = self.world.rows[answer.went["id"]]
            self.renewed[row.id] = row.generation, row.epoch
        return answer

    def check_cookies(self, jar: Jar, answer: Answer) -> None:
        """Whoever was recognised has the current mark after the answer; who was restored, the current cookie, too."""
        after, row = dict(jar), self.world.rows[answer.came["id"]]
        answer.reach(after)
        assert self.world.epoch_of(after) == row.epoch
        assert answer.came["source"] == "session" or cookie_of(after) == (row.id, row.generation)

    def is_older(self, jar: Jar, login: str) -> bool:
        """Whether what a jar has is from before the user's latest password in a login."""
        generation, epoch = self.renewed.get(login, (0, 0))
        return cookie_of(jar)[1] < generation and self.world.epoch_of(jar) < epoch

    @invariant()
    def each_end_is_told_once(self) -> None:
        """Each login has one row, one start and, if it has ended, one end; a theft is told of, too."""
        rows, told = self.world.rows, self.world.told
        assert len(rows) == self.logins
        for id, row in rows.items():
            expected = ["session-started"] + ([row.ended_reason] if row.ended_at else [])
            if row.ended_reason == "theft":
                expected.append("remember-stolen")
            # A session that was idle for too long ends alone: a remember cookie may restore the login.
            heard = [news for news in told[id] if news != "idle_timeout" or not row.remembered]
            assert sorted(heard) == sorted(expected)
