"""Where each name of Flask-Login's is in this package, and what is there instead of a name that is gone."""

from __future__ import annotations

import flask_sessionauth

OLD = "flask_login"
NEW = "flask_sessionauth"
TESTING = f"{NEW}.testing"

_SUBMODULES = ("config", "login_manager", "mixins", "signals", "test_client", "utils")
#: The modules whose public names have a new home.
MODULES = frozenset({OLD, *(f"{OLD}.{name}" for name in _SUBMODULES)})

_FOR_TESTS = frozenset({"FlaskLoginClient"})
_NATIVE = frozenset(flask_sessionauth.__all__)

#: What to use for names that have no new home. Those of the manager's, of ``g`` and of the session are here too.
INSTEAD = {
    "AUTH_HEADER_NAME": "read request.headers in a request_loader",
    "SESSION_KEYS": "name the session's keys yourself, or call logout_user()",
    "USE_SESSION_FOR_NEXT": 'app.config["USE_SESSION_FOR_NEXT"]',
    "__about__": 'importlib.metadata.version("flask-sessionauth")',
    "__version__": 'importlib.metadata.version("flask-sessionauth")',
    "_clear_cookie": "logout_user()",
    "_create_identifier": "SESSION_PROTECTION_BIND says what a session is bound to",
    "_get_user": "get_user(), or current_user",
    "_header_callback": "request_loader",
    "_load_user": "get_user() loads the user when it is asked for",
    "_load_user_from_header": "request_loader",
    "_load_user_from_remember_cookie": "get_user(), and login_source() says where the user is from",
    "_load_user_from_request": "get_user(), and login_source() says where the user is from",
    "_login_disabled": 'app.config["LOGIN_DISABLED"], under TESTING',
    "_login_user": "current_user, or login_user(user); what is written to g changes nothing",
    "_remember": "login_user(user, remember=True)",
    "_remember_seconds": "login_user(user, remember=True, duration=...)",
    "_request_callback": "request_callback to read it, request_loader() to set it",
    "_session_identifier_generator": "SESSION_PROTECTION_BIND says what a session is bound to",
    "_session_protection_failed": "the signal session_protected",
    "_set_cookie": "login_user(user, remember=True)",
    "_update_remember_cookie": "login_user(user, remember=True)",
    "_update_request_context_with_user": "login_user(user)",
    "_user_callback": "user_callback to read it, user_loader() to set it",
    "_user_context_processor": "the manager adds its own, unless add_context_processor=False",
    "expand_login_view": "login_url(view)",
    "header_loader": "request_loader",
    "reload_user": "current_user is looked up when it is asked for",
    "setup_app": "init_app",
    "user_loaded_from_header": "user_loaded_from_request",
}

#: What nobody but Flask-Login's manager is likely to have.
MANAGERS_OWN = frozenset(
    {
        "_load_user_from_header",
        "_load_user_from_remember_cookie",
        "_session_identifier_generator",
        "_session_protection_failed",
        "_update_remember_cookie",
        "_update_request_context_with_user",
        "header_loader",
    }
)
#: What it has, and others may have too: these are looked for on what seems to be a manager.
MANAGERS = MANAGERS_OWN | {
    "_clear_cookie",
    "_header_callback",
    "_load_user",
    "_load_user_from_request",
    "_login_disabled",
    "_request_callback",
    "_set_cookie",
    "_user_callback",
    "reload_user",
    "setup_app",
}
#: Keys of ``g`` and of the session.
KEYS = frozenset({"_login_user", "_remember", "_remember_seconds"})


def new_home(path: str) -> str | None:
    """The module that has what was at a dotted path, under the same name; ``None`` for what is not known."""
    module, _, name = path.rpartition(".")
    if module not in MODULES:
        return None
    if name in _FOR_TESTS:
        return TESTING
    return NEW if name in _NATIVE else None
