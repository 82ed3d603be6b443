"""The app's settings: environment variables, with `local.settings.json` behind them."""

import json
import re
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from local_run.functions_host.errors import StartFailed
from local_run.functions_host.storage_account import ConnectionString

_REFERENCE = re.compile("%([^%]+)%")


def load_local_settings(file: Path, environment: MutableMapping[str, str]) -> None:
    """Put the file's `Values` into the environment, where a name is not set already."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise StartFailed(f"The settings file {file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise StartFailed(f"The settings file {file} is not valid JSON: {error}.") from error
    if document.get("IsEncrypted"):
        raise StartFailed(f"The settings file {file} is encrypted; this host reads plain ones only.")
    values = document.get("Values", {})
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise StartFailed(f"In the settings file {file}, 'Values' must be an object of strings.")
    for name, value in values.items():
        environment.setdefault(name, value)


def substitute(text: str, environment: Mapping[str, str]) -> str:
    """Replace each `%NAME%` by the setting of that name; raises `StartFailed` for a name that is not set."""

    def value(match: re.Match[str]) -> str:
        found = environment.get(match[1])
        if found is None:
            raise StartFailed(f"'%{match[1]}%' does not resolve to a value: there is no setting {match[1]}.")
        return found

    return _REFERENCE.sub(value, text)


def connection_string(name: str, environment: Mapping[str, str]) -> ConnectionString:
    """The storage account behind a binding's `connection`; raises `StartFailed` saying what is missing."""
    setting = name or "AzureWebJobsStorage"
    for candidate in (f"AzureWebJobs{setting}", setting):
        if environment.get(candidate):
            try:
                return ConnectionString.parse(environment[candidate])
            except ValueError as error:
                raise StartFailed(f"The setting {candidate} is no storage connection string: {error}.") from error
    if any(known.startswith(f"{setting}__") for known in environment):
        raise StartFailed(
            f"The connection {setting} uses an identity; on this machine set {setting} to a connection string."
        )
    raise StartFailed(f"The setting {setting} is missing: it holds the storage connection string.")


def is_disabled(function: str, environment: Mapping[str, str]) -> bool:
    """Whether the setting `AzureWebJobs.<function>.Disabled` (or with underscores) takes a function out of service."""
    names = (f"AzureWebJobs.{function}.Disabled", f"AzureWebJobs_{function}_Disabled")
    return any(environment.get(name, "").lower() in {"true", "1"} for name in names)
