"""docs/to-verify.md and the checks name each other."""

import re

from local_run.stack import ROOT
from shared.settings import Settings
from status_page.health.catalogue import checks_for

_ROW = re.compile(r'^\| <a id="([\w-]+)"></a>\d+ \|.*\| ([^|]*) \|$', re.MULTILINE)


def test_each_check_and_what_it_verifies_name_each_other() -> None:
    """Every anchor that a check names is there, and its row names the check; no row names a check that is not."""
    settings = Settings.model_construct(sharepoint_name="contoso", geos={"EUR": "contosoeur"})
    checks = checks_for(settings, probe=True)
    verified = {(anchor, check.id.replace("geo-eur", "geo-*")) for check in checks for anchor in check.verifies}
    text = (ROOT / "docs" / "to-verify.md").read_text("utf-8")
    rows = _ROW.findall(text)
    named = {(anchor, check) for anchor, names in rows for check in re.findall(r"`([^`]+)`", names)}
    assert named == verified
    assert len(rows) == len({anchor for anchor, _ in rows}) == text.count("<a id=")
