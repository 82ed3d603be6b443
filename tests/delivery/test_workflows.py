"""What runs on GitHub, and what an editor finds: valid, pinned, and with no more rights than needed."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from local_run.stack import ROOT

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))


def tool(name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command of the development environment."""
    command = [Path(sys.executable).with_name(name), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=ROOT)


def jobs(workflow: Path) -> dict[str, dict[str, Any]]:
    """The jobs of a workflow."""
    document: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load(workflow.read_text("utf-8"))
    return document["jobs"]


def test_workflows_and_dependabot_fit_their_schemas() -> None:
    """GitHub's published schemas accept all workflows and dependabot.yml, and refuse one with a misspelt key."""
    for schema, files in (("github-workflows", WORKFLOWS), ("dependabot", [GITHUB / "dependabot.yml"])):
        done = tool("check-jsonschema", "--builtin-schema", f"vendor.{schema}", *files)
        assert done.returncode == 0, done.stdout


def test_a_wrong_workflow_is_seen(tmp_path: Path) -> None:
    """The checks find a misspelt key, and a step that a stranger's pull request could fill in."""
    text = WORKFLOWS[0].read_text("utf-8")
    (tmp_path / "wrong.yml").write_text(text.replace("timeout-minutes", "timeout"))
    assert tool("check-jsonschema", "--builtin-schema", "vendor.github-workflows", tmp_path / "wrong.yml").returncode
    (tmp_path / "open.yml").write_text(text.replace("run: make test", 'run: echo "${{ github.event.issue.title }}"'))
    assert tool("zizmor", "--offline", tmp_path / "open.yml").returncode


def test_no_weakness_is_found_in_the_workflows() -> None:
    """A static analysis of workflows has nothing to say, at its strictest."""
    done = tool("zizmor", "--offline", "--no-progress", "--persona", "pedantic", GITHUB)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_and_jobs_are_bounded(workflow: Path) -> None:
    """Each action is one whole commit with its version beside it; each job has a time limit and only named rights."""
    text = workflow.read_text("utf-8")
    used = re.findall(r"uses: (\S+)@(\S+)(?: # (\S+))?$", text, re.MULTILINE)
    assert text.count("uses:") == len(used)
    for _action, commit, version in used:
        assert re.fullmatch(r"[0-9a-f]{40}", commit)
        assert re.fullmatch(r"v\d+\.\d+\.\d+", version)
    assert yaml.safe_load(text)["permissions"] == {}
    for job in jobs(workflow).values():
        assert job["timeout-minutes"] <= 45
        assert re.fullmatch(r"ubuntu-\d\d\.04", job["runs-on"])
        may_write = {right for right, how in job["permissions"].items() if how == "write"}
        assert may_write <= {"check": set(), "deploy": {"id-token"}, "codeql": {"security-events"}}[workflow.stem]
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout"):
                assert step["with"]["persist-credentials"] is False
            assert "secrets." not in json.dumps(step), "nothing here needs one"


def test_one_action_has_one_version() -> None:
    """All workflows use the same commit of an action, so that an update is one decision."""
    pins = {
        pin
        for workflow in WORKFLOWS
        for pin in re.findall(r"uses: ([\w-]+/[\w-]+)\S*@(\w+) # (\S+)", workflow.read_text("utf-8"))
    }
    assert len({action for action, *_ in pins}) == len(pins)


def test_only_a_person_deploys() -> None:
    """Deploying begins by hand, for a named environment, and never from a pull request."""
    text = (GITHUB / "workflows" / "deploy.yml").read_text("utf-8")
    begun_by = yaml.safe_load(text)[True]  # YAML 1.1 reads the key `on` so
    assert set(begun_by) == {"workflow_dispatch"}
    (job,) = jobs(GITHUB / "workflows" / "deploy.yml").values()
    assert job["environment"] == "${{ inputs.environment }}"


def test_the_check_is_the_developers_own() -> None:
    """The workflow runs `make test` and nothing else, with the project's Python and a Node that Azurite takes."""
    (job,) = jobs(GITHUB / "workflows" / "check.yml").values()
    assert [step["run"] for step in job["steps"] if "run" in step] == ["make test"]
    python = re.search(r'python_version = "([\d.]+)"', (ROOT / "pyproject.toml").read_text("utf-8"))
    assert python
    versions = {key: value for step in job["steps"] for key, value in step.get("with", {}).items() if "version" in key}
    assert versions == {"python-version": python[1], "node-version": "22"}
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text("utf-8"))
    assert re.fullmatch(
        rf"mcr\.microsoft\.com/devcontainers/python:\d+-{re.escape(python[1])}-[a-z]+", container["image"]
    )
    assert container["features"]["ghcr.io/devcontainers/features/node:1"]["version"] == "22"


def test_dependabot_looks_at_everything_that_is_pinned() -> None:
    """Python, npm, actions and the container are each looked after, where their files are."""
    updates = yaml.safe_load((GITHUB / "dependabot.yml").read_text("utf-8"))["updates"]
    places = {(entry["package-ecosystem"], entry["directory"]) for entry in updates}
    assert places == {("pip", "/"), ("npm", "/local_run/azurite"), ("github-actions", "/"), ("devcontainers", "/")}
    assert (ROOT / "local_run/azurite/package-lock.json").is_file()


def test_the_editor_finds_tasks_that_exist() -> None:
    """Every task is a make target, what is launched is a module or a task that exists, and the files are valid JSON."""
    folder = ROOT / ".vscode"
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    tasks = json.loads((folder / "tasks.json").read_text("utf-8"))["tasks"]
    assert {task["command"] for task in tasks} <= {f"make {target}" for target in targets}
    for launch in json.loads((folder / "launch.json").read_text("utf-8"))["configurations"]:
        assert launch["module"] == "pytest" or (ROOT / launch["module"] / "__main__.py").is_file()
        assert launch.get("preLaunchTask", "setup") in {task["label"] for task in tasks}
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text("utf-8"))
    recommended = json.loads((folder / "extensions.json").read_text("utf-8"))["recommendations"]
    assert container["customizations"]["vscode"]["extensions"] == recommended
    assert json.loads((folder / "settings.json").read_text("utf-8"))["python.testing.pytestEnabled"] is True
