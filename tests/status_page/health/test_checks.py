"""Whatever breaks, exactly its check says so, with the way to mend it; the others go on."""

from status_page.health.findings import Verdict
from tests.status_page.health.conftest import Healthy, failed, of


def test_all_is_well(healthy: Healthy) -> None:
    """A healthy app passes every check; only the group that no setting names is not asked for."""
    found = healthy.check()
    assert of(found, Verdict.SKIPPED) == {"graph-groups"}
    assert of(found, Verdict.PASSED) == set(found) - {"graph-groups"}
    assert "Profile Pictures" in found["picture-folder"].finding.found


def test_a_probe_leaves_nothing_behind(healthy: Healthy) -> None:
    """A picture is written and seen; afterwards SharePoint has for the test user what it had before."""
    before = healthy.bench.control.target(healthy.user)
    found = healthy.check(probe=True)
    assert not failed(found)
    assert "sharepoint.file.delete" in healthy.bench.requests("sharepoint")
    assert healthy.bench.control.target(healthy.user) == before
