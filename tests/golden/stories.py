"""A small company whose life has every kind of event in it, on records of every kind.

A new event class gets a command here that records it; `make golden` then keeps its stored bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pyotp

from crm_core import Command, Money, exchange
from crm_core.access.rights import Scope
from crm_core.customers.customer import commands as customer
from crm_core.customers.customer import events as ce
from crm_core.engagement.interaction import commands as interaction
from crm_core.engagement.interaction import events as ie
from crm_core.engagement.task import commands as task
from crm_core.identity.api_key import commands as api_key
from crm_core.identity.role import commands as role
from crm_core.identity.role.commands import RoleRule
from crm_core.identity.second_factor import digest_of_code
from crm_core.identity.session import commands as session
from crm_core.identity.share import commands as share
from crm_core.identity.share.events import ShareLevel
from crm_core.identity.team import commands as team
from crm_core.identity.tenant import commands as tenant
from crm_core.identity.user import commands as user
from crm_core.identity.user import leaving, passkeys, sent_codes, sign_in
from crm_core.privacy.disclosure import commands as disclosure
from crm_core.privacy.disclosure.events import DisclosureKind
from crm_core.privacy.erasure import commands as erasure
from crm_core.privacy.erasure.events import StoreReceipt
from crm_core.privacy.retention import commands as retention
from crm_core.privacy.retention.events import RetentionAction
from crm_core.sales.opportunity import commands as deal
from crm_core.sales.opportunity import events as oe
from crm_core.sales.pipeline import commands as pipeline
from crm_core.sales.pipeline.events import ForecastCategory, GateField, Stage
from crm_core.sales.pipeline.standard import STANDARD_STAGES
from crm_core.sales.product import commands as product
from crm_core.service.ticket import commands as ticket
from crm_core.service.ticket import events as te

START = datetime(2026, 1, 5, 9, tzinfo=UTC)

ANNA, BEN = UUID(int=1), UUID(int=2)
ACME, HOLDING, ADA, ADAS_TWIN = (UUID(int=n) for n in range(11, 15))
EMAIL, PHONE, TWINS_EMAIL, ROLE, PLAN = (UUID(int=n) for n in range(21, 26))
FULL, LEAN, WIDGET = UUID(int=31), UUID(int=32), UUID(int=33)
WON, LOST, LINE, ORDER = UUID(int=41), UUID(int=42), UUID(int=43), UUID(int=44)
COMPLAINT, DOUBLE, SPAM = UUID(int=51), UUID(int=52), UUID(int=53)
CARA, EUROPE, ITALY = UUID(int=3), UUID(int=81), UUID(int=82)
SHARE, KEY, SESSION, PASSKEY = (UUID(int=n) for n in range(83, 87))
CALL, VISIT, CHORE = UUID(int=61), UUID(int=71), UUID(int=72)
STRANGER, FORGOTTEN, COPY, POLICY = (UUID(int=n) for n in range(91, 95))
BULK_OUT, BULK_FAILED, BULK_CANCELLED, ROWS = (UUID(int=n) for n in range(95, 99))


def euros(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


def everything() -> Iterator[Command]:
    """The commands in their order, one an hour; none of them is refused."""
    told = [
        *tenants(),
        *users(),
        *customers(),
        *pipelines(),
        *products(),
        *deals(),
        *tickets(),
        *interactions(),
        *tasks(),
        *teams_and_roles(),
        *erasures(),
        *bulk(),
        *departures(),
    ]
    yield from told
    yield from signing_in(len(told))


def moment_of(number: int) -> datetime:
    """When the command of this number happens; every third was entered half an hour late."""
    return START + timedelta(hours=number + 1, minutes=-30 if number % 3 == 0 else 0)


def tenants() -> Iterator[Command]:
    yield tenant.OnboardTenant(
        name="Officine",
        administrator_id=CARA,
        administrator_name="Cara",
        administrator_email="cara@example.com",
    )
    yield tenant.SuspendTenant(reason="unpaid")
    yield tenant.ResumeTenant()


def users() -> Iterator[Command]:
    yield user.InviteUser(user_id=ANNA, name="Anna Rossi", email="anna@example.com", office="Turin")
    yield user.ActivateUser(user_id=ANNA)
    yield user.SetPassword(user_id=ANNA, password="not a secret at all")
    yield user.GrantRole(user_id=ANNA, role="sales")
    yield user.GrantRole(user_id=ANNA, role="admin")
    yield user.RevokeRole(user_id=ANNA, role="admin")
    yield user.InviteUser(user_id=BEN, name="Ben", manager_id=ANNA)
    yield user.SuspendUser(user_id=BEN, reason="On leave")
    yield user.ActivateUser(user_id=BEN)


def departures() -> Iterator[Command]:
    yield leaving.DeactivateUser(user_id=BEN, successor_id=ANNA, ticket_queue="second-line")
    yield leaving.CompleteHandOver(user_id=BEN)


def customers() -> Iterator[Command]:
    yield customer.RegisterOrganization(customer_id=HOLDING, name="Holding")
    yield customer.RegisterOrganization(customer_id=ACME, name="Acme", source="fair")
    yield customer.SetOrganizationProfile(
        customer_id=ACME,
        sector="tooling",
        founded_year=1996,
        annual_revenue=euros("1100.04"),
        employees=2822,
        location="Kenya",
    )
    yield customer.SetParentOrganization(customer_id=ACME, parent_id=HOLDING)
    yield customer.RegisterPerson(customer_id=ADA, name="Ada", source="web")
    yield customer.RenameCustomer(customer_id=ADA, name="Ada Lovelace ✓")
    yield customer.AddContactPoint(
        customer_id=ADA,
        point_id=EMAIL,
        type=ce.ContactPointType.EMAIL,
        value="ada@example.com",
        label="work",
    )
    yield customer.AddContactPoint(
        customer_id=ADA, point_id=PHONE, type=ce.ContactPointType.PHONE, value="+390111234567"
    )
    yield customer.VerifyContactPoint(customer_id=ADA, point_id=EMAIL)
    yield customer.SetAddress(
        customer_id=ADA,
        address=ce.Address(
            lines=("Via Po 1", "Scala B"), city="Torino", postal_code="10124", country="IT"
        ),
    )
    yield customer.StartAffiliation(
        customer_id=ADA, affiliation_id=ROLE, organization_id=ACME, role="CTO", since=START
    )
    yield customer.EndAffiliation(
        customer_id=ADA, affiliation_id=ROLE, until=START + timedelta(hours=3)
    )
    yield customer.TagCustomer(customer_id=ADA, tag="vip")
    yield customer.TagCustomer(customer_id=ADA, tag="late")
    yield customer.UntagCustomer(customer_id=ADA, tag="late")
    yield customer.AssignCustomerOwner(customer_id=ADA, owner_id=ANNA)
    for channel in (ce.ConsentChannel.EMAIL, ce.ConsentChannel.POST):
        yield customer.GrantConsent(
            customer_id=ADA,
            channel=channel,
            purpose="news",
            basis=ce.ConsentBasis.CONSENT,
            evidence="form 7",
            expires_at=datetime(2030, 1, 1, tzinfo=UTC),
        )
    yield customer.WithdrawConsent(customer_id=ADA, channel=ce.ConsentChannel.POST, purpose="news")
    yield customer.ChangeLifecycle(customer_id=ADA, to=ce.Lifecycle.ACTIVE)
    yield customer.ChangeLifecycle(customer_id=ADA, to=ce.Lifecycle.CHURNED, reason="moved away")
    yield customer.LinkExternalId(customer_id=ADA, system="erp", external_id="4711")
    yield customer.LinkExternalId(customer_id=ADA, system="web", external_id="ada")
    yield customer.UnlinkExternalId(customer_id=ADA, system="web", external_id="ada")
    yield from merge()


def merge() -> Iterator[Command]:
    yield customer.RegisterPerson(customer_id=ADAS_TWIN, name="A. Lovelace")
    yield customer.AddContactPoint(
        customer_id=ADAS_TWIN,
        point_id=TWINS_EMAIL,
        type=ce.ContactPointType.EMAIL,
        value="a.lovelace@example.com",
    )
    yield customer.TagCustomer(customer_id=ADAS_TWIN, tag="eu")
    yield customer.LinkExternalId(customer_id=ADAS_TWIN, system="erp", external_id="4712")
    yield customer.MergeCustomers(customer_id=ADA, loser_ids=(ADAS_TWIN,), plan_id=PLAN)
    yield customer.MakeContactPointPrimary(customer_id=ADA, point_id=TWINS_EMAIL)
    yield customer.RevertMerge(customer_id=ADA, plan_id=PLAN)
    yield customer.RemoveContactPoint(customer_id=ADA, point_id=PHONE)
    yield customer.ArchiveCustomer(customer_id=ADA, reason="asked for it")
    yield customer.RestoreCustomer(customer_id=ADA)


def pipelines() -> Iterator[Command]:
    yield pipeline.DefinePipeline(pipeline_id=FULL, name="Sales", stages=STANDARD_STAGES)
    yield pipeline.AddStage(
        pipeline_id=FULL,
        stage=Stage(
            id="trial",
            name="Trial",
            probability=Decimal("62.5"),
            required_fields=(GateField.CUSTOMER,),
            allowed_next=("negotiation", "won"),
            rot_days=9,
        ),
        place=4,
    )
    yield pipeline.RenameStage(pipeline_id=FULL, stage_id="engaging", name="Talking")
    yield pipeline.SetStageProbability(
        pipeline_id=FULL, stage_id="engaging", probability=Decimal(30)
    )
    order = ("engaging", "prospecting", "proposal", "trial", "negotiation", "won", "lost")
    yield pipeline.ReorderStages(pipeline_id=FULL, stage_ids=order)
    yield pipeline.RetireStage(pipeline_id=FULL, stage_id="prospecting", map_to="engaging")
    only = Stage(id="only", name="Only", probability=Decimal(50))
    yield pipeline.DefinePipeline(pipeline_id=LEAN, name="Lean", stages=(only,))


def products() -> Iterator[Command]:
    yield product.AddProduct(
        product_id=WIDGET, name="Widget", code="W-1", series="W", list_price=euros("19.90")
    )
    yield product.SetProductPrice(product_id=WIDGET, list_price=euros("24"))
    yield product.RetireProduct(product_id=WIDGET)
    yield product.ReactivateProduct(product_id=WIDGET)


def deals() -> Iterator[Command]:
    yield deal.OpenOpportunity(
        opportunity_id=WON,
        name="Widgets for Acme",
        pipeline_id=FULL,
        currency="EUR",
        owner_id=ANNA,
        product_id=WIDGET,
        source="fair",
        amount=euros("1000"),
        close_date=date(2026, 3, 1),
    )
    on = {"opportunity_id": WON}
    yield deal.SetOpportunityCustomer(**on, customer_id=ACME)
    yield deal.SetAmount(**on, amount=euros("1200.50"))
    yield deal.SetCloseDate(**on, close_date=date(2026, 4, 1), reason="budget round")
    yield deal.OverrideProbability(**on, probability=Decimal("33.3"), reason="gut feeling")
    yield deal.ClearProbabilityOverride(**on)
    yield deal.SetForecastCategory(**on, forecast_category=ForecastCategory.COMMIT)
    yield deal.SetNextStep(**on, text="Call Ada", due_on=date(2026, 2, 1))
    yield deal.AddContactRole(**on, customer_id=ADA, role=oe.ContactRole.DECISION_MAKER)
    yield deal.AddContactRole(**on, customer_id=ADA, role=oe.ContactRole.USER)
    yield deal.RemoveContactRole(**on, customer_id=ADA, role=oe.ContactRole.USER)
    yield deal.AddCompetitor(**on, competitor="globex")
    yield deal.SetCompetitorStatus(**on, competitor="globex", status=oe.CompetitorStatus.ELIMINATED)
    yield deal.AssignOpportunityOwner(**on, owner_id=BEN)
    shares = ((ANNA, "66.67"), (BEN, "33.33"))
    yield deal.SetTeamSplits(
        **on, splits=tuple(oe.TeamSplit(user_id=u, percent=Decimal(p)) for u, p in shares)
    )
    yield deal.LinkOpportunityExternalId(**on, system="erp", external_id="D-1")
    yield deal.LinkOpportunityExternalId(**on, system="erp", external_id="D-2")
    yield deal.UnlinkOpportunityExternalId(**on, system="erp", external_id="D-2")
    yield deal.AddLine(
        **on,
        line_id=LINE,
        product_id=WIDGET,
        quantity=Decimal("12.5"),
        discount_percent=Decimal(5),
        tax_code="it.22",
    )
    yield deal.ChangeLine(**on, line_id=LINE, quantity=Decimal(10))
    yield deal.AddLine(**on, line_id=ORDER, product_id=WIDGET, quantity=Decimal(1))
    yield deal.RemoveLine(**on, line_id=ORDER)
    yield deal.MoveStage(**on, stage_id="negotiation", reason="offer accepted")
    yield deal.HoldOpportunity(**on, until=date(2026, 2, 15))
    yield deal.ResumeOpportunity(**on)
    yield deal.WinOpportunity(**on, order_id=ORDER)
    yield from lost_deal()


def lost_deal() -> Iterator[Command]:
    on = {"opportunity_id": LOST}
    yield deal.OpenOpportunity(
        **on, name="Widgets for Ada", customer_id=ADA, pipeline_id=FULL, currency="JPY",
        owner_id=ANNA,
    )  # fmt: skip
    yield deal.LoseOpportunity(**on, reason_code="price", competitor="globex")
    yield deal.ReopenOpportunity(**on, reason="they called back")
    yield deal.TransferPipeline(
        **on,
        pipeline_id=LEAN,
        stage_map=(deal.StageMapping(from_stage="engaging", to_stage="only"),),
    )
    yield deal.ArchiveOpportunity(**on, reason="entered twice")
    yield pipeline.RetirePipeline(pipeline_id=LEAN)


def tickets() -> Iterator[Command]:
    yield ticket.OpenTicket(
        ticket_id=COMPLAINT,
        subject="Is it on? 日本語",
        channel=te.TicketChannel.EMAIL,
        customer_id=ADA,
        product="W-1",
    )
    on = {"ticket_id": COMPLAINT}
    yield ticket.LinkTicketExternalId(**on, system="helpdesk", external_id="T-1")
    yield ticket.QueueTicket(**on, queue="first")
    yield ticket.AssignTicket(**on, assignee_id=BEN)
    yield ticket.SetTicketPriority(**on, priority=te.TicketPriority.HIGH)
    yield ticket.SetTicketType(**on, type=te.TicketType.COMPLAINT)
    yield ticket.CommentOnTicket(
        **on,
        visibility=te.CommentVisibility.PUBLIC,
        author_kind=te.CommentAuthorKind.AGENT,
        body="Have you tried turning it on?",
    )
    yield ticket.LogTicketActivity(**on, activity="forwarded", resource="Ben", detail="by fax")
    yield ticket.AwaitCustomer(**on)
    yield ticket.HoldTicket(**on, reason="spare part ordered")
    yield ticket.ResumeTicket(**on)
    yield ticket.EscalateTicket(**on, level=2, cause="overdue")
    yield ticket.AcknowledgeComplaint(**on)
    yield ticket.SetRootCause(**on, root_cause="wiring", detail="red on blue")
    yield ticket.OfferRemedy(**on, type=te.RemedyType.VOUCHER, money=euros("20"))
    yield ticket.AcceptRemedy(**on)
    yield ticket.OpenTicket(ticket_id=DOUBLE, subject="On?", channel=te.TicketChannel.PHONE)
    yield ticket.LinkTicketExternalId(ticket_id=DOUBLE, system="helpdesk", external_id="T-2")
    yield ticket.AssignTicket(ticket_id=DOUBLE, assignee_id=BEN)
    yield ticket.MergeTickets(ticket_id=COMPLAINT, loser_ids=(DOUBLE,))
    yield ticket.ResolveTicket(**on, code="fixed", summary="It is on.")
    yield ticket.RequestCsat(**on)
    yield ticket.RecordCsat(**on, score=4, comment="Took a while")
    yield ticket.CloseTicket(**on)
    yield ticket.ReopenTicket(**on, reason="It is off again")
    yield ticket.OpenTicket(ticket_id=SPAM, subject="Win!", channel=te.TicketChannel.WEB)
    yield ticket.RejectTicket(ticket_id=SPAM, reason="spam")


def interactions() -> Iterator[Command]:
    on = {"interaction_id": CALL}
    yield interaction.LogInteraction(
        **on,
        customer_id=ADA,
        channel=ie.InteractionChannel.CALL,
        direction=ie.InteractionDirection.INBOUND,
        subject="The switch",
        body="It is on now.",
        duration_seconds=90,
        outcome=ie.CallOutcome.HELD,
        participant_ids=(BEN,),
    )
    yield interaction.CorrectInteraction(**on, body="It is off now.", reason="misheard")
    yield interaction.LinkInteraction(**on, to=ie.InteractionLinkKind.TICKET, to_id=COMPLAINT)
    yield interaction.LinkInteraction(**on, to=ie.InteractionLinkKind.OPPORTUNITY, to_id=WON)
    yield interaction.UnlinkInteraction(**on, to=ie.InteractionLinkKind.OPPORTUNITY, to_id=WON)
    yield interaction.RedactInteraction(**on, reason="said in confidence")


def tasks() -> Iterator[Command]:
    due = datetime(2026, 2, 1, 8, tzinfo=UTC)
    on = {"task_id": VISIT}
    yield task.CreateTask(
        **on,
        title="Visit Ada",
        due_at=due,
        assignee_id=ANNA,
        customer_id=ADA,
        ticket_id=COMPLAINT,
        remind_before_minutes=(60, 1440),
    )
    yield task.AssignTask(**on, assignee_id=BEN)
    yield task.DeferTask(**on, until=due)
    yield task.StartTask(**on)
    yield task.RescheduleTask(**on, due_at=due + timedelta(days=1), reason="snow")
    yield task.CompleteTask(**on, outcome="Tea was had.")
    yield task.CreateTask(task_id=CHORE, title="Tidy up", due_at=due, assignee_id=ANNA)
    yield task.CancelTask(task_id=CHORE, reason="done by others")


def teams_and_roles() -> Iterator[Command]:
    yield team.CreateTeam(team_id=EUROPE, name="Europe")
    yield team.CreateTeam(team_id=ITALY, name="Italia")
    yield team.RenameTeam(team_id=ITALY, name="Italy")
    yield team.MoveTeam(team_id=ITALY, parent_id=EUROPE)
    yield team.AddTeamMember(team_id=ITALY, user_id=ANNA)
    yield team.RemoveTeamMember(team_id=ITALY, user_id=ANNA)
    yield team.AddTeamMember(team_id=ITALY, user_id=CARA)
    yield team.DissolveTeam(team_id=ITALY)
    own = RoleRule(kind="customer", actions=("read", "tag"), scope=Scope.OWN)
    yield role.DefineRole(name="field", rules=(own,))
    wider = RoleRule(
        kind="customer", actions=("read",), scope=Scope.TEAM_TREE, withheld=("contact", "revenue")
    )
    yield role.DefineRole(name="field", rules=(own, wider))
    yield role.RetireRole(name="field")
    yield share.GrantShare(
        share_id=SHARE,
        record_id=ADA,
        principal_id=ANNA,
        level=ShareLevel.WRITE,
        until=datetime(2027, 1, 1, tzinfo=UTC),
    )
    yield share.RevokeShare(share_id=SHARE)
    yield api_key.IssueApiKey(
        key_id=KEY,
        name="Nightly",
        user_id=CARA,
        digest="0" * 64,
        scopes=("customer.read", "*.audit"),
        expires_at=datetime(2026, 12, 31, tzinfo=UTC),
    )
    yield api_key.RevokeApiKey(key_id=KEY)
    over = datetime(2026, 3, 1, tzinfo=UTC)
    on = {"session_id": SESSION}
    yield session.OpenSession(
        **on, user_id=CARA, digest="1" * 64, expires_at=over, impersonated_id=ANNA, is_strong=True
    )
    yield session.RotateSession(**on, presented="1" * 64, digest="2" * 64)
    yield session.EndSession(**on)


def signing_in(first: int) -> Iterator[Command]:
    """A second factor from its setting up to its removal; the commands' numbers begin at this."""
    secret, recovery = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "a recovery code"
    yield user.EnrolTotp(user_id=CARA, secret=secret)
    code = pyotp.TOTP(secret).at(moment_of(first + 1))
    yield user.ConfirmTotp(
        user_id=CARA, code=code, recovery_digests=(digest_of_code(recovery), "3" * 64)
    )
    yield user.UseCode(user_id=CARA, code=pyotp.TOTP(secret).at(moment_of(first + 2)))
    yield user.UseCode(user_id=CARA, code=recovery)
    yield user.NoteFailedSignIn(user_id=CARA, factor="password")
    yield user.NoteSignInLocked(user_id=CARA, seconds=60)
    yield user.RemoveTotp(user_id=CARA)
    yield sent_codes.NoteCodeSent(user_id=CARA, purpose="TURN_ON")
    yield sent_codes.TurnOnSentCodes(user_id=CARA)
    yield sent_codes.UseSentCode(user_id=CARA)
    yield sent_codes.TurnOffSentCodes(user_id=CARA)
    yield passkeys.RegisterPasskey(
        user_id=CARA, passkey_id=PASSKEY, credential_id="AQID", public_key="pQECAyYg",
        sign_count=0, transports=("internal", "hybrid"), label="laptop",
    )  # fmt: skip
    yield passkeys.UsePasskey(user_id=CARA, passkey_id=PASSKEY, sign_count=1)
    yield passkeys.RemovePasskey(user_id=CARA, passkey_id=PASSKEY)
    issuer = "https://accounts.example.com"
    yield sign_in.LinkIdentity(user_id=CARA, issuer=issuer, subject="248289761001")
    yield sign_in.UnlinkIdentity(user_id=CARA, issuer=issuer)


