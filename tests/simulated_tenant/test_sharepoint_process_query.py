"""ProcessQuery of the simulated SharePoint: many calls in one request, as CSOM clients send them."""

import json
from datetime import timedelta
from typing import Any
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulated_tenant import tokens
from simulated_tenant.sharepoint_query_text import LARGEST
from simulated_tenant.state import User
from simulated_tenant.wire import Answer
from tests.simulated_tenant.sharepoint_desk import ADMIN, MY, Desk

NAMESPACE = "http://schemas.microsoft.com/sharepoint/clientquery/2009"
MANAGER = '<Constructor Id="1" TypeId="{cf560d69-0fdb-4489-a216-b6b47adf8ef8}" />'
URL = f"{MY}/User%20Photos/Profile%20Pictures/x_MThumb.jpg"


def method(number: int, name: str, *parameters: str) -> str:
    inside = "".join(f'<Parameter Type="String">{escape(parameter)}</Parameter>' for parameter in parameters)
    return f'<Method Name="{name}" Id="{number}" ObjectPathId="1"><Parameters>{inside}</Parameters></Method>'


def setting(number: int, user: User, name: str, value: str) -> str:
    return method(number, "SetSingleValueProfileProperty", f"i:0#.f|membership|{user.upn}", name, value)


def request(actions: str, paths: str = MANAGER, attributes: str = 'SchemaVersion="15.0.0.0"') -> bytes:
    return (
        f'<Request xmlns="{NAMESPACE}" {attributes}><Actions>{actions}</Actions>'
        f"<ObjectPaths>{paths}</ObjectPaths></Request>"
    ).encode()


def ask(desk: Desk, body: bytes, host: str = ADMIN) -> Answer:
    url = f"{host}/_vti_bin/client.svc/ProcessQuery"
    return desk.ask("POST", url, body=body, headers={"content-type": 'text/xml;charset="UTF-8"'}, accept="*/*")


def results(desk: Desk, body: bytes, host: str = ADMIN) -> list[Any]:
    answer = ask(desk, body, host)
    assert (answer.status, desk.operation) == (200, "sharepoint.process_query")
    found = json.loads(answer.body)
    assert isinstance(found, list)
    return found


def error(desk: Desk, body: bytes, host: str = ADMIN) -> tuple[int, str]:
    """Code and type of the error; asserts that the header stands alone."""
    (header,) = results(desk, body, host)
    information = header["ErrorInfo"]
    assert {"ErrorCode", "ErrorMessage", "ErrorTypeName", "ErrorValue"} <= set(information)
    return information["ErrorCode"], information["ErrorTypeName"]


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def user(desk: Desk) -> User:
    return desk.person()


def written(desk: Desk, user: User) -> dict[str, str]:
    person = desk.person_properties(user)
    return {pair["Key"]: pair["Value"] for pair in person["UserProfileProperties"]}


def test_three_properties_in_one_request(desk: Desk, user: User) -> None:
    """The documented request sets all three, and gives a header and one pair: void methods give none."""
    actions = (
        '<ObjectPath Id="2" ObjectPathId="1" />'
        + setting(3, user, "PictureURL", URL)
        + setting(4, user, "SPS-PicturePlaceholderState", "0")
        + setting(5, user, "SPS-PictureTimestamp", "63783110969")
    )
    header, *pairs = results(desk, request(actions))
    assert set(header) == {"SchemaVersion", "LibraryVersion", "ErrorInfo", "TraceCorrelationId"}
    assert header["ErrorInfo"] is None
    assert pairs == [2, {"IsNull": False}]
    assert desk.person_properties(user)["PictureUrl"] == f"{URL}?t=63783110969"


@pytest.mark.parametrize(
    "attributes",
    [
        'SchemaVersion="15.0.0.0" LibraryVersion="16.0.0.0" ApplicationName="Javascript Library"',
        'AddExpandoFieldTypeSuffix="true" SchemaVersion="15.0.0.0" LibraryVersion="15.0.0.0" ApplicationName=".NET"',
        'SchemaVersion="14.0.0.0" LibraryVersion="14.0.0.0"',
        "",
    ],
)
def test_versions_and_names_of_clients_do_not_matter(desk: Desk, user: User, attributes: str) -> None:
    """Published clients call themselves all sorts of things."""
    assert results(desk, request(setting(3, user, "PictureURL", URL), attributes=attributes))[0]["ErrorInfo"] is None
    assert written(desk, user)["PictureURL"] == URL


def test_first_error_ends_the_request_and_undoes_nothing(desk: Desk, user: User) -> None:
    """What came before the failing action stays done, what comes after it is not done."""
    actions = (
        setting(3, user, "PictureURL", URL)
        + setting(4, User("nobody@contoso.com", ""), "PictureURL", URL)
        + setting(5, user, "SPS-PicturePlaceholderState", "0")
    )
    assert error(desk, request(actions)) == (-1, "Microsoft.Office.Server.UserProfiles.UserNotFoundException")
    assert written(desk, user)["PictureURL"] == URL
    assert written(desk, user)["SPS-PicturePlaceholderState"] == "1"


def test_profile_that_is_not_there_is_error_1000(desk: Desk, user: User) -> None:
    """The message carries the number by which clients know it."""
    user.has_profile = False
    (header,) = results(desk, request(setting(3, user, "PictureURL", URL)))
    assert "User Profile Error 1000" in header["ErrorInfo"]["ErrorMessage"]


