"""The people of the demo tenant: made up, from many places, with the names that break careless software."""

from dataclasses import dataclass, replace
from typing import Literal

type Hair = Literal["short", "parted", "fringe", "long", "bob", "bun", "curls", "afro", "buzz", "bald", "waves", "tail"]
type Clothes = Literal["crew", "collar", "blazer", "hoodie", "roll", "vee"]
type Skin = Literal["porcelain", "rose", "sand", "honey", "olive", "almond", "umber", "ebony"]
type HairColour = Literal["black", "brown", "chestnut", "auburn", "ginger", "blond", "silver", "white", "plum"]
type Extra = Literal[
    "glasses", "round glasses", "beard", "stubble", "moustache", "earrings", "freckles", "scarf", "bow"
]


@dataclass(frozen=True)
class Look:
    """What makes a face this person's: `other_hair` is what the hairdresser does of it in the next photo."""

    skin: Skin
    hair: Hair
    colour: HairColour
    clothes: Clothes
    other_hair: Hair
    extras: frozenset[Extra] = frozenset()
    width: float = 1.0


@dataclass(frozen=True)
class Person:
    """Somebody in the demo tenant. `number` sets the colours; `local_part` is what stands before the @ of the UPN."""

    number: int
    given: str
    family: str
    local_part: str
    language: str
    script: str
    look: Look
    shown_as: str = ""

    @property
    def display_name(self) -> str:
        """The name as the tenant's directory shows it."""
        return self.shown_as or f"{self.given} {self.family}"


def people() -> list[Person]:
    """Two dozen people, always the same, in an order that puts different faces side by side.

    Among them: an apostrophe in the UPN (`siobhan.o'brien`), two UPNs that become one when `@` and `.` are replaced by
    `_` (`a.berg`, `a_berg`), a display name with `#` and `%`, family names first, and eight scripts.
    """
    return [replace(person, number=number) for number, person in enumerate(_PEOPLE)]


def _person(name: str, local_part: str, language: str, script: str, look: Look, *, shown_as: str = "") -> Person:
    given, family = name.split("|")
    return Person(0, given, family, local_part, language, script, look, shown_as)


def _look(
    skin: Skin, hair: Hair, colour: HairColour, clothes: Clothes, other: Hair, *extras: Extra, width: float = 1
) -> Look:
    return Look(skin, hair, colour, clothes, other, frozenset(extras), width)


_PEOPLE = (
    _person("Мария|Петрова", "maria.petrova", "bg", "Cyrillic", _look("rose", "long", "chestnut", "vee", "bun")),
    _person("Chidi|Okafor", "chidi.okafor", "ig", "Latin", _look("ebony", "buzz", "black", "collar", "short", "beard")),
    _person(
        "Siobhán|O'Brien",
        "siobhan.o'brien",
        "ga",
        "Latin",
        _look("porcelain", "waves", "ginger", "roll", "tail", "freckles", "earrings"),
    ),
    _person(
        "健|中村",
        "ken.nakamura",
        "ja",
        "Kanji",
        _look("sand", "parted", "black", "blazer", "short", "glasses", width=0.97),
        shown_as="中村 健",
    ),
    _person(
        "ليلى|حداد",
        "layla.haddad",
        "ar",
        "Arabic",
        _look("honey", "bald", "black", "crew", "bald", "scarf", width=0.96),
    ),
    _person(
        "Georg|Weiß",
        "georg.weiss",
        "de",
        "Latin",
        _look("rose", "short", "silver", "blazer", "parted", "moustache", "round glasses", width=1.05),
    ),
    _person(
        "Priya|Sharma",
        "priya.sharma",
        "hi",
        "Devanagari",
        _look("almond", "tail", "black", "collar", "long", "earrings"),
        shown_as="प्रिया शर्मा",
    ),
    _person("Anna|Berg", "a.berg", "sv", "Latin", _look("porcelain", "bob", "blond", "crew", "tail", width=0.97)),
    _person(
        "Georgi|Dimitrov",
        "georgi.dimitrov",
        "bg",
        "Cyrillic",
        _look("sand", "short", "brown", "hoodie", "curls", "beard"),
        shown_as="Георги Димитров",
    ),
    _person(
        "Minh Anh|Nguyễn",
        "minhanh.nguyen",
        "vi",
        "Latin",
        _look("sand", "long", "black", "vee", "bun", width=0.98),
        shown_as="Nguyễn Minh Anh",
    ),
    _person("Amara|Mensah", "amara.mensah", "ak", "Latin", _look("umber", "afro", "black", "crew", "bun", "earrings")),
    _person(
        "Łukasz|Wiśniewski",
        "lukasz.wisniewski",
        "pl",
        "Latin",
        _look("porcelain", "curls", "blond", "collar", "buzz", "stubble"),
    ),
    _person(
        "Ελένη|Παπαδοπούλου",
        "eleni.papadopoulou",
        "el",
        "Greek",
        _look("olive", "waves", "brown", "blazer", "bun", "round glasses"),
    ),
    _person(
        "José Ángel|García",
        "joseangel.garcia",
        "es",
        "Latin",
        _look("honey", "parted", "brown", "vee", "curls", "stubble", "moustache"),
    ),
    _person(
        "민준|김",
        "minjun.kim",
        "ko",
        "Hangul",
        _look("sand", "fringe", "brown", "hoodie", "parted", width=0.98),
        shown_as="김민준",
    ),
    _person(
        "Þóra|Jónsdóttir",
        "thora.jonsdottir",
        "is",
        "Latin",
        _look("porcelain", "long", "white", "roll", "bob", "glasses"),
    ),
    _person("Astrid|Berg", "a_berg", "sv", "Latin", _look("rose", "tail", "auburn", "hoodie", "long", "freckles")),
    _person(
        "Avi|Cohen",
        "avi.cohen",
        "he",
        "Hebrew",
        _look("olive", "bald", "brown", "collar", "buzz", "beard", "glasses"),
        shown_as="אבי כהן",
    ),
    _person(
        "Thomas|Baker",
        "thomas.baker",
        "en",
        "Latin",
        _look("rose", "short", "ginger", "crew", "parted", "beard", "freckles"),
        shown_as="Thomas Baker (Team #1, 50 %)",
    ),
    _person(
        "Олена|Шевченко",
        "olena.shevchenko",
        "uk",
        "Cyrillic",
        _look("rose", "bun", "blond", "vee", "fringe", "earrings", width=0.97),
    ),
    _person(
        "Lwazi|Dlamini",
        "lwazi.dlamini",
        "zu",
        "Latin",
        _look("umber", "curls", "black", "blazer", "buzz", "round glasses"),
    ),
    _person(
        "美咲|佐藤",
        "misaki.sato",
        "ja",
        "Kanji",
        _look("porcelain", "bob", "plum", "collar", "waves", "bow"),
        shown_as="佐藤 美咲",
    ),
    _person(
        "François|Lefèvre",
        "francois.lefevre",
        "fr",
        "Latin",
        _look("sand", "waves", "silver", "roll", "short", "moustache", width=1.03),
    ),
    _person(
        "Maximiliane|von Hohenstein-Wallersdorf",
        "maximiliane.von-hohenstein-wallersdorf",
        "de",
        "Latin",
        _look("honey", "bun", "auburn", "blazer", "long", "glasses", "earrings"),
    ),
)
