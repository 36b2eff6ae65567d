"""What Flask-Login has in ``flask_login.test_client``."""

from flask_sessionauth.testing import FlaskLoginClient

__all__ = ["FlaskLoginClient"]
