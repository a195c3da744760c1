"""The people of Officine Faro who use the CRM."""

from __future__ import annotations

from typing import Final

from crm_core.demo.story import Colleague, Story
from crm_core.identity.user.commands import (
    ActivateUser,
    GrantRole,
    InviteUser,
    SetPassword,
)
from crm_core.identity.user.leaving import DeactivateUser

__all__ = ["ANNA", "CHIARA", "DAVIDE", "DAVIDE_LEAVES", "INGRID", "PAOLO", "TOMMASO", "XIAO",
           "tell_staff"]  # fmt: skip

ANNA: Final = Colleague("anna", "Anna Ferraris", "admin", "Torino")
CHIARA: Final = Colleague("chiara", "Chiara Bonetti", "sales", "Torino")
TOMMASO: Final = Colleague("tommaso", "Tommaso Adeyemi", "sales", "Torino")
DAVIDE: Final = Colleague("davide", "Davide Serra", "sales", "Lyon")
INGRID: Final = Colleague("ingrid", "Ingrid Solheim", "service", "Oslo")
XIAO: Final = Colleague("xiao", "林晓", "service", "Shanghai")
PAOLO: Final = Colleague("paolo", "Paolo Tedeschi", "auditor", "Torino")
NOOR: Final = Colleague("noor", "Noor El Amrani", "sales", "Lyon")

STAFF: Final = (ANNA, CHIARA, TOMMASO, DAVIDE, INGRID, XIAO, PAOLO)
DAVIDE_LEAVES: Final = 150.2  # Tommaso takes over what is open


def tell_staff(story: Story, password: str) -> None:
    """Everybody gets in on the first morning; Davide leaves, Noor is invited in his place."""
    for number, colleague in enumerate(STAFF):
        user_id = story.user_id(colleague)
        day = 0.01 * number
        manager_id = None if colleague is ANNA else story.user_id(ANNA)
        for command in (
            InviteUser(
                user_id=user_id,
                name=colleague.name,
                email=colleague.email,
                manager_id=manager_id,
                office=colleague.office,
            ),
            SetPassword(user_id=user_id, password=password),
            GrantRole(user_id=user_id, role=colleague.role),
            ActivateUser(user_id=user_id),
        ):
            story.tell(day, None, command)
    # In the evening, after his last visits and calls of the day have been handed over.
    story.tell(DAVIDE_LEAVES + 0.7, ANNA, DeactivateUser(user_id=story.user_id(DAVIDE)))
    story.tell(
        184.3,
        ANNA,
        InviteUser(
            user_id=story.user_id(NOOR),
            name=NOOR.name,
            email=NOOR.email,
            manager_id=story.user_id(ANNA),
            office=NOOR.office,
        ),
    )
    story.tell(184.31, ANNA, GrantRole(user_id=story.user_id(NOOR), role=NOOR.role))