@pytest.mark.parametrize(("roles", "host"), [((), ADMIN), (("User.Read.All",), ADMIN), (("User.ReadWrite.All",), MY)])
def test_missing_right_is_an_error_inside_http_200(roles: tuple[str, ...], host: str) -> None:
    """Access denied stands in ErrorInfo with the mandated code, and nothing is written."""
    desk = Desk(roles=roles)
    user = desk.person()
    denied = error(desk, request(setting(3, user, "PictureURL", URL)), host)
    assert denied == (-2147024891, "System.UnauthorizedAccessException")
    desk.roles = ("User.Read.All",)
    assert written(desk, user)["PictureURL"] == ""


def test_token_is_judged_before_the_request(user: User, desk: Desk) -> None:
    """A token that SharePoint does not take is an ordinary 401."""
    desk.appidacr = tokens.SECRET
    assert ask(desk, request(setting(3, user, "PictureURL", URL))).status == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no xml",
        b"<Request/>",
        b"\xff\xfe\x00",
        f'<Other xmlns="{NAMESPACE}"/>'.encode(),
        request("", '<Constructor Id="1" TypeId="{00000000-0000-0000-0000-000000000000}" />').replace(
            b"<Actions>", b'<Actions><ObjectPath Id="2" ObjectPathId="1" />'
        ),
        request(method(3, "DropEverything", "x")),
        request(method(3, "SetSingleValueProfileProperty", "only two", "parameters")),
        request('<ObjectPath Id="2" ObjectPathId="9" />'),
        request('<ObjectPath Id="two" ObjectPathId="1" />'),
        request('<SetProperty Id="2" ObjectPathId="1" Name="X"><Parameter Type="String">1</Parameter></SetProperty>'),
        request("<A>" * 100 + "</A>" * 100),
    ],
)
def test_what_is_no_query_is_refused_in_its_own_shape(desk: Desk, body: bytes) -> None:
    """Malformed requests, unknown types and unknown methods are InvalidClientQueryException in ErrorInfo."""
    assert error(desk, body) == (-1, "Microsoft.SharePoint.Client.InvalidClientQueryException")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("declared", ["", ' SYSTEM "file:///etc/hostname"', ' [<!ENTITY e "expanded">]'])
def test_document_types_are_refused_in_any_encoding(desk: Desk, user: User, encoding: str, declared: str) -> None:
    """No entity is ever expanded: a document type ends the reading."""
    document = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE Request{declared}>' + request(
        setting(3, user, "PictureURL", URL)
    ).decode().replace(escape(URL), "&e;" if "ENTITY" in declared else "x")
    assert error(desk, document.encode(encoding))[0] == -1
    assert written(desk, user)["PictureURL"] == ""


def test_enormous_requests_are_refused(desk: Desk, user: User) -> None:
    """Over two megabytes nothing is read."""
    (header,) = results(desk, request(setting(3, user, "PictureURL", "x" * LARGEST)))
    assert "message is too big" in header["ErrorInfo"]["ErrorMessage"]


def test_person_is_read_as_an_object(desk: Desk, user: User) -> None:
    """GetPropertiesFor as an object path, then a query: the way .NET clients read; nobody is a null object."""
    desk.set_property(user, "PictureURL", URL)

    def path(upn: str) -> str:
        return (
            f'{MANAGER}<Method Id="2" ParentId="1" Name="GetPropertiesFor"><Parameters><Parameter Type="String">'
            f"i:0#.f|membership|{upn}</Parameter></Parameters></Method>"
        )

    query = (
        '<ObjectPath Id="3" ObjectPathId="2" /><Query Id="4" ObjectPathId="2"><Query SelectAllProperties="false">'
        '<Properties><Property Name="AccountName" ScalarProperty="true" />'
        '<Property Name="UserProfileProperties" ScalarProperty="true" /></Properties></Query></Query>'
    )
    _, *pairs = results(desk, request(query, path(user.upn)))
    assert pairs[:3] == [3, {"IsNull": False}, 4]
    assert pairs[3]["_ObjectType_"] == "SP.UserProfiles.PersonProperties"
    assert pairs[3]["UserProfileProperties"]["PictureURL"] == URL
    assert results(desk, request(query, path("nobody@contoso.com")))[1:] == [3, {"IsNull": True}, 4, None]


def test_value_of_a_method_is_a_pair(desk: Desk, user: User) -> None:
    """A method that gives something adds its id and the value."""
    desk.set_property(user, "PictureURL", URL)
    call = method(7, "GetUserProfilePropertyFor", f"i:0#.f|membership|{user.upn}", "PictureURL")
    assert results(desk, request(call))[1:] == [7, URL]


def test_each_method_counts_as_a_people_manager_call(desk: Desk, user: User) -> None:
    """Three methods are three calls; beyond the limit the whole request is 429 and nothing is done."""
    desk.tenant.sharepoint.people_manager_limit = 5
    body = request("".join(setting(number, user, "PictureURL", str(number)) for number in (3, 4, 5)))
    assert ask(desk, body).status == 200
    refused = ask(desk, body)
    assert (refused.status, len(desk.geo.people_manager_calls)) == (429, 6)
    desk.tenant.clock_offset += timedelta(seconds=int(refused.headers["Retry-After"]))
    assert ask(desk, body).status == 200


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=60))
def test_any_value_survives_escaping(value: str) -> None:
    """What is escaped into a request, markup and all scripts, is what the profile then holds."""
    desk = Desk()
    user = desk.person("o'neill&co@contoso.com")
    assert results(desk, request(setting(3, user, "PictureURL", value)))[0]["ErrorInfo"] is None
    assert written(desk, user)["PictureURL"] == value
