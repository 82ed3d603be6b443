"""The header of App Service authentication: believed only when it may be, and read with care."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.signed_in import PRINCIPAL_HEADER, Role, comes_from_the_page, signed_in
from tests.shared.principals import header

ADMIN = header(("preferred_username", "maria@contoso.com"), ("roles", "PhotoSync.Admin"))


def test_a_forged_header_is_not_believed() -> None:
    """Where the platform's authentication is off, anyone can send the header: it counts for nothing."""
    assert signed_in(ADMIN, trusted=False) is None


@pytest.mark.parametrize(
    ("role", "look", "act"),
    [("PhotoSync.Admin", True, True), ("PhotoSync.Reader", True, False), ("Other", False, False)],
)
def test_roles_decide(role: str, look: bool, act: bool) -> None:
    """Administrators act, readers look, everybody else does neither, though signed in."""
    who = signed_in(header(("preferred_username", "m@contoso.com"), ("roles", role)), trusted=True)
    assert who is not None
    assert (who.name, who.may_look, who.may_act) == ("m@contoso.com", look, act)


def test_the_role_claim_may_have_its_long_name() -> None:
    """Depending on the token's version, roles come under a URI, or under the type that the principal names."""
    long = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
    for fields in (header((long, "PhotoSync.Admin")), header(("r", "PhotoSync.Admin"), role_typ="r")):
        who = signed_in(fields, trusted=True)
        assert who is not None
        assert who.roles == {Role.ADMIN}


def test_a_role_in_another_claim_is_none() -> None:
    """A display name that reads like a role gives no right."""
    who = signed_in(header(("name", "PhotoSync.Admin"), ("groups", "PhotoSync.Admin")), trusted=True)
    assert who is not None
    assert not who.may_look


@given(st.one_of(st.text(), st.binary().map(lambda data: base64.b64encode(data).decode())))
def test_nothing_malformed_gives_a_right(text: str) -> None:
    """Whatever stands in the header, reading it never fails and lets nobody in."""
    who = signed_in({PRINCIPAL_HEADER: text}, trusted=True)
    assert who is None or not who.may_look


@pytest.mark.parametrize("principal", [None, [], 1, {"claims": None}, {"claims": [1]}, {"claims": [{"typ": "roles"}]}])
def test_json_of_another_shape_lets_nobody_in(principal: Any) -> None:
    """JSON that is no principal is no principal."""
    text = base64.b64encode(json.dumps(principal).encode()).decode()
    assert signed_in({PRINCIPAL_HEADER: text}, trusted=True) is None


def test_other_sites_cannot_pose_as_the_page() -> None:
    """A form of another site cannot set the header that the page's script sets."""
    assert comes_from_the_page({"x-photosync-page": "1"})
    assert not comes_from_the_page({"cookie": "AppServiceAuthSession=x", "content-type": "text/plain"})


@pytest.mark.parametrize("claim", ["azp", "appid"])
def test_an_application_is_told_by_its_id(claim: str) -> None:
    """Who signs in for itself, without a person, is on record by its client id."""
    who = signed_in(header((claim, "app-1"), ("roles", "PhotoSync.Admin")), trusted=True)
    assert who is not None
    assert (who.name, who.may_act) == ("application app-1", True)


@pytest.mark.parametrize("claim", ["tid", "http://schemas.microsoft.com/identity/claims/tenantid"])
def test_the_tenant_is_read(claim: str) -> None:
    """Whose account it is stands in a claim with a short or a long name."""
    who = signed_in(header((claim, "tenant-1")), trusted=True)
    assert who is not None
    assert who.tenant_id == "tenant-1"
