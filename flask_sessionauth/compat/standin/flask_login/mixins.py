"""What Flask-Login has in ``flask_login.mixins``: the same classes as ours, so that ``isinstance`` holds for both."""

from flask_sessionauth.users import AnonymousUserMixin, UserMixin

__all__ = ["AnonymousUserMixin", "UserMixin"]
