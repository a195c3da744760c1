"""What the API answers. Made from schema.graphql by `make client`."""

from __future__ import annotations

__all__ = [
    "ActorKind",
    "ApiKeyOrderField",
    "AuditOrderField",
    "BulkFormat",
    "BulkKind",
    "BulkOperationOrderField",
    "BulkStatus",
    "CallOutcome",
    "CommentAuthorKind",
    "CommentVisibility",
    "CompetitorStatus",
    "ConsentBasis",
    "ConsentChannel",
    "ContactPointType",
    "ContactRole",
    "CustomerKind",
    "CustomerOrderField",
    "CustomerStatus",
    "DisclosureKind",
    "ErasureStatus",
    "ErrorPolicy",
    "ForecastCategory",
    "GateField",
    "InteractionChannel",
    "InteractionDirection",
    "InteractionLinkKind",
    "InteractionVisibility",
    "Lifecycle",
    "OpportunityOrderField",
    "OpportunityStatus",
    "OrderDirection",
    "PipelineChange",
    "ProductOrderField",
    "ReadMode",
    "RemedyType",
    "RetentionAction",
    "RetentionKind",
    "RoleOrderField",
    "SalesGroup",
    "Scope",
    "SessionEnd",
    "ShareLevel",
    "ShareOrderField",
    "StageClass",
    "TaskOrderField",
    "TaskStatus",
    "TeamOrderField",
    "TicketChannel",
    "TicketGroup",
    "TicketMeasure",
    "TicketOrderField",
    "TicketPriority",
    "TicketStatus",
    "TicketType",
    "UserOrderField",
    "UserStatus",
    "AccessRule",
    "Actor",
    "Address",
    "Affiliation",
    "ApiKey",
    "AuditCheckpoint",
    "AuditConsistency",
    "AuditEntry",
    "AuditProof",
    "BreachScope",
    "BuiltInRole",
    "BulkOperation",
    "Consent",
    "ContactPoint",
    "Customer",
    "Disclosure",
    "Erasure",
    "ErasureReceipt",
    "EventRecord",
    "ExplainedCommand",
    "ExplainedEvent",
    "Explanation",
    "ExternalId",
    "FieldChange",
    "HandOver",
    "Interaction",
    "InteractionLink",
    "LabelledAddress",
    "Membership",
    "Money",
    "Opportunity",
    "OpportunityContact",
    "OpportunityLine",
    "OwnedRecords",
    "Pipeline",
    "PipelineAgeingReport",
    "PipelineAgeingRow",
    "PipelineDiffReport",
    "PipelineDiffRow",
    "Product",
    "ProjectionSkip",
    "ProjectionStatus",
    "ProjectionsStatus",
    "RateLimit",
    "Reach",
    "ReadModeChange",
    "RebuildProgress",
    "RecordDiff",
    "Retention",
    "Role",
    "SalesFiguresReport",
    "SalesFiguresRow",
    "SalesForecastReport",
    "SalesForecastRow",
    "SalesFunnelReport",
    "SalesFunnelRow",
    "SalesOutcomesReport",
    "SalesOutcomesRow",
    "SalesPipelineReport",
    "SalesPipelineRow",
    "Session",
    "Share",
    "Stage",
    "StageTimeReport",
    "StageTimeRow",
    "Task",
    "Team",
    "Ticket",
    "TicketBacklogReport",
    "TicketBacklogRow",
    "TicketDurationReport",
    "TicketDurationRow",
    "TicketReopeningReport",
    "TicketReopeningRow",
    "TicketVolumeReport",
    "TicketVolumeRow",
    "TimelineEntry",
    "User",
]

from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

import msgspec

from crm_client.asking import Link
from crm_client.open_enum import OpenEnum


class ActorKind(OpenEnum):
    """ActorKind."""

    USER = "USER"
    API_KEY = "API_KEY"
    RULE = "RULE"
    IMPORT = "IMPORT"
    INTEGRATION = "INTEGRATION"
    SYSTEM = "SYSTEM"


class ApiKeyOrderField(OpenEnum):
    """What API keys can be ordered by."""

    NAME = "NAME"
    CREATED_AT = "CREATED_AT"
    EXPIRES_AT = "EXPIRES_AT"


class AuditOrderField(OpenEnum):
    """What entries of the audit trail can be ordered by."""

    POSITION = "POSITION"
    HAPPENED_AT = "HAPPENED_AT"


class BulkFormat(OpenEnum):
    """BulkFormat."""

    JSONL = "JSONL"
    CSV = "CSV"
    PARQUET = "PARQUET"


class BulkKind(OpenEnum):
    """BulkKind."""

    EXPORT = "EXPORT"
    IMPORT = "IMPORT"


class BulkOperationOrderField(OpenEnum):
    """What bulk operations can be ordered by."""

    CREATED_AT = "CREATED_AT"
    ENDED_AT = "ENDED_AT"


class BulkStatus(OpenEnum):
    """BulkStatus."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class CallOutcome(OpenEnum):
    """CallOutcome."""

    HELD = "HELD"
    NOT_HELD = "NOT_HELD"
    MISSED = "MISSED"


class CommentAuthorKind(OpenEnum):
    """CommentAuthorKind."""

    AGENT = "AGENT"
    CUSTOMER = "CUSTOMER"


class CommentVisibility(OpenEnum):
    """PUBLIC: the customer sees it. INTERNAL: only those who work on the ticket."""

    PUBLIC = "PUBLIC"
    INTERNAL = "INTERNAL"


class CompetitorStatus(OpenEnum):
    """CompetitorStatus."""

    ACTIVE = "ACTIVE"
    LEADING = "LEADING"
    ELIMINATED = "ELIMINATED"
    WON = "WON"


class ConsentBasis(OpenEnum):
    """GDPR article 6(1), as far as a customer relation uses it."""

    CONSENT = "CONSENT"
    CONTRACT = "CONTRACT"
    LEGITIMATE_INTEREST = "LEGITIMATE_INTEREST"


class ConsentChannel(OpenEnum):
    """ConsentChannel."""

    EMAIL = "EMAIL"
    PHONE = "PHONE"
    SMS = "SMS"
    POST = "POST"


class ContactPointType(OpenEnum):
    """ContactPointType."""

    EMAIL = "EMAIL"
    PHONE = "PHONE"
    WEBSITE = "WEBSITE"


class ContactRole(OpenEnum):
    """What a person has to say in the customer's decision."""

    DECISION_MAKER = "DECISION_MAKER"
    EVALUATOR = "EVALUATOR"
    INFLUENCER = "INFLUENCER"
    USER = "USER"
    OTHER = "OTHER"


class CustomerKind(OpenEnum):
    """CustomerKind."""

    ORGANIZATION = "ORGANIZATION"
    PERSON = "PERSON"


class CustomerOrderField(OpenEnum):
    """What customers can be ordered by."""

    NAME = "NAME"
    CREATED_AT = "CREATED_AT"
    UPDATED_AT = "UPDATED_AT"
    LIFECYCLE = "LIFECYCLE"
    ANNUAL_REVENUE = "ANNUAL_REVENUE"
    EMPLOYEES = "EMPLOYEES"


class CustomerStatus(OpenEnum):
    """CustomerStatus."""

    ACTIVE = "ACTIVE"
    ARCHIVED = "ARCHIVED"
    MERGED = "MERGED"
    ERASED = "ERASED"


class DisclosureKind(OpenEnum):
    """DisclosureKind."""

    SUBJECT_ACCESS = "SUBJECT_ACCESS"
    LEDGER_EXPORT = "LEDGER_EXPORT"
    KEY_COPY = "KEY_COPY"
    BULK_EXPORT = "BULK_EXPORT"
    CASE_FILE = "CASE_FILE"


class ErasureStatus(OpenEnum):
    """ErasureStatus."""

    REQUESTED = "REQUESTED"
    KEYS_DESTROYED = "KEYS_DESTROYED"
    COMPLETED = "COMPLETED"


