"""Profiles in the simulated SharePoint: what PeopleManager reads, writes and refuses over REST."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from simulated_tenant.clouds import CLOUDS
from simulated_tenant.seed import new_tenant
from simulated_tenant.sharepoint_profiles import charge, recent_calls
from simulated_tenant.state import Geo, User
from tests.simulated_tenant.sharepoint_desk import ADMIN, MY, PEOPLE, VERBOSE, Desk, error_of

URL = f"{MY}:443/User%20Photos/Profile%20Pictures/x_MThumb.jpg"


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def user(desk: Desk) -> User:
    return desk.person()


def property_values(person: dict[str, Any]) -> dict[str, str]:
    return {pair["Key"]: pair["Value"] for pair in person["UserProfileProperties"]}


def test_profile_shows_the_directory(desk: Desk, user: User) -> None:
    """Before anything was written, a profile has what the directory knows and no picture."""
    person = desk.person_properties(user)
    assert (person["AccountName"], person["DisplayName"], person["Email"]) == (
        "i:0#.f|membership|a.b@contoso.com",
        "A B",
        "a.b@contoso.com",
    )
    assert person["PictureUrl"] is None
    assert person["PersonalSiteHostUrl"] == "https://contoso-my.sharepoint.com:443/"
    assert person["PersonalUrl"] == "https://contoso-my.sharepoint.com/personal/a_b_contoso_com/"
    assert person["UserUrl"].endswith("/Person.aspx?accountname=i%3A0%23%2Ef%7Cmembership%7Ca%2Eb%40contoso%2Ecom")
    values = property_values(person)
    assert values["msOnline-ObjectId"] == user.id
    assert values["SPS-UserPrincipalName"] == user.upn
    assert {pair["ValueType"] for pair in person["UserProfileProperties"]} == {"Edm.String"}
    assert desk.operation == "sharepoint.profile.get"


def test_picture_shows_when_all_is_written(desk: Desk, user: User) -> None:
    """PictureURL and placeholder state 0 make the picture show; the timestamp is its cache-buster."""
    assert desk.set_property(user, "PictureURL", URL) == {"odata.null": True}
    assert desk.person_properties(user)["PictureUrl"] is None
    desk.set_property(user, "SPS-PicturePlaceholderState", "0")
    assert desk.person_properties(user)["PictureUrl"] == URL
    desk.set_property(user, "SPS-PictureTimestamp", "63783110969")
    person = desk.person_properties(user)
    assert person["PictureUrl"] == f"{URL}?t=63783110969"
    assert property_values(person)["PictureURL"] == URL


def test_placeholder_hides_the_picture_and_keeps_its_address(desk: Desk, user: User) -> None:
    """State 1: PictureUrl is null while the property keeps its value."""
    desk.set_property(user, "PictureURL", URL)
    desk.set_property(user, "SPS-PicturePlaceholderState", "1")
    person = desk.person_properties(user)
    assert person["PictureUrl"] is None
    assert property_values(person)["PictureURL"] == URL


@pytest.mark.parametrize(
    "call",
    [
        "GetPropertiesFor(accountName=@v)?@v='{}'",
        "GetPropertiesFor(@v)?@v='{}'",
        "getpropertiesfor(accountname='{}')",
        "GetPropertiesFor('{}')",
    ],
)
def test_account_may_stand_in_the_call_or_behind_an_alias(desk: Desk, call: str) -> None:
    """A guest's account with its # and quotes is found in every form of the call."""
    guest = desk.person("o'neill_x.com#EXT#@contoso.com", user_type="Guest")
    account = quote(f"i:0#.f|membership|{guest.upn}".replace("'", "''"), safe="")
    assert desk.get(f"{PEOPLE}/{call.format(account)}")["AccountName"].endswith(guest.upn)


def test_unknown_account_is_a_null_object(desk: Desk, user: User) -> None:
    """Reading nobody's profile is no error, and neither is reading one that is not there yet."""
    nobody = User("nobody@contoso.com", "Nobody")
    assert desk.person_properties(nobody) == {"odata.null": True}
    assert desk.person_properties(nobody, VERBOSE) == {"d": {"GetPropertiesFor": None}}
    user.has_profile = False
    assert desk.person_properties(user) == {"odata.null": True}


