"""The one error that ends the host before it serves."""


class StartFailed(Exception):  # noqa: N818 - it reads as the sentence it is printed in
    """The app cannot be served; the text says why and, where there is one, the remedy."""
