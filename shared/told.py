"""Words that carry a sentence: the word goes into tables and logs, the sentence is for the administrator."""

from enum import StrEnum
from typing import Self


class Told(StrEnum):
    """An enum whose members are words with a sentence each: `MEMBER = "word", "What it means."`."""

    sentence: str

    def __new__(cls, word: str, sentence: str) -> Self:
        """A member is its word; the sentence hangs on it."""
        member = str.__new__(cls, word)
        member._value_ = word
        member.sentence = sentence
        return member