def bulk() -> Iterator[Command]:
    """Files out and in, and the four ways in which that ends."""
    yield exchange.RunBulkExport(
        bulk_operation_id=BULK_OUT,
        query='{ customers(where: {email: {eq: "ada@example.com"}}) { nodes { id } } }',
        variables="{}",
    )
    on = {"bulk_operation_id": BULK_OUT, "worker_id": ROWS}
    yield exchange.TakeBulkOperation(**on, seconds=120)
    yield exchange.NoteBulkProgress(**on, rows=1_000, refused=0)
    yield exchange.CompleteBulkOperation(bulk_operation_id=BULK_OUT, rows=1_001, refused=0)
    for operation_id in (BULK_FAILED, BULK_CANCELLED):
        yield exchange.RunBulkImport(
            bulk_operation_id=operation_id,
            upload_id=ROWS,
            mutation="customerRegisterPerson",
            format=exchange.BulkFormat.CSV,
            mapping=(exchange.MappedColumn("Full name", "name"),),
            error_policy=exchange.ErrorPolicy.STOP,
        )
    yield exchange.FailBulkOperation(bulk_operation_id=BULK_FAILED, code="bulk.row_refused")
    yield exchange.CancelBulkOperation(bulk_operation_id=BULK_CANCELLED)


def erasures() -> Iterator[Command]:
    """The key goes with the first command, which has that recorded by itself."""
    yield customer.RegisterPerson(customer_id=STRANGER, name="Somebody", source="fair")
    yield customer.EraseCustomer(customer_id=STRANGER, erasure_id=FORGOTTEN)
    receipt = StoreReceipt(store="keys", count=1, note="keys destroyed")
    yield erasure.CompleteErasure(erasure_id=FORGOTTEN, receipts=(receipt,))
    yield disclosure.RecordDisclosure(
        disclosure_id=COPY, kind=DisclosureKind.SUBJECT_ACCESS, subject_id=ADA, up_to=7
    )
    yield disclosure.RecordDisclosureDestroyed(disclosure_id=COPY)
    yield retention.SetRetention(retention_id=POLICY, idle_days=730, action=RetentionAction.ERASE)
    yield retention.RecordRetentionApplied(retention_id=POLICY, record_ids=(ADA,))
    yield retention.LiftRetention(retention_id=POLICY)
