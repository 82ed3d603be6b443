"""The scripts that give and take permissions: run for real, against a stand-in for the Azure CLI."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

from local_run.stack import GRAPH_ROLES, ROOT, SHAREPOINT_ROLES
from shared.signed_in import Role

SCRIPTS = ROOT / "scripts"
GRAPH, SHAREPOINT = "00000003-0000-0000-c000-000000000000", "00000003-0000-0ff1-ce00-000000000000"
IDENTITY, CLIENT, TENANT = (str(uuid4()) for _ in range(3))
ALWAYS = {("graph", "ProfilePhoto.Read.All"), ("graph", "User.Read.All")} | {
    ("sharepoint", role) for role in SHAREPOINT_ROLES
}

type Run = Callable[..., subprocess.CompletedProcess[str]]


def resource(name: str, app: str, *roles: str) -> dict[str, Any]:
    """A service principal with application permissions, behind delegated and disabled ones of the same names."""
    kinds = ((["User"], True), (["Application"], False), (["Application"], True))
    return {
        "id": name,
        "appId": app,
        "appRoles": [
            {"id": f"{name}/{role}" if enabled and "Application" in members else str(uuid4()),
             "value": role, "isEnabled": enabled, "allowedMemberTypes": members}
            for role in roles for members, enabled in kinds
        ],
    }  # fmt: skip


class Directory:
    """The directory that the stand-in answers from."""

    def __init__(self, file: Path) -> None:
        self.file = file
        shared = ("User.Read.All", "User.ReadWrite.All")  # SharePoint and Graph have roles of the same name
        self.write({
            "graph": "https://graph.microsoft.com",
            "login": "https://login.microsoftonline.com",
            "tenant": TENANT,
            "requests": [],
            "assignments": [],
            "applications": [],
            "users": [{"id": str(uuid4()), "userPrincipalName": "admin@contoso.com"}],
            "servicePrincipals": [
                resource("graph", GRAPH, "ProfilePhoto.Read.All", "GroupMember.Read.All", *shared),
                resource("sharepoint", SHAREPOINT, "Sites.ReadWrite.All", "Sites.FullControl.All", *shared),
                {"id": IDENTITY, "appId": CLIENT, "appRoles": []},
            ],
        })  # fmt: skip

    def write(self, state: dict[str, Any]) -> None:
        """Replace the state."""
        self.file.write_text(json.dumps(state), "utf-8")

    @property
    def state(self) -> dict[str, Any]:
        """All of it."""
        state: dict[str, Any] = json.loads(self.file.read_text("utf-8"))
        return state

    def change(self, **fields: Any) -> None:
        """Set fields of the state."""
        self.write(self.state | fields)

    @property
    def granted(self) -> set[tuple[str, str]]:
        """Resource and role of everything that the identity holds."""
        return {
            (entry["resourceId"], entry["appRoleId"].partition("/")[2])
            for entry in self.state["assignments"]
            if entry["principalId"] == IDENTITY
        }

    @property
    def writes(self) -> list[dict[str, Any]]:
        """The requests that changed something."""
        return [request for request in self.state["requests"] if request["method"] != "GET"]


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    """A tenant with the two resources and the app's identity, to which nothing is granted."""
    return Directory(tmp_path / "directory.json")


