"""What a user object has to offer, and two mixins that offer it."""

from __future__ import annotations


class UserMixin:
    """The methods a user needs, for a class that has an ``id``.

    Two users are equal when their ids (``get_id()``) are.
    """

    # A class that defines __eq__ loses its hash; users are kept in sets and as dictionary keys.
    __hash__ = object.__hash__

    @property
    def is_active(self) -> bool:
        """Whether the account may be used. An inactive user is refused by ``login_user``."""
        return True

    @property
    def is_authenticated(self) -> bool:
        """What every guard asks. An inactive user is not authenticated."""
        return self.is_active

    @property
    def is_anonymous(self) -> bool:
        return False

    def get_id(self) -> str:
        """The id as the user loader will get it.

        :raises NotImplementedError: if the class has no ``id`` and does not override this.
        """
        try:
            return str(self.id)  # type: ignore[attr-defined]
        except AttributeError:
            raise NotImplementedError("a user without an `id` attribute must override `get_id`") from None

    def __eq__(self, other: object) -> bool:
        if isinstance(other, UserMixin):
            return self.get_id() == other.get_id()
        return NotImplemented

    def __ne__(self, other: object) -> bool:
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else not equal


class AnonymousUserMixin:
    """Nobody: the visitor who is not logged in."""

    @property
    def is_authenticated(self) -> bool:
        return False

    @property
    def is_active(self) -> bool:
        return False

    @property
    def is_anonymous(self) -> bool:
        return True

    def get_id(self) -> None:
        return None
