"""Who is let in to a route, and as whom. Pure: the request's headers and two settings decide.

With function keys the host has checked the key before we are asked, so whoever comes here holds one. With Entra sign-in
App Service authentication stands in front; it says who is signed in, and app roles say what they may do.

    nobody signed in ─▶ 401     another tenant, or no role ─▶ 403     Reader ─▶ may look     Admin ─▶ may look and act

Nobody acts while the setting PHOTOSYNC_READ_ONLY is on. With Entra sign-in an act must also be one that no other site
can have a browser send: the session is a cookie, which goes along with other sites' forms too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus

from shared.asked_by import PAGE_HEADER, asked_by
from shared.needs import Needs
from shared.setting_values import SignIn
from shared.signed_in import Role, SignedIn, comes_from_the_page, signed_in

SIGN_IN_PATH = "/.auth/login/aad?post_login_redirect_uri=/api/dashboard"
"""Where App Service authentication signs somebody in, and then shows the page."""
SIGN_OUT_PATH = "/.auth/logout"


@dataclass(frozen=True)
class Refusal:
    """Why somebody is not let in, as the problem that is answered."""

    status: int
    code: str
    title: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LetIn:
    """Somebody may come in."""

    who: str
    """As the record tells it: a user principal name, or that it was a function key."""
    why_not_act: Refusal | None = None
    """Why this visitor may only look; None when acting is allowed too."""
    is_named: bool = False
    """Whether `who` is somebody in particular."""

    @property
    def may_act(self) -> bool:
        """Whether anything may be asked for."""
        return self.why_not_act is None


READ_ONLY = Refusal(
    HTTPStatus.FORBIDDEN,
    "read-only",
    "This app only shows; it does nothing on request.",
    "The setting PHOTOSYNC_READ_ONLY is true. Photos are copied all the same; to act by hand, set it to false.",
)
NOT_SIGNED_IN = Refusal(
    HTTPStatus.UNAUTHORIZED,
    "not-signed-in",
    "Nobody is signed in.",
    f"In a browser, sign in at {SIGN_IN_PATH}. A script sends an access token for this app in the header "
    "Authorization. Function keys are not accepted while PHOTOSYNC_SIGN_IN is entra.",
    {"WWW-Authenticate": "Bearer"},
)
OTHER_TENANT = Refusal(
    HTTPStatus.FORBIDDEN,
    "other-tenant",
    "You are signed in with an account of another tenant.",
    "Only accounts of the tenant in PHOTOSYNC_TENANT_ID are let in. Sign out, and in again with one of those.",
)
NO_ROLE = Refusal(
    HTTPStatus.FORBIDDEN,
    "no-role",
    "You are signed in, but may not see this.",
    f"An administrator assigns the app role {Role.ADMIN} (look and act) or {Role.READER} (look) to you or a group of "
    "yours: Entra admin center, Enterprise applications, this app, Users and groups. Then sign out and in again.",
)
READER = Refusal(
    HTTPStatus.FORBIDDEN,
    "reader",
    "You may look, but not act.",
    f"That takes the app role {Role.ADMIN}: Entra admin center, Enterprise applications, this app, Users and groups.",
)
MAY_BE_FORGED = Refusal(
    HTTPStatus.FORBIDDEN,
    "may-be-forged",
    "Another site could have had your browser send this.",
    f"Use the page's buttons. A script sends an access token in the header Authorization, or the header {PAGE_HEADER}.",
)


def judge(
    headers: Mapping[str, str], needs: Needs, *, sign_in: SignIn, read_only: bool, tenant_id: str
) -> LetIn | Refusal:
    """Whether a request with these headers is let in to a route that `needs` this much, and as whom.

    `sign_in`: with `entra`, App Service authentication is known to be in front; with `function_key`, the host has
    checked the key. `tenant_id`: whose accounts count.
    """
    given = {name.lower(): value for name, value in headers.items()}
    visitor = _by_account(given, tenant_id) if sign_in is SignIn.ENTRA else LetIn(asked_by(given))
    if needs is Needs.NOTHING:
        return visitor if isinstance(visitor, LetIn) else LetIn("somebody", visitor)
    if isinstance(visitor, LetIn) and read_only:
        visitor = replace(visitor, why_not_act=READ_ONLY)
    if isinstance(visitor, LetIn) and needs is Needs.ACT and visitor.why_not_act is not None:
        return visitor.why_not_act
    return visitor


def _by_account(headers: Mapping[str, str], tenant_id: str) -> LetIn | Refusal:
    """Whom App Service authentication vouches for."""
    person: SignedIn | None = signed_in(headers, trusted=True)
    if person is None:
        return NOT_SIGNED_IN
    if person.tenant_id is not None and person.tenant_id.lower() != tenant_id.lower():
        return OTHER_TENANT
    if not person.may_look:
        return NO_ROLE
    if not person.may_act:
        return LetIn(person.name, READER, is_named=True)
    return LetIn(person.name, None if _cannot_be_forged(headers) else MAY_BE_FORGED, is_named=True)


def _cannot_be_forged(headers: Mapping[str, str]) -> bool:
    """Whether only our own page or a program can have sent this: other sites' forms and links set no such header."""
    return comes_from_the_page(headers) or headers.get("authorization", "").lower().startswith("bearer ")
