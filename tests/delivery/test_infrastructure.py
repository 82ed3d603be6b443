"""The infrastructure as written: well formed, whole in itself, and in agreement with the code that it is made for."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from local_run import package
from local_run.stack import ROOT
from shared import settings
from shared.logs import Happened
from shared.setting_values import Credential, SignIn
from shared.words import QUEUE_OF_CHANGES, QUEUE_OF_CHECKS
from tests.delivery.bicep import BicepFile, Source

INFRA = ROOT / "infra"
FILES = sorted(INFRA.rglob("*.bicep"))
NOT_IN_AZURE = {
    "PHOTOSYNC_CERTIFICATE_FILE",  # a file has no safe place in Flex Consumption; the vault holds the certificate
    "PHOTOSYNC_CERTIFICATE_PASSWORD",  # a certificate that comes from the vault has none
}
ROLES = {
    "storageBlobDataOwner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "storageQueueDataContributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "storageTableDataContributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
    "monitoringMetricsPublisher": "3913510d-42f4-4e42-8a64-420c390055eb",
    "keyVaultSecretsUser": "4633458b-17de-408a-874b-0445c86b69e6",
}
"""Azure's built-in roles, as its documentation names them."""


def read(name: str) -> BicepFile:
    """One of the files, by the name of the part."""
    return BicepFile.read(INFRA / ("main.bicep" if name == "main" else f"modules/{name}.bicep"))


def app_settings() -> dict[str, Any]:
    """The PHOTOSYNC_ settings as main.bicep hands them to the app."""
    given: dict[str, Any] = read("main").declared["app"].body["params"]["settings"]
    return given


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_is_well_formed_and_every_name_leads_somewhere(path: Path) -> None:
    """The grammar accepts the file, each name is declared or Bicep's own, and no parameter is there for nothing."""
    file = BicepFile.read(path)
    assert file.errors == []
    assert file.unknown == set()
    assert file.unused == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_resources_have_released_api_versions(path: Path) -> None:
    """Each resource names its type and a dated version that is no preview, the same for one type everywhere."""
    for resource in BicepFile.read(path).of_kind("resource").values():
        if "@" in resource.type:
            assert re.fullmatch(r"Microsoft\.[A-Za-z.]+(/[A-Za-z]+)+@20\d\d-\d\d-\d\d", resource.type), resource.type
    versions: dict[str, set[str]] = {}
    for file in map(BicepFile.read, FILES):
        for resource in file.of_kind("resource").values():
            kind, _, version = resource.type.partition("@")
            if version:
                versions.setdefault(kind, set()).add(version)
    assert [kind for kind, named in versions.items() if len(named) > 1] == []


def test_modules_get_what_they_ask_for() -> None:
    """Each module's file exists, it gets all parameters without a default and none that it has not; outputs exist."""
    main = read("main")
    modules = main.of_kind("module")
    assert {f"modules/{path.name}" for path in FILES} - {"modules/main.bicep"} == {one.type for one in modules.values()}
    files = {name: BicepFile.read(INFRA / one.type) for name, one in modules.items()}
    for name, module in modules.items():
        params = files[name].of_kind("param")
        given = set(module.body["params"])
        assert given <= params.keys(), name
        assert {one for one, param in params.items() if param.default is None} <= given, name
        for one in given:
            wrong = params[one].type == "int" and isinstance(module.body["params"][one], str)
            assert not wrong, f"{name}.{one}"
    used = main.module_outputs_used()
    assert {module for module, _output in used} <= modules.keys()
    assert [pair for pair in used if pair[1] not in files[pair[0]].of_kind("output")] == []


def test_the_parameters_file_names_the_parameters_and_no_other() -> None:
    """Each parameter can be set by an environment variable of its own; a default is said where azd needs a value."""
    params = read("main").of_kind("param")
    file = json.loads((INFRA / "main.parameters.json").read_text("utf-8"))["parameters"]
    assert list(file) == list(params)
    variables = {}
    for name, entry in file.items():
        match = re.fullmatch(r"\$\{(AZURE|PHOTOSYNC)_([A-Z_]+)(?:=(\w+))?\}", entry["value"])
        assert match, entry
        variables[name] = f"{match[1]}_{match[2]}"
        default = params[name].default
        wanted = (
            str(default).lower() if isinstance(default, bool) else str(default or ("" if default is None else default))
        )
        assert (match[3] or "") == wanted, name
    assert len(set(variables.values())) == len(variables)
    for name, text in app_settings().items():
        if isinstance(text, Source) and text.text in params:
            assert variables[text.text] == name


