"""Which users the app may touch. Pure."""

from dataclasses import dataclass

from shared.graph import GraphUser
from shared.settings import Settings


@dataclass(frozen=True)
class Scope:
    """The settings' answer to "who"."""

    guests: bool = False
    disabled: bool = False
    group: str | None = None
    """Only members of this group, direct or through others; None: everybody."""
    excluded_group: str | None = None
    """Nobody of this group."""

    @classmethod
    def of(cls, settings: Settings) -> "Scope":
        """The scope that the settings describe."""
        return cls(
            guests=settings.include_guests,
            disabled=settings.include_disabled,
            group=settings.scope_group,
            excluded_group=settings.exclude_group,
        )

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups whose membership decides; empty when none does, so that nobody asks Graph for it."""
        return tuple(group for group in (self.group, self.excluded_group) if group)

    def why_not(self, user: GraphUser, member_of: frozenset[str]) -> str | None:
        """Why the user is out of scope, in words; None when in scope.

        `member_of`: those of `groups` that the user belongs to.
        """
        if user.guest and not self.guests:
            return "a guest"
        if not user.enabled and not self.disabled:
            return "a disabled account"
        if self.group is not None and self.group not in member_of:
            return "not in the group that the settings name"
        if self.excluded_group is not None and self.excluded_group in member_of:
            return "in the group that the settings exclude"
        return None
