"""Bodies of the administrator's requests: validated, and explained when they are wrong."""

import azure.functions as func
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from shared.problem import problem


class RequestBody(BaseModel):
    """What such bodies have in common: names in camel case, nothing unknown, nothing converted."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", strict=True)


def read_body[Body: RequestBody](kind: type[Body], body: bytes, *, path: str, example: str) -> Body | func.HttpResponse:
    """The body (an empty one counts as {}); when it is not what `path` takes, the problem that names each mistake."""
    try:
        return kind.model_validate_json(body.strip() or b"{}")
    except ValidationError as error:
        wrong = [
            {
                "at": "/".join(str(part) for part in item["loc"]) or "body",
                "wrong": item["msg"].removeprefix("Value error, "),
            }
            for item in error.errors(include_url=False, include_input=False, include_context=False)[:20]
        ]
        return problem(400, "bad-request", f"The body is not what {path} takes.", f"Example: {example}", errors=wrong)
