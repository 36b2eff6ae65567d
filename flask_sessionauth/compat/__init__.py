"""Standing in for ``flask_login``, for programs and libraries that import it."""

from .installing import install_as_flask_login, uninstall

__all__ = ["install_as_flask_login", "uninstall"]
