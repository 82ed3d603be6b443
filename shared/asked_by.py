"""Who asked for something, as runs record it. Pure."""

from collections.abc import Mapping

PAGE_HEADER = "x-photosync-page"
"""Set by the page's script, in lower case; no form and no link of another site can set it."""


def asked_by(headers: Mapping[str, str]) -> str:
    """In words. A function key names nobody, so more cannot be known of who holds one."""
    on_the_page = any(name.lower() == PAGE_HEADER and value for name, value in headers.items())
    return "function key, on the page" if on_the_page else "function key"