class ErrorPolicy(OpenEnum):
    """ErrorPolicy."""

    CONTINUE = "CONTINUE"
    STOP = "STOP"


class ForecastCategory(OpenEnum):
    """ForecastCategory."""

    PIPELINE = "PIPELINE"
    BEST_CASE = "BEST_CASE"
    COMMIT = "COMMIT"
    CLOSED = "CLOSED"
    OMITTED = "OMITTED"


class GateField(OpenEnum):
    """What a stage can ask to be known of an opportunity before it enters."""

    AMOUNT = "AMOUNT"
    CLOSE_DATE = "CLOSE_DATE"
    CUSTOMER = "CUSTOMER"
    NEXT_STEP = "NEXT_STEP"
    LINES = "LINES"
    DECISION_MAKER = "DECISION_MAKER"


class InteractionChannel(OpenEnum):
    """InteractionChannel."""

    EMAIL = "EMAIL"
    CALL = "CALL"
    CHAT = "CHAT"
    MEETING = "MEETING"
    SMS = "SMS"
    VISIT = "VISIT"
    NOTE = "NOTE"


class InteractionDirection(OpenEnum):
    """Seen from us: INBOUND came from the customer, INTERNAL stayed among ourselves."""

    INBOUND = "INBOUND"
    OUTBOUND = "OUTBOUND"
    INTERNAL = "INTERNAL"


class InteractionLinkKind(OpenEnum):
    """InteractionLinkKind."""

    CUSTOMER = "CUSTOMER"
    OPPORTUNITY = "OPPORTUNITY"
    TICKET = "TICKET"


class InteractionVisibility(OpenEnum):
    """For whom its words are: who took part, their teams too, or whoever sees the customer."""

    PARTICIPANTS = "PARTICIPANTS"
    TEAM = "TEAM"
    RECORD = "RECORD"


class Lifecycle(OpenEnum):
    """Lifecycle."""

    PROSPECT = "PROSPECT"
    ACTIVE = "ACTIVE"
    DORMANT = "DORMANT"
    CHURNED = "CHURNED"


class OpportunityOrderField(OpenEnum):
    """What opportunities can be ordered by."""

    NAME = "NAME"
    AMOUNT = "AMOUNT"
    PROBABILITY = "PROBABILITY"
    CLOSE_DATE = "CLOSE_DATE"
    OPENED_AT = "OPENED_AT"
    CLOSED_AT = "CLOSED_AT"
    STAGE_ENTERED_AT = "STAGE_ENTERED_AT"
    CREATED_AT = "CREATED_AT"
    UPDATED_AT = "UPDATED_AT"


class OpportunityStatus(OpenEnum):
    """OpportunityStatus."""

    OPEN = "OPEN"
    ON_HOLD = "ON_HOLD"
    WON = "WON"
    LOST = "LOST"
    ARCHIVED = "ARCHIVED"


class OrderDirection(OpenEnum):
    """Which end of an order comes first. Empty values are always last."""

    ASC = "ASC"
    DESC = "DESC"


class PipelineChange(OpenEnum):
    """What changes an open pipeline, in the order of the waterfall."""

    START = "START"
    RESTATED = "RESTATED"
    NEW = "NEW"
    REOPENED = "REOPENED"
    TRANSFERRED = "TRANSFERRED"
    REPRICED = "REPRICED"
    MOVED = "MOVED"
    REESTIMATED = "REESTIMATED"
    SLIPPED = "SLIPPED"
    ADVANCED = "ADVANCED"
    WON = "WON"
    LOST = "LOST"
    ARCHIVED = "ARCHIVED"
    END = "END"


class ProductOrderField(OpenEnum):
    """What products can be ordered by."""

    CODE = "CODE"
    NAME = "NAME"
    LIST_PRICE = "LIST_PRICE"
    CREATED_AT = "CREATED_AT"


class ReadMode(OpenEnum):
    """What is recorded."""

    OFF = "OFF"
    MATTERS = "MATTERS"
    ALL = "ALL"


class RemedyType(OpenEnum):
    """RemedyType."""

    APOLOGY = "APOLOGY"
    REPAIR = "REPAIR"
    REPLACEMENT = "REPLACEMENT"
    REFUND = "REFUND"
    CREDIT = "CREDIT"
    VOUCHER = "VOUCHER"
    OTHER = "OTHER"


class RetentionAction(OpenEnum):
    """ARCHIVE is for customers; whatever a policy is for can be erased."""

    ARCHIVE = "ARCHIVE"
    ERASE = "ERASE"


class RetentionKind(OpenEnum):
    """What a policy is for: customers; tickets, tasks and opportunities that are about no customer, once they are over; users, once they are deactivated."""

    CUSTOMER = "CUSTOMER"
    TICKET = "TICKET"
    TASK = "TASK"
    OPPORTUNITY = "OPPORTUNITY"
    USER = "USER"


class RoleOrderField(OpenEnum):
    """What roles can be ordered by."""

    NAME = "NAME"
    CREATED_AT = "CREATED_AT"


class SalesGroup(OpenEnum):
    """By what a report is grouped: what an opportunity has as of then, or a stretch of time."""

    ALL = "ALL"
    OWNER = "OWNER"
    TEAM = "TEAM"
    PIPELINE = "PIPELINE"
    PRODUCT = "PRODUCT"
    SOURCE = "SOURCE"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    QUARTER = "QUARTER"


class Scope(OpenEnum):
    """Whose records a rule is about. Each of the first three includes those before it."""

    OWN = "OWN"
    TEAM = "TEAM"
    TEAM_TREE = "TEAM_TREE"
    SHARED = "SHARED"
    ALL = "ALL"


class SessionEnd(OpenEnum):
    """SessionEnd."""

    SIGNED_OUT = "SIGNED_OUT"
    REVOKED = "REVOKED"
    REUSED = "REUSED"


class ShareLevel(OpenEnum):
    """What is allowed with what is shared, of what the role allows."""

    READ = "READ"
    WRITE = "WRITE"


class ShareOrderField(OpenEnum):
    """What shares can be ordered by."""

    CREATED_AT = "CREATED_AT"
    UNTIL = "UNTIL"


class StageClass(OpenEnum):
    """What being in a stage says of an opportunity, in every pipeline alike."""

    OPEN = "OPEN"
    WON = "WON"
    LOST = "LOST"


class TaskOrderField(OpenEnum):
    """What tasks can be ordered by."""

    DUE_AT = "DUE_AT"
    STATUS = "STATUS"
    CREATED_AT = "CREATED_AT"
    UPDATED_AT = "UPDATED_AT"


class TaskStatus(OpenEnum):
    """TaskStatus."""

    OPEN = "OPEN"
    IN_PROGRESS = "IN_PROGRESS"
    DEFERRED = "DEFERRED"
    DONE = "DONE"
    CANCELLED = "CANCELLED"


class TeamOrderField(OpenEnum):
    """What teams can be ordered by."""

    NAME = "NAME"
    CREATED_AT = "CREATED_AT"


class TicketChannel(OpenEnum):
    """TicketChannel."""

    API = "API"
    EMAIL = "EMAIL"
    PHONE = "PHONE"
    CHAT = "CHAT"
    WEB = "WEB"
    IMPORT = "IMPORT"


class TicketGroup(OpenEnum):
    """By what a report is grouped: what a ticket has as of then, or a stretch of time."""

    ALL = "ALL"
    ASSIGNEE = "ASSIGNEE"
    TEAM = "TEAM"
    QUEUE = "QUEUE"
    PRIORITY = "PRIORITY"
    TYPE = "TYPE"
    CHANNEL = "CHANNEL"
    PRODUCT = "PRODUCT"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    QUARTER = "QUARTER"