@pytest.fixture
def run(directory: Directory, tmp_path: Path) -> Run:
    """Runs one of the scripts with the stand-in first on PATH."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    az = bin_folder / "az"
    az.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{Path(__file__).with_name("fake_az.py")}" "$@"\n')
    az.chmod(0o755)
    environment = {**os.environ, "PATH": f"{bin_folder}:{os.environ['PATH']}", "FAKE_AZ_STATE": str(directory.file)}

    def call(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", SCRIPTS / script, *arguments],  # noqa: S607 - the reader's bash
            env=environment, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    return call


def test_exactly_the_documented_permissions_are_granted_once(run: Run, directory: Directory) -> None:
    """Four roles, SharePoint's and Graph's own ones of the same name kept apart; a second run changes nothing."""
    elsewhere = {"id": "other", "principalId": IDENTITY, "resourceId": "else", "appRoleId": "graph/User.Read.All"}
    directory.change(assignments=[elsewhere])
    done = run("permissions.sh", "grant", "--principal-id", IDENTITY)
    assert done.returncode == 0, done.stderr
    assert directory.granted == ALWAYS | {("else", "User.Read.All")}
    assert done.stdout.count("granted now") == 4
    before = directory.writes
    again = run("permissions.sh", "grant", "--client-id", CLIENT)
    assert again.returncode == 0, again.stderr
    assert directory.writes == before
    assert again.stdout.count("is granted") == 4


def test_more_is_granted_only_when_asked_for(run: Run, directory: Directory) -> None:
    """Groups and full control each take an option, and are shown and revoked with the rest."""
    run("permissions.sh", "grant", "--principal-id", IDENTITY, "--with-groups", "--with-full-control")
    assert directory.granted == ALWAYS | {("graph", "GroupMember.Read.All"), ("sharepoint", "Sites.FullControl.All")}
    strange = {"id": "other", "principalId": IDENTITY, "resourceId": "else", "appRoleId": "else/Other"}
    directory.change(assignments=[*directory.state["assignments"], strange])
    shown = run("permissions.sh", "show", "--principal-id", IDENTITY).stdout
    assert (shown.count("is granted"), shown.count("is not granted")) == (6, 0)
    done = run("permissions.sh", "revoke", "--principal-id", IDENTITY)
    assert done.returncode == 0, done.stderr
    assert directory.granted == {("else", "Other")}, "what others have granted is left alone"
    assert run("permissions.sh", "show", "--principal-id", IDENTITY).stdout.count("is not granted") == 6


def test_whoever_may_not_grant_is_told(run: Run, directory: Directory) -> None:
    """Graph's refusal is shown, with what it takes; the script ends with an error and does not say that it is done."""
    directory.change(readOnly=True)
    done = run("permissions.sh", "grant", "--principal-id", IDENTITY)
    assert done.returncode == 1
    assert "Insufficient privileges" in done.stderr
    assert "Privileged Role Administrator" in done.stderr
    assert "Done" not in done.stdout
    unknown = run("permissions.sh", "grant", "--client-id", str(uuid4()))
    assert unknown.returncode == 1
    assert "no service principal" in unknown.stderr


@pytest.mark.parametrize(
    "arguments", [(), ("grant",), ("give", "--principal-id", IDENTITY), ("grant", "--principal", IDENTITY)]
)
def test_a_wrong_call_does_nothing(run: Run, directory: Directory, arguments: tuple[str, ...]) -> None:
    """A missing, unknown or misspelt argument shows how it is called, and nothing is asked of the tenant."""
    done = run("permissions.sh", *arguments)
    assert done.returncode == 2
    assert "usage:" in done.stderr
    assert run("permissions.sh", "show", "--client-id", "x' or 1").returncode == 1
    assert directory.state["requests"] == []


def test_the_page_registration_is_made_once_without_a_secret(run: Run, directory: Directory) -> None:
    """Two app roles as the code knows them, the identity as credential, nobody in without a role; again: no more."""
    wanted = ("--address", "https://func-photosync.azurewebsites.net/", "--identity", IDENTITY)
    for _ in range(2):
        done = run("page-registration.sh", "create", *wanted)
        assert done.returncode == 0, done.stderr
    (registration,) = directory.state["applications"]
    assert {role["value"] for role in registration["appRoles"]} == set(Role)
    assert registration["web"]["redirectUris"] == ["https://func-photosync.azurewebsites.net/.auth/login/aad/callback"]
    assert registration["identifierUris"] == [f"api://{registration['appId']}"]
    (credential,) = registration["federatedIdentityCredentials"]
    assert credential["subject"] == IDENTITY
    assert credential["issuer"] == f"https://login.microsoftonline.com/{TENANT}/v2.0"
    assert "secret" not in json.dumps(directory.state["requests"]).lower()
    (principal,) = [one for one in directory.state["servicePrincipals"] if one["appId"] == registration["appId"]]
    assert principal["appRoleAssignmentRequired"] is True
    assert registration["appId"] in done.stdout


