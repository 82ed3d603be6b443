"""Multi-geo: a user's pictures and profile are in the user's own geography."""

import pytest

from local_run.azurite import Azurite
from shared.clouds import Cloud
from shared.recipe import hosts_of
from shared.settings import Settings
from shared.words import Outcome
from simulated_tenant.client import start_tenant
from tests import pictures
from tests.bench import Bench, bench_on, reach
from tests.certificates import KeyPair

PHOTO = pictures.jpeg(300, 300, seed=9)


def test_each_user_is_copied_to_the_own_geo(bench: Bench) -> None:
    """`preferredDataLocation` chooses both hosts; a user who moves is copied to the new geo."""
    bench.control.call("POST", "/geos", {"name": "contosoeur", "location": "EUR"})
    bench.start_afresh(PHOTOSYNC_GEOS="EUR=contosoeur, APC=contosoapc")
    central, european = bench.person(PHOTO), bench.person(PHOTO, preferredDataLocation="EUR")
    assert bench.look(central) is Outcome.COPIED
    assert bench.look(european) is Outcome.COPIED
    assert bench.shows(central, PHOTO)
    assert bench.shows(european, PHOTO)
    assert bench.control.target(central)["pictureUrl"].startswith("https://contoso-my.sharepoint.com/")
    assert bench.control.target(european)["pictureUrl"].startswith("https://contosoeur-my.sharepoint.com/")

    bench.control.change_user(central, preferredDataLocation="EUR")
    assert bench.look(central) is Outcome.COPIED
    assert bench.control.target(central)["pictureUrl"].startswith("https://contosoeur-my.sharepoint.com/")


def test_every_cloud_has_its_hosts(bench: Bench) -> None:
    """One setting chooses where Entra ID, Graph and SharePoint answer."""
    hosts = {
        cloud: hosts_of(Settings.from_environment(bench.environment | {"PHOTOSYNC_CLOUD": cloud}), None)
        for cloud in Cloud
    }
    assert {cloud: host.my for cloud, host in hosts.items()} == {
        Cloud.PUBLIC: "contoso-my.sharepoint.com",
        Cloud.US_GOV_HIGH: "contoso-my.sharepoint.us",
        Cloud.US_GOV_DOD: "contoso-my.sharepoint-mil.us",
        Cloud.CHINA: "contoso-my.sharepoint.cn",
    }
    assert Cloud.US_GOV_DOD.endpoints.graph == "dod-graph.microsoft.us"


@pytest.mark.parametrize(
    ("cloud", "theirs"), [(Cloud.US_GOV_HIGH, "usgov"), (Cloud.US_GOV_DOD, "dod"), (Cloud.CHINA, "china")]
)
def test_a_photo_travels_in_every_cloud(
    azurite: Azurite, certificate: KeyPair, monkeypatch: pytest.MonkeyPatch, cloud: Cloud, theirs: str
) -> None:
    """In a tenant of a national cloud only the setting differs: sign-in, Graph and both SharePoint hosts follow it."""
    with start_tenant("--cloud", theirs) as national:
        reach(national, monkeypatch)
        built = bench_on(national, azurite, certificate, PHOTOSYNC_CLOUD=cloud)
        built.forget_what_instances_share()
        user = built.person(PHOTO)
        assert built.look(user) is Outcome.COPIED
        assert built.shows(user, PHOTO)
        assert not national.control.violations()
