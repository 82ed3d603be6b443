"""What a route may ask of its caller."""

from enum import StrEnum


class Needs(StrEnum):
    """What a route asks of those who call it."""

    NOTHING = "nothing"
    """Anyone may call it: Graph, which proves itself otherwise, and the page without its data."""
    LOOK = "look"
    ACT = "act"
