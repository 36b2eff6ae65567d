"""Moving a program's imports from ``flask_login`` to this package: ``python -m flask_sessionauth.compat.migrate``."""
