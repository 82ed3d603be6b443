"""The API's description, as a file: made once in a process, when somebody asks."""

import functools
import hashlib
import json

import azure.functions as func

from shared.front_door import DESCRIBED_BY, ROUTES
from shared.setting_values import SignIn


def give_description(sign_in: SignIn) -> func.HttpResponse:
    """The description (OpenAPI 3.1) of an app that lets people in this way."""
    content, version = _content(sign_in)
    headers = {
        "Cache-Control": "no-cache",
        "ETag": f'"{version}"',
        "X-Content-Type-Options": "nosniff",
        # It is public, and viewers of such descriptions run on other sites.
        "Access-Control-Allow-Origin": "*",
    }
    return func.HttpResponse(content, mimetype="application/json", charset="utf-8", headers=headers)


@functools.cache
def _content(sign_in: SignIn) -> tuple[bytes, str]:
    from shared.openapi import describe

    document = describe(ROUTES, [told() for told in DESCRIBED_BY], sign_in)
    content = json.dumps(document, ensure_ascii=False, indent=1).encode()
    return content, hashlib.sha256(content).hexdigest()[:12]
