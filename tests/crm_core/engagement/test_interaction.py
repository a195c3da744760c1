"""An interaction's rules, as sentences."""

from __future__ import annotations

from uuid import UUID

import pytest

from crm_core.engagement.interaction import events as e
from crm_core.engagement.interaction.commands import (
    CorrectInteraction,
    LinkInteraction,
    LogEmail,
    LogInteraction,
    RedactInteraction,
    UnlinkInteraction,
    email_id,
)
from crm_core.engagement.interaction.events import InteractionLinkKind
from crm_core.engagement.interaction.interaction import LINKS_MAX, Interaction
from crm_core.kernel.events import REDACTED
from crm_core.testing import Scenario

CALL, ADA, BOB, DEAL, TICKET, ROSA = (UUID(int=n) for n in range(1, 7))
MESSAGE = "<CAF+1@mail.example.com>"

called = LogInteraction(
    interaction_id=CALL,
    customer_id=ADA,
    channel=e.InteractionChannel.CALL,
    direction=e.InteractionDirection.OUTBOUND,
    subject="Renewal",
    body="She will think about it",
    duration_seconds=300,
    outcome=e.CallOutcome.HELD,
    participant_ids=(ROSA, ROSA),
)


def mail(customer_id: UUID = ADA, **more: object) -> LogEmail:
    fields = {
        "message_id": MESSAGE,
        "customer_id": customer_id,
        "direction": e.InteractionDirection.INBOUND,
        "body": "Dear all",
    }
    return LogEmail(**{**fields, **more})  # type: ignore[arg-type]


def said(scenario: Scenario, interaction_id: UUID = CALL) -> Interaction:
    return scenario.record(Interaction, interaction_id)


def test_a_call_is_logged_with_its_outcome(scenario: Scenario) -> None:
    scenario.when(called)
    scenario.then(e.InteractionLogged, outcome=e.CallOutcome.HELD, participant_ids=(ROSA,))


def test_only_a_call_has_an_outcome(scenario: Scenario) -> None:
    note = LogInteraction(
        customer_id=ADA,
        channel=e.InteractionChannel.NOTE,
        direction=e.InteractionDirection.INTERNAL,
        outcome=e.CallOutcome.MISSED,
    )
    scenario.when(note).then_rejected("interaction.outcome_only_of_calls", channel="NOTE")
    mailed = CorrectInteraction(interaction_id=email_id(MESSAGE), outcome=e.CallOutcome.HELD)
    scenario.given(mail()).when(mailed)
    scenario.then_rejected("interaction.outcome_only_of_calls", channel="EMAIL")


def test_it_can_be_entered_after_it_took_place(scenario: Scenario) -> None:
    yesterday = scenario.clock.now()
    scenario.later(days=1).when(called, effective_at=yesterday)
    scenario.then(e.InteractionLogged, timestamp=yesterday)


# --- e-mails ----------------------------------------------------------------------------------


def test_a_mail_in_two_mailboxes_is_one_interaction(scenario: Scenario) -> None:
    scenario.when(mail()).then(e.InteractionLogged, channel=e.InteractionChannel.EMAIL)
    scenario.when(mail(body="Dear all (from the other mailbox)")).then_nothing()
    scenario.when(mail(message_id=" CAF+1@mail.example.com ")).then_nothing()
    assert said(scenario, email_id(MESSAGE)).content.body == "Dear all"


def test_a_mail_found_again_for_another_record_is_linked_to_it(scenario: Scenario) -> None:
    scenario.given(mail()).when(mail(BOB, ticket_id=TICKET))
    scenario.then(e.InteractionLinked, e.InteractionLinked, to_id=TICKET)
    scenario.when(mail(BOB)).then_nothing()


def test_the_command_of_a_mail_names_the_mail_as_its_target(scenario: Scenario) -> None:
    command = mail()
    scenario.given(command)
    assert said(scenario, command.target_id).customer_id == ADA
    scenario.when(mail(BOB), expected_version=7).then_rejected("ledger.version_conflict")