def test_every_setting_of_the_app_can_be_set() -> None:
    """All PHOTOSYNC_ settings that make sense in Azure are handed over, and none that the app does not know."""
    given = app_settings()
    assert set(settings.names()) - NOT_IN_AZURE == set(given)
    required = [str(info.alias) for info in settings.Settings.model_fields.values() if info.is_required()]
    params = read("main").of_kind("param")
    for name in required:
        text = given[name].text if isinstance(given[name], Source) else ""
        always = name == "PHOTOSYNC_PUBLIC_URL" or "KeyVault" in str(given[name]) or text == "photoTenant"
        assert always or params[text].default is None, name


def test_choices_are_those_of_the_code() -> None:
    """Where a parameter allows only some values, they are the code's, in whatever version."""
    params = read("main").of_kind("param")
    for name, choices in (("signIn", SignIn), ("credential", Credential)):
        allowed = next(text for text in params[name].decorators if text.startswith("@allowed"))
        assert re.findall(r"'(\w+)'", allowed) == [str(choice) for choice in choices]
        assert params[name].default in list(choices)


def test_no_secret_is_in_a_parameter() -> None:
    """The one secret is made in the vault's module, only when there is none, and reaches the app by reference only."""
    secure = {
        (path.stem, name)
        for path in FILES
        for name, param in BicepFile.read(path).of_kind("param").items()
        if "@secure()" in param.decorators
    }
    assert secure == {("vault", "clientState")}
    vault = read("vault")
    assert vault.declared["clientState"].default == "${newGuid()}${newGuid()}"
    assert "@onlyIfNotExists()" in vault.declared["clientStateSecret"].decorators
    assert "clientState" not in read("main").declared["vault"].body["params"]
    name = vault.declared["clientStateSecret"].body["name"]
    reference = f"@Microsoft.KeyVault(SecretUri=${{vault.outputs.secretsUri}}{name})"
    assert app_settings()["PHOTOSYNC_CLIENT_STATE"] == reference
    assert not any("listKeys" in path.read_text("utf-8") for path in FILES)


@pytest.mark.parametrize("part", ["storage", "vault", "monitoring"])
def test_roles_are_the_documented_ones_and_no_more(part: str) -> None:
    """Each role of the app's identity is named as Azure names it, has its id, and is given on one resource."""
    file = read(part)
    ids = {name: one for name, one in file.of_kind("var").items() if name in ROLES}
    for name, declared in ids.items():
        assert ROLES[name] in str(declared.node.text), name
    assigned = [one for one in file.of_kind("resource").values() if one.type.startswith("Microsoft.Authorization/")]
    assert len(assigned) == 1
    assert isinstance(assigned[0].body["scope"], Source)
    assert assigned[0].body["scope"].text in file.of_kind("resource")
    guids = {
        guid for path in FILES for guid in re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", path.read_text())
    }
    assert guids == set(ROLES.values())


def test_storage_opens_to_identities_only() -> None:
    """No shared key, no public blob, TLS 1.2; in a private network no way in from outside; the queues of the code."""
    file = read("storage")
    properties = file.declared["account"].body["properties"]
    assert (properties["allowSharedKeyAccess"], properties["allowBlobPublicAccess"]) == (False, False)
    assert properties["minimumTlsVersion"] == "TLS1_2"
    assert properties["publicNetworkAccess"] == Source("isPrivate ? 'Disabled' : 'Enabled'")
    queues = {name for queue in (QUEUE_OF_CHANGES, QUEUE_OF_CHECKS) for name in (queue, f"{queue}-poison")}
    assert set(re.findall(r"'(photo-[a-z-]+)'", str(file.declared["queueNames"].node.text))) == queues
    assert {"blobs", "queueService", "tableService"} <= file.of_kind("resource").keys()


