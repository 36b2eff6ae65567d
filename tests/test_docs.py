"""The documentation says what the code has: no more, no less."""

from __future__ import annotations

import re
from collections import Counter
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import blinker
import pytest

import flask_sessionauth
from flask_sessionauth import LoginManager, compat, registry, signals, testing
from flask_sessionauth.settings import KEYS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if "_build" not in page.parts]
TEXTS = [*PAGES, ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]

# Gone since Flask-Login, misspelt for an example, a constant of the tutorial's.
FOREIGN = {"AUTH_HEADER_NAME", "REMEMBER_COOKIE_SECUR", "LOGIN_PAGE"}
SIGNALS = {name for name, value in vars(signals).items() if isinstance(value, blinker.Signal)}


@pytest.fixture(scope="module")
def conf() -> ModuleType:
    """Sphinx's configuration, which needs no Sphinx to be imported."""
    spec = spec_from_file_location("docs_conf", DOCS / "conf.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def documented(*pages: str, package: str = "flask_sessionauth") -> Counter[str]:
    """The names that the reference documents, and how often."""
    directive = re.compile(rf"^\.\. auto\w+:: {re.escape(package)}\.(\w+)$", re.MULTILINE)
    return Counter(name for page in pages for name in directive.findall((DOCS / "reference" / page).read_text()))


def id_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def test_every_public_name_is_documented_once() -> None:
    """The reference documents each public name of the package once, and no other."""
    assert documented("api.md", "signals.md") == Counter(flask_sessionauth.__all__)


def test_every_signal_is_on_the_page_of_signals() -> None:
    """The page of signals documents the signals of the code, and nothing else."""
    assert documented("signals.md").keys() == SIGNALS


def test_every_signal_is_public() -> None:
    """Each signal of the code can be imported from the package."""
    assert set(flask_sessionauth.__all__) >= SIGNALS


def test_names_for_tests_are_documented() -> None:
    """The reference documents what `flask_sessionauth.testing` defines, and nothing else."""
    public = {
        name
        for name, value in vars(testing).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == testing.__name__
    }
    assert documented("api.md", package="flask_sessionauth.testing").keys() == public


def test_stores_are_documented() -> None:
    """The reference documents what `flask_sessionauth.registry` gives away, and the test that a store passes."""
    assert documented("api.md", package="flask_sessionauth.registry") == Counter(registry.__all__)
    assert documented("api.md", package="flask_sessionauth.testing.contract").keys() == {"RegistryContract"}


def test_standin_is_documented() -> None:
    """The reference documents what `flask_sessionauth.compat` gives away, and nothing else."""
    assert documented("stand-in.md", package="flask_sessionauth.compat") == Counter(compat.__all__)


def test_settings_page_has_every_key(conf: ModuleType) -> None:
    """The page of settings has a section for each key of the code, in its order, and no other."""
    page = [(DOCS / "reference" / "settings.md").read_text()]
    conf.fill_in_settings(None, "reference/settings", page)
    assert tuple(re.findall(r"^## `(\w+)`$", page[0], re.MULTILINE)) == KEYS


def test_settings_page_says_what_a_key_means(conf: ModuleType) -> None:
    """A key's section tells its meaning, its default and what is allowed."""
    section = conf.settings_table().partition("## `REMEMBER_COOKIE_DURATION`")[2].partition("\n## ")[0]
    assert "How long a remember cookie works" in section
    assert "Default: `timedelta(days=365)`" in section
    assert "Allowed: a timedelta or a number of seconds" in section


@pytest.mark.parametrize("page", TEXTS, ids=id_of)
def test_pages_name_no_setting_that_does_not_exist(page: Path) -> None:
    """What looks like one of our settings, on any page, is one, or a public constant."""
    looks_like_ours = r"\b(?:REMEMBER_COOKIE|LOGIN|SESSION_PROTECTION|AUTH|USE_SESSION|FORCE_HOST)_[A-Z_]+\b"
    named = set(re.findall(looks_like_ours, page.read_text()))
    assert named - set(KEYS) - set(flask_sessionauth.__all__) - FOREIGN == set()


@pytest.mark.parametrize("page", TEXTS, ids=id_of)
def test_pages_name_no_manager_attribute_that_does_not_exist(page: Path) -> None:
    """What a page takes from a manager, the manager has."""
    named = re.findall(r"\b(?:login_manager|LoginManager|staff|customers)\.([a-z]\w*)", page.read_text())
    assert [name for name in named if not hasattr(LoginManager(), name)] == []


@pytest.mark.parametrize("page", TEXTS, ids=id_of)
def test_links_between_files_lead_somewhere(page: Path) -> None:
    """A link to a file of the repository, or within a page, leads to a file, and to a heading that is in it."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        path, _, heading = target.partition("#")
        file = page.parent / path if path else page
        assert file.is_file(), target
        if heading:
            headings = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
            assert heading in [re.sub(r"[^\w -]", "", text).strip().lower().replace(" ", "-") for text in headings], (
                target
            )


@pytest.mark.parametrize("page", PAGES, ids=id_of)
def test_pages_are_reachable(page: Path) -> None:
    """Each page is in the contents of the documentation."""
    contents = (DOCS / "index.md").read_text()
    name = page.relative_to(DOCS).with_suffix("").as_posix()
    assert name == "index" or re.search(rf"^{re.escape(name)}$", contents, re.MULTILINE)
