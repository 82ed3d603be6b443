"""A few people for a tenant that would be empty otherwise: the first of the demo's, one of them without a photo."""

from local_run.people import Person, people
from local_run.portraits import draw
from simulated_tenant.client import Control

PEOPLE: list[Person] = people()[:6]


def upn(person: Person) -> str:
    """The user principal name in the local tenant."""
    return f"{person.local_part}@contoso.com"


def seed(control: Control) -> list[str]:
    """Add the people, all but the last with a photo; returns their object ids."""
    return [
        control.add_user(
            upn(person), draw(person) if person is not PEOPLE[-1] else None, displayName=person.display_name
        )
        for person in PEOPLE
    ]
