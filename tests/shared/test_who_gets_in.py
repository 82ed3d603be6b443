"""Who gets in: every kind of visitor at every kind of route, under every setting."""

import itertools
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.asked_by import PAGE_HEADER
from shared.needs import Needs
from shared.setting_values import SignIn
from shared.who_gets_in import LetIn, Refusal, judge
from tests.shared.principals import TENANT, account

ADMIN, READER = "PhotoSync.Admin", "PhotoSync.Reader"
VISITORS: dict[str, dict[str, str]] = {
    "stranger": {},
    "no role": account("n@contoso.com"),
    "other role": account("o@contoso.com", "Other.Admin"),
    "reader": account("r@contoso.com", READER),
    "admin": account("a@contoso.com", ADMIN),
    "both": account("b@contoso.com", ADMIN, READER),
    "other tenant": account("x@fabrikam.com", ADMIN, tenant="99999999-2222-3333-4444-555555555555"),
}
SENT_BY: dict[str, dict[str, str]] = {
    "another site": {"cookie": "AppServiceAuthSession=x", "content-type": "text/plain"},
    "the page": {PAGE_HEADER: "1"},
    "a script": {"Authorization": "Bearer eyJ"},
}


def ask(headers: Mapping[str, str], needs: Needs, sign_in: SignIn, *, read_only: bool = False) -> LetIn | Refusal:
    """The judgement in the tests' tenant."""
    return judge(headers, needs, sign_in=sign_in, read_only=read_only, tenant_id=TENANT)


def code_of(verdict: LetIn | Refusal) -> str:
    """The refusal's code, `in` for who is let in."""
    return verdict.code if isinstance(verdict, Refusal) else "in"


@pytest.mark.parametrize(
    ("visitor", "sent_by", "needs", "read_only"), [*itertools.product(VISITORS, SENT_BY, Needs, [False, True])]
)
def test_every_case_of_entra_sign_in(visitor: str, sent_by: str, needs: Needs, *, read_only: bool) -> None:
    """Strangers get 401, who has no role or comes from elsewhere 403; Readers look; Admins act, unless forged."""
    verdict = ask(VISITORS[visitor] | SENT_BY[sent_by], needs, SignIn.ENTRA, read_only=read_only)
    refused = {
        "stranger": "not-signed-in",
        "no role": "no-role",
        "other role": "no-role",
        "other tenant": "other-tenant",
    }
    if needs is Needs.NOTHING:
        expected = "in"
    elif visitor in refused:
        expected = refused[visitor]
    elif needs is Needs.LOOK:
        expected = "in"
    elif read_only:
        expected = "read-only"
    elif visitor == "reader":
        expected = "reader"
    else:
        expected = "may-be-forged" if sent_by == "another site" else "in"
    assert code_of(verdict) == expected
    if isinstance(verdict, Refusal):
        assert verdict.status == (401 if visitor == "stranger" else 403)


@pytest.mark.parametrize(("needs", "read_only"), [*itertools.product(Needs, [False, True])])
def test_every_case_of_function_keys(needs: Needs, *, read_only: bool) -> None:
    """The host has checked the key: everything is allowed, but for acting while the app only shows."""
    verdict = ask({}, needs, SignIn.FUNCTION_KEY, read_only=read_only)
    assert code_of(verdict) == ("read-only" if needs is Needs.ACT and read_only else "in")


@given(st.dictionaries(st.sampled_from(list(VISITORS["admin"])), st.text()), st.booleans())
def test_with_function_keys_the_principal_counts_for_nothing(headers: dict[str, str], read_only: bool) -> None:
    """Nobody becomes somebody by a header that only App Service authentication may set."""
    forged = ask(headers | VISITORS["admin"], Needs.LOOK, SignIn.FUNCTION_KEY, read_only=read_only)
    assert forged == ask({}, Needs.LOOK, SignIn.FUNCTION_KEY, read_only=read_only)


HEADERS = st.dictionaries(st.text(max_size=30), st.text(max_size=60), max_size=5)


@given(HEADERS, st.sampled_from([Needs.LOOK, Needs.ACT]), st.booleans())
def test_no_other_header_lets_anybody_in(headers: dict[str, str], needs: Needs, read_only: bool) -> None:
    """With Entra sign-in nothing but the platform's own header opens the door, whatever else is sent."""
    stranger = {name: value for name, value in headers.items() if name.lower() not in VISITORS["admin"]}
    keyed = stranger | {"x-functions-key": "a-key", "x-ms-client-principal-name": "a@contoso.com"} | SENT_BY["a script"]
    assert code_of(ask(keyed, needs, SignIn.ENTRA, read_only=read_only)) == "not-signed-in"


@given(st.sampled_from(sorted(VISITORS)), st.sampled_from(sorted(SENT_BY)), st.sampled_from(SignIn), st.booleans())
def test_who_may_act_may_look(visitor: str, sent_by: str, sign_in: SignIn, read_only: bool) -> None:
    """Acting takes no less than looking, and a visitor who may act is told so when looking."""
    headers = VISITORS[visitor] | SENT_BY[sent_by]
    looks = ask(headers, Needs.LOOK, sign_in, read_only=read_only)
    acts = ask(headers, Needs.ACT, sign_in, read_only=read_only)
    if isinstance(acts, LetIn):
        assert looks == acts
    assert (isinstance(looks, LetIn) and looks.may_act) == isinstance(acts, LetIn)


def test_runs_record_the_person() -> None:
    """With Entra sign-in the record holds the user principal name; a function key names nobody."""
    person = ask(VISITORS["admin"] | SENT_BY["the page"], Needs.ACT, SignIn.ENTRA)
    key = ask(SENT_BY["the page"], Needs.ACT, SignIn.FUNCTION_KEY)
    assert (getattr(person, "who", None), getattr(key, "who", None)) == ("a@contoso.com", "function key, on the page")


def test_the_refusals_say_what_to_do() -> None:
    """Who has no role learns which ones there are and where they are assigned; who only looks, which setting it is."""
    without = ask(VISITORS["no role"], Needs.LOOK, SignIn.ENTRA)
    shown = ask(SENT_BY["a script"], Needs.ACT, SignIn.FUNCTION_KEY, read_only=True)
    assert isinstance(without, Refusal)
    assert isinstance(shown, Refusal)
    assert all(words in without.detail for words in (ADMIN, READER, "Enterprise applications"))
    assert "PHOTOSYNC_READ_ONLY" in shown.detail


def test_header_names_may_have_any_case() -> None:
    """Hosts differ in how they spell header names."""
    headers = {name.upper(): value for name, value in (VISITORS["admin"] | SENT_BY["the page"]).items()}
    assert code_of(ask(headers, Needs.ACT, SignIn.ENTRA)) == "in"