class TicketMeasure(OpenEnum):
    """What is measured of a ticket."""

    FIRST_RESPONSE = "FIRST_RESPONSE"
    RESOLUTION = "RESOLUTION"
    ACTIVITY = "ACTIVITY"


class TicketOrderField(OpenEnum):
    """What tickets can be ordered by."""

    STATUS = "STATUS"
    QUEUE = "QUEUE"
    OPENED_AT = "OPENED_AT"
    RESOLVED_AT = "RESOLVED_AT"
    CLOSED_AT = "CLOSED_AT"
    LAST_ACTIVITY_AT = "LAST_ACTIVITY_AT"
    ESCALATION_LEVEL = "ESCALATION_LEVEL"
    CREATED_AT = "CREATED_AT"
    UPDATED_AT = "UPDATED_AT"


class TicketPriority(OpenEnum):
    """TicketPriority."""

    LOW = "LOW"
    NORMAL = "NORMAL"
    HIGH = "HIGH"
    URGENT = "URGENT"


class TicketStatus(OpenEnum):
    """TicketStatus."""

    NEW = "NEW"
    OPEN = "OPEN"
    PENDING_CUSTOMER = "PENDING_CUSTOMER"
    ON_HOLD = "ON_HOLD"
    RESOLVED = "RESOLVED"
    CLOSED = "CLOSED"
    REJECTED = "REJECTED"
    MERGED = "MERGED"


class TicketType(OpenEnum):
    """TicketType."""

    QUESTION = "QUESTION"
    REQUEST = "REQUEST"
    INCIDENT = "INCIDENT"
    COMPLAINT = "COMPLAINT"
    RETURN = "RETURN"


class UserOrderField(OpenEnum):
    """What users can be ordered by."""

    NAME = "NAME"
    EMAIL = "EMAIL"
    CREATED_AT = "CREATED_AT"


class UserStatus(OpenEnum):
    """UserStatus."""

    INVITED = "INVITED"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    DEACTIVATED = "DEACTIVATED"


