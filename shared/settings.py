"""The app's settings: read from the environment once, validated together.

Whatever is missing or wrong is named in one message, with what each setting is for and an example, so that nobody has
to start the app five times to learn of five mistakes. The names here, in local.settings.sample.json and in the README's
table are held together by a test.
"""

import functools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from shared.clouds import Cloud
from shared.setting_values import (
    Credential,
    ExchangeSyncState,
    FileNaming,
    RemovedPhoto,
    SignIn,
    agent_word,
    folder_name,
    geos_of,
    https_origin,
    secret_of_length,
    tenant_name,
)
from shared.words import ObjectId

VERSION = "0.1.0"


class SettingsError(Exception):
    """One or more settings are missing or wrong; the text names each, what it is for and an example."""


class Settings(BaseModel):
    """All settings, immutable. A field's alias is the name of its app setting."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    tenant_id: ObjectId = Field(
        alias="PHOTOSYNC_TENANT_ID",
        description="Directory (tenant) id of the Microsoft 365 tenant",
        examples=["11111111-2222-3333-4444-555555555555"],
    )
    sharepoint_name: Annotated[str, AfterValidator(tenant_name)] = Field(
        alias="PHOTOSYNC_SHAREPOINT_NAME",
        description="Name of the tenant's SharePoint: `contoso` when it is contoso.sharepoint.com",
        examples=["contoso"],
    )
    cloud: Cloud = Field(
        default=Cloud.PUBLIC,
        alias="PHOTOSYNC_CLOUD",
        description="Which Microsoft cloud: `public`, `us_gov_high`, `us_gov_dod` or `china`",
        examples=["public"],
    )
    credential: Credential = Field(
        default=Credential.MANAGED_IDENTITY,
        alias="PHOTOSYNC_CREDENTIAL",
        description="How the app signs in: `managed_identity`, `certificate` (with an app registration) or `federated` "
        "(a managed identity as the app registration's credential)",
        examples=["managed_identity"],
    )
    client_id: ObjectId | None = Field(
        default=None,
        alias="PHOTOSYNC_CLIENT_ID",
        description="Application (client) id of the app registration; for `certificate` and `federated`",
        examples=["11111111-2222-3333-4444-555555555555"],
    )
    managed_identity_client_id: ObjectId | None = Field(
        default=None,
        alias="PHOTOSYNC_MANAGED_IDENTITY_CLIENT_ID",
        description="Client id of a user-assigned managed identity; empty for the system-assigned one. "
        "`federated` needs it",
        examples=["11111111-2222-3333-4444-555555555555"],
    )
    certificate: SecretStr | None = Field(
        default=None,
        alias="PHOTOSYNC_CERTIFICATE",
        description="Certificate with private key: PEM text, or a PFX in base64 as a Key Vault reference gives it; for "
        "`certificate`",
        examples=["@Microsoft.KeyVault(SecretUri=https://<vault>.vault.azure.net/secrets/photosync)"],
    )
    certificate_file: Path | None = Field(
        default=None,
        alias="PHOTOSYNC_CERTIFICATE_FILE",
        description="The same as a file, PEM or PFX; instead of PHOTOSYNC_CERTIFICATE",
        examples=["/secure/photosync.pem"],
    )
    certificate_password: SecretStr | None = Field(
        default=None,
        alias="PHOTOSYNC_CERTIFICATE_PASSWORD",
        description="Password of the PFX or of the PEM's key, if it has one",
        examples=["@Microsoft.KeyVault(SecretUri=https://<vault>.vault.azure.net/secrets/photosync-password)"],
    )
    public_url: Annotated[str, AfterValidator(https_origin)] = Field(
        alias="PHOTOSYNC_PUBLIC_URL",
        description="Where Graph reaches the app; when empty, `https://` and Azure's own WEBSITE_HOSTNAME",
        examples=["https://photosync-contoso.azurewebsites.net"],
    )
    client_state: Annotated[SecretStr, AfterValidator(secret_of_length)] = Field(
        alias="PHOTOSYNC_CLIENT_STATE",
        description="Secret, 16 to 128 characters, that Graph repeats in every notification; proves that it is Graph",
        examples=["@Microsoft.KeyVault(SecretUri=https://<vault>.vault.azure.net/secrets/client-state)"],
    )
    client_state_previous: Annotated[SecretStr, AfterValidator(secret_of_length)] | None = Field(
        default=None,
        alias="PHOTOSYNC_CLIENT_STATE_PREVIOUS",
        description="While PHOTOSYNC_CLIENT_STATE is being changed: the secret before, accepted too. Remove it a day "
        "later",
        examples=["@Microsoft.KeyVault(SecretUri=https://<vault>.vault.azure.net/secrets/client-state-previous)"],
    )
    company: Annotated[str, AfterValidator(agent_word)] = Field(
        default="Unnamed",
        alias="PHOTOSYNC_COMPANY",
        description="Your company's name in the User-Agent that SharePoint asks well-behaved apps to send",
        examples=["Contoso"],
    )
    picture_folder: Annotated[str, AfterValidator(folder_name)] | None = Field(
        default=None,
        alias="PHOTOSYNC_PICTURE_FOLDER",
        description="Name of the folder in the User Photos library; when empty it is discovered, since its name is "
        "localised. Only a named folder is created when it is missing",
        examples=["Profile Pictures"],
    )
    file_naming: FileNaming = Field(
        default=FileNaming.OBJECT_ID,
        alias="PHOTOSYNC_FILE_NAMING",
        description="Picture files are named after the `object_id`, or the `upn` with `@` and `.` as `_` for tenants "
        "that already use that",
        examples=["object_id"],
    )
    large_size: Annotated[int, Field(ge=96, le=648)] = Field(
        default=300,
        alias="PHOTOSYNC_LARGE_SIZE",
        description="Side of the large picture in pixels, 96 to 648; small and medium are 48 and 72",
        examples=["300"],
    )
    exchange_sync_state: ExchangeSyncState = Field(
        default=ExchangeSyncState.LEAVE,
        alias="PHOTOSYNC_EXCHANGE_SYNC_STATE",
        description="What to write to SPS-PictureExchangeSyncState: `leave` it, `0` or `1`",
        examples=["leave"],
    )
    include_guests: bool = Field(
        default=False,
        alias="PHOTOSYNC_INCLUDE_GUESTS",
        description="Whether guests are in scope: `true` or `false`",
        examples=["false"],
    )
    include_disabled: bool = Field(
        default=False,
        alias="PHOTOSYNC_INCLUDE_DISABLED",
        description="Whether users whose account is disabled are in scope: `true` or `false`",
        examples=["false"],
    )
    scope_group: ObjectId | None = Field(
        default=None,
        alias="PHOTOSYNC_SCOPE_GROUP",
        description="Object id of a group; only its members, direct or through other groups, are in scope",
        examples=["11111111-2222-3333-4444-555555555555"],
    )
    exclude_group: ObjectId | None = Field(
        default=None,
        alias="PHOTOSYNC_EXCLUDE_GROUP",
        description="Object id of a group whose members are out of scope, whatever else holds",
        examples=["11111111-2222-3333-4444-555555555555"],
    )
    geos: Annotated[dict[str, str], BeforeValidator(geos_of)] = Field(
        default_factory=dict,
        alias="PHOTOSYNC_GEOS",
        description="Multi-geo tenants: SharePoint's name for each data location, but for the central one",
        examples=["EUR=contosoeur, APC=contosoapc"],
    )
    removed_photo: RemovedPhoto = Field(
        default=RemovedPhoto.CLEAR,
        alias="PHOTOSYNC_REMOVED_PHOTO",
        description="When somebody's photo is gone, seen twice an hour apart: `clear` the picture in SharePoint, or "
        "`keep` it",
        examples=["clear"],
    )
    most_removals_percent: Annotated[int, Field(ge=0, le=100)] = Field(
        default=5,
        alias="PHOTOSYNC_MOST_REMOVALS_PERCENT",
        description="When more than this share of the users would be cleared within a day, the app stops clearing and "
        "waits for a person; ten are always allowed",
        examples=["5"],
    )
    sweep_minutes: Annotated[int, Field(ge=5, le=1440)] = Field(
        default=15,
        alias="PHOTOSYNC_SWEEP_MINUTES",
        description="How often every user in scope is checked, in minutes, 5 to 1440",
        examples=["15"],
    )
    bulk_copies_per_minute: Annotated[int, Field(ge=1, le=5000)] = Field(
        default=60,
        alias="PHOTOSYNC_BULK_COPIES_PER_MINUTE",
        description="Pace of what sweeps and large jobs find to copy, well below the tenant's limit (about 90 a minute "
        "up to 1,000 licences, 450 over 50,000); single users never wait for it",
        examples=["60"],
    )
    sign_in: SignIn = Field(
        default=SignIn.FUNCTION_KEY,
        alias="PHOTOSYNC_SIGN_IN",
        description="Who gets in to the page and the API: whoever has a `function_key`, or with `entra` whoever signs "
        "in through App Service authentication and has the app role PhotoSync.Admin or PhotoSync.Reader",
        examples=["function_key"],
    )
    read_only: bool = Field(
        default=False,
        alias="PHOTOSYNC_READ_ONLY",
        description="Whether the page and the API only show, and refuse to act: `true` or `false`. What goes by itself "
        "goes on",
        examples=["false"],
    )
    keep_days: Annotated[int, Field(ge=1, le=3650)] = Field(
        default=90,
        alias="PHOTOSYNC_KEEP_DAYS",
        description="How many days attempts, deliveries, sweeps and jobs are kept, 1 to 3650; where a user stands is "
        "kept as long as the user exists",
        examples=["90"],
    )
    test_user: str | None = Field(
        default=None,
        alias="PHOTOSYNC_TEST_USER",
        description="Object id or UPN of a test user, for the health check that writes a picture and takes it back",
        examples=["photosync.test@contoso.com"],
    )
    max_photo_megabytes: Annotated[int, Field(ge=1, le=64)] = Field(
        default=16,
        alias="PHOTOSYNC_MAX_PHOTO_MEGABYTES",
        description="A photo whose download is larger is refused, 1 to 64",
        examples=["16"],
    )
    max_attempts: Annotated[int, Field(ge=1, le=50)] = Field(
        default=8,
        alias="PHOTOSYNC_MAX_ATTEMPTS",
        description="How often a failing photo is tried before it counts as failed; waiting as asked does not count",
        examples=["8"],
    )

    @property
    def user_agent(self) -> str:
        """Decorated as SharePoint asks: NONISV|Company|App/Version (how-to-avoid-getting-throttled…)."""
        return f"NONISV|{self.company}|ProfilePhotoSync/{VERSION}"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """The settings in these variables; empty ones count as absent.

        Raises:
            SettingsError: naming every setting that is missing or wrong.
        """
        given = {name: value for name, value in environment.items() if value != ""}
        if "PHOTOSYNC_PUBLIC_URL" not in given and "WEBSITE_HOSTNAME" in given:
            given["PHOTOSYNC_PUBLIC_URL"] = f"https://{given['WEBSITE_HOSTNAME']}"
        problems = _credential_problems(given) + _sign_in_problems(given)
        try:
            settings = cls.model_validate(given)
        except ValidationError as error:
            problems = _field_problems(error) + problems
        if problems:
            raise SettingsError(
                f"{len(problems)} of the app's settings must be mended before it can start "
                "(in Azure: Function App, Environment variables; on your machine: local.settings.json):\n"
                + "\n".join(f"  {problem}" for problem in problems)
            )
        return settings


@functools.cache
def load() -> Settings:
    """The process's settings, read on first use."""
    return Settings.from_environment(os.environ)


