"""The guides to deployment: what they tell people to type exists."""

import json
import re
from pathlib import Path

import pytest

from local_run.stack import ROOT
from tests.delivery.bicep import BicepFile

GUIDES = [ROOT / "README.md", ROOT / "docs" / "deploy.md", ROOT / "docs" / "permissions.md"]


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_what_is_typed_exists(guide: Path) -> None:
    """Variables that are set are parameters, those that are read are outputs, and the scripts are there."""
    text = guide.read_text("utf-8")
    parameters = (ROOT / "infra" / "main.parameters.json").read_text("utf-8")
    outputs = {one.name for one in BicepFile.read(ROOT / "infra" / "main.bicep").of_kind("output").values()}
    settable = set(re.findall(r"\$\{(\w+)", parameters))
    assert set(re.findall(r"azd env set (\w+)", text)) <= settable
    assert set(re.findall(r"azd env get-value (\w+)", text)) <= outputs
    assert all((ROOT / "scripts" / script).is_file() for script in re.findall(r"scripts/([\w.-]+\.(?:sh|ps1))", text))


def test_the_guide_names_every_parameter_that_is_no_setting() -> None:
    """What can be chosen about the deployment itself is in docs/deploy.md, with the default that it has."""
    guide = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    file = json.loads((ROOT / "infra" / "main.parameters.json").read_text("utf-8"))["parameters"]
    listed = dict(re.findall(r"^\| `(PHOTOSYNC_\w+)` \| (?:`(\w+)`)? ?\|", guide, re.MULTILINE))
    settings = set(re.findall(r"^\| `(PHOTOSYNC_\w+)` \|", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE))
    for entry in file.values():
        variable, _, default = entry["value"][2:-1].partition("=")
        if variable.startswith("PHOTOSYNC_") and variable not in settings:
            assert listed[variable] == default


def test_the_guide_names_the_roles_that_are_given() -> None:
    """Every Azure role in infra/ is in the guide's table, by its name in Azure."""
    guide = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    for name in ("storage", "vault", "monitoring"):
        file = BicepFile.read(ROOT / "infra" / "modules" / f"{name}.bicep")
        for variable, declared in file.of_kind("var").items():
            if re.search(r"'[0-9a-f]{8}-", str(declared.node.text)):
                words = re.sub(r"(?<!^)([A-Z])", r" \1", variable).title()
                assert words in guide, words
