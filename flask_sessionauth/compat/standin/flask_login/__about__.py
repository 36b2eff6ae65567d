"""Which Flask-Login this stands in for, and who does."""

__title__ = "Flask-Login"
__description__ = "flask-sessionauth, standing in for Flask-Login"
__url__ = "https://github.com/flask-sessionauth/flask-sessionauth"
__version_info__ = ("0", "6", "3")
__version__ = ".".join(__version_info__)
__author__ = "The flask-sessionauth developers"
__author_email__ = ""
__maintainer__ = __author__
__license__ = "MIT"
__copyright__ = ""