def test_telemetry_and_publishing_need_an_identity() -> None:
    """The connection string opens nothing, and nobody publishes with a password."""
    assert read("monitoring").declared["applicationInsights"].body["properties"]["DisableLocalAuth"] is True
    app = read("app")
    assert app.declared["publishing"].body["properties"]["allow"] is False
    assert "ClientId=${identity.properties.clientId};Authorization=AAD" in str(app.declared["appSettings"].node.text)


def test_the_app_runs_on_flex_consumption_with_the_python_of_the_project() -> None:
    """Plan, runtime and identity are those that Flex Consumption asks for; settings that it refuses are not there."""
    app = read("app")
    assert app.declared["plan"].body["sku"] == {"name": "FC1", "tier": "FlexConsumption"}
    config = app.declared["app"].body["properties"]["functionAppConfig"]
    project = re.search(r'python_version = "([\d.]+)"', (ROOT / "pyproject.toml").read_text("utf-8"))
    assert project
    assert config["runtime"] == {"name": "python", "version": project[1]}
    assert config["deployment"]["storage"]["authentication"]["type"] == "UserAssignedIdentity"
    text = (INFRA / "modules/app.bicep").read_text("utf-8")
    for refused in (
        "FUNCTIONS_WORKER_RUNTIME", "FUNCTIONS_WORKER_PROCESS_COUNT", "SCM_DO_BUILD_DURING_DEPLOYMENT",
        "ENABLE_ORYX_BUILD", "WEBSITE_CONTENTSHARE", "WEBSITE_RUN_FROM_PACKAGE", "linuxFxVersion",
    ):  # fmt: skip
        assert refused not in text


def test_an_instance_has_a_thread_for_each_thing_it_takes() -> None:
    """There are as many threads as the HTTP concurrency, and as messages before one more batch is fetched ahead."""
    queues = json.loads((ROOT / "host.json").read_text("utf-8"))["extensions"]["queues"]
    at_once = queues["newBatchThreshold"]
    text = (INFRA / "modules/app.bicep").read_text("utf-8")
    assert f"PYTHON_THREADPOOL_THREAD_COUNT: string(max(httpConcurrency, {at_once}))" in text
    scale = read("app").declared["app"].body["properties"]["functionAppConfig"]["scaleAndConcurrency"]
    assert scale["triggers"]["http"]["perInstanceConcurrency"] == Source("httpConcurrency")
    assert read("main").of_kind("param")["httpConcurrency"].default > 1


def test_graph_reaches_the_webhook_when_people_must_sign_in() -> None:
    """App Service authentication leaves out what Graph calls, which is all that anyone may call, and nothing else."""
    excluded = re.findall(r"'(/api/[a-z]+)'", str(read("app").declared["openPaths"].node.text))
    declared = (ROOT / "sync_trigger" / "__init__.py").read_text("utf-8")
    prefix = json.loads((ROOT / "host.json").read_text("utf-8"))["extensions"]["http"]["routePrefix"]
    for_graph = re.findall(r'door\.route\("POST", "(\w+)", Needs\.NOTHING', declared)
    assert sorted(excluded) == sorted(f"/{prefix}/{path}" for path in for_graph)
    assert len(excluded) == 2
    body = read("app").declared["authentication"].body["properties"]
    assert body["globalValidation"]["excludedPaths"] == Source("openPaths")
    assert body["globalValidation"]["requireAuthentication"] == Source("signIn == 'entra'")
    assert read("app").declared["appSettings"].body["dependsOn"] == [Source("authentication")]
    registration = body["identityProviders"]["azureActiveDirectory"]["registration"]
    assert registration["clientSecretSettingName"] in str(read("app").declared["appSettings"].node.text)


