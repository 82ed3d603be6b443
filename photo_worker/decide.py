"""What to do about one photo. Pure: values in, a plan out; no clock, no network, no environment.

Read this to know when SharePoint is written: only after `Download`, and then only when `bytes_differ`.
"""

from dataclasses import dataclass
from datetime import datetime

from shared.graph import Source
from shared.scope import Scope
from shared.status import GONE_FOR_GOOD_AFTER, StatusRow


@dataclass(frozen=True)
class UserIsGone:
    """Graph knows no such user (any more)."""


@dataclass(frozen=True)
class LeaveAlone:
    """The settings leave this user alone."""

    why: str


@dataclass(frozen=True)
class NothingToCopy:
    """The person has no photo."""


@dataclass(frozen=True)
class ClearTarget:
    """The photo is gone for good: seen twice, long enough apart."""

    picture_url: str


@dataclass(frozen=True)
class InStep:
    """The target was made from this very version, in today's way."""


@dataclass(frozen=True)
class RefusedBefore:
    """This very version was found unusable; nothing is tried before it changes."""


@dataclass(frozen=True)
class Download:
    """The version is new to us, or a copy is asked for whatever it is."""

    media_etag: str


Plan = UserIsGone | LeaveAlone | NothingToCopy | ClearTarget | InStep | RefusedBefore | Download


@dataclass(frozen=True)
class Rules:
    """What the settings say, as far as it decides."""

    recipe: str
    """What a target made now would be made by."""
    scope: Scope
    clear_removed: bool


def decide(source: Source, agreed: StatusRow | None, rules: Rules, now: datetime, *, force: bool) -> Plan:
    """What one look at the source calls for, given what was last agreed.

    `force` asks for a copy even of what is in step; it does not hurry the clearing of a target.
    """
    user = source.user
    if user is None:
        return UserIsGone()
    if why := rules.scope.why_not(user, source.member_of):
        return LeaveAlone(why)
    if source.photo is None:
        return _without_photo(agreed, rules, now)
    etag = source.photo.media_etag
    if agreed is not None and etag and not force:
        if agreed.refused_etag == etag:
            return RefusedBefore()
        if agreed.source_etag == etag and agreed.recipe == rules.recipe:
            return InStep()
    return Download(etag)


def _without_photo(agreed: StatusRow | None, rules: Rules, now: datetime) -> Plan:
    if agreed is None or agreed.picture_url is None or agreed.no_photo_since is None or not rules.clear_removed:
        return NothingToCopy()
    if now - agreed.no_photo_since < GONE_FOR_GOOD_AFTER:
        return NothingToCopy()
    return ClearTarget(agreed.picture_url)


def bytes_differ(sha256: str, agreed: StatusRow | None, *, recipe: str, force: bool) -> bool:
    """Whether downloaded bytes must be copied: False when the target was made from the same bytes in the same way."""
    return force or agreed is None or agreed.source_sha256 != sha256 or agreed.recipe != recipe