@pytest.mark.parametrize("message_id", ["", "<>", "two words", "<a@b>\n<c@d>"])
def test_a_message_id_is_one_word(scenario: Scenario, message_id: str) -> None:
    scenario.when(mail(message_id=message_id))
    scenario.then_rejected("command.invalid", path="message_id")


# --- correcting -------------------------------------------------------------------------------


def test_a_corrected_interaction_keeps_the_original(scenario: Scenario) -> None:
    corrected = CorrectInteraction(interaction_id=CALL, body="She signed", reason="mixed up")
    scenario.given(called).when(corrected)
    scenario.then(e.InteractionCorrected, subject="Renewal", body="She signed")
    assert said(scenario).content.body == "She signed"
    assert said(scenario).original.body == "She will think about it"


def test_correcting_what_is_right_records_nothing(scenario: Scenario) -> None:
    scenario.given(called)
    scenario.when(CorrectInteraction(interaction_id=CALL, duration_seconds=300)).then_nothing()


# --- links ------------------------------------------------------------------------------------


def test_it_is_on_the_timelines_of_what_it_is_linked_to(scenario: Scenario) -> None:
    to_deal = LinkInteraction(interaction_id=CALL, to=InteractionLinkKind.OPPORTUNITY, to_id=DEAL)
    off_deal = UnlinkInteraction(
        interaction_id=CALL, to=InteractionLinkKind.OPPORTUNITY, to_id=DEAL
    )
    scenario.given(called).when(off_deal).then_nothing()
    scenario.when(to_deal).then(e.InteractionLinked, to=InteractionLinkKind.OPPORTUNITY)
    scenario.when(to_deal).then_nothing()
    assert {link.to_id for link in said(scenario).links} == {ADA, DEAL}
    scenario.when(off_deal).then(e.InteractionUnlinked, to_id=DEAL)
    assert {link.to_id for link in said(scenario).links} == {ADA}


def test_it_stays_with_the_customer_it_took_place_with(scenario: Scenario) -> None:
    scenario.given(called)
    scenario.when(
        UnlinkInteraction(interaction_id=CALL, to=InteractionLinkKind.CUSTOMER, to_id=ADA)
    )
    scenario.then_rejected("interaction.customer_stays")


def test_links_have_a_limit(scenario: Scenario) -> None:
    def link(number: int) -> LinkInteraction:
        return LinkInteraction(
            interaction_id=CALL, to=InteractionLinkKind.TICKET, to_id=UUID(int=100 + number)
        )

    scenario.given(called, *(link(number) for number in range(LINKS_MAX - 1)))
    scenario.when(link(LINKS_MAX)).then_rejected("interaction.too_many_links", limit=LINKS_MAX)


# --- redacting --------------------------------------------------------------------------------


def test_a_redacted_interaction_keeps_its_facts_and_loses_its_words(scenario: Scenario) -> None:
    redacted = RedactInteraction(interaction_id=CALL, reason="written about the wrong person")
    scenario.given(called, CorrectInteraction(interaction_id=CALL, body="She signed"))
    scenario.when(redacted).then(e.InteractionRedacted)
    for content in (said(scenario).content, said(scenario).original):
        assert (content.subject, content.body) == (REDACTED, REDACTED)
        assert content.outcome is e.CallOutcome.HELD
    for command in (redacted, CorrectInteraction(interaction_id=CALL, body="again")):
        scenario.when(command).then_rejected("interaction.already_redacted")


def test_a_redacted_mail_does_not_come_back_from_another_mailbox(scenario: Scenario) -> None:
    redacted = RedactInteraction(interaction_id=email_id(MESSAGE), reason="private")
    scenario.given(mail(), redacted).when(mail()).then_nothing()
    assert said(scenario, email_id(MESSAGE)).content.body is REDACTED
