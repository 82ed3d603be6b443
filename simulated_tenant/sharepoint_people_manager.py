"""PeopleManager over REST: read a profile, write one property."""

import json
from typing import Any

from simulated_tenant.sharepoint_access import Need
from simulated_tenant.sharepoint_calls import Call, new_operations, serve
from simulated_tenant.sharepoint_errors import invalid_query, own_data_only, throttled_answer
from simulated_tenant.sharepoint_paths import ARGUMENTS
from simulated_tenant.sharepoint_profiles import charge, find_profile, person, properties_of, write_property
from simulated_tenant.wire import Answer, Refused

OPERATIONS = new_operations()

_MANAGER = r"/_api/SP\.UserProfiles\.PeopleManager(?:\(\))?"


def _counted(call: Call) -> None:
    """Count the call against the limit of PeopleManager; raises `Refused` with 429."""
    wait = charge(call.tenant, call.geo, 1, call.received.at)
    if wait is not None:
        raise Refused(throttled_answer(wait))


def _account(call: Call) -> str:
    return call.steps("call")[-1].arguments.text("accountName")


@serve(
    OPERATIONS,
    "sharepoint.profile.get",
    "GET POST",
    rf"{_MANAGER}(?P<call>/GetPropertiesFor{ARGUMENTS})",
    Need.PROFILES_READ,
)
def get_person(call: Call) -> Answer:
    """All that SharePoint tells of a person. An unknown account is a null object, not an error."""
    _counted(call)
    found = person(call.tenant, call.geo, _account(call))
    return call.value("GetPropertiesFor", None) if found is None else call.one(found)


@serve(
    OPERATIONS,
    "sharepoint.profile.part.get",
    "GET",
    rf"{_MANAGER}(?P<call>/GetPropertiesFor{ARGUMENTS})/(?P<part>\w+)",
    Need.PROFILES_READ,
)
def get_part(call: Call) -> Answer:
    """One value of a person, such as `PersonalSiteHostUrl`, which tells the person's geo."""
    _counted(call)
    found = person(call.tenant, call.geo, _account(call))
    if found is None:
        return call.value(call.groups["part"], None)
    known = {name.lower(): name for name in found.properties}
    name = known.get(call.groups["part"].lower())
    if name is None:
        raise invalid_query(f"The field or property '{call.groups['part']}' does not exist.")
    return call.value(name, found.properties[name])


@serve(
    OPERATIONS,
    "sharepoint.profile.property.get",
    "GET POST",
    rf"{_MANAGER}(?P<call>/GetUserProfilePropertyFor{ARGUMENTS})",
    Need.PROFILES_READ,
)
def get_property(call: Call) -> Answer:
    """One property's value. Property names have case: another spelling reads as empty, like an empty property."""
    _counted(call)
    arguments = call.steps("call")[-1].arguments
    given = arguments.positional
    name = str(given[1]) if len(given) > 1 else arguments.text("propertyName")
    profile = find_profile(call.tenant, arguments.text("accountName"))
    if profile is None or profile.geo is not call.geo:
        return call.value("GetUserProfilePropertyFor", None)
    return call.value("GetUserProfilePropertyFor", properties_of(call.tenant, profile).get(name, ""))


@serve(OPERATIONS, "sharepoint.profile.mine", "GET POST", rf"{_MANAGER}/GetMyProperties(?:\(\))?", Need.PROFILES_READ)
def my_properties(call: Call) -> Answer:
    """The caller's own profile: an app has none."""
    _counted(call)
    raise own_data_only()


@serve(
    OPERATIONS,
    "sharepoint.profile.set",
    "POST",
    rf"{_MANAGER}/SetSingleValueProfileProperty(?:\(\))?",
    Need.PROFILES_WRITE,
)
def set_property(call: Call) -> Answer:
    """Write one property of somebody."""
    _counted(call)
    body = _body(call)
    value = _text(body, "propertyValue")
    write_property(call.tenant, call.geo, _text(body, "accountName"), _text(body, "propertyName"), value)
    return call.value("SetSingleValueProfileProperty", None)


@serve(
    OPERATIONS,
    "sharepoint.profile.set_multi",
    "POST",
    rf"{_MANAGER}/SetMultiValuedProfileProperty(?:\(\))?",
    Need.PROFILES_WRITE,
)
def set_values(call: Call) -> Answer:
    """Write a property of several values; SharePoint keeps and shows them parted by `|`."""
    _counted(call)
    body = _body(call)
    values = body.get("propertyvalues")
    if isinstance(values, dict):
        values = values.get("results")
    if not isinstance(values, list):
        raise invalid_query("The parameter propertyValues does not exist in method SetMultiValuedProfileProperty.")
    text = "|".join(str(value) for value in values)
    write_property(call.tenant, call.geo, _text(body, "accountName"), _text(body, "propertyName"), text)
    return call.value("SetMultiValuedProfileProperty", None)


def _body(call: Call) -> dict[str, Any]:
    """The parameters in the body, names in lower case."""
    if not call.received.headers.get("content-type", "").lower().startswith("application/json"):
        raise invalid_query("The HTTP header Content-Type is missing or its value is invalid.")
    try:
        body = call.received.json()
    except (ValueError, json.JSONDecodeError):
        body = None
    if not isinstance(body, dict):
        raise invalid_query("Invalid JSON. The message body could not be read.")
    return {str(name).lower(): value for name, value in body.items()}


def _text(body: dict[str, Any], name: str) -> str:
    """A parameter that must be text: all values are text on the wire, numbers too."""
    value = body.get(name.lower(), "")
    if value is None:
        return ""
    if name.lower() not in body:
        raise invalid_query(f"The parameter {name} does not exist.")
    if not isinstance(value, str):
        raise invalid_query("Cannot convert a primitive value to the expected type 'Edm.String'.")
    return value
