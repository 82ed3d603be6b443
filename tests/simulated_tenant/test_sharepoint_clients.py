"""Clients that nobody here wrote work against the running tenant as they do against Microsoft's."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509 import CertificateBuilder, Name, NameAttribute, random_serial_number
from cryptography.x509.oid import NameOID
from office365.runtime.client_request_exception import ClientRequestException
from office365.sharepoint.client_context import ClientContext
from office365.sharepoint.userprofiles.people_manager import PeopleManager

from simulated_tenant.client import RunningTenant, start_tenant
from tests.pictures import jpeg

MY, ADMIN = "https://contoso-my.sharepoint.com", "https://contoso-admin.sharepoint.com"
CLIENT_ID = "11111111-1111-4111-8111-111111111111"


@dataclass(frozen=True)
class Certificate:
    """What an app proves itself with."""

    private_key: str
    public: str
    thumbprint: str


def make_certificate() -> Certificate:
    """A self-signed certificate, as an administrator makes one."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = Name([NameAttribute(NameOID.COMMON_NAME, "photo-sync")])
    now = datetime.now(UTC)
    certificate = CertificateBuilder(
        name, name, key.public_key(), random_serial_number(), now, now + timedelta(days=1)
    ).sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = certificate.public_bytes(serialization.Encoding.PEM).decode()
    return Certificate(private.decode(), public, certificate.fingerprint(hashes.SHA1()).hex().upper())  # noqa: S303 - Entra's thumbprints are SHA-1


@pytest.fixture(scope="module")
def tenant() -> Iterator[RunningTenant]:
    with start_tenant() as running:
        yield running


@pytest.fixture(scope="module")
def certificate(tenant: RunningTenant) -> Certificate:
    made = make_certificate()
    roles = ["Sites.FullControl.All", "User.ReadWrite.All"]
    tenant.control.add_app(CLIENT_ID, certificate=made.public, secret="not-for-sharepoint", sharepoint=roles)
    return made


@pytest.fixture(autouse=True)
def _through_the_tenant(tenant: RunningTenant, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in tenant.environment.items():
        monkeypatch.setenv(name, value)


def context(tenant: RunningTenant, certificate: Certificate, site: str) -> ClientContext:
    """The library's own way in, with a certificate."""
    return ClientContext(site).with_client_certificate(
        tenant.tenant_id, CLIENT_ID, certificate.thumbprint, private_key=certificate.private_key
    )


def test_library_uploads_lists_and_reads_files(tenant: RunningTenant, certificate: Certificate) -> None:
    """office365-rest-python-client discovers the folder, uploads a name with every awkward character, reads it back."""
    files = context(tenant, certificate, MY)
    library = files.web.get_folder_by_server_relative_path("/User Photos")
    folders = library.folders.get().execute_query()
    assert [folder.name for folder in folders] == ["Forms", "Profile Pictures"]
    pictures = files.web.get_folder_by_server_relative_path("/User Photos/Profile Pictures")
    content = jpeg(72, 72)
    name = "O'Neill & Søn (1)_MThumb.jpg"
    uploaded = pictures.upload_file(name, content).execute_query()
    assert (uploaded.name, uploaded.length) == (name, len(content))
    listed = pictures.files.get().execute_query()
    assert [file.name for file in listed] == [name]
    address = f"/User Photos/Profile Pictures/{name}"
    file = files.web.get_file_by_server_relative_path(address).get().execute_query()
    assert file.unique_id == uploaded.unique_id
    assert file.get_content().execute_query().value == content
    file.recycle().execute_query()
    with pytest.raises(ClientRequestException) as missing:
        files.web.get_file_by_server_relative_path(address).get().execute_query()
    assert missing.value.code == "-2130575338, Microsoft.SharePoint.SPException"


def test_library_writes_and_reads_profiles(tenant: RunningTenant, certificate: Certificate) -> None:
    """The library's PeopleManager sets the properties, reads them back, and the tenant shows the picture."""
    user = tenant.control.add_user("library@contoso.com", displayName="Library User")
    content = jpeg(72, 72, seed=2)
    files = context(tenant, certificate, MY)
    pictures = files.web.get_folder_by_server_relative_url("User Photos/Profile Pictures")
    pictures.upload_file(f"{user}_MThumb.jpg", content).execute_query()
    account = "i:0#.f|membership|library@contoso.com"
    url = f"{MY}/User%20Photos/Profile%20Pictures/{user}_MThumb.jpg"
    profiles = context(tenant, certificate, ADMIN)
    manager = PeopleManager(profiles)
    for name, value in (("PictureURL", url), ("SPS-PicturePlaceholderState", "0")):
        manager.set_single_value_profile_property(account, name, value).execute_query()
    person = manager.get_properties_for(account).execute_query()
    assert person.properties["PictureUrl"] == url
    assert (person.user_profile_properties or {})["PictureURL"] == url
    target = tenant.control.target(user)
    assert target["pictureUrl"] == url
    assert target["files"]["M"]["sha256"] == hashlib.sha256(content).hexdigest()


@pytest.mark.usefixtures("certificate")
def test_library_with_a_secret_is_refused(tenant: RunningTenant) -> None:
    """A client secret gets a token, and SharePoint does not take it."""
    refused = ClientContext(MY).with_client_secret(tenant.tenant_id, CLIENT_ID, "not-for-sharepoint")
    with pytest.raises(ClientRequestException) as refusal:
        refused.web.get().execute_query()
    assert refusal.value.response is not None
    assert refusal.value.response.status_code == 401
    assert tenant.control.violations("client-secret")


def test_scripted_faults_reach_the_library_in_sharepoints_shape(
    tenant: RunningTenant, certificate: Certificate
) -> None:
    """A lock that was scripted for uploads is what the library reports, and is used up by it."""
    tenant.control.fault("sharepoint.file.add", "423")
    pictures = context(tenant, certificate, MY).web.get_folder_by_server_relative_path("/User Photos/Profile Pictures")
    with pytest.raises(ClientRequestException) as locked:
        pictures.upload_file("locked.jpg", b"x").execute_query()
    assert locked.value.code == "-2147018894, Microsoft.SharePoint.SPFileLockException"
    assert tenant.control.faults()["completed"]


def test_control_sets_up_what_a_tenant_can_be_like(tenant: RunningTenant, certificate: Certificate) -> None:
    """Rules, grants and a library without, or with two, picture folders are set and shown by the control API."""
    rules = {"profilesNeedFullControl": True, "selectedSites": {CLIENT_ID: "write"}, "peopleManagerLimit": 7}
    shown = tenant.control.call("POST", "/sharepoint", rules)
    assert {name: shown[name] for name in rules} == rules
    shown = tenant.control.call("POST", "/sharepoint/library", {"pictureFolders": ["Profilbilder", "Fotos"]})
    assert shown["geos"][0]["folders"] == ["Forms", "Fotos", "Profilbilder"]
    library = context(tenant, certificate, MY).web.get_folder_by_server_relative_path("/User Photos")
    assert len(library.folders.get().execute_query()) == 3
