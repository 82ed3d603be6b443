"""The answer is safe to paste into a ticket: no secret, nobody's name, address or id."""

import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.failures import Failure, FailureCode
from shared.gates import Service
from status_page.health.findings import codes_of, of_failure
from status_page.health.hide import HIDDEN, Hider
from tests.bench import CLIENT_STATE
from tests.status_page.health.conftest import MARKS, Healthy

FORMER = "the-former-client-state-here"
WORDS = "for zaphod.beeblebrox@contoso.com (Zaphod) of 8c1d4a4e-0000-4000-8000-00000000beeb"
THEIRS = ("zaphod", "beeblebrox", "8c1d4a4e-0000-4000-8000-00000000beeb")


def test_nothing_planted_comes_out(healthy: Healthy) -> None:
    """Markers in settings, in people and in what the services say when they refuse: none is in the answer."""
    healthy.restart(PHOTOSYNC_CLIENT_STATE_PREVIOUS=FORMER)
    control, app = healthy.bench.control, healthy.bench.client_id
    for operation, status in (
        ("graph.users.list", "403"),
        ("graph.photo.metadata", "403"),
        ("graph.subscriptions.list", "400"),
        ("sharepoint.profile.get", "400"),
        ("sharepoint.folder.list", "409"),
    ):
        control.fault(operation, f"{status}:code=Code{status};message={WORDS}", app=app)
    told = healthy.told(probe=True)
    assert control.faults()["completed"]
    assert told["counts"]["failed"] >= 5
    person = control.user(healthy.user)
    storage = dict(part.split("=", 1) for part in healthy.bench.environment["AzureWebJobsStorage"].split(";") if part)
    key = healthy.bench.environment["PHOTOSYNC_CERTIFICATE"].splitlines()[1]
    text = json.dumps(told, ensure_ascii=False).lower()
    secrets = (CLIENT_STATE, FORMER, storage["AccountKey"], key)
    for planted in (*secrets, *MARKS, *THEIRS, healthy.user, str(person["userPrincipalName"]), "eyj"):
        assert planted.lower() not in text, planted
    assert "http 403 code403" in text
    assert healthy.bench.settings.tenant_id in text


def test_healthy_answers_name_nobody_either(healthy: Healthy) -> None:
    """Nor does a good answer, with the probe's words in it."""
    text = json.dumps(healthy.told(probe=True), ensure_ascii=False).lower()
    person = healthy.bench.control.user(healthy.user)
    for planted in (*MARKS, healthy.user, str(person["userPrincipalName"])):
        assert planted.lower() not in text


@pytest.mark.parametrize(
    "hidden",
    [
        "a.b@contoso.com",
        "i:0#.f|membership|a.b@contoso.com",
        "a.b_fabrikam.com#EXT#@contoso.onmicrosoft.com",
        "a.b%40contoso.com",
        "zoë@müller.example",
        "8c1d4a4e-0000-4000-8000-00000000beeb",
        "8C1D4A4E-0000-4000-8000-00000000BEEB",
        "eyJ0eXAiOiJKV1Qi.eyJhdWQiOiJodHRwcyJ9.c2lnbmF0dXJl",
        "AccountKey=Zm9vYmFy",
        "https://host/api?code=abcdefg",
        "a secret of mine",
    ],
)
def test_what_is_taken_out(hidden: str) -> None:
    """Addresses in every form, ids of unknown things, tokens, keys and the settings' own secrets."""
    hider = Hider(["a secret of mine"], ["11111111-2222-4333-8444-555555555555"])
    cleaned = hider.clean(f"It said: {hidden} and went.")
    kept = {"contoso", "beeb", "eyj", "zm9", "abcdefg", "secret", "müller"}
    assert HIDDEN in cleaned
    assert not any(part in cleaned.lower() for part in kept)
    assert cleaned.startswith("It said: ")
    assert cleaned.endswith(" and went.")


def test_what_stays() -> None:
    """The ids and hosts that a ticket cannot do without, the words of ours, and Microsoft's request ids."""
    tenant = "11111111-2222-4333-8444-555555555555"
    hider = Hider(["secret-secret"], [tenant])
    text = f"Tenant {tenant}, https://contoso-my.sharepoint.com, HTTP 403 AADSTS700016, User.Read.All: 3 of 7."
    assert hider.clean(text) == text
    request_id = str(uuid.uuid4())
    assert hider.request_id(request_id) == request_id
    assert hider.request_id("a.b@contoso.com") == ""


@given(st.text(max_size=20), st.text("xyz+/=", min_size=4, max_size=12), st.text(max_size=20))
def test_a_secret_never_survives(before: str, secret: str, after: str) -> None:
    """Whatever stands around it; what is put in its place cannot make it up again."""
    assert secret not in Hider([secret], []).clean(before + secret + after)


@pytest.mark.parametrize(
    ("detail", "told"),
    [
        (
            "HTTP 403 Authorization_RequestDenied: Insufficient privileges of Zaphod",
            "HTTP 403 Authorization_RequestDenied",
        ),
        (
            "HTTP 403 -2147024891, System.UnauthorizedAccessException: Access denied to Zaphod",
            "HTTP 403 -2147024891, System.UnauthorizedAccessException",
        ),
        ("invalid_client: AADSTS700027: The certificate of Zaphod", "AADSTS700027"),
        ("graph: ConnectTimeout", "ConnectTimeout"),
        ("HTTP 401 Invalid issuer or signature.", "HTTP 401"),
        ("Zaphod Beeblebrox has no mailbox", ""),
    ],
)
def test_of_a_services_words_only_codes_are_told(detail: str, told: str) -> None:
    """Free text may name people, so it stays here; status and code are what support asks for."""
    assert codes_of(detail) == told
    failure = Failure(FailureCode.NOT_PERMITTED, detail, "id", service=Service.GRAPH)
    assert "Zaphod" not in of_failure(failure).found
