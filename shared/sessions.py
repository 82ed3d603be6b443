"""Sessions of `requests` as the app uses them: shared by all threads, with connections enough for them."""

from http.cookiejar import DefaultCookiePolicy

import requests
from requests.adapters import HTTPAdapter


def pooled_session(connections: int) -> requests.Session:
    """A session for all threads of the process, which keeps up to so many connections to a host.

    It keeps no cookies, and knows of no `.netrc`: whoever calls says who they are, and `requests` would look for that
    file, and put what it finds there in place of our own header, before every request.
    """
    session = requests.Session()
    session.auth = _as_it_is
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=connections))
    return session


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Leave the request's headers alone."""
    return request