def write(desk: Desk, user: User, name: str, value: Any, host: str = ADMIN) -> Any:
    fields = {"accountName": f"i:0#.f|membership|{user.upn}", "propertyName": name, "propertyValue": value}
    return desk.ask(
        "POST",
        f"{host}/_api/SP.UserProfiles.PeopleManager/SetSingleValueProfileProperty",
        body=json.dumps(fields).encode(),
        headers={"content-type": "application/json;odata=verbose"},
    )


def test_writing_a_profile_that_is_not_there_is_error_1000(desk: Desk, user: User) -> None:
    """People whom the profile service does not know yet cannot be written; the message carries the number."""
    user.has_profile = False
    answer = write(desk, user, "PictureURL", URL)
    assert answer.status == 500
    assert b"User Profile Error 1000" in answer.body


def test_properties_are_checked(desk: Desk, user: User) -> None:
    """Only properties of the schema, spelt as there, that the service does not maintain, and only text."""
    profiles = "Microsoft.Office.Server.UserProfiles"
    assert error_of(write(desk, user, "pictureurl", URL)) == (500, f"-1, {profiles}.PropertyNotFoundException")
    refused = error_of(write(desk, user, "msOnline-ObjectId", "x"))
    assert refused == (500, f"-1, {profiles}.PropertyNotEditableException")
    assert write(desk, user, "SPS-PicturePlaceholderState", 0).status == 400
    assert desk.person_properties(user)["PictureUrl"] is None


def test_single_property_reads_with_case(desk: Desk, user: User) -> None:
    """GetUserProfilePropertyFor gives the value; another spelling of the name reads as empty."""
    desk.set_property(user, "PictureURL", URL)
    account = quote("i:0#.f|membership|a.b@contoso.com", safe="")
    for name, value in (("PictureURL", URL), ("pictureurl", "")):
        call = f"GetUserProfilePropertyFor(accountName=@v,propertyName='{name}')?@v='{account}'"
        assert desk.get(f"{PEOPLE}/{call}") == {"value": value}
        assert desk.get(f"{PEOPLE}/{call}", VERBOSE) == {"d": {"GetUserProfilePropertyFor": value}}


def test_several_values_are_kept_as_one(desk: Desk, user: User) -> None:
    """SetMultiValuedProfileProperty joins its values as SharePoint shows them."""
    account = f"i:0#.f|membership|{user.upn}"
    fields = {"accountName": account, "propertyName": "SPS-Skills", "propertyValues": ["Git", "Trade"]}
    desk.post(f"{PEOPLE}/SetMultiValuedProfileProperty", fields)
    assert desk.operation == "sharepoint.profile.set_multi"
    assert property_values(desk.person_properties(user))["SPS-Skills"] == "Git|Trade"


def test_verbose_profile_has_collections_with_results(desk: Desk, user: User) -> None:
    """The verbose form wraps lists and typed values as clients expect them."""
    person = desk.person_properties(user, VERBOSE)["d"]
    assert person["DirectReports"] == {"__metadata": {"type": "Collection(Edm.String)"}, "results": []}
    assert person["UserProfileProperties"]["results"][0]["__metadata"] == {"type": "SP.KeyValue"}


def test_profile_follows_a_new_upn(desk: Desk, user: User) -> None:
    """After a rename the profile is found under the new account with all that was written, and its id stays."""
    desk.set_property(user, "PictureURL", URL)
    before = property_values(desk.person_properties(user))
    user.upn = "married@contoso.com"
    after = property_values(desk.person_properties(user))
    assert (after["PictureURL"], after["UserProfile_GUID"]) == (URL, before["UserProfile_GUID"])
    assert desk.person_properties(User("a.b@contoso.com", "")) == {"odata.null": True}