class AccessRule(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a role allows on a kind of record: on whose, and what of them."""

    kind: str
    actions: list[str]
    """`*` is every one."""
    scope: Scope
    withheld: list[str]
    """Groups of fields that it does not show."""


class Actor(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Who acted: a user, or a program of ours."""

    kind: ActorKind
    id: str
    """The user's UUID, or the program's stable name."""
    on_behalf_of: str | None
    """For whom, where it was not oneself."""
    user: Link | None
    """The user; null for a program, or where you may not see users."""


class Address(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A postal address; `country` is an ISO 3166-1 alpha-2 code."""

    lines: list[str]
    city: str | None
    region: str | None
    postal_code: str | None
    country: str | None


class Affiliation(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a person is at an organisation, from when to when."""

    affiliation_id: UUID
    role: str | None
    """Null once it was erased."""
    since: datetime
    until: datetime | None
    organization: Link | None
    """Where."""


class ApiKey(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a program signs in with. The secret was shown once."""

    id: str
    """Opaque, and unique among all types."""
    uuid: UUID
    """The id as exports and the library have it."""
    version: int
    """How many events it has; `expectedVersion` of its commands."""
    created_at: datetime
    """When it came to be."""
    updated_at: datetime
    """When its last event happened."""
    name: str
    scopes: list[str]
    """Such as `customer.read`, `customer.*`."""
    expires_at: datetime
    only_trusted: bool
    """It asks by trusted documents only."""
    is_revoked: bool
    user: Link | None
    """For whom it acts."""
    FIELDS: ClassVar[str] = (
        "id uuid version createdAt updatedAt name scopes expiresAt onlyTrusted isRevoked user { __typename id }"
    )


class AuditCheckpoint(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A signed statement of how many events there are, and of their root."""

    origin: str
    """Which log it is of."""
    size: int
    """The last position that it vouches for."""
    root_hash: str
    """RFC 9162 tree over the events, in base64."""
    note: str
    """As it was signed: C2SP tlog-checkpoint."""
    keys: list[str]
    """Keys that sign, or did. Who verifies has them from elsewhere."""
    FIELDS: ClassVar[str] = "origin size rootHash note keys"


class AuditConsistency(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """That the log of one size begins with that of another."""

    from_size: int
    from_root_hash: str
    to_size: int
    to_root_hash: str
    hashes: list[str]
    """RFC 9162, 2.1.4; in base64."""
    FIELDS: ClassVar[str] = "fromSize fromRootHash toSize toRootHash hashes"


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Who did what, when, and because of what."""

    event_id: str
    """`node(id)` gives the event as a whole."""
    event_uuid: UUID
    position: int
    type: str
    """Such as `sales.opportunity.won`."""
    record_type: str
    record_uuid: UUID
    subject_uuid: UUID
    """The person, organisation or record it is about; of several, the first."""
    version: int
    recorded_at: datetime
    happened_at: datetime
    actor: Actor
    command_id: UUID
    correlation_id: UUID
    causation_id: UUID | None
    reason: str | None
    source: str | None
    """The reason without the number at its end: that of all lines of an import."""
    record: Link | None
    """The record as it is now."""
    FIELDS: ClassVar[str] = (
        "eventId eventUuid position type recordType recordUuid subjectUuid version recordedAt happenedAt actor { kind id onBehalfOf user { __typename id } } commandId correlationId causationId reason source record { __typename id }"
    )


class AuditProof(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """That an event is in what was signed."""

    event_uuid: UUID
    position: int
    record: str
    """What is hashed, in base64: every field of the envelope, the data's digest."""
    leaf_hash: str
    """In base64."""
    hashes: list[str]
    """From the leaf's sibling to the root's child, in base64."""
    checkpoint: AuditCheckpoint
    text: str
    """All of it as a C2SP tlog-proof, for `crm_verify.py`."""
    FIELDS: ClassVar[str] = (
        "eventUuid position record leafHash hashes checkpoint { origin size rootHash note keys } text"
    )


class BreachScope(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a principal could and did read in a span."""

    modes: list[ReadModeChange]
    """What was recorded: the mode that the span begins with, and those that followed."""
    is_whole: bool
    """Whether every read of something personal in the span is in the log."""
    FIELDS: ClassVar[str] = "modes { since mode } isWhole"


class BuiltInRole(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A role that is there from the beginning."""

    name: str
    rules: list[AccessRule]
    FIELDS: ClassVar[str] = "name rules { kind actions scope withheld }"


class BulkOperation(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An export or an import that goes on by itself until it is done."""

    id: str
    """Opaque, and unique among all types."""
    uuid: UUID
    """The id as exports and the library have it."""
    version: int
    """How many events it has; `expectedVersion` of its commands."""
    created_at: datetime
    """When it came to be."""
    updated_at: datetime
    """When its last event happened."""
    kind: BulkKind
    status: BulkStatus
    mutation: str | None
    """Of an import: what each row is sent to."""
    format: BulkFormat
    """Of the file."""
    only_rehearses: bool
    """Of an import: it finds out which rows would be refused, and records nothing."""
    rows: int
    """How many are done, those that were refused included."""
    refused: int
    """How many rows were refused."""
    error_code: str | None
    """Why it could not go on."""
    ended_at: datetime | None
    url: str | None
    """Of a completed export: GET the file here, in its format, with your credentials. A path on this server; null once the file is gone, after 7 days or an erasure."""
    errors_url: str | None
    """Of an import: GET the refused rows here, a line each with its number and the errors, with your credentials."""
    FIELDS: ClassVar[str] = (
        "id uuid version createdAt updatedAt kind status mutation format onlyRehearses rows refused errorCode endedAt url errorsUrl"
    )


class Consent(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """That this customer may be contacted: where, what for, and why."""

    channel: ConsentChannel
    purpose: str
    basis: ConsentBasis
    granted_at: datetime
    expires_at: datetime | None


class ContactPoint(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A way to reach a customer. At most one of a type is primary."""

    point_id: UUID
    type: ContactPointType
    value: str | None
    """Null once it was erased."""
    label: str | None
    verified: bool
    primary: bool


class Customer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An organisation or a person that is or may become a customer."""

    id: str
    """Opaque, and unique among all types."""
    uuid: UUID
    """The id as exports and the library have it."""
    version: int
    """How many events it has; `expectedVersion` of its commands."""
    created_at: datetime
    """When it came to be."""
    updated_at: datetime
    """When its last event happened."""
    kind: CustomerKind
    name: str | None
    """Null once the customer was erased."""
    status: CustomerStatus
    lifecycle: Lifecycle
    email: str | None
    """The primary e-mail address."""
    phone: str | None
    """The primary phone number, E.164."""
    source: str | None
    """Where the customer came from."""
    sector: str | None
    founded_year: int | None
    employees: int | None
    location: str | None
    tags: list[str]
    """In alphabetical order."""
    consents: list[Consent]
    annual_revenue: Money | None
    """What an organisation takes in a year."""
    contact_points: list[ContactPoint]
    """In the order in which they were added."""
    addresses: list[LabelledAddress]
    """Postal addresses, by label."""
    external_ids: list[ExternalId]
    """What other systems call this customer."""
    affiliations: list[Affiliation]
    """What this person is at organisations."""
    owner: Link | None
    """The user who is responsible."""
    parent: Link | None
    """The organisation that this one belongs to."""
    merged_into: Link | None
    """For a merged customer: the one it was merged into."""
    FIELDS: ClassVar[str] = (
        "id uuid version createdAt updatedAt kind name status lifecycle email phone source sector foundedYear employees location tags consents { channel purpose basis grantedAt expiresAt } annualRevenue { amount currencyCode } contactPoints { pointId type value label verified primary } addresses { label address { lines city region postalCode country } } externalIds { system id } affiliations { affiliationId role since until organization { __typename id } } owner { __typename id } parent { __typename id } mergedInto { __typename id }"
    )


class Disclosure(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A copy of personal data that left, and can be called back."""

    id: str
    """Opaque, and unique among all types."""
    uuid: UUID
    """The id as exports and the library have it."""
    version: int
    """How many events it has; `expectedVersion` of its commands."""
    created_at: datetime
    """When it came to be."""
    updated_at: datetime
    """When its last event happened."""
    kind: DisclosureKind
    about_id: UUID | None
    """The customer; null for everybody."""
    up_to: int
    """How far the ledger was in it."""
    is_destroyed: bool
    FIELDS: ClassVar[str] = "id uuid version createdAt updatedAt kind aboutId upTo isDestroyed"


class Erasure(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A request to forget somebody, and the proof that it was done."""

    id: str
    """Opaque, and unique among all types."""
    uuid: UUID
    """The id as exports and the library have it."""
    version: int
    """How many events it has; `expectedVersion` of its commands."""
    created_at: datetime
    """When it came to be."""
    updated_at: datetime
    """When its last event happened."""
    status: ErasureStatus
    subject_ids: list[UUID]
    """Who is erased: the customer that was named, and all that are merged with it."""
    receipts: list[ErasureReceipt]
    """What each store did; empty until it is completed."""
    FIELDS: ClassVar[str] = (
        "id uuid version createdAt updatedAt status subjectIds receipts { store count note }"
    )


class ErasureReceipt(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What one store did to forget."""

    store: str
    count: int
    note: str


class EventRecord(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A recorded event: a fact about one record, never changed."""

    id: str
    """Opaque, and unique among all types."""
    uuid: UUID
    """The event's id in exports and in the library."""
    type: str
    """Such as `sales.opportunity.won`."""
    schema_version: int
    position: int
    """Its place in the ledger."""
    version: int
    """Its place among the events of its record."""
    record_type: str
    """Such as `sales.opportunity`."""
    record_uuid: UUID
    recorded_at: datetime
    happened_at: datetime
    """When it happened, as far as that is known; else when it was recorded."""
    actor: Actor
    command_id: UUID
    correlation_id: UUID
    """The journey that it is a step of."""
    causation_id: UUID | None
    """The message that led to it."""
    reason: str | None
    data: Any
    """Its own fields, under their stored names. Values that are withheld are null."""
    withheld_fields: list[str]
    """Names of fields in `data` that are withheld: erased with the person they are about, redacted, secret, or not for you."""
    FIELDS: ClassVar[str] = (
        "id uuid type schemaVersion position version recordType recordUuid recordedAt happenedAt actor { kind id onBehalfOf user { __typename id } } commandId correlationId causationId reason data withheldFields"
    )


class ExplainedCommand(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The request that was executed, and what made its sender send it."""

    uuid: UUID
    actor: Actor
    """The user or the rule that decided."""
    reason: str | None
    source: str | None
    """The import or integration that it came from, with file and line where they are known, such as `import:sales:accounts.csv:12`; null for what was decided here."""
    correlation_id: UUID
    """The journey that it is a step of."""
    causation_id: UUID | None
    """What led to it; may be a message of another system."""
    cause: ExplainedEvent | None | msgspec.UnsetType = msgspec.UNSET
    """The event that led to it; null where there is none in the ledger, or none that you may see."""


class ExplainedEvent(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An event, and the command that recorded it."""

    event: EventRecord
    command: ExplainedCommand


class Explanation(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Why a field of a record has its value."""

    record_uuid: UUID
    record_type: str
    """Such as `sales.opportunity`."""
    field: str
    """In camel case."""
    value: Any | None
    """Null for nothing, and where it is erased."""
    withheld: bool
    """The value is secret, or not for you."""
    set_by: ExplainedEvent | None
    """The last event that changed the value; null if it never had one."""
    FIELDS: ClassVar[str] = (
        "recordUuid recordType field value withheld setBy { event { id uuid type schemaVersion position version recordType recordUuid recordedAt happenedAt actor { kind id onBehalfOf user { __typename id } } commandId correlationId causationId reason data withheldFields } command { uuid actor { kind id onBehalfOf user { __typename id } } reason source correlationId causationId cause { event { id uuid type schemaVersion position version recordType recordUuid recordedAt happenedAt actor { kind id onBehalfOf user { __typename id } } commandId correlationId causationId reason data withheldFields } command { uuid actor { kind id onBehalfOf user { __typename id } } reason source correlationId causationId cause { event { id uuid type schemaVersion position version recordType recordUuid recordedAt happenedAt actor { kind id onBehalfOf user { __typename id } } commandId correlationId causationId reason data withheldFields } command { uuid actor { kind id onBehalfOf user { __typename id } } reason source correlationId causationId cause { event { id uuid type schemaVersion position version recordType recordUuid recordedAt happenedAt actor { kind id onBehalfOf user { __typename id } } commandId correlationId causationId reason data withheldFields } command { uuid actor { kind id onBehalfOf user { __typename id } } reason source correlationId causationId } } } } } } } }"
    )


class ExternalId(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The id that another system has for a record."""

    system: str
    id: str


class FieldChange(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A field of the record that is not what it was."""

    field: str
    """As the record's rules name it, in camel case."""
    before: Any | None
    """Null for nothing, and where it is erased."""
    after: Any | None
    withheld: bool
    """Both values are secret, or not for you."""
    events: list[EventRecord]
    """What made the difference."""


class HandOver(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Where the open records of a user who left go. How far that is, `ownedRecords` of the user tells: its counts go down to 0."""

    ticket_queue: str | None
    """The queue that tickets wait in; null where they go to the successor."""
    is_completed: bool
    """Whether all has been handed over. What is opened again later still follows."""
    successor: Link | None
    """Who was named to follow; null where all that was owned were tickets."""


class Interaction(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A call, a mail, a meeting or any other contact, or a note about one."""

    id: str
    """Opaque, and unique among all types."""
    uuid: UUID
    """The id as exports and the library have it."""
    version: int
    """How many events it has; `expectedVersion` of its commands."""
    created_at: datetime
    """When it came to be."""
    updated_at: datetime
    """When its last event happened."""
    channel: InteractionChannel
    direction: InteractionDirection
    visibility: InteractionVisibility
    """Who may read its words."""
    duration_seconds: int | None
    """How long it took."""
    outcome: CallOutcome | None
    """What became of a call."""
    redacted: bool
    """Its words are hidden from everybody, for good."""
    subject: str | None
    """Null where you may not read it, and once it was erased."""
    body: str | None
    """Null where you may not read it, and once it was erased."""
    customer: Link | None
    """With whom."""
    links: list[InteractionLink]
    """All the records that it is about."""
    FIELDS: ClassVar[str] = (
        "id uuid version createdAt updatedAt channel direction visibility durationSeconds outcome redacted subject body customer { __typename id } links { to toId }"
    )


class InteractionLink(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Another record on whose timeline an interaction is."""

    to: InteractionLinkKind
    to_id: UUID


class LabelledAddress(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An address and what it is used for."""

    label: str
    address: Address


class Membership(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A stretch of time in which a user was of a team."""

    since: datetime
    until: datetime | None
    """Null while it lasts."""
    user: Link | None
    """Who."""


class Money(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An amount in one currency."""

    amount: Decimal
    currency_code: str


class Opportunity(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A deal that may be won, on its way through a pipeline."""

    id: str
    """Opaque, and unique among all types."""
    uuid: UUID
    """The id as exports and the library have it."""
    version: int
    """How many events it has; `expectedVersion` of its commands."""
    created_at: datetime
    """When it came to be."""
    updated_at: datetime
    """When its last event happened."""
    name: str | None
    """Null once it was erased."""
    status: OpportunityStatus
    source: str | None
    probability: Decimal
    """In percent, 0 to 100."""
    forecast_category: ForecastCategory
    close_date: date | None
    """When it is expected to close."""
    next_step: str | None
    next_step_on: date | None
    lost_reason: str | None
    """The code of why it was lost."""
    lost_to: str | None
    """The competitor that won."""
    opened_at: datetime
    stage_entered_at: datetime
    closed_at: datetime | None
    pipeline_version: int
    """The version of the pipeline's definition that the stage was entered by."""
    amount: Money | None
    """What it is worth; null while nobody has said."""
    currency_code: str
    """In what it is reckoned."""
    stage: Stage | None
    """The stage as the pipeline has it now."""
    stage_id: str
    """The stage's id, be the stage retired by now or not."""
    last_stage_id: str | None
    """The open stage it was in before it was closed."""
    customer: Link | None
    """With whom."""
    owner: Link | None
    """The user who is responsible."""
    product: Link | None
    """What it is about."""
    pipeline: Link | None
    """The way it goes."""
    lines: list[OpportunityLine]
    """What is sold; where there are lines, `amount` is their sum."""
    contacts: list[OpportunityContact]
    """Who decides, and who has a say."""
    external_ids: list[ExternalId]
    """What other systems call this opportunity."""
    FIELDS: ClassVar[str] = (
        "id uuid version createdAt updatedAt name status source probability forecastCategory closeDate nextStep nextStepOn lostReason lostTo openedAt stageEnteredAt closedAt pipelineVersion amount { amount currencyCode } currencyCode stage { id name probability forecastCategory stageClass requiredFields allowedNext rotDays } stageId lastStageId customer { __typename id } owner { __typename id } product { __typename id } pipeline { __typename id } lines { lineId unitPrice { amount currencyCode } quantity discountPercent taxCode lineTotal { amount currencyCode } product { __typename id } } contacts { role customer { __typename id } } externalIds { system id }"
    )


class OpportunityContact(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A person and what they have to say in the decision."""

    role: ContactRole
    customer: Link | None
    """Who."""


class OpportunityLine(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A line of an opportunity; its price is a snapshot."""

    line_id: UUID
    unit_price: Money
    quantity: Decimal
    discount_percent: Decimal
    tax_code: str | None
    line_total: Money
    product: Link | None
    """What is sold."""


class OwnedRecords(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The open records of a user, of each kind that is given to users, as far as you may see them: what has to be handed over before the user is deactivated. Null where you may not see any of the kind, and on a user as of the past."""


class Pipeline(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The way of opportunities: stages in order."""

    id: str
    """Opaque, and unique among all types."""
    uuid: UUID
    """The id as exports and the library have it."""
    version: int
    """How many events it has; `expectedVersion` of its commands."""
    created_at: datetime
    """When it came to be."""
    updated_at: datetime
    """When its last event happened."""
    name: str
    definition: int
    """The number of its present version; every change of the stages makes a new one."""
    stages: list[Stage]
    retired: bool
    FIELDS: ClassVar[str] = (
        "id uuid version createdAt updatedAt name definition stages { id name probability forecastCategory stageClass requiredFields allowedNext rotDays } retired"
    )


class PipelineAgeingReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Ageing and slippage."""

    position: int
    """What was recorded up to this place in the ledger."""
    measured_at: datetime | None
    """The moment that ages are measured at: `effectiveAt`, or when `position` was recorded; null before the first event."""
    definition: str
    """What is counted, and how."""
    chart: Any
    """The rows as a picture: a complete Vega-Lite 5 specification, its data inlined, under the names that you may see."""
    rows: list[PipelineAgeingRow]
    FIELDS: ClassVar[str] = (
        "position measuredAt definition chart rows { key label stageId pipeline { __typename id } stage { id name probability forecastCategory stageClass requiredFields allowedNext rotDays } currencyCode deals amount { amount currencyCode } meanAgeDays medianAgeDays oldestAgeDays meanStageDays slipped slippedAmount { amount currencyCode } postponed postponements }"
    )


class PipelineAgeingRow(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The open opportunities of one stage and currency; in days of 24 hours. Ages are since the opening, `meanStageDays` is since the stage was entered. `slipped` are those whose expected closing is a day of the past, `postponed` those whose expected closing was moved to a later day at least once, `postponements` how often that was done."""

    key: str | None
    """The group: an id, a code, or the first day of a period; null where the report is not grouped, and for what has none."""
    label: str | None
    """The key in words: a name as of then, where you may see it; else the key."""
    stage_id: str | None
    pipeline: Link | None
    """The pipeline that the stage is of."""
    stage: Stage | None
    """The stage, if the pipeline has it then."""
    currency_code: str
    deals: int
    amount: Money
    mean_age_days: float
    median_age_days: float
    oldest_age_days: float
    mean_stage_days: float
    slipped: int
    slipped_amount: Money
    postponed: int
    postponements: int


class PipelineDiffReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What changed the pipeline."""

    position: int
    """What was recorded up to this place in the ledger."""
    measured_at: datetime | None
    """The moment that ages are measured at: `effectiveAt`, or when `position` was recorded; null before the first event."""
    definition: str
    """What is counted, and how."""
    chart: Any
    """The rows as a picture: a complete Vega-Lite 5 specification, its data inlined, under the names that you may see."""
    rows: list[PipelineDiffRow]
    FIELDS: ClassVar[str] = (
        "position measuredAt definition chart rows { key label currencyCode change changes deals amount { amount currencyCode } weighted { amount currencyCode } balance { amount currencyCode } }"
    )


class PipelineDiffRow(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One change, per group and currency; START and END are the pipeline itself. `changes` is how often it happened, `deals`, `amount` and `weighted` what it added to the open pipeline. `balance` is the amount after it."""

    key: str | None
    """The group: an id, a code, or the first day of a period; null where the report is not grouped, and for what has none."""
    label: str | None
    """The key in words: a name as of then, where you may see it; else the key."""
    currency_code: str
    change: PipelineChange
    changes: int
    deals: int
    amount: Money
    weighted: Money
    balance: Money


class Product(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What is sold."""

    id: str
    """Opaque, and unique among all types."""
    uuid: UUID
    """The id as exports and the library have it."""
    version: int
    """How many events it has; `expectedVersion` of its commands."""
    created_at: datetime
    """When it came to be."""
    updated_at: datetime
    """When its last event happened."""
    code: str
    name: str
    series: str | None
    retired: bool
    """It is sold no more; old lines keep it."""
    list_price: Money
    """Its price today."""
    FIELDS: ClassVar[str] = (
        "id uuid version createdAt updatedAt code name series retired listPrice { amount currencyCode }"
    )


class ProjectionSkip(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An event that an operator decided to leave out of a projection."""

    position: int
    event_type: str
    error: str
    """The kind of error that stopped the projection."""
    reason: str
    decided_by: str
    decided_at: datetime


class ProjectionStatus(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How far a projection is behind the ledger."""

    name: str
    version: int
    position: int
    """The last place it has looked at."""
    lag_events: int
    lag_seconds: float
    """The age of the first event that it does not show yet; 0 if it shows all."""
    stopped_at: int | None
    """The event that it could not apply; it waits there for an operator."""
    stopped_type: str | None
    """The type of that event."""
    stopped_by: str | None
    """The kind of error."""
    skips: list[ProjectionSkip]
    """Events that it leaves out by decision, in rebuilds too."""
    rebuild: RebuildProgress | None
    """New tables beside the ones that serve, while they are filled."""


class ProjectionsStatus(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How far the read models are."""

    head: int
    """The last place in the ledger."""
    projections: list[ProjectionStatus]
    FIELDS: ClassVar[str] = (
        "head projections { name version position lagEvents lagSeconds stoppedAt stoppedType stoppedBy skips { position eventType error reason decidedBy decidedAt } rebuild { version position head eventsPerSecond secondsLeft } }"
    )


class RateLimit(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How much you may ask for; `extensions.cost` of every answer has it."""

    limit: int
    """The points that there are at most."""
    cost: int
    """The points that this operation costs."""
    remaining: int
    """The points that are left."""
    restore_rate: int
    """The points that come back in a second."""
    reset_at: datetime
    """When all of them are there again."""
    FIELDS: ClassVar[str] = "limit cost remaining restoreRate resetAt"


class Reach(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The records of a kind that somebody may read."""

    kind: str
    everything: bool
    owner_ids: list[UUID]
    """The records of these users."""
    record_ids: list[UUID]
    """And these, which were shared."""
    FIELDS: ClassVar[str] = "kind everything ownerIds recordIds"


class ReadModeChange(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What was recorded of reads, from a moment on."""

    since: datetime
    mode: ReadMode


class RebuildProgress(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How far new tables are filled that will take over."""

    version: int
    """Of the projection that fills them."""
    position: int
    """About how many events are done."""
    head: int
    events_per_second: float
    seconds_left: float | None
    """At the rate so far."""


class RecordDiff(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What differs in a record between two pasts."""

    record_uuid: UUID
    record_type: str
    """Such as `sales.opportunity`."""
    from_version: int | None
    """Null where there was no record yet."""
    to_version: int | None
    """Null where there was no record yet."""
    changes: list[FieldChange]
    """In alphabetical order."""
    events: list[EventRecord]
    """All events that one of the pasts knows and the other does not."""
    FIELDS: ClassVar[str] = (
        "recordUuid recordType fromVersion toVersion changes { field before after withheld events { id uuid type schemaVersion position version recordType recordUuid recordedAt happenedAt actor { kind id onBehalfOf user { __typename id } } commandId correlationId causationId reason data withheldFields } } events { id uuid type schemaVersion position version recordType recordUuid recordedAt happenedAt actor { kind id onBehalfOf user { __typename id } } commandId correlationId causationId reason data withheldFields }"
    )


class Retention(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How long records are kept after the last that happened about them."""

    id: str
    """Opaque, and unique among all types."""
    uuid: UUID
    """The id as exports and the library have it."""
    version: int
    """How many events it has; `expectedVersion` of its commands."""
    created_at: datetime
    """When it came to be."""
    updated_at: datetime
    """When its last event happened."""
    kind: RetentionKind
    idle_days: int
    action: RetentionAction
    is_lifted: bool
    FIELDS: ClassVar[str] = "id uuid version createdAt updatedAt kind idleDays action isLifted"


class Role(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A name for a set of rules. Built-in roles are not records."""

    id: str
    """Opaque, and unique among all types."""
    uuid: UUID
    """The id as exports and the library have it."""
    version: int
    """How many events it has; `expectedVersion` of its commands."""
    created_at: datetime
    """When it came to be."""
    updated_at: datetime
    """When its last event happened."""
    name: str
    is_retired: bool
    rules: list[AccessRule]
    """What it allows, to all who have it."""
    FIELDS: ClassVar[str] = (
        "id uuid version createdAt updatedAt name isRetired rules { kind actions scope withheld }"
    )


class SalesFiguresReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Win rate, cycle and velocity."""

    position: int
    """What was recorded up to this place in the ledger."""
    measured_at: datetime | None
    """The moment that ages are measured at: `effectiveAt`, or when `position` was recorded; null before the first event."""
    definition: str
    """What is counted, and how."""
    chart: Any
    """The rows as a picture: a complete Vega-Lite 5 specification, its data inlined, under the names that you may see."""
    rows: list[SalesFiguresRow]
    FIELDS: ClassVar[str] = (
        "position measuredAt definition chart rows { key label currencyCode open won lost wonAmount { amount currencyCode } meanWon { amount currencyCode } winRate cycleDays velocity { amount currencyCode } }"
    )


class SalesFiguresRow(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The figures of one group and currency. `open` are all that are open as of then, in or out of the period. `winRate` is won divided by won and lost, 0..1, None without either. `meanWon` is the mean amount of those won. `cycleDays` is the mean time from opening to winning, in days of 24 hours. `velocity` is open x mean_won x win_rate / cycle_days: what is sold a day, if all goes on like that; None where a part is missing, the cycle is none, or the groups are periods: none of those has both."""

    key: str | None
    """The group: an id, a code, or the first day of a period; null where the report is not grouped, and for what has none."""
    label: str | None
    """The key in words: a name as of then, where you may see it; else the key."""
    currency_code: str
    open: int
    won: int
    lost: int
    won_amount: Money
    mean_won: Money | None
    win_rate: float | None
    cycle_days: float | None
    velocity: Money | None


class SalesForecastReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Weighted forecast."""

    position: int
    """What was recorded up to this place in the ledger."""
    measured_at: datetime | None
    """The moment that ages are measured at: `effectiveAt`, or when `position` was recorded; null before the first event."""
    definition: str
    """What is counted, and how."""
    chart: Any
    """The rows as a picture: a complete Vega-Lite 5 specification, its data inlined, under the names that you may see."""
    rows: list[SalesForecastRow]
    FIELDS: ClassVar[str] = (
        "position measuredAt definition chart rows { key label forecastCategory currencyCode deals withoutAmount amount { amount currencyCode } weighted { amount currencyCode } }"
    )


class SalesForecastRow(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The opportunities of one forecast category and currency; CLOSED are those that were won."""

    key: str | None
    """The group: an id, a code, or the first day of a period; null where the report is not grouped, and for what has none."""
    label: str | None
    """The key in words: a name as of then, where you may see it; else the key."""
    forecast_category: ForecastCategory
    currency_code: str
    deals: int
    without_amount: int
    amount: Money
    weighted: Money


class SalesFunnelReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Funnel and conversion by cohort."""

    position: int
    """What was recorded up to this place in the ledger."""
    measured_at: datetime | None
    """The moment that ages are measured at: `effectiveAt`, or when `position` was recorded; null before the first event."""
    definition: str
    """What is counted, and how."""
    chart: Any
    """The rows as a picture: a complete Vega-Lite 5 specification, its data inlined, under the names that you may see."""
    rows: list[SalesFunnelRow]
    FIELDS: ClassVar[str] = (
        "position measuredAt definition chart rows { key label stageId pipeline { __typename id } stage { id name probability forecastCategory stageClass requiredFields allowedNext rotDays } outcome cohort reached share won winRate }"
    )


class SalesFunnelRow(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A stage of a pipeline and the opportunities that ever entered it. `outcome` is OPEN for a stage on the way, WON or LOST for the end of it; an end that is no stage of its own has no `stageId`. `cohort` is how many entered the pipeline, `reached` how many of them this stage, `share` the quotient, 0..1. `won` is how many of those that reached it are won as of then, `winRate` the quotient."""

    key: str | None
    """The group: an id, a code, or the first day of a period; null where the report is not grouped, and for what has none."""
    label: str | None
    """The key in words: a name as of then, where you may see it; else the key."""
    stage_id: str | None
    pipeline: Link | None
    """The pipeline that the stage is of."""
    stage: Stage | None
    """The stage, if the pipeline has it then."""
    outcome: OpportunityStatus
    cohort: int
    reached: int
    share: float
    won: int
    win_rate: float


class SalesOutcomesReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Won and lost, by reason and competitor."""

    position: int
    """What was recorded up to this place in the ledger."""
    measured_at: datetime | None
    """The moment that ages are measured at: `effectiveAt`, or when `position` was recorded; null before the first event."""
    definition: str
    """What is counted, and how."""
    chart: Any
    """The rows as a picture: a complete Vega-Lite 5 specification, its data inlined, under the names that you may see."""
    rows: list[SalesOutcomesRow]
    FIELDS: ClassVar[str] = (
        "position measuredAt definition chart rows { key label outcome lostReason lostTo currencyCode deals events amount { amount currencyCode } }"
    )


class SalesOutcomesRow(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One outcome, reason, competitor and currency. `deals` and `amount` are of the opportunities that stood so as of then, `events` is how often opportunities came to stand so."""

    key: str | None
    """The group: an id, a code, or the first day of a period; null where the report is not grouped, and for what has none."""
    label: str | None
    """The key in words: a name as of then, where you may see it; else the key."""
    outcome: OpportunityStatus
    lost_reason: str | None
    lost_to: str | None
    currency_code: str
    deals: int
    events: int
    amount: Money


class SalesPipelineReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Pipeline by stage."""

    position: int
    """What was recorded up to this place in the ledger."""
    measured_at: datetime | None
    """The moment that ages are measured at: `effectiveAt`, or when `position` was recorded; null before the first event."""
    definition: str
    """What is counted, and how."""
    chart: Any
    """The rows as a picture: a complete Vega-Lite 5 specification, its data inlined, under the names that you may see."""
    rows: list[SalesPipelineRow]
    FIELDS: ClassVar[str] = (
        "position measuredAt definition chart rows { key label stageId pipeline { __typename id } stage { id name probability forecastCategory stageClass requiredFields allowedNext rotDays } status currencyCode deals withoutAmount amount { amount currencyCode } weighted { amount currencyCode } }"
    )


class SalesPipelineRow(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The opportunities of one stage, status and currency."""

    key: str | None
    """The group: an id, a code, or the first day of a period; null where the report is not grouped, and for what has none."""
    label: str | None
    """The key in words: a name as of then, where you may see it; else the key."""
    stage_id: str | None
    pipeline: Link | None
    """The pipeline that the stage is of."""
    stage: Stage | None
    """The stage, if the pipeline has it then."""
    status: OpportunityStatus
    currency_code: str
    deals: int
    without_amount: int
    amount: Money
    weighted: Money


class Session(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A user who has signed in somewhere."""

    id: str
    """Opaque, and unique among all types."""
    uuid: UUID
    """The id as exports and the library have it."""
    version: int
    """How many events it has; `expectedVersion` of its commands."""
    created_at: datetime
    """When it came to be."""
    updated_at: datetime
    """When its last event happened."""
    expires_at: datetime
    ended: SessionEnd | None
    """Why it ended; null while it lasts."""
    user: Link | None
    """Who has signed in."""
    impersonated: Link | None
    """As whom, where it is another."""
    FIELDS: ClassVar[str] = (
        "id uuid version createdAt updatedAt expiresAt ended user { __typename id } impersonated { __typename id }"
    )


class Share(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One record, opened to one user or team."""

    id: str
    """Opaque, and unique among all types."""
    uuid: UUID
    """The id as exports and the library have it."""
    version: int
    """How many events it has; `expectedVersion` of its commands."""
    created_at: datetime
    """When it came to be."""
    updated_at: datetime
    """When its last event happened."""
    shared_id: UUID
    """The record."""
    principal_id: UUID
    """The user or the team."""
    level: ShareLevel
    until: datetime | None
    """When it ends by itself."""
    is_revoked: bool
    FIELDS: ClassVar[str] = (
        "id uuid version createdAt updatedAt sharedId principalId level until isRevoked"
    )


class Stage(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A stage of a pipeline."""

    id: str
    """Unique in its pipeline; it never changes."""
    name: str
    probability: Decimal
    """In percent, for opportunities that enter it."""
    forecast_category: ForecastCategory
    stage_class: StageClass
    required_fields: list[GateField]
    """What must be known of an opportunity that enters."""
    allowed_next: list[str]
    """The ids of the stages that may follow; none means any."""
    rot_days: int | None
    """An opportunity that stays longer counts as stuck."""


class StageTimeReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Time in stage."""

    position: int
    """What was recorded up to this place in the ledger."""
    measured_at: datetime | None
    """The moment that ages are measured at: `effectiveAt`, or when `position` was recorded; null before the first event."""
    definition: str
    """What is counted, and how."""
    chart: Any
    """The rows as a picture: a complete Vega-Lite 5 specification, its data inlined, under the names that you may see."""
    rows: list[StageTimeRow]
    FIELDS: ClassVar[str] = (
        "position measuredAt definition chart rows { key label stageId pipeline { __typename id } stage { id name probability forecastCategory stageClass requiredFields allowedNext rotDays } outcome deals totalDays meanDays medianDays p90Days }"
    )


class StageTimeRow(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The opportunities that spent time in a stage; in days of 24 hours. `outcome` is OPEN for the time on the way, WON or LOST for the time between a closing and the reopening after it. `medianDays` is the middle one, or the mean of the two in the middle; `p90_days` the nearest rank: the shortest time that nine of ten did not exceed."""

    key: str | None
    """The group: an id, a code, or the first day of a period; null where the report is not grouped, and for what has none."""
    label: str | None
    """The key in words: a name as of then, where you may see it; else the key."""
    stage_id: str | None
    pipeline: Link | None
    """The pipeline that the stage is of."""
    stage: Stage | None
    """The stage, if the pipeline has it then."""
    outcome: OpportunityStatus
    deals: int
    total_days: float
    mean_days: float
    median_days: float
    p90_days: float


class Task(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Something that somebody has to do by a moment."""

    id: str
    """Opaque, and unique among all types."""
    uuid: UUID
    """The id as exports and the library have it."""
    version: int
    """How many events it has; `expectedVersion` of its commands."""
    created_at: datetime
    """When it came to be."""
    updated_at: datetime
    """When its last event happened."""
    title: str | None
    """Null once it was erased."""
    status: TaskStatus
    due_at: datetime
    deferred_until: datetime | None
    """Out of sight until then."""
    assignee: Link | None
    """Who has to do it."""
    customer: Link | None
    """Whom it is about."""
    FIELDS: ClassVar[str] = (
        "id uuid version createdAt updatedAt title status dueAt deferredUntil assignee { __typename id } customer { __typename id }"
    )


class Team(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """People who work together, below another team perhaps."""

    id: str
    """Opaque, and unique among all types."""
    uuid: UUID
    """The id as exports and the library have it."""
    version: int
    """How many events it has; `expectedVersion` of its commands."""
    created_at: datetime
    """When it came to be."""
    updated_at: datetime
    """When its last event happened."""
    name: str
    is_dissolved: bool
    memberships: list[Membership]
    """Memberships, past ones too, in the order in which they began."""
    parent: Link | None
    """The team above."""
    FIELDS: ClassVar[str] = (
        "id uuid version createdAt updatedAt name isDissolved memberships { since until user { __typename id } } parent { __typename id }"
    )


class Ticket(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A customer's concern, until it is settled."""

    id: str
    """Opaque, and unique among all types."""
    uuid: UUID
    """The id as exports and the library have it."""
    version: int
    """How many events it has; `expectedVersion` of its commands."""
    created_at: datetime
    """When it came to be."""
    updated_at: datetime
    """When its last event happened."""
    subject: str | None
    """Null once it was erased."""
    status: TicketStatus
    type: TicketType
    priority: TicketPriority
    channel: TicketChannel
    """How it came."""
    product: str | None
    """What it is about."""
    queue: str | None
    """Where it waits for somebody."""
    cycle: int
    """One more than it was reopened."""
    escalation_level: int
    """In this cycle; 0 if it never was."""
    csat_score: int | None
    """How content the customer is, 1 to 5."""
    root_cause: str | None
    opened_at: datetime
    first_reply_at: datetime | None
    """When the customer first got an answer."""
    resolved_at: datetime | None
    """The last time."""
    closed_at: datetime | None
    """The last time."""
    last_activity_at: datetime
    customer: Link | None
    """Whose concern it is."""
    assignee: Link | None
    """The user who works on it."""
    follow_up_of: Link | None
    """The closed ticket that it goes on from."""
    merged_into: Link | None
    """For a merged ticket: the one it was merged into."""
    external_ids: list[ExternalId]
    """What other systems call this ticket."""
    FIELDS: ClassVar[str] = (
        "id uuid version createdAt updatedAt subject status type priority channel product queue cycle escalationLevel csatScore rootCause openedAt firstReplyAt resolvedAt closedAt lastActivityAt customer { __typename id } assignee { __typename id } followUpOf { __typename id } mergedInto { __typename id } externalIds { system id }"
    )


class TicketBacklogReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Ticket backlog."""

    position: int
    """What was recorded up to this place in the ledger."""
    measured_at: datetime | None
    """The moment that ages are measured at: `effectiveAt`, or when `position` was recorded; null before the first event."""
    definition: str
    """What is counted, and how."""
    chart: Any
    """The rows as a picture: a complete Vega-Lite 5 specification, its data inlined, under the names that you may see."""
    rows: list[TicketBacklogRow]
    FIELDS: ClassVar[str] = "position measuredAt definition chart rows { key label status tickets }"


class TicketBacklogRow(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How many tickets were in a status."""

    key: str | None
    """The group: an id, a code, or the first day of a period; null where the report is not grouped, and for what has none."""
    label: str | None
    """The key in words: a name as of then, where you may see it; else the key."""
    status: TicketStatus
    tickets: int


class TicketDurationReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """First response, resolution and life of tickets."""

    position: int
    """What was recorded up to this place in the ledger."""
    measured_at: datetime | None
    """The moment that ages are measured at: `effectiveAt`, or when `position` was recorded; null before the first event."""
    definition: str
    """What is counted, and how."""
    chart: Any
    """The rows as a picture: a complete Vega-Lite 5 specification, its data inlined, under the names that you may see."""
    rows: list[TicketDurationRow]
    FIELDS: ClassVar[str] = (
        "position measuredAt definition chart rows { key label measure counted meanDays medianDays p75Days p90Days p95Days longestDays }"
    )


class TicketDurationRow(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How one measure is distributed, in days of 24 hours. `counted` is how many cycles were answered or resolved, or how many tickets there are. `medianDays` is the middle one, or the mean of the two in the middle; `p75_days`, `p90_days` and `p95_days` are nearest ranks: the shortest time that so many of a hundred did not exceed."""

    key: str | None
    """The group: an id, a code, or the first day of a period; null where the report is not grouped, and for what has none."""
    label: str | None
    """The key in words: a name as of then, where you may see it; else the key."""
    measure: TicketMeasure
    counted: int
    mean_days: float
    median_days: float
    p75_days: float
    p90_days: float
    p95_days: float
    longest_days: float


class TicketReopeningReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Reopen rate."""

    position: int
    """What was recorded up to this place in the ledger."""
    measured_at: datetime | None
    """The moment that ages are measured at: `effectiveAt`, or when `position` was recorded; null before the first event."""
    definition: str
    """What is counted, and how."""
    chart: Any
    """The rows as a picture: a complete Vega-Lite 5 specification, its data inlined, under the names that you may see."""
    rows: list[TicketReopeningRow]
    FIELDS: ClassVar[str] = (
        "position measuredAt definition chart rows { key label tickets resolved closed reopened reopenings reopenRate }"
    )


class TicketReopeningRow(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`resolved`, `closed` and `reopened` are tickets to which that happened at least once. `reopenings` is how often it happened, `reopenRate` is reopened / resolved, 0..1, None where none was resolved."""

    key: str | None
    """The group: an id, a code, or the first day of a period; null where the report is not grouped, and for what has none."""
    label: str | None
    """The key in words: a name as of then, where you may see it; else the key."""
    tickets: int
    resolved: int
    closed: int
    reopened: int
    reopenings: int
    reopen_rate: float | None


class TicketVolumeReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Ticket volume."""

    position: int
    """What was recorded up to this place in the ledger."""
    measured_at: datetime | None
    """The moment that ages are measured at: `effectiveAt`, or when `position` was recorded; null before the first event."""
    definition: str
    """What is counted, and how."""
    chart: Any
    """The rows as a picture: a complete Vega-Lite 5 specification, its data inlined, under the names that you may see."""
    rows: list[TicketVolumeRow]
    FIELDS: ClassVar[str] = (
        "position measuredAt definition chart rows { key label opened resolved reopened closed }"
    )


class TicketVolumeRow(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How often tickets were opened, resolved, reopened and closed."""

    key: str | None
    """The group: an id, a code, or the first day of a period; null where the report is not grouped, and for what has none."""
    label: str | None
    """The key in words: a name as of then, where you may see it; else the key."""
    opened: int
    resolved: int
    reopened: int
    closed: int


class TimelineEntry(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An event on a customer's timeline."""

    event_id: str
    """`node(id)` gives the event as a whole."""
    position: int
    happened_at: datetime
    type: str
    """Such as `sales.opportunity.won`."""
    actor: Actor
    text: str | None
    """What a person typed: a subject, a name, a body; null where it was erased or is not for you."""
    FIELDS: ClassVar[str] = (
        "eventId position happenedAt type actor { kind id onBehalfOf user { __typename id } } text"
    )


class User(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A person who signs in."""

    id: str
    """Opaque, and unique among all types."""
    uuid: UUID
    """The id as exports and the library have it."""
    version: int
    """How many events it has; `expectedVersion` of its commands."""
    created_at: datetime
    """When it came to be."""
    updated_at: datetime
    """When its last event happened."""
    name: str | None
    """Null once the user was erased."""
    email: str | None
    """The name to sign in with."""
    status: UserStatus
    office: str | None
    roles: list[str]
    """What the user may do, as names of roles, in order."""
    manager: Link | None
    """Whom the user reports to."""
    owned_records: OwnedRecords
    """What the user has to hand over on leaving, or still has."""
    hand_over: HandOver | None
    """Where the records of a user who left go; null where that was not said."""
    FIELDS: ClassVar[str] = (
        "id uuid version createdAt updatedAt name email status office roles manager { __typename id } ownedRecords {  } handOver { ticketQueue isCompleted successor { __typename id } }"
    )
