"""A thief who copies cookies, against the registry: whoever uses a remember cookie beside its owner ends the login."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule
from registry_walk import IDLE, LIMITS, PAGES, PAUSES, Walk
from registry_world import GRACE, LIFE, REMEMBER, SESSION, Answer, Jar, cookie_of

RARELY = st.sampled_from([False, False, False, True])


@dataclass
class Loot:
    """Cookies that a thief has copied, and what has become of them in the thief's own browser."""

    copy: Jar
    jar: Jar = field(default_factory=dict)


class Theft(Walk):
    """A victim, a thief, and what the model itself knows of each remember cookie: when it was issued, and shown."""

    def __init__(self) -> None:
        super().__init__()
        self.jar: Jar = {}
        self.login: str | None = None
        #: How many pages the victim asked for since the login.
        self.visits = 0
        #: What was copied of this login.
        self.loot: list[Loot] = []
        #: For each login, when each of its remember cookies was first issued.
        self.issued: dict[str | None, dict[int, int]] = defaultdict(dict)
        #: For each login, the latest of its remember cookies that was shown while there was no later one.
        self.shown: dict[str | None, int] = defaultdict(int)

    @initialize(idle_timeout=st.sampled_from([None, IDLE]))
    def begin(self, idle_timeout: int | None) -> None:
        super().begin(idle_timeout)
        self.log_in()

    def request(self, jar: Jar, page: str, is_overtaken: bool = False, **form: str) -> Answer:
        """A request, after which the login has ended if, and only if, its remember cookie was in two hands."""
        id, generation = cookie_of(jar)
        was_over = self.world.is_over(id)
        answer = super().request(jar, page, is_overtaken, **form)
        if id is not None and not was_over and answer.came:
            self.judge(answer, id, generation)
        taken: Jar = {}
        answer.reach(taken)
        id, generation = cookie_of(taken)
        self.issued[id].setdefault(generation, self.world.now)
        return answer

    def judge(self, answer: Answer, id: str, generation: int) -> None:
        """Whether a genuine remember cookie of a login that was live did what it must."""
        issued, has_ended = self.issued[id], self.world.rows[id].ended_reason == "theft"
        newest, oldest = max(issued), self.renewed.get(id, (0, 0))[0]
        is_by_session = answer.came["source"] == "session"
        if is_by_session or generation == newest:
            assert not has_ended, "a theft was seen where there is none"
        elif oldest <= generation < self.shown[id] and self.world.now >= issued[newest] + GRACE * 1000:
            assert has_ended, "an old remember cookie was used again, and nobody was alarmed"
            assert not answer.came["is_in"]
        if generation == newest and (not is_by_session or answer.came["id"] == id):
            self.shown[id] = generation

    # The victim

    @precondition(lambda self: self.world.is_over(self.login))
    @rule()
    def log_in(self) -> None:
        answer = self.request(self.jar, "login", remember="y")
        answer.reach(self.jar)
        self.logins += 1
        self.login, self.visits = answer.went["id"], 0
        self.loot.clear()

    @rule(seconds=PAUSES, is_closed=st.booleans(), page=PAGES, is_lost=RARELY)
    def visit(self, seconds: int, is_closed: bool, page: str, is_lost: bool) -> None:
        self.world.wait(seconds)
        if is_closed:
            self.jar.pop(SESSION, None)
        self.visits += 1
        answer = self.request(self.jar, page)
        if not is_lost:
            answer.reach(self.jar)

    @precondition(lambda self: self.visits >= 4)
    @rule(how=st.sampled_from(["logout", "expire", "end_one", "end_others", "password"]))
    def end(self, how: str) -> None:
        """However the login ends: nothing that was ever copied of it works afterwards."""
        copies = [dict(self.jar), *(loot.copy for loot in self.loot), *(loot.jar for loot in self.loot)]
        is_out = cookie_of(self.jar)[0] != self.login
        if how == "logout":
            self.request(self.jar, how).reach(self.jar)
        elif how == "expire":
            self.world.wait(LIFE)
        else:
            device: Jar = {}
            self.request(device, "login").reach(device)
            self.logins += 1
            assert self.request(device, how, id=str(self.login)).came["is_in"]
        # A browser that was thrown out has nothing to log out of.
        assert self.world.is_over(self.login) or (how == "logout" and is_out)
        for jar in copies if self.world.is_over(self.login) else []:
            assert not self.request(jar, "look").came["is_in"]

    # The thief

    @precondition(lambda self: self.jar)
    @rule(what=st.sampled_from([(REMEMBER,), (REMEMBER,), (SESSION,), (REMEMBER, SESSION)]))
    def steal(self, what: tuple[str, ...]) -> None:
        self.loot.append(Loot({name: self.jar[name] for name in what if name in self.jar}))

    @precondition(lambda self: self.loot)
    @rule(index=st.integers(0, 9), seconds=PAUSES, page=st.sampled_from(["look", "shop"]), is_anew=st.booleans())
    def use(self, index: int, seconds: int, page: str, is_anew: bool) -> None:
        """The thief goes on, or starts again with what was copied."""
        loot = self.loot[index % len(self.loot)]
        self.world.wait(seconds)
        if is_anew or not loot.jar:
            loot.jar = dict(loot.copy)
        answer = self.request(loot.jar, page)
        answer.reach(loot.jar)
        if SESSION not in loot.copy:
            assert not answer.came["fresh"], "fresh by a remember cookie"


Theft.TestCase.settings = LIMITS
TestTheft = Theft.TestCase
