"""Settings: one look at the environment, one message for all that is wrong."""

import pytest

from shared.setting_values import Credential, SignIn
from shared.settings import Settings, SettingsError, chosen_sign_in

TENANT = "11111111-2222-3333-4444-555555555555"
CLIENT = "66666666-7777-8888-9999-aaaaaaaaaaaa"
LEAST = {
    "PHOTOSYNC_TENANT_ID": TENANT,
    "PHOTOSYNC_SHAREPOINT_NAME": "contoso",
    "PHOTOSYNC_PUBLIC_URL": "https://photosync.contoso.example",
    "PHOTOSYNC_CLIENT_STATE": "0123456789abcdef",
}


def refusal(**changes: str) -> str:
    """The message for the least environment with these changes."""
    with pytest.raises(SettingsError) as error:
        Settings.from_environment(LEAST | changes)
    return str(error.value)


def test_four_settings_are_enough() -> None:
    """Everything but the tenant, its SharePoint, the app's address and the client state has a default."""
    settings = Settings.from_environment(LEAST)
    assert settings.credential is Credential.MANAGED_IDENTITY
    assert settings.large_size == 300
    assert settings.user_agent.startswith("NONISV|Unnamed|ProfilePhotoSync/")


def test_azure_names_the_host_itself() -> None:
    """In Azure the public address need not be set: the platform's WEBSITE_HOSTNAME tells it."""
    environment = {name: value for name, value in LEAST.items() if name != "PHOTOSYNC_PUBLIC_URL"}
    settings = Settings.from_environment(environment | {"WEBSITE_HOSTNAME": "photosync.azurewebsites.net"})
    assert settings.public_url == "https://photosync.azurewebsites.net"


def test_one_message_names_everything_that_is_wrong() -> None:
    """Missing and wrong settings come together, each with its purpose and an example."""
    with pytest.raises(SettingsError) as error:
        Settings.from_environment({"PHOTOSYNC_LARGE_SIZE": "5000", "PHOTOSYNC_CREDENTIAL": "certificate"})
    message = str(error.value)
    for name in (*LEAST, "PHOTOSYNC_LARGE_SIZE", "PHOTOSYNC_CLIENT_ID", "PHOTOSYNC_CERTIFICATE_FILE"):
        assert name in message
    assert message.count("Example: ") == 5
    assert message.startswith("6 of the app's settings")


def test_a_secret_is_never_repeated() -> None:
    """A client state that is too short is refused without being shown; settings print no secret."""
    assert "hunter2" not in refusal(PHOTOSYNC_CLIENT_STATE="hunter2")
    assert "0123456789abcdef" not in repr(Settings.from_environment(LEAST))


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PHOTOSYNC_TENANT_ID", "contoso.com", "8-4-4-4-12"),
        ("PHOTOSYNC_SHAREPOINT_NAME", "contoso.sharepoint.com", "bare name"),
        ("PHOTOSYNC_PUBLIC_URL", "http://photosync.contoso.example", "https address"),
        ("PHOTOSYNC_PUBLIC_URL", "https://photosync.contoso.example/api", "without a path"),
        ("PHOTOSYNC_CLIENT_STATE", "x" * 129, "16 to 128"),
        ("PHOTOSYNC_CLOUD", "germany", "public"),
        ("PHOTOSYNC_COMPANY", "Контосо", "ASCII"),
        ("PHOTOSYNC_COMPANY", "A|B", "vertical bar"),
        ("PHOTOSYNC_PICTURE_FOLDER", "a/b", "one folder's name"),
        ("PHOTOSYNC_CLIENT_SECRET", "s3cret", "SharePoint refuses"),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_right(name: str, value: str, says: str) -> None:
    """Each refusal names the setting and says what it should be."""
    message = refusal(**{name: value})
    assert name in message
    assert says in message


def test_each_way_to_sign_in_names_what_it_needs() -> None:
    """A certificate needs the app and exactly one certificate; a federated identity needs both ids."""
    assert "PHOTOSYNC_CLIENT_ID" in refusal(PHOTOSYNC_CREDENTIAL="federated")
    assert "PHOTOSYNC_MANAGED_IDENTITY_CLIENT_ID" in refusal(PHOTOSYNC_CREDENTIAL="federated")
    both = {"PHOTOSYNC_CERTIFICATE": "x", "PHOTOSYNC_CERTIFICATE_FILE": "y"}
    assert "exactly one" in refusal(PHOTOSYNC_CREDENTIAL="certificate", PHOTOSYNC_CLIENT_ID=CLIENT, **both)
    assert "exactly one" in refusal(PHOTOSYNC_CREDENTIAL="certificate", PHOTOSYNC_CLIENT_ID=CLIENT)


def test_a_localised_folder_may_be_named() -> None:
    """Folder names come in any script."""
    settings = Settings.from_environment(LEAST | {"PHOTOSYNC_PICTURE_FOLDER": "Снимки на профила"})
    assert settings.picture_folder == "Снимки на профила"


@pytest.mark.parametrize("said", [None, "", "False", "0"])
def test_entra_sign_in_is_refused_where_anybody_could_pose(said: str | None) -> None:
    """Without App Service authentication in front the header that names people could be forged: no start."""
    environment = {} if said is None else {"WEBSITE_AUTH_ENABLED": said}
    message = refusal(PHOTOSYNC_SIGN_IN="entra", **environment)
    assert "App Service authentication" in message
    assert "WEBSITE_AUTH_ENABLED" in message


def test_entra_sign_in_starts_behind_app_service_authentication() -> None:
    """The platform says that its authentication is on, spelt as it likes."""
    for said in ("True", "true"):
        settings = Settings.from_environment(LEAST | {"PHOTOSYNC_SIGN_IN": "entra", "WEBSITE_AUTH_ENABLED": said})
        assert settings.sign_in is SignIn.ENTRA


@pytest.mark.parametrize(("said", "chosen"), [(None, "function_key"), ("entra", "entra"), ("Entra?", "function_key")])
def test_routes_ask_for_a_key_unless_entra_is_chosen(
    said: str | None, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the settings are checked, what is not understood must not open anything."""
    monkeypatch.delenv("PHOTOSYNC_SIGN_IN", raising=False)
    if said is not None:
        monkeypatch.setenv("PHOTOSYNC_SIGN_IN", said)
    assert chosen_sign_in() == chosen