def chosen_sign_in() -> SignIn:
    """How people are let in, for who registers routes: that is before anything is checked.

    What is not understood counts as function keys, and `load` refuses it a moment later.
    """
    given = os.environ.get(_name("sign_in"))
    return SignIn.ENTRA if given == SignIn.ENTRA else SignIn.FUNCTION_KEY


def names() -> list[str]:
    """The app settings' names, in order of declaration."""
    return [_name(field) for field in Settings.model_fields]


def _name(field: str) -> str:
    return str(Settings.model_fields[field].alias)


def _field_problems(error: ValidationError) -> list[str]:
    """A line per setting: what is wrong, what it is for, an example. Never the value itself: it may be a secret."""
    by_name: dict[str, Any] = {str(info.alias): info for info in Settings.model_fields.values()}
    lines = []
    for problem in error.errors(include_input=False, include_url=False, include_context=False):
        name = str(problem["loc"][0])
        wrong = "is missing" if problem["type"] == "missing" else problem["msg"].removeprefix("Value error, ")
        info = by_name[name]
        lines.append(f"{name}: {wrong}. It is: {info.description}. Example: {info.examples[0]}")
    return lines


def _sign_in_problems(given: Mapping[str, str]) -> list[str]:
    """Entra sign-in where nothing stands in front of the app: there anybody could say to be an administrator.

    Source: App Service, "Environment variables and app settings reference": WEBSITE_AUTH_ENABLED is injected, cannot be
    set, and says whether App Service authentication is enabled.
    """
    if given.get("PHOTOSYNC_SIGN_IN") != SignIn.ENTRA or given.get("WEBSITE_AUTH_ENABLED", "").lower() == "true":
        return []
    problem = (
        "PHOTOSYNC_SIGN_IN=entra: needs App Service authentication in front of the app, and it is not on "
        "(WEBSITE_AUTH_ENABLED is not true), so anybody could pose as an administrator. Turn it on (Function App, "
        "Authentication), or set PHOTOSYNC_SIGN_IN=function_key"
    )
    return [problem]