def test_alerts_ask_for_what_the_app_says() -> None:
    """Each alert names functions that exist, has a sentence that says what to do, and is of a form that Azure takes."""
    rules = json.loads((INFRA / "alerts.json").read_text("utf-8"))
    functions = set(re.findall(r"^def (\w+)\(", _blueprints(), re.MULTILINE))
    named: set[str] = set()
    for rule in rules:
        assert re.fullmatch(r"[a-z-]+", rule["name"])
        assert rule["operator"] in {"GreaterThan", "LessThan"}
        assert rule["severity"] in range(5)
        assert {rule["every"], rule["looksBack"]} <= {"PT5M", "PT15M", "PT30M", "PT1H"}
        assert len(rule["whatToDo"].split()) > 10
        assert re.search(r"\| summarize Found = \w+\(\w*\)$", rule["query"])
        for names in re.findall(r"name in \(([^)]+)\)", rule["query"]):
            named |= set(re.findall(r"'(\w+)'", names))
        events = re.findall(r"event=(\w+)", rule["query"])
        assert bool(events) == rule["query"].startswith("traces")
        assert set(events) <= set(Happened)
    assert named <= functions
    assert {"photo_poison", "check_poison", "begin_sweep", "keep_subscription", "photo_worker", "check_photos"} <= named
    fields = set(re.findall(r"rule\.(\w+)", (INFRA / "modules/alerts.bicep").read_text("utf-8")))
    assert all(set(rule) == fields for rule in rules)


def test_the_workbook_is_whole() -> None:
    """The workbook's queries use its time range, and name functions that exist; the resource's id is put in."""
    workbook = json.loads((INFRA / "workbook.json").read_text("utf-8"))
    queries = [item["content"] for item in workbook["items"] if item["type"] == 3]
    assert len(queries) >= 5
    for query in queries:
        assert "{Range}" in query["query"]
        assert query["timeContextFromParameter"] == "Range"
    functions = set(re.findall(r"^def (\w+)\(", _blueprints(), re.MULTILINE))
    asked = {
        name
        for query in queries
        for names in re.findall(r"\bname in \(([^)]+)\)", query["query"])
        for name in re.findall(r"'(\w+)'", names)
    }
    assert asked <= functions
    told = {name for query in queries for name in re.findall(r"event=(\w+)'", query["query"])}
    told |= {
        name
        for query in queries
        for names in re.findall(r"event in \(([^)]+)\)", query["query"])
        for name in re.findall(r"'(\w+)'", names)
    }
    assert told <= set(Happened)
    assert len(told) >= 5
    assert workbook["fallbackResourceIds"] == ["{applicationInsightsId}"]
    assert "'{applicationInsightsId}', applicationInsights.id" in (INFRA / "modules/workbook.bicep").read_text("utf-8")


def test_azd_finds_the_app() -> None:
    """azure.yaml names the folder, the language and the service whose tag the app carries; it is not deployed."""
    document = yaml.safe_load((ROOT / "azure.yaml").read_text("utf-8"))
    assert document["infra"] == {"provider": "bicep", "path": "infra", "module": "main"}
    ((service, described),) = document["services"].items()
    assert described == {"project": ".", "language": "python", "host": "function"}
    assert f"'azd-service-name': '{service}'" in (INFRA / "main.bicep").read_text("utf-8")
    assert not {"azure.yaml", "infra"} & {file.parts[0] for file in package.files()}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("param a string\nvar b = {\n  c: a\n", "errors"),
        ("var b = a.c", "unknown"),
        ("resource r 'Microsoft.Web/sites@2024-04-01' = { name: nobody }", "unknown"),
        ("var b = [for x in [1]: y]", "unknown"),
        ("var b = filter([1], x => y)", "unknown"),
        ("var b = '${a}'", "unknown"),
        ("var b = noSuchFunction()", "unknown"),
        ("param a string", "unused"),
    ],
)  # fmt: skip
def test_the_reader_sees_what_is_wrong(text: str, wrong: str) -> None:
    """A broken brace, a name that leads nowhere, in whatever place, and a parameter for nothing are each seen."""
    assert getattr(BicepFile(text), wrong)


def _blueprints() -> str:
    return "".join(
        (ROOT / part / "__init__.py").read_text("utf-8") for part in ("sync_trigger", "photo_worker", "status_page")
    )
