"""HTTP requests as the worker takes them, and its answers as HTTP."""

from collections.abc import Mapping
from email.utils import formatdate
from http.cookies import SimpleCookie

from starlette.requests import Request
from starlette.responses import Response

from local_run.functions_host.protos import RpcHttp, RpcHttpCookie, TypedData
from local_run.functions_host.worker import Outcome

_SAME_SITE = {
    RpcHttpCookie.SameSite.Lax: "Lax",
    RpcHttpCookie.SameSite.Strict: "Strict",
    RpcHttpCookie.SameSite.ExplicitNone: "None",
}


async def to_worker(request: Request, route_values: Mapping[str, str]) -> TypedData:
    """The request in the worker's words. Several values of one name are joined by commas, empty ones left out."""
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    query: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        query[name] = f"{query[name]},{value}" if name in query else value
    return TypedData(
        http=RpcHttp(
            method=request.method,
            url=str(request.url),
            headers=headers,
            query={name: value for name, value in query.items() if value},
            params=dict(route_values),
            body=TypedData(bytes=await request.body()),
        )
    )


def from_worker(outcome: Outcome) -> Response:
    """The answer to a request: 500 without a body when the function failed."""
    if not outcome.ok:
        return Response(status_code=500)
    returned = outcome.returned
    kind = returned.WhichOneof("data") if returned else None
    if returned is None or kind is None:
        return Response(status_code=204)
    if kind == "http":
        return _answer(returned.http)
    media = {"bytes": "application/octet-stream", "json": "application/json; charset=utf-8"}
    value = getattr(returned, kind)
    content = value if isinstance(value, bytes) else str(value)
    return Response(content, media_type=media.get(kind, "text/plain; charset=utf-8"))


def _answer(http: RpcHttp) -> Response:
    body = http.body.bytes or b""
    response = Response(body, status_code=int(http.status_code))
    for name, value in (http.headers or {}).items():
        if name.lower() != "content-length":  # the length of what is sent, not of what was meant
            response.headers[name] = value
    for cookie in http.cookies or []:
        response.headers.append("set-cookie", _set_cookie(cookie))
    return response


def _set_cookie(cookie: RpcHttpCookie) -> str:
    jar: SimpleCookie = SimpleCookie()
    jar[cookie.name] = cookie.value
    morsel = jar[cookie.name]
    for attribute, field in (("domain", cookie.domain), ("path", cookie.path)):
        if field is not None:
            morsel[attribute] = field.value
    if cookie.expires is not None:
        morsel["expires"] = formatdate(cookie.expires.value.seconds, usegmt=True)
    if cookie.max_age is not None:
        morsel["max-age"] = int(cookie.max_age.value)
    if cookie.secure is not None and cookie.secure.value:
        morsel["secure"] = True
    if cookie.http_only is not None and cookie.http_only.value:
        morsel["httponly"] = True
    if cookie.same_site in _SAME_SITE:
        morsel["samesite"] = _SAME_SITE[cookie.same_site]
    return morsel.OutputString()