def _credential_problems(given: Mapping[str, str]) -> list[str]:
    """What the chosen way of signing in still lacks."""
    problems = []
    if "PHOTOSYNC_CLIENT_SECRET" in given:
        problems.append(
            "PHOTOSYNC_CLIENT_SECRET: is not used. SharePoint refuses tokens got with a client secret; take a managed "
            "identity or a certificate, and remove the setting"
        )
    match given.get("PHOTOSYNC_CREDENTIAL"):
        case Credential.CERTIFICATE:
            needed = ["PHOTOSYNC_CLIENT_ID"]
            if ("PHOTOSYNC_CERTIFICATE" in given) == ("PHOTOSYNC_CERTIFICATE_FILE" in given):
                needed.append("exactly one of PHOTOSYNC_CERTIFICATE and PHOTOSYNC_CERTIFICATE_FILE")
        case Credential.FEDERATED:
            needed = ["PHOTOSYNC_CLIENT_ID", "PHOTOSYNC_MANAGED_IDENTITY_CLIENT_ID"]
        case _:
            needed = []
    if missing := [name for name in needed if name not in given]:
        problems.append(f"PHOTOSYNC_CREDENTIAL={given['PHOTOSYNC_CREDENTIAL']}: needs {' and '.join(missing)} as well")
    return problems
