"""The tests that the libraries publish with their sources: fetched, and run on either of the two flask_logins."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree

PLUGIN = Path(__file__).parent / "switches.py"
#: The plugin says so, before a file's name.
SAYING = "flask_login is "
OUTCOME = "outcome.xml"
REPORT = "report.txt"
COMPARED = {"Flask-Login itself": (), "the stand-in": ("-m", "flask_sessionauth.compat")}
#: Of a run, in seconds.
TIME_LIMIT = 900


@dataclass(frozen=True)
class Suite:
    """What is run of a library's tests, and where the stand-in differs on purpose."""

    distribution: str
    files: Sequence[str] = ("tests",)
    options: Sequence[str] = ()
    #: As many have to pass on both, or the comparison says nothing.
    at_least: int = 1
    #: Tests that fail on the stand-in alone, and why.
    differences: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """The names of the tests by how they went, and what pytest printed.

    Names are of a module, a class if there is one, and a function: ``test_login.LoginTestCase::test_logout``.
    """

    passed: frozenset[str]
    failed: frozenset[str]
    skipped: frozenset[str]
    report: str

    @property
    def login_module(self) -> str:
        """The file of the flask_login that they ran on."""
        _, said, rest = self.report.rpartition(SAYING)
        assert said, self.report
        return rest.partition("\n")[0]

    def __str__(self) -> str:
        return f"{len(self.passed)} passed, {len(self.failed)} failed, {len(self.skipped)} skipped"


def fetch(suite: Suite, folder: Path) -> Path:
    """The folder with the tests of the installed version, without the library: that is the installed one.

    The source comes from the index that pip is set up for.
    """
    wanted = f"{suite.distribution}=={version(suite.distribution)}"
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--no-binary", suite.distribution, "--dest", str(folder), wanted], check=True)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder / "source", members=_tests_of(tar), filter="data")
    (root,) = (folder / "source").iterdir()
    shutil.copy(PLUGIN, root)
    return root


def _tests_of(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    for member in tar.getmembers():
        _, _, path = member.name.partition("/")
        if path.startswith("tests/") or path in ("pytest.ini", "setup.cfg", "pyproject.toml"):
            yield member


def compare(suite: Suite, root: Path) -> list[Outcome]:
    """Run the tests on both, at the same time, each in a copy of its own."""
    places = [root.with_name(f"run{number}") for number, _ in enumerate(COMPARED)]
    processes = []
    try:
        for place, prefix in zip(places, COMPARED.values(), strict=True):
            shutil.copytree(root, place)
            processes.append(_start(suite, prefix, place))
        for process in processes:
            process.wait(TIME_LIMIT)
    finally:
        for process in processes:
            process.kill()
    return [read_outcome(place) for place in places]


def _start(suite: Suite, prefix: Sequence[str], place: Path) -> subprocess.Popen[bytes]:
    # Neither our options nor our plugin are theirs.
    plugins = ["-p", PLUGIN.stem, "-p", "no:flask-sessionauth", "-p", "no:cacheprovider"]
    pytest = ["-m", "pytest", "-q", "--tb=short", f"--junitxml={OUTCOME}", *plugins, *suite.options, *suite.files]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    with (place / REPORT).open("wb") as report:
        return subprocess.Popen(
            [sys.executable, *prefix, *pytest],
            cwd=place,
            # The order of sets is the same for both.
            env={**inherited, "PYTHONHASHSEED": "0"},
            stdout=report,
            stderr=subprocess.STDOUT,
        )


def read_outcome(place: Path) -> Outcome:
    """What a run has left of each test; one with an error before or after it has failed."""
    report = (place / REPORT).read_text(errors="replace")
    assert (place / OUTCOME).exists(), report
    names: dict[str, set[str]] = {"passed": set(), "failed": set(), "skipped": set()}
    for case in ElementTree.parse(place / OUTCOME).iter("testcase"):  # noqa: S314 - pytest has just written it
        name = f"{case.get('classname', '').removeprefix('tests.')}::{case.get('name')}"
        if case.find("failure") is not None or case.find("error") is not None:
            names["failed"].add(name)
        else:
            names["passed" if case.find("skipped") is None else "skipped"].add(name)
    names["passed"] -= names["failed"]
    return Outcome(*(frozenset(names[how]) for how in ("passed", "failed", "skipped")), report)
