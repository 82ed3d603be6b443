"""A stand-in for the Azure CLI: `az rest` answers as Microsoft Graph's reference says that it answers.

Its directory is a JSON file (FAKE_AZ_STATE), so that a test sees what was asked and what has come of it. `--query` is
JMESPath, as in the real CLI, by the same library.
"""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import jmespath


class Refused(Exception):  # noqa: N818 - it reads as the sentence that it is
    """Graph's refusal: status in words, code, message."""


def main() -> int:
    """One call of `az`."""
    file = Path(os.environ["FAKE_AZ_STATE"])
    state = json.loads(file.read_text("utf-8"))
    words = [word for word in sys.argv[1:] if not word.startswith("--")][:2]
    options = dict(zip(sys.argv[1:], sys.argv[2:], strict=False))
    try:
        answer = answered(state, words, options)
    except Refused as refused:
        print(f"ERROR: {refused.args[0]}({json.dumps({'error': refused.args[1]})})", file=sys.stderr)
        return 1
    finally:
        file.write_text(json.dumps(state), "utf-8")
    if options.get("--query"):
        answer = jmespath.search(options["--query"], answer)
    print_as(options.get("--output", "json"), answer)
    return 0


def answered(state: dict[str, Any], words: list[str], options: dict[str, str]) -> Any:
    """What the command answers."""
    if words == ["cloud", "show"]:
        return {"endpoints": {"microsoftGraphResourceId": state["graph"] + "/", "activeDirectory": state["login"]}}
    if words == ["account", "show"]:
        return {"tenantId": state["tenant"]}
    if words[0] != "rest":
        raise SystemExit(f"az: '{words[0]}' is not in the az command group")
    url = urlsplit(options["--url"])
    if f"{url.scheme}://{url.netloc}" != state["graph"] or not url.path.startswith("/v1.0/"):
        raise SystemExit(f"az: the address is not this cloud's: {options['--url']}")
    method, path = options["--method"].upper(), url.path.removeprefix("/v1.0/")
    body = json.loads(options["--body"]) if "--body" in options else None
    state["requests"].append({"method": method, "path": path, "query": unquote(url.query), "body": body})
    if method != "GET" and state.get("readOnly"):
        detail = {
            "code": "Authorization_RequestDenied",
            "message": "Insufficient privileges to complete the operation.",
        }
        raise Refused("Forbidden", detail)
    return graph(state, method, path, unquote(url.query), body)


def graph(state: dict[str, Any], method: str, path: str, query: str, body: Any) -> Any:
    """Graph's answer; raises `Refused`."""
    principals = state["servicePrincipals"]
    if match := re.fullmatch(r"servicePrincipals\(appId='([0-9a-f-]+)'\)", path):
        return found(one for one in principals if one["appId"] == match[1])
    if match := re.fullmatch(r"servicePrincipals/([0-9a-f-]+)/(appRoleAssignments|appRoleAssignedTo)(?:/(.+))?", path):
        return assignments(state, method, match[1], match[2], match[3], body)
    if path == "servicePrincipals" and method == "POST":
        principals.append({"id": str(uuid4()), "appRoles": [], **body})
        return principals[-1]
    if path.startswith("applications"):
        return registrations(state["applications"], method, path, query, body)
    if match := re.fullmatch(r"users/(.+)", path):
        wanted = unquote(match[1])
        return found(one for one in state["users"] if wanted in {one["id"], one["userPrincipalName"]})
    raise Refused("Bad Request", {"code": "BadRequest", "message": f"Resource not found for the segment '{path}'."})


def registrations(applications: list[dict[str, Any]], method: str, path: str, query: str, body: Any) -> Any:
    """App registrations and their federated credentials."""
    if path == "applications" and method == "GET":
        name = re.search(r"displayName eq '([^']*)'", query)
        return {"value": [one for one in applications if name and one["displayName"] == name[1]]}
    if path == "applications":
        applications.append({"id": str(uuid4()), "appId": str(uuid4()), **body})
        return applications[-1]
    _, object_id, *credentials_of = path.split("/")
    application = found(one for one in applications if one["id"] == object_id)
    if credentials_of:
        credentials = application.setdefault("federatedIdentityCredentials", [])
        if method == "POST":
            credentials.append(body)
        return {"value": credentials}
    application.update(body)
    return None


def assignments(state: dict[str, Any], method: str, of: str, side: str, one: str | None, body: Any) -> Any:
    """The app role assignments of a principal, or to a resource."""
    held = state["assignments"]
    own = "principalId" if side == "appRoleAssignments" else "resourceId"
    if method == "GET":
        return {"value": [entry for entry in held if entry[own] == of]}
    if method == "DELETE":
        held.remove(found(entry for entry in held if entry["id"] == one and entry[own] == of))
        return None
    resource = found(each for each in state["servicePrincipals"] if each["id"] == body["resourceId"])
    if body["appRoleId"] not in {role["id"] for role in resource["appRoles"]} and not resource.get("anyRole"):
        raise Refused(
            "Bad Request", {"code": "Request_BadRequest", "message": "Permission being assigned was not found"}
        )
    key = ("principalId", "resourceId", "appRoleId")
    if any(all(entry[name] == body[name] for name in key) for entry in held):
        message = "Permission being assigned already exists on the object"
        raise Refused("Bad Request", {"code": "Request_BadRequest", "message": message})
    held.append({"id": uuid4().hex, **body})
    return held[-1]


def found(matching: Any) -> Any:
    """The first; Graph's 404 when there is none."""
    for one in matching:
        return one
    detail = {"code": "Request_ResourceNotFound", "message": "Resource does not exist or one of its queried reference…"}
    raise Refused("Not Found", detail)


def print_as(form: str, answer: Any) -> None:
    """As `--output tsv` or `json` does; nothing for `none`."""
    if form == "json":
        print(json.dumps(answer))
    elif form == "tsv" and answer is not None:
        rows = answer if isinstance(answer, list) else [answer]
        for row in rows:
            print("\t".join(map(str, row)) if isinstance(row, list) else row)


if __name__ == "__main__":
    sys.exit(main())
