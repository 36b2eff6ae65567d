"""The folder that stands on Python's path; what is in it has the name it has there."""