def test_a_person_is_given_a_role_of_the_page(run: Run, directory: Directory) -> None:
    """The named person has the named role, once; an unknown person or role is refused."""
    run("page-registration.sh", "create", "--address", "https://a.example", "--identity", IDENTITY)
    state = directory.state
    client = state["applications"][0]["appId"]
    principal = next(one for one in state["servicePrincipals"] if one["appId"] == client)
    principal["appRoles"] = state["applications"][0]["appRoles"]  # as Entra ID copies them
    directory.write(state)
    for _ in range(2):
        done = run(
            "page-registration.sh", "assign", "--client-id", client, "--user", "admin@contoso.com", "--role", "Reader"
        )
        assert done.returncode == 0, done.stderr
    (given,) = directory.state["assignments"]
    reader = next(role["id"] for role in principal["appRoles"] if role["value"] == Role.READER)
    assert given["appRoleId"] == reader
    assert given["principalId"] == state["users"][0]["id"]
    for user, role in (("nobody@contoso.com", "Reader"), ("admin@contoso.com", "Owner")):
        refused = run("page-registration.sh", "assign", "--client-id", client, "--user", user, "--role", role)
        assert refused.returncode == 1
    assert len(directory.state["assignments"]) == 1


def test_both_versions_grant_the_same_and_what_the_readme_says() -> None:
    """The roles in the bash and the PowerShell script are those of README's table and of the local stack."""
    readme = (ROOT / "README.md").read_text("utf-8")
    table = set(re.findall(r"^\| (Microsoft Graph|SharePoint) \| `([\w.]+)` \|", readme, re.MULTILINE))
    wanted = {("Microsoft Graph", role) for role in GRAPH_ROLES} | {("SharePoint", role) for role in SHAREPOINT_ROLES}
    assert table == wanted
    always, optional = (
        {name for _of, name in wanted} - {"GroupMember.Read.All"},
        {"GroupMember.Read.All", "Sites.FullControl.All"},
    )
    bash = (SCRIPTS / "permissions.sh").read_text("utf-8")
    powershell = (SCRIPTS / "Permissions.ps1").read_text("utf-8")
    assert set(" ".join(re.findall(r"^(?:GRAPH|SHAREPOINT)_ROLES=\(([^)]+)\)", bash, re.MULTILINE)).split()) == always
    assert set(" ".join(re.findall(r"^OPTIONAL_\w+_ROLES=\(([^)]+)\)", bash, re.MULTILINE)).split()) == optional
    assert set(re.findall(r"'([\w.]+)'", " ".join(re.findall(r"  Roles    = @\((.+)\)", powershell)))) == always
    assert set(re.findall(r"'([\w.]+)'", " ".join(re.findall(r"Optional = @\((.+)\)", powershell)))) == optional
    for text in (bash, powershell):
        guids = set(re.findall(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", text))
        assert guids == {GRAPH, SHAREPOINT}, "roles are looked up by name"


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.sh")), ids=lambda path: path.name)
def test_shell_scripts_are_sound(script: Path) -> None:
    """Bash can read it, ShellCheck has nothing to say, and it can be called by its name."""
    assert subprocess.run(["bash", "-n", script], check=False, timeout=30).returncode == 0  # noqa: S607 - the reader's bash
    shellcheck = Path(sys.executable).with_name("shellcheck")
    done = subprocess.run([shellcheck, script], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")
    assert os.access(script, os.X_OK)


def test_powershell_is_well_formed() -> None:
    """The grammar of PowerShell accepts the script; that it sees a missing brace is shown too."""

    def errors(text: str) -> list[int]:
        def wrong(node: Node) -> list[int]:
            here = [node.start_point[0] + 1] if node.type == "ERROR" or node.is_missing else []
            return here + [line for child in node.children for line in wrong(child)]

        return wrong(Parser(Language(tree_sitter_powershell.language())).parse(text.encode()).root_node)

    text = (SCRIPTS / "Permissions.ps1").read_text("utf-8")
    assert errors(text) == []
    assert errors(text.replace("foreach ($name in $names) {", "foreach ($name in $names)", 1))
