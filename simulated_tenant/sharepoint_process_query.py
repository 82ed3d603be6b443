"""CSOM's one door: several PeopleManager calls in one request, done in order until the first error.

The answer is HTTP 200 with a list: a header, then *action id, result* for every action that gives something. An error
stands in the header alone; what was done before it stays done.
"""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from simulated_tenant.sharepoint_access import Need, demand
from simulated_tenant.sharepoint_calls import LIBRARY_VERSION, Call, new_operations, read_call
from simulated_tenant.sharepoint_errors import (
    SharePointError,
    invalid_query,
    own_data_only,
    throttled_answer,
    unknown_method,
    unknown_type,
)
from simulated_tenant.sharepoint_formats import Complex, Entity, Many
from simulated_tenant.sharepoint_profiles import charge, find_profile, person, properties_of, write_property
from simulated_tenant.sharepoint_query_text import Action, ObjectPath, Query, QueryMalformedError, read
from simulated_tenant.state import Tenant
from simulated_tenant.wire import Answer, Received

OPERATIONS = new_operations()

PEOPLE_MANAGER = "{cf560d69-0fdb-4489-a216-b6b47adf8ef8}"
_MANAGER = Entity("SP.UserProfiles.PeopleManager", "", {"EditProfileLink": None, "IsMyPeopleListPublic": True})
_MAKES_OBJECT = {"Constructor", "Method"}


@OPERATIONS.add("sharepoint.process_query", "POST", r"/_vti_bin/client\.svc/ProcessQuery(?:\(\))?")
def process_query(tenant: Tenant, received: Received, groups: Mapping[str, str]) -> Answer:
    """Do what the request says. Only tokens and throttling are answered with a status of their own."""
    trace = str(uuid4())
    try:
        call = read_call(tenant, received, groups)
        query = read(received.body)
        wait = charge(tenant, call.geo, _manager_calls(query), received.at)
        if wait is not None:
            return throttled_answer(wait)
        return _answer(None, trace, _Run(call, query).results())
    except SharePointError as error:
        return _answer(error, trace, [])
    except QueryMalformedError as problem:
        return _answer(invalid_query(str(problem)), trace, [])


def _manager_calls(query: Query) -> int:
    """How many PeopleManager calls the request is counted as: each method one [inferred]."""
    methods = [action for action in query.actions if action.kind == "Method"]
    return len(methods) + sum(path.kind == "Method" for path in query.paths.values())


def _answer(error: SharePointError | None, trace: str, results: list[Any]) -> Answer:
    info = error and {
        "ErrorMessage": error.message,
        "ErrorValue": None,
        "TraceCorrelationId": trace,
        "ErrorCode": error.hresult,
        "ErrorTypeName": error.type_name,
    }
    header = {
        "SchemaVersion": "15.0.0.0",
        "LibraryVersion": LIBRARY_VERSION,
        "ErrorInfo": info,
        "TraceCorrelationId": trace,
    }
    return Answer.of_json(200, [header, *results])


class _Run:
    """One request being done: objects come to be when an action first names them."""

    def __init__(self, call: Call, query: Query) -> None:
        self.call = call
        self.query = query
        self.objects: dict[int, Entity | None] = {}

    def results(self) -> list[Any]:
        """Do every action; raises the first error."""
        results: list[Any] = []
        for action in self.query.actions:
            match action.kind:
                case "ObjectPath":
                    results += [action.id, {"IsNull": self._object(action.path_id) is None}]
                case "Query":
                    results += [action.id, self._read(action)]
                case "Method":
                    results += self._call(action)
                case _:
                    raise invalid_query(f"The action {action.kind} is not supported.")
        return results

    def _object(self, path_id: int) -> Entity | None:
        if path_id not in self.objects:
            path = self.query.paths.get(path_id)
            if path is None:
                raise invalid_query(f'The object path "{path_id}" does not exist.')
            self.objects[path_id] = self._made(path)
        return self.objects[path_id]

    def _made(self, path: ObjectPath) -> Entity | None:
        if path.kind not in _MAKES_OBJECT:
            raise invalid_query(f"The object path {path.kind} is not supported.")
        if path.kind == "Constructor":
            if path.type_id != PEOPLE_MANAGER:
                raise unknown_type(path.type_id)
            return _MANAGER
        parent = self._object(-1 if path.parent_id is None else path.parent_id)
        if parent is not _MANAGER:
            raise unknown_method(path.name, path.type_id)
        match path.name:
            case "GetPropertiesFor":
                self._demand(Need.PROFILES_READ)
                (account,) = _exactly(path.parameters, 1, path.name)
                return person(self.call.tenant, self.call.geo, account)
            case "GetMyProperties":
                raise own_data_only()
        raise unknown_method(path.name, PEOPLE_MANAGER)

    def _read(self, action: Action) -> dict[str, Any] | None:
        """The object's properties: all scalar ones, or those that were named."""
        found = self._object(action.path_id)
        if found is None:
            return None
        names = [name for name in found.properties if name != "UserProfileProperties"]
        if action.selected:
            unknown = next((name for name in action.selected if name not in found.properties), None)
            if unknown is not None:
                raise invalid_query(f"The field or property '{unknown}' does not exist.")
            names = list(action.selected)
        return {"_ObjectType_": found.kind} | {name: _plain(found.properties[name]) for name in names}

    def _call(self, action: Action) -> list[Any]:
        """Call a method of PeopleManager; void ones give no pair."""
        if self._object(action.path_id) is not _MANAGER:
            raise unknown_method(action.name, self.query.paths[action.path_id].type_id)
        tenant, geo = self.call.tenant, self.call.geo
        match action.name:
            case "SetSingleValueProfileProperty" | "SetMultiValuedProfileProperty":
                self._demand(Need.PROFILES_WRITE)
                account, name, value = _exactly(action.parameters, 3, action.name)
                write_property(tenant, geo, account, name, value)
                return []
            case "GetUserProfilePropertyFor":
                self._demand(Need.PROFILES_READ)
                account, name = _exactly(action.parameters, 2, action.name)
                profile = find_profile(tenant, account)
                known = None if profile is None or profile.geo is not geo else properties_of(tenant, profile)
                return [action.id, None if known is None else known.get(name, "")]
        raise unknown_method(action.name, PEOPLE_MANAGER)

    def _demand(self, need: Need) -> None:
        demand(self.call.tenant, self.call.received, self.call.claims, need)


def _exactly(parameters: tuple[str, ...], count: int, method: str) -> tuple[str, ...]:
    if len(parameters) != count:
        raise invalid_query(f"The method {method} takes {count} parameters, not {len(parameters)}.")
    return parameters


def _plain(value: Any) -> Any:
    """A property as CSOM's JSON has it: the list of keys and values is one object there."""
    if isinstance(value, Many):
        if all(isinstance(item, Complex) for item in value.items) and value.items:
            return {item.properties["Key"]: item.properties["Value"] for item in value.items}
        return list(value.items)
    return value