def test_two_people_may_swap_their_names(desk: Desk, user: User) -> None:
    """Each keeps their own profile, whoever is looked at first."""
    other = desk.person("c.d@contoso.com", "C D")
    desk.set_property(user, "PictureURL", "first")
    desk.set_property(other, "PictureURL", "second")
    user.upn, other.upn = other.upn, user.upn
    assert property_values(desk.person_properties(user))["PictureURL"] == "first"
    assert property_values(desk.person_properties(other))["PictureURL"] == "second"


def test_reused_upn_brings_a_profile_of_its_own(desk: Desk, user: User) -> None:
    """Who takes over a former colleague's UPN does not take over the picture."""
    desk.set_property(user, "PictureURL", URL)
    user.upn = "former@contoso.com"
    newcomer = desk.person("a.b@contoso.com", "Another B")
    assert property_values(desk.person_properties(newcomer))["PictureURL"] == ""
    assert property_values(desk.person_properties(user))["PictureURL"] == URL


def test_own_profile_is_nothing_for_an_app(desk: Desk) -> None:
    """GetMyProperties has no meaning without a person."""
    assert desk.ask("GET", f"{PEOPLE}/GetMyProperties").status == 403


def test_profile_lives_in_the_geo_of_its_person(desk: Desk) -> None:
    """Any geo tells where a person's site is; the profile is read and written at home only."""
    desk.tenant.geos.append(Geo("contosoeur", "EUR"))
    user = desk.person(preferred_data_location="EUR")
    account = quote(f"i:0#.f|membership|{user.upn}", safe="")
    found = desk.get(f"{PEOPLE}/GetPropertiesFor(accountName=@v)/PersonalSiteHostUrl?@v='{account}'")
    assert found == {"value": "https://contosoeur-my.sharepoint.com:443/"}
    assert b"User Profile Error 1000" in write(desk, user, "PictureURL", URL).body
    assert write(desk, user, "PictureURL", URL, "https://contosoeur-admin.sharepoint.com").status == 200
    assert property_values(desk.person_properties(user))["PictureURL"] == ""


def test_people_manager_has_a_limit_of_its_own(desk: Desk, user: User) -> None:
    """Calls beyond the number in five minutes get 429 with the seconds to wait, and then there is room again."""
    desk.tenant.sharepoint.people_manager_limit = 3
    for _ in range(3):
        desk.person_properties(user)
    answer = write(desk, user, "PictureURL", URL)
    assert answer.status == 429
    wait = int(answer.headers["Retry-After"])
    assert 290 < wait <= 301
    assert "RateLimit-Limit" not in answer.headers
    assert len(desk.geo.people_manager_calls) == 4
    desk.tenant.clock_offset += timedelta(seconds=wait)
    assert write(desk, user, "PictureURL", URL).status == 200


@pytest.mark.parametrize(("cloud", "domain"), [("usgov", "sharepoint.us"), ("china", "sharepoint.cn")])
def test_other_clouds_have_their_own_hosts(cloud: str, domain: str) -> None:
    """In a sovereign cloud the same profile is served, and addressed, below that cloud's domain."""
    desk = Desk(new_tenant(cloud=CLOUDS[cloud]))
    user = desk.person()
    account = quote(f"i:0#.f|membership|{user.upn}", safe="")
    person = desk.get(
        f"https://contoso-admin.{domain}/_api/SP.UserProfiles.PeopleManager/GetPropertiesFor('{account}')"
    )
    assert person["PersonalSiteHostUrl"] == f"https://contoso-my.{domain}:443/"


def test_wait_is_until_the_same_call_has_room(desk: Desk) -> None:
    """Throttled calls count too: the wait lasts until enough of the oldest calls are five minutes old."""
    desk.tenant.sharepoint.people_manager_limit = 3
    start = datetime(2026, 11, 22, 10, tzinfo=UTC)
    for seconds in (0, 100, 200):
        assert charge(desk.tenant, desk.geo, 1, start + timedelta(seconds=seconds)) is None
    assert charge(desk.tenant, desk.geo, 1, start + timedelta(seconds=250)) == 151
    assert recent_calls(desk.geo, start + timedelta(seconds=401)) == 2
    assert charge(desk.tenant, desk.geo, 1, start + timedelta(seconds=401)) is None
