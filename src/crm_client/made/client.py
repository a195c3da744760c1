"""The client, to be awaited. Made from schema.graphql by `make client`."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

import msgspec

from collections.abc import AsyncIterator
from crm_client.asking import Asking, Done, Id, Pages

from crm_client.made import operations
from crm_client.made.inputs import *
from crm_client.made.types import *


class Client(Asking):
    """A method for every query, command and subscription of the API."""

    async def customer(
        self,
        *,
        by: CustomerBy,
        as_of: AsOf | None = None,
        effective_at: datetime | None = None,
        min_position: int | None = None,
    ) -> Customer | None:
        """A customer; null where there is none. A merged one says where to."""
        return await self._read(
            operations.CUSTOMER,
            {"by": by, "asOf": as_of, "effectiveAt": effective_at, "minPosition": min_position},
        )

    def customers(
        self,
        *,
        where: CustomerWhere | None = None,
        order_by: list[CustomerOrder] | None = None,
        min_position: int | None = None,
    ) -> Pages[Customer]:
        """Customers of every status, the latest first unless ordered otherwise."""
        return self._pages(
            operations.CUSTOMERS, {"where": where, "orderBy": order_by, "minPosition": min_position}
        )

    async def opportunity(
        self,
        *,
        by: OpportunityBy,
        as_of: AsOf | None = None,
        effective_at: datetime | None = None,
        min_position: int | None = None,
    ) -> Opportunity | None:
        """An opportunity; null where there is none."""
        return await self._read(
            operations.OPPORTUNITY,
            {"by": by, "asOf": as_of, "effectiveAt": effective_at, "minPosition": min_position},
        )

    def opportunities(
        self,
        *,
        where: OpportunityWhere | None = None,
        order_by: list[OpportunityOrder] | None = None,
        min_position: int | None = None,
    ) -> Pages[Opportunity]:
        """Opportunities, the latest first unless ordered otherwise."""
        return self._pages(
            operations.OPPORTUNITIES,
            {"where": where, "orderBy": order_by, "minPosition": min_position},
        )

    async def pipeline(
        self,
        *,
        id: Id,
        as_of: AsOf | None = None,
        effective_at: datetime | None = None,
        min_position: int | None = None,
    ) -> Pipeline | None:
        """A pipeline; null where there is none."""
        return await self._read(
            operations.PIPELINE,
            {"id": id, "asOf": as_of, "effectiveAt": effective_at, "minPosition": min_position},
        )

    def pipelines(self, *, min_position: int | None = None) -> Pages[Pipeline]:
        """All pipelines, in the order in which they were defined."""
        return self._pages(operations.PIPELINES, {"minPosition": min_position})

    async def product(
        self,
        *,
        id: Id,
        as_of: AsOf | None = None,
        effective_at: datetime | None = None,
        min_position: int | None = None,
    ) -> Product | None:
        """A product; null where there is none."""
        return await self._read(
            operations.PRODUCT,
            {"id": id, "asOf": as_of, "effectiveAt": effective_at, "minPosition": min_position},
        )

    def products(
        self,
        *,
        where: ProductWhere | None = None,
        order_by: list[ProductOrder] | None = None,
        min_position: int | None = None,
    ) -> Pages[Product]:
        """Products, by their codes unless ordered otherwise."""
        return self._pages(
            operations.PRODUCTS, {"where": where, "orderBy": order_by, "minPosition": min_position}
        )

    async def ticket(
        self,
        *,
        by: TicketBy,
        as_of: AsOf | None = None,
        effective_at: datetime | None = None,
        min_position: int | None = None,
    ) -> Ticket | None:
        """A ticket; null where there is none."""
        return await self._read(
            operations.TICKET,
            {"by": by, "asOf": as_of, "effectiveAt": effective_at, "minPosition": min_position},
        )

    def tickets(
        self,
        *,
        where: TicketWhere | None = None,
        order_by: list[TicketOrder] | None = None,
        min_position: int | None = None,
    ) -> Pages[Ticket]:
        """Tickets, the latest first unless ordered otherwise."""
        return self._pages(
            operations.TICKETS, {"where": where, "orderBy": order_by, "minPosition": min_position}
        )

    async def interaction(
        self,
        *,
        id: Id,
        as_of: AsOf | None = None,
        effective_at: datetime | None = None,
        min_position: int | None = None,
    ) -> Interaction | None:
        """An interaction; null where there is none."""
        return await self._read(
            operations.INTERACTION,
            {"id": id, "asOf": as_of, "effectiveAt": effective_at, "minPosition": min_position},
        )

    async def task(
        self,
        *,
        id: Id,
        as_of: AsOf | None = None,
        effective_at: datetime | None = None,
        min_position: int | None = None,
    ) -> Task | None:
        """A task; null where there is none."""
        return await self._read(
            operations.TASK,
            {"id": id, "asOf": as_of, "effectiveAt": effective_at, "minPosition": min_position},
        )

    def tasks(
        self,
        *,
        where: TaskWhere | None = None,
        order_by: list[TaskOrder] | None = None,
        min_position: int | None = None,
    ) -> Pages[Task]:
        """Tasks, the latest first unless ordered otherwise."""
        return self._pages(
            operations.TASKS, {"where": where, "orderBy": order_by, "minPosition": min_position}
        )

    async def viewer(self) -> User | None:
        """Who asks: the user of the bearer token, or for whom it acts."""
        return await self._read(operations.VIEWER, {})

    async def user(
        self,
        *,
        id: Id,
        as_of: AsOf | None = None,
        effective_at: datetime | None = None,
        min_position: int | None = None,
    ) -> User | None:
        """A user, by id."""
        return await self._read(
            operations.USER,
            {"id": id, "asOf": as_of, "effectiveAt": effective_at, "minPosition": min_position},
        )

    def users(
        self,
        *,
        where: UserWhere | None = None,
        order_by: list[UserOrder] | None = None,
        min_position: int | None = None,
    ) -> Pages[User]:
        """Users, in the order in which they were invited unless ordered otherwise."""
        return self._pages(
            operations.USERS, {"where": where, "orderBy": order_by, "minPosition": min_position}
        )

    def teams(
        self,
        *,
        where: TeamWhere | None = None,
        order_by: list[TeamOrder] | None = None,
        min_position: int | None = None,
    ) -> Pages[Team]:
        """Teams that there are or were, by their names unless ordered otherwise."""
        return self._pages(
            operations.TEAMS, {"where": where, "orderBy": order_by, "minPosition": min_position}
        )

    def roles(
        self,
        *,
        where: RoleWhere | None = None,
        order_by: list[RoleOrder] | None = None,
        min_position: int | None = None,
    ) -> Pages[Role]:
        """Roles that were defined here, by their names unless ordered otherwise."""
        return self._pages(
            operations.ROLES, {"where": where, "orderBy": order_by, "minPosition": min_position}
        )

    def shares(
        self,
        *,
        where: ShareWhere | None = None,
        order_by: list[ShareOrder] | None = None,
        min_position: int | None = None,
    ) -> Pages[Share]:
        """Shares, in the order in which they were granted unless ordered otherwise."""
        return self._pages(
            operations.SHARES, {"where": where, "orderBy": order_by, "minPosition": min_position}
        )

    def api_keys(
        self,
        *,
        where: ApiKeyWhere | None = None,
        order_by: list[ApiKeyOrder] | None = None,
        min_position: int | None = None,
    ) -> Pages[ApiKey]:
        """API keys, in the order in which they were issued unless ordered otherwise."""
        return self._pages(
            operations.API_KEYS, {"where": where, "orderBy": order_by, "minPosition": min_position}
        )

    async def built_in_roles(self) -> list[BuiltInRole] | None:
        """The roles that are there from the beginning. Of the same name, one of `roles` counts."""
        return await self._read(operations.BUILT_IN_ROLES, {})

    async def erasure(
        self,
        *,
        id: Id,
        as_of: AsOf | None = None,
        effective_at: datetime | None = None,
        min_position: int | None = None,
    ) -> Erasure | None:
        """An erasure; null where there is none."""
        return await self._read(
            operations.ERASURE,
            {"id": id, "asOf": as_of, "effectiveAt": effective_at, "minPosition": min_position},
        )

    async def sales_pipeline_report(
        self,
        *,
        where: SalesReportWhere | None = None,
        group_by: SalesGroup | None = None,
        time_zone: str | None = None,
        as_of: AsOf | None = None,
        effective_at: datetime | None = None,
        min_position: int | None = None,
    ) -> SalesPipelineReport | None:
        """Pipeline by stage. Deals: each opportunity once, by the stage and status it had. `weighted` is each amount times the probability it had, to four digits; what has no amount counts as nothing in both. Archived opportunities are left out. Its period is of the opening."""
        return await self._read(
            operations.SALES_PIPELINE_REPORT,
            {
                "where": where,
                "groupBy": group_by,
                "timeZone": time_zone,
                "asOf": as_of,
                "effectiveAt": effective_at,
                "minPosition": min_position,
            },
        )

    async def sales_forecast_report(
        self,
        *,
        where: SalesReportWhere | None = None,
        group_by: SalesGroup | None = None,
        time_zone: str | None = None,
        as_of: AsOf | None = None,
        effective_at: datetime | None = None,
        min_position: int | None = None,
    ) -> SalesForecastReport | None:
        """Weighted forecast. Deals: won ones by the day they were won, open and held ones by the day they are expected to close, each once. `weighted` is each amount times its probability, to four digits; for a won deal that is the amount. Lost and archived opportunities are left out; one without an expected day is in no period. Its period is of the closing, or the expected closing of what is open."""
        return await self._read(
            operations.SALES_FORECAST_REPORT,
            {
                "where": where,
                "groupBy": group_by,
                "timeZone": time_zone,
                "asOf": as_of,
                "effectiveAt": effective_at,
                "minPosition": min_position,
            },
        )

    async def pipeline_diff(
        self,
        *,
        from_: Past,
        to: Past | None = None,
        where: SalesReportWhere | None = None,
        group_by: SalesGroup | None = None,
        min_position: int | None = None,
    ) -> PipelineDiffReport | None:
        """What changed the pipeline. The open pipeline: opportunities that are open or held. A change is counted each time it happened; what it added to the number of deals, to their amount and to their weighted amount is exact, so the beginning and all changes sum to the end. A deal that was reopened comes back with what it is worth then."""
        return await self._read(
            operations.PIPELINE_DIFF,
            {
                "from": from_,
                "to": to,
                "where": where,
                "groupBy": group_by,
                "minPosition": min_position,
            },
        )

    async def sales_funnel_report(
        self,
        *,
        where: SalesReportWhere | None = None,
        group_by: SalesGroup | None = None,
        time_zone: str | None = None,
        as_of: AsOf | None = None,
        effective_at: datetime | None = None,
        min_position: int | None = None,
    ) -> SalesFunnelReport | None:
        """Funnel and conversion by cohort. Deals: an opportunity has reached a stage if it ever entered it, once however often it came back; stages that it jumped over it has not reached. The cohort of a group are those of its opportunities that ever entered the pipeline. Archived opportunities are left out. Its period is of the opening."""
        return await self._read(
            operations.SALES_FUNNEL_REPORT,
            {
                "where": where,
                "groupBy": group_by,
                "timeZone": time_zone,
                "asOf": as_of,
                "effectiveAt": effective_at,
                "minPosition": min_position,
            },
        )

    async def sales_figures_report(
        self,
        *,
        where: SalesReportWhere | None = None,
        group_by: SalesGroup | None = None,
        time_zone: str | None = None,
        as_of: AsOf | None = None,
        effective_at: datetime | None = None,
        min_position: int | None = None,
    ) -> SalesFiguresReport | None:
        """Win rate, cycle and velocity. Won deals: each opportunity once, by how it stood; one that was reopened and won again is one won deal, and one that is open again is none. The cycle is from the opening to the last winning. Archived opportunities are left out. Its period is of the closing; what is open counts in any case."""
        return await self._read(
            operations.SALES_FIGURES_REPORT,
            {
                "where": where,
                "groupBy": group_by,
                "timeZone": time_zone,
                "asOf": as_of,
                "effectiveAt": effective_at,
                "minPosition": min_position,
            },
        )

    async def sales_outcomes_report(
        self,
        *,
        where: SalesReportWhere | None = None,
        group_by: SalesGroup | None = None,
        time_zone: str | None = None,
        as_of: AsOf | None = None,
        effective_at: datetime | None = None,
        min_position: int | None = None,
    ) -> SalesOutcomesReport | None:
        """Won and lost, by reason and competitor. Both definitions side by side. `deals`, won and lost deals: each opportunity once, by how it stood. `events`, win and loss events: each time that one was won or lost, so one that was won, reopened and won again is one won deal and two win events. Archived opportunities are left out of both. Its period is of the closing of a deal, or the event."""
        return await self._read(
            operations.SALES_OUTCOMES_REPORT,
            {
                "where": where,
                "groupBy": group_by,
                "timeZone": time_zone,
                "asOf": as_of,
                "effectiveAt": effective_at,
                "minPosition": min_position,
            },
        )

    async def stage_time_report(
        self,
        *,
        where: SalesReportWhere | None = None,
        group_by: SalesGroup | None = None,
        time_zone: str | None = None,
        as_of: AsOf | None = None,
        effective_at: datetime | None = None,
        min_position: int | None = None,
    ) -> StageTimeReport | None:
        """Time in stage. Deals: for each opportunity the time it spent in a stage, in all its visits together. The times of one opportunity tile its life from the opening to the last closing, or to the moment of the report while it is open: without a gap, without an overlap, the time between a closing and the reopening after it included. A stage that was left at the moment it was entered took no time and is not counted. Archived opportunities are left out. Its period is of the opening."""
        return await self._read(
            operations.STAGE_TIME_REPORT,
            {
                "where": where,
                "groupBy": group_by,
                "timeZone": time_zone,
                "asOf": as_of,
                "effectiveAt": effective_at,
                "minPosition": min_position,
            },
        )

    async def pipeline_ageing_report(
        self,
        *,
        where: SalesReportWhere | None = None,
        group_by: SalesGroup | None = None,
        time_zone: str | None = None,
        as_of: AsOf | None = None,
        effective_at: datetime | None = None,
        min_position: int | None = None,
    ) -> PipelineAgeingReport | None:
        """Ageing and slippage. Deals: each opportunity that was open or held, once. It has slipped if the day it was expected to close on is before the day of the report, in the time zone of the question; one without an expected day has not. Its period is of the opening."""
        return await self._read(
            operations.PIPELINE_AGEING_REPORT,
            {
                "where": where,
                "groupBy": group_by,
                "timeZone": time_zone,
                "asOf": as_of,
                "effectiveAt": effective_at,
                "minPosition": min_position,
            },
        )

    async def ticket_volume_report(
        self,
        *,
        where: TicketReportWhere | None = None,
        group_by: TicketGroup | None = None,
        time_zone: str | None = None,
        as_of: AsOf | None = None,
        effective_at: datetime | None = None,
        min_position: int | None = None,
    ) -> TicketVolumeReport | None:
        """Ticket volume. Events: each opening, resolution, reopening and closing counts when it happened, so a ticket that was resolved twice counts twice there. Rejected and merged tickets came in like all others. Its period is of the event."""
        return await self._read(
            operations.TICKET_VOLUME_REPORT,
            {
                "where": where,
                "groupBy": group_by,
                "timeZone": time_zone,
                "asOf": as_of,
                "effectiveAt": effective_at,
                "minPosition": min_position,
            },
        )

    async def ticket_backlog_report(
        self,
        *,
        where: TicketReportWhere | None = None,
        group_by: TicketGroup | None = None,
        time_zone: str | None = None,
        as_of: AsOf | None = None,
        effective_at: datetime | None = None,
        min_position: int | None = None,
    ) -> TicketBacklogReport | None:
        """Ticket backlog. Tickets that waited for us, for the customer or for somebody else: new, open, pending or on hold. By day, week, month or quarter: those that waited at its end, just before the next one began, or at the moment of the report in the one that is not over. Its period is of the opening; by periods, the periods themselves."""
        return await self._read(
            operations.TICKET_BACKLOG_REPORT,
            {
                "where": where,
                "groupBy": group_by,
                "timeZone": time_zone,
                "asOf": as_of,
                "effectiveAt": effective_at,
                "minPosition": min_position,
            },
        )

    async def ticket_duration_report(
        self,
        *,
        where: TicketReportWhere | None = None,
        group_by: TicketGroup | None = None,
        time_zone: str | None = None,
        as_of: AsOf | None = None,
        effective_at: datetime | None = None,
        min_position: int | None = None,
    ) -> TicketDurationReport | None:
        """First response, resolution and life of tickets. First response and resolution: each cycle once, from its beginning (the opening, or the reopening) on the clock, day and night. Activity: each ticket once, from the first to the last thing that happened to it. Rejected and merged tickets are left out. Its period is of the opening."""
        return await self._read(
            operations.TICKET_DURATION_REPORT,
            {
                "where": where,
                "groupBy": group_by,
                "timeZone": time_zone,
                "asOf": as_of,
                "effectiveAt": effective_at,
                "minPosition": min_position,
            },
        )

    async def ticket_reopening_report(
        self,
        *,
        where: TicketReportWhere | None = None,
        group_by: TicketGroup | None = None,
        time_zone: str | None = None,
        as_of: AsOf | None = None,
        effective_at: datetime | None = None,
        min_position: int | None = None,
    ) -> TicketReopeningReport | None:
        """Reopen rate. Tickets: each once, however often it came back; `reopenings` are the events. A ticket cannot be reopened before it was resolved, so the rate is at most 1. Rejected and merged tickets are left out. Its period is of the opening."""
        return await self._read(
            operations.TICKET_REOPENING_REPORT,
            {
                "where": where,
                "groupBy": group_by,
                "timeZone": time_zone,
                "asOf": as_of,
                "effectiveAt": effective_at,
                "minPosition": min_position,
            },
        )

    async def diff(self, *, id: Id, from_: Past, to: Past | None = None) -> RecordDiff | None:
        """What differs in a record between two pasts, field by field, with the events that made it so; null where there is no record in either, or none that you may see."""
        return await self._read(operations.DIFF, {"id": id, "from": from_, "to": to})

    async def explain(
        self, *, id: Id, field: str, as_of: AsOf | None = None, effective_at: datetime | None = None
    ) -> Explanation | None:
        """Why a field has its value: the event that set it, the command and the user or rule behind it, and what led to that; null where there is no record, or none that you may see."""
        return await self._read(
            operations.EXPLAIN,
            {"id": id, "field": field, "asOf": as_of, "effectiveAt": effective_at},
        )

    def events(
        self, *, types: list[str] | None = None, record_id: Id | None = None
    ) -> Pages[EventRecord]:
        """The feed of all events, in the order of the ledger: consumers read it from a position on, and miss nothing. For those who may read events: auditors, administrators."""
        return self._pages(operations.EVENTS, {"types": types, "recordId": record_id})

    def audit_trail(
        self,
        *,
        where: AuditWhere | None = None,
        order_by: list[AuditOrder] | None = None,
        min_position: int | None = None,
        search: str | None = None,
    ) -> Pages[AuditEntry]:
        """Who did what, the latest first unless ordered otherwise. For those who may audit events."""
        return self._pages(
            operations.AUDIT_TRAIL,
            {"where": where, "orderBy": order_by, "minPosition": min_position, "search": search},
        )

    async def projection_status(self) -> ProjectionsStatus | None:
        """How far each read model is behind the ledger."""
        return await self._read(operations.PROJECTION_STATUS, {})

    async def audit_checkpoint(self) -> AuditCheckpoint | None:
        """The last signed checkpoint over the ledger."""
        return await self._read(operations.AUDIT_CHECKPOINT, {})

    async def audit_proof(
        self, *, position: int | None = None, event_id: UUID | None = None
    ) -> AuditProof | None:
        """That an event is in what was signed; name it by its position or its UUID. Null where there is no such event."""
        return await self._read(operations.AUDIT_PROOF, {"position": position, "eventId": event_id})

    async def audit_consistency(
        self, *, from_: int, to: int | None = None
    ) -> AuditConsistency | None:
        """That the log of one size begins with that of an earlier one."""
        return await self._read(operations.AUDIT_CONSISTENCY, {"from": from_, "to": to})

    async def who_could_see(self, *, id: Id, as_of: AsOf | None = None) -> list[User] | None:
        """Who may read a record, or could as of a past; by their ids. Null where there was no record. For those who may audit events."""
        return await self._read(operations.WHO_COULD_SEE, {"id": id, "asOf": as_of})

    async def what_could_user_see(
        self, *, user_id: Id, as_of: AsOf | None = None
    ) -> list[Reach] | None:
        """What a user may read, or could as of a past, by kind; kinds without any are left out. For those who may audit events."""
        return await self._read(operations.WHAT_COULD_USER_SEE, {"userId": user_id, "asOf": as_of})

    async def breach_scope(
        self, *, principal_id: Id, from_: datetime, to: datetime
    ) -> BreachScope | None:
        """What a user or an API key could see and did read in a span, both ends included; null where there is no such principal. For those who may audit events."""
        return await self._read(
            operations.BREACH_SCOPE, {"principalId": principal_id, "from": from_, "to": to}
        )

    async def rate_limit(self, *, dry_run: bool | None = None) -> RateLimit | None:
        """What this operation costs, and what is left; null on a websocket."""
        return await self._read(operations.RATE_LIMIT, {"dryRun": dry_run})

    async def bulk_operation(self, *, id: Id) -> BulkOperation | None:
        """A bulk operation, how far it is and how it ended; null where there is none."""
        return await self._read(operations.BULK_OPERATION, {"id": id})

    def bulk_operations(
        self,
        *,
        where: BulkOperationWhere | None = None,
        order_by: list[BulkOperationOrder] | None = None,
        min_position: int | None = None,
    ) -> Pages[BulkOperation]:
        """Bulk operations, the latest first unless ordered otherwise: your own, or all."""
        return self._pages(
            operations.BULK_OPERATIONS,
            {"where": where, "orderBy": order_by, "minPosition": min_position},
        )

    def customer_timeline(self, id: Id) -> Pages[TimelineEntry]:
        """What happened with this customer, over all its records that you may see; the latest first."""
        return self._pages(operations.CUSTOMER_TIMELINE, {"id": id})

    def customer_opportunities(
        self,
        id: Id,
        *,
        where: OpportunityWhere | None = None,
        order_by: list[OpportunityOrder] | None = None,
    ) -> Pages[Opportunity]:
        """The customer's opportunities; null where you may not see any."""
        return self._pages(
            operations.CUSTOMER_OPPORTUNITIES, {"id": id, "where": where, "orderBy": order_by}
        )

    def customer_tickets(
        self, id: Id, *, where: TicketWhere | None = None, order_by: list[TicketOrder] | None = None
    ) -> Pages[Ticket]:
        """The customer's tickets; null where you may not see any."""
        return self._pages(
            operations.CUSTOMER_TICKETS, {"id": id, "where": where, "orderBy": order_by}
        )

    def customer_tasks(
        self, id: Id, *, where: TaskWhere | None = None, order_by: list[TaskOrder] | None = None
    ) -> Pages[Task]:
        """What is to be done about the customer, the most urgent first unless ordered otherwise; null where you may not see any."""
        return self._pages(
            operations.CUSTOMER_TASKS, {"id": id, "where": where, "orderBy": order_by}
        )

    def customer_interactions(self, id: Id) -> Pages[Interaction]:
        """Contacts with the customer and notes about it, the latest first; null where you may not see any."""
        return self._pages(operations.CUSTOMER_INTERACTIONS, {"id": id})

    def record_history(self, id: Id, *, types: list[str] | None = None) -> Pages[EventRecord]:
        """What happened to this record, in the order of its recording."""
        return self._pages(operations.RECORD_HISTORY, {"id": id, "types": types})

    async def api_key_revoke(
        self,
        *,
        key_id: Id,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[ApiKey]:
        """Ends an API key at once."""
        return await self._execute(
            operations.API_KEY_REVOKE,
            {
                "keyId": key_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def bulk_operation_cancel(
        self,
        *,
        bulk_operation_id: Id,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[BulkOperation]:
        """Ends it after the rows it is at; what was done before stays."""
        return await self._execute(
            operations.BULK_OPERATION_CANCEL,
            {
                "bulkOperationId": bulk_operation_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def bulk_operation_erase(
        self,
        *,
        bulk_operation_id: Id,
        erasure_id: Id | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[BulkOperation]:
        """Forgets for ever what an export's query said; that there was one stays."""
        return await self._execute(
            operations.BULK_OPERATION_ERASE,
            {
                "bulkOperationId": bulk_operation_id,
                "erasureId": erasure_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def bulk_operation_export(
        self,
        *,
        query: str,
        bulk_operation_id: Id | None = None,
        variables: str | None = None,
        format: BulkFormat | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[BulkOperation]:
        """Writes all records that a query lists into a file: a JSON object a line, or Parquet. The document has one field at its root, which is a list such as `customers`, without `first`, `after`, `last` and `before`: all its pages are read, one after another, with your rights. `variables` is a JSON object."""
        return await self._execute(
            operations.BULK_OPERATION_EXPORT,
            {
                "query": query,
                "bulkOperationId": bulk_operation_id,
                "variables": variables,
                "format": format,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def bulk_operation_import(
        self,
        *,
        upload_id: Id,
        mutation: str,
        bulk_operation_id: Id | None = None,
        format: BulkFormat | None = None,
        mapping: list[MappedColumnInput] | None = None,
        error_policy: ErrorPolicy | None = None,
        only_rehearses: bool | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[BulkOperation]:
        """Sends every row of an upload to a mutation, such as `customerRegisterPerson`, with your rights. A row of JSONL is the mutation's input. A row of CSV has its fields in columns: those that `mapping` names, or else those that are called like a field, `money.amount`; an empty cell is no value. A row has one effect, however often the operation is broken off and goes on."""
        return await self._execute(
            operations.BULK_OPERATION_IMPORT,
            {
                "uploadId": upload_id,
                "mutation": mutation,
                "bulkOperationId": bulk_operation_id,
                "format": format,
                "mapping": mapping,
                "errorPolicy": error_policy,
                "onlyRehearses": only_rehearses,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def customer_add_contact_point(
        self,
        *,
        customer_id: Id,
        type: ContactPointType,
        value: str,
        point_id: Id | None = None,
        label: str | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Customer]:
        """Adds an e-mail address, a phone number or a website."""
        return await self._execute(
            operations.CUSTOMER_ADD_CONTACT_POINT,
            {
                "customerId": customer_id,
                "type": type,
                "value": value,
                "pointId": point_id,
                "label": label,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def customer_archive(
        self,
        *,
        customer_id: Id,
        reason: str | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Customer]:
        """Takes a customer out of daily work; its addresses are free for others."""
        return await self._execute(
            operations.CUSTOMER_ARCHIVE,
            {
                "customerId": customer_id,
                "reason": reason,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def customer_assign_owner(
        self,
        *,
        customer_id: Id,
        owner_id: Id,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Customer]:
        """Makes a user responsible for a customer."""
        return await self._execute(
            operations.CUSTOMER_ASSIGN_OWNER,
            {
                "customerId": customer_id,
                "ownerId": owner_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def customer_change_lifecycle(
        self,
        *,
        customer_id: Id,
        to: Lifecycle,
        reason: str | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Customer]:
        """Moves a customer along its life: prospect, active, dormant, churned."""
        return await self._execute(
            operations.CUSTOMER_CHANGE_LIFECYCLE,
            {
                "customerId": customer_id,
                "to": to,
                "reason": reason,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def customer_end_affiliation(
        self,
        *,
        customer_id: Id,
        affiliation_id: Id,
        until: datetime | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Customer]:
        """Ends a person's role in an organisation, at a moment (now, if none is given)."""
        return await self._execute(
            operations.CUSTOMER_END_AFFILIATION,
            {
                "customerId": customer_id,
                "affiliationId": affiliation_id,
                "until": until,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def customer_erase(
        self,
        *,
        customer_id: Id,
        erasure_id: Id | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Customer]:
        """Forgets a customer for ever, with all that were merged with it; the history keeps its shape. Merged customers are one customer: whichever of them is named, all of them are erased."""
        return await self._execute(
            operations.CUSTOMER_ERASE,
            {
                "customerId": customer_id,
                "erasureId": erasure_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def customer_grant_consent(
        self,
        *,
        customer_id: Id,
        channel: ConsentChannel,
        purpose: str,
        basis: ConsentBasis,
        evidence: str,
        expires_at: datetime | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Customer]:
        """Records that the customer may be contacted on a channel for a purpose, and the proof."""
        return await self._execute(
            operations.CUSTOMER_GRANT_CONSENT,
            {
                "customerId": customer_id,
                "channel": channel,
                "purpose": purpose,
                "basis": basis,
                "evidence": evidence,
                "expiresAt": expires_at,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def customer_link_external_id(
        self,
        *,
        customer_id: Id,
        system: str,
        external_id: str,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Customer]:
        """Links the id that another system has for this customer; unique in that system."""
        return await self._execute(
            operations.CUSTOMER_LINK_EXTERNAL_ID,
            {
                "customerId": customer_id,
                "system": system,
                "externalId": external_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def customer_make_contact_point_primary(
        self,
        *,
        customer_id: Id,
        point_id: Id,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Customer]:
        """Makes a contact point the first choice of its type."""
        return await self._execute(
            operations.CUSTOMER_MAKE_CONTACT_POINT_PRIMARY,
            {
                "customerId": customer_id,
                "pointId": point_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def customer_merge(
        self,
        *,
        customer_id: Id,
        loser_ids: list[Id],
        plan_id: Id | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Customer]:
        """Merges other customers into this one; nothing of their history is rewritten or lost."""
        return await self._execute(
            operations.CUSTOMER_MERGE,
            {
                "customerId": customer_id,
                "loserIds": loser_ids,
                "planId": plan_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def customer_register_organization(
        self,
        *,
        name: str,
        customer_id: Id | None = None,
        source: str | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Customer]:
        """Registers an organisation as a customer or a prospect."""
        return await self._execute(
            operations.CUSTOMER_REGISTER_ORGANIZATION,
            {
                "name": name,
                "customerId": customer_id,
                "source": source,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def customer_register_person(
        self,
        *,
        name: str,
        customer_id: Id | None = None,
        email: str | None = None,
        source: str | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Customer]:
        """Registers a person, with an e-mail address if one is known."""
        return await self._execute(
            operations.CUSTOMER_REGISTER_PERSON,
            {
                "name": name,
                "customerId": customer_id,
                "email": email,
                "source": source,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def customer_remove_contact_point(
        self,
        *,
        customer_id: Id,
        point_id: Id,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Customer]:
        """Removes a contact point; its address is free for another customer."""
        return await self._execute(
            operations.CUSTOMER_REMOVE_CONTACT_POINT,
            {
                "customerId": customer_id,
                "pointId": point_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def customer_rename(
        self,
        *,
        customer_id: Id,
        name: str,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Customer]:
        """Gives a customer another name."""
        return await self._execute(
            operations.CUSTOMER_RENAME,
            {
                "customerId": customer_id,
                "name": name,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def customer_restore(
        self,
        *,
        customer_id: Id,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Customer]:
        """Brings an archived customer back, unless another one holds its address by now."""
        return await self._execute(
            operations.CUSTOMER_RESTORE,
            {
                "customerId": customer_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def customer_revert_merge(
        self,
        *,
        customer_id: Id,
        plan_id: Id,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Customer]:
        """Undoes a merge: the merged customers are their own again."""
        return await self._execute(
            operations.CUSTOMER_REVERT_MERGE,
            {
                "customerId": customer_id,
                "planId": plan_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def customer_set_address(
        self,
        *,
        customer_id: Id,
        address: AddressInput,
        label: str | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Customer]:
        """Sets the postal address under a label, such as `billing`."""
        return await self._execute(
            operations.CUSTOMER_SET_ADDRESS,
            {
                "customerId": customer_id,
                "address": address,
                "label": label,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def customer_set_organization_profile(
        self,
        *,
        customer_id: Id,
        sector: str | None = None,
        founded_year: int | None = None,
        annual_revenue: MoneyInput | None = None,
        employees: int | None = None,
        location: str | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Customer]:
        """Records what is known of an organisation: sector, size, revenue, place."""
        return await self._execute(
            operations.CUSTOMER_SET_ORGANIZATION_PROFILE,
            {
                "customerId": customer_id,
                "sector": sector,
                "foundedYear": founded_year,
                "annualRevenue": annual_revenue,
                "employees": employees,
                "location": location,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def customer_set_parent_organization(
        self,
        *,
        customer_id: Id,
        parent_id: Id | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Customer]:
        """Puts an organisation under another one, or under none."""
        return await self._execute(
            operations.CUSTOMER_SET_PARENT_ORGANIZATION,
            {
                "customerId": customer_id,
                "parentId": parent_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def customer_start_affiliation(
        self,
        *,
        customer_id: Id,
        organization_id: Id,
        role: str,
        affiliation_id: Id | None = None,
        since: datetime | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Customer]:
        """Links a person to an organisation, in a role, from a moment on (now, if none is given)."""
        return await self._execute(
            operations.CUSTOMER_START_AFFILIATION,
            {
                "customerId": customer_id,
                "organizationId": organization_id,
                "role": role,
                "affiliationId": affiliation_id,
                "since": since,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def customer_tag(
        self,
        *,
        customer_id: Id,
        tag: str,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Customer]:
        """Puts a tag on a customer."""
        return await self._execute(
            operations.CUSTOMER_TAG,
            {
                "customerId": customer_id,
                "tag": tag,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def customer_unlink_external_id(
        self,
        *,
        customer_id: Id,
        system: str,
        external_id: str,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Customer]:
        """Takes the id of another system off this customer."""
        return await self._execute(
            operations.CUSTOMER_UNLINK_EXTERNAL_ID,
            {
                "customerId": customer_id,
                "system": system,
                "externalId": external_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def customer_untag(
        self,
        *,
        customer_id: Id,
        tag: str,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Customer]:
        """Takes a tag off a customer."""
        return await self._execute(
            operations.CUSTOMER_UNTAG,
            {
                "customerId": customer_id,
                "tag": tag,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def customer_verify_contact_point(
        self,
        *,
        customer_id: Id,
        point_id: Id,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Customer]:
        """Records that a contact point was found to work."""
        return await self._execute(
            operations.CUSTOMER_VERIFY_CONTACT_POINT,
            {
                "customerId": customer_id,
                "pointId": point_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def customer_withdraw_consent(
        self,
        *,
        customer_id: Id,
        channel: ConsentChannel,
        purpose: str,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Customer]:
        """Records that the customer may not be contacted for this any more."""
        return await self._execute(
            operations.CUSTOMER_WITHDRAW_CONSENT,
            {
                "customerId": customer_id,
                "channel": channel,
                "purpose": purpose,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def disclosure_record_destroyed(
        self,
        *,
        disclosure_id: Id,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Disclosure]:
        """Records that a copy of personal data, which had left, is destroyed."""
        return await self._execute(
            operations.DISCLOSURE_RECORD_DESTROYED,
            {
                "disclosureId": disclosure_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def interaction_correct(
        self,
        *,
        interaction_id: Id,
        subject: str | None = None,
        body: str | None = None,
        duration_seconds: int | None = None,
        outcome: CallOutcome | None = None,
        reason: str | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Interaction]:
        """Changes what is given of what an interaction says; the original stays readable."""
        return await self._execute(
            operations.INTERACTION_CORRECT,
            {
                "interactionId": interaction_id,
                "subject": subject,
                "body": body,
                "durationSeconds": duration_seconds,
                "outcome": outcome,
                "reason": reason,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def interaction_link(
        self,
        *,
        interaction_id: Id,
        to: InteractionLinkKind,
        to_id: Id,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Interaction]:
        """Puts an interaction on the timeline of one more record."""
        return await self._execute(
            operations.INTERACTION_LINK,
            {
                "interactionId": interaction_id,
                "to": to,
                "toId": to_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def interaction_log(
        self,
        *,
        customer_id: Id,
        channel: InteractionChannel,
        direction: InteractionDirection,
        interaction_id: Id | None = None,
        subject: str | None = None,
        body: str | None = None,
        opportunity_id: Id | None = None,
        ticket_id: Id | None = None,
        duration_seconds: int | None = None,
        outcome: CallOutcome | None = None,
        visibility: InteractionVisibility | None = None,
        participant_ids: list[Id] | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Interaction]:
        """Records a call, a meeting or any other contact with a customer, or a note about one."""
        return await self._execute(
            operations.INTERACTION_LOG,
            {
                "customerId": customer_id,
                "channel": channel,
                "direction": direction,
                "interactionId": interaction_id,
                "subject": subject,
                "body": body,
                "opportunityId": opportunity_id,
                "ticketId": ticket_id,
                "durationSeconds": duration_seconds,
                "outcome": outcome,
                "visibility": visibility,
                "participantIds": participant_ids,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def interaction_log_email(
        self,
        *,
        message_id: str,
        customer_id: Id,
        direction: InteractionDirection,
        subject: str | None = None,
        body: str | None = None,
        opportunity_id: Id | None = None,
        ticket_id: Id | None = None,
        visibility: InteractionVisibility | None = None,
        participant_ids: list[Id] | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Interaction]:
        """Records an e-mail by its message id; found in a second mailbox, it is still one e-mail."""
        return await self._execute(
            operations.INTERACTION_LOG_EMAIL,
            {
                "messageId": message_id,
                "customerId": customer_id,
                "direction": direction,
                "subject": subject,
                "body": body,
                "opportunityId": opportunity_id,
                "ticketId": ticket_id,
                "visibility": visibility,
                "participantIds": participant_ids,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def interaction_redact(
        self,
        *,
        interaction_id: Id,
        reason: str,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Interaction]:
        """Hides the subject line and the body of an interaction from everybody, for good."""
        return await self._execute(
            operations.INTERACTION_REDACT,
            {
                "interactionId": interaction_id,
                "reason": reason,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def interaction_unlink(
        self,
        *,
        interaction_id: Id,
        to: InteractionLinkKind,
        to_id: Id,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Interaction]:
        """Takes an interaction off the timeline of a record that it is not about."""
        return await self._execute(
            operations.INTERACTION_UNLINK,
            {
                "interactionId": interaction_id,
                "to": to,
                "toId": to_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def opportunity_add_competitor(
        self,
        *,
        opportunity_id: Id,
        competitor: str,
        status: CompetitorStatus | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Opportunity]:
        """Says that a competitor, known by a code, is after the same sale."""
        return await self._execute(
            operations.OPPORTUNITY_ADD_COMPETITOR,
            {
                "opportunityId": opportunity_id,
                "competitor": competitor,
                "status": status,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def opportunity_add_contact_role(
        self,
        *,
        opportunity_id: Id,
        customer_id: Id,
        role: ContactRole,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Opportunity]:
        """Says what part a person, who is a customer too, has in the decision."""
        return await self._execute(
            operations.OPPORTUNITY_ADD_CONTACT_ROLE,
            {
                "opportunityId": opportunity_id,
                "customerId": customer_id,
                "role": role,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def opportunity_add_line(
        self,
        *,
        opportunity_id: Id,
        product_id: Id,
        quantity: Decimal,
        line_id: Id | None = None,
        unit_price: MoneyInput | None = None,
        discount_percent: Decimal | None = None,
        tax_code: str | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Opportunity]:
        """Adds a product, at its list price if no other is named; the amount is the lines' sum."""
        return await self._execute(
            operations.OPPORTUNITY_ADD_LINE,
            {
                "opportunityId": opportunity_id,
                "productId": product_id,
                "quantity": quantity,
                "lineId": line_id,
                "unitPrice": unit_price,
                "discountPercent": discount_percent,
                "taxCode": tax_code,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def opportunity_archive(
        self,
        *,
        opportunity_id: Id,
        reason: str | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Opportunity]:
        """Takes an opportunity out of all work, for good."""
        return await self._execute(
            operations.OPPORTUNITY_ARCHIVE,
            {
                "opportunityId": opportunity_id,
                "reason": reason,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def opportunity_assign_owner(
        self,
        *,
        opportunity_id: Id,
        owner_id: Id,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Opportunity]:
        """Makes a user responsible for an opportunity."""
        return await self._execute(
            operations.OPPORTUNITY_ASSIGN_OWNER,
            {
                "opportunityId": opportunity_id,
                "ownerId": owner_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def opportunity_change_line(
        self,
        *,
        opportunity_id: Id,
        line_id: Id,
        quantity: Decimal | None = None,
        unit_price: MoneyInput | None = None,
        discount_percent: Decimal | None = None,
        tax_code: str | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Opportunity]:
        """Changes a line; what is not named stays as it is."""
        return await self._execute(
            operations.OPPORTUNITY_CHANGE_LINE,
            {
                "opportunityId": opportunity_id,
                "lineId": line_id,
                "quantity": quantity,
                "unitPrice": unit_price,
                "discountPercent": discount_percent,
                "taxCode": tax_code,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def opportunity_clear_probability_override(
        self,
        *,
        opportunity_id: Id,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Opportunity]:
        """Returns to the probability that the stage gave the opportunity as it entered."""
        return await self._execute(
            operations.OPPORTUNITY_CLEAR_PROBABILITY_OVERRIDE,
            {
                "opportunityId": opportunity_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def opportunity_erase(
        self,
        *,
        opportunity_id: Id,
        erasure_id: Id | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Opportunity]:
        """Forgets for ever what is written in an opportunity of no customer; its shape stays. Those of a customer go with the customer."""
        return await self._execute(
            operations.OPPORTUNITY_ERASE,
            {
                "opportunityId": opportunity_id,
                "erasureId": erasure_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def opportunity_hold(
        self,
        *,
        opportunity_id: Id,
        until: date | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Opportunity]:
        """Puts an opportunity on hold, until a day if one is named; it stays in its stage."""
        return await self._execute(
            operations.OPPORTUNITY_HOLD,
            {
                "opportunityId": opportunity_id,
                "until": until,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def opportunity_link_external_id(
        self,
        *,
        opportunity_id: Id,
        system: str,
        external_id: str,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Opportunity]:
        """Links the id that another system has for this opportunity; unique in that system."""
        return await self._execute(
            operations.OPPORTUNITY_LINK_EXTERNAL_ID,
            {
                "opportunityId": opportunity_id,
                "system": system,
                "externalId": external_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def opportunity_lose(
        self,
        *,
        opportunity_id: Id,
        reason_code: str,
        competitor: str | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Opportunity]:
        """Closes an opportunity as lost, for a reason and perhaps to a competitor."""
        return await self._execute(
            operations.OPPORTUNITY_LOSE,
            {
                "opportunityId": opportunity_id,
                "reasonCode": reason_code,
                "competitor": competitor,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def opportunity_move_stage(
        self,
        *,
        opportunity_id: Id,
        stage_id: str,
        reason: str | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Opportunity]:
        """Moves an opportunity to another open stage that may follow and whose gates are met."""
        return await self._execute(
            operations.OPPORTUNITY_MOVE_STAGE,
            {
                "opportunityId": opportunity_id,
                "stageId": stage_id,
                "reason": reason,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def opportunity_open(
        self,
        *,
        name: str,
        pipeline_id: Id,
        currency: str,
        owner_id: Id,
        opportunity_id: Id | None = None,
        customer_id: Id | None = None,
        stage_id: str | None = None,
        product_id: Id | None = None,
        source: str | None = None,
        amount: MoneyInput | None = None,
        close_date: date | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Opportunity]:
        """Opens an opportunity in a stage of a pipeline: the first open one, if none is named."""
        return await self._execute(
            operations.OPPORTUNITY_OPEN,
            {
                "name": name,
                "pipelineId": pipeline_id,
                "currency": currency,
                "ownerId": owner_id,
                "opportunityId": opportunity_id,
                "customerId": customer_id,
                "stageId": stage_id,
                "productId": product_id,
                "source": source,
                "amount": amount,
                "closeDate": close_date,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def opportunity_override_probability(
        self,
        *,
        opportunity_id: Id,
        probability: Decimal,
        reason: str | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Opportunity]:
        """Sets the probability, 0 to 100, by hand; it holds while the opportunity is in its stage."""
        return await self._execute(
            operations.OPPORTUNITY_OVERRIDE_PROBABILITY,
            {
                "opportunityId": opportunity_id,
                "probability": probability,
                "reason": reason,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def opportunity_remove_contact_role(
        self,
        *,
        opportunity_id: Id,
        customer_id: Id,
        role: ContactRole,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Opportunity]:
        """Says that a person has that part in the decision no more."""
        return await self._execute(
            operations.OPPORTUNITY_REMOVE_CONTACT_ROLE,
            {
                "opportunityId": opportunity_id,
                "customerId": customer_id,
                "role": role,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def opportunity_remove_line(
        self,
        *,
        opportunity_id: Id,
        line_id: Id,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Opportunity]:
        """Removes a line; the amount is the sum of the others."""
        return await self._execute(
            operations.OPPORTUNITY_REMOVE_LINE,
            {
                "opportunityId": opportunity_id,
                "lineId": line_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def opportunity_reopen(
        self,
        *,
        opportunity_id: Id,
        reason: str,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Opportunity]:
        """Opens a won or lost opportunity again, in the stage that it was closed from."""
        return await self._execute(
            operations.OPPORTUNITY_REOPEN,
            {
                "opportunityId": opportunity_id,
                "reason": reason,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def opportunity_resume(
        self,
        *,
        opportunity_id: Id,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Opportunity]:
        """Takes an opportunity off hold."""
        return await self._execute(
            operations.OPPORTUNITY_RESUME,
            {
                "opportunityId": opportunity_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def opportunity_set_amount(
        self,
        *,
        opportunity_id: Id,
        amount: MoneyInput,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Opportunity]:
        """Sets the amount of an opportunity without lines, in its currency."""
        return await self._execute(
            operations.OPPORTUNITY_SET_AMOUNT,
            {
                "opportunityId": opportunity_id,
                "amount": amount,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def opportunity_set_close_date(
        self,
        *,
        opportunity_id: Id,
        close_date: date,
        reason: str | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Opportunity]:
        """Sets the day on which the decision is expected."""
        return await self._execute(
            operations.OPPORTUNITY_SET_CLOSE_DATE,
            {
                "opportunityId": opportunity_id,
                "closeDate": close_date,
                "reason": reason,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def opportunity_set_competitor_status(
        self,
        *,
        opportunity_id: Id,
        competitor: str,
        status: CompetitorStatus,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Opportunity]:
        """Says how a competitor stands."""
        return await self._execute(
            operations.OPPORTUNITY_SET_COMPETITOR_STATUS,
            {
                "opportunityId": opportunity_id,
                "competitor": competitor,
                "status": status,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def opportunity_set_customer(
        self,
        *,
        opportunity_id: Id,
        customer_id: Id,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Opportunity]:
        """Says which customer an opportunity is with."""
        return await self._execute(
            operations.OPPORTUNITY_SET_CUSTOMER,
            {
                "opportunityId": opportunity_id,
                "customerId": customer_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def opportunity_set_forecast_category(
        self,
        *,
        opportunity_id: Id,
        forecast_category: ForecastCategory,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Opportunity]:
        """Sets the forecast category by hand; it holds while the opportunity is in its stage."""
        return await self._execute(
            operations.OPPORTUNITY_SET_FORECAST_CATEGORY,
            {
                "opportunityId": opportunity_id,
                "forecastCategory": forecast_category,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def opportunity_set_next_step(
        self,
        *,
        opportunity_id: Id,
        text: str | None = None,
        due_on: date | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Opportunity]:
        """Says what is to be done next and by when; without a text, that nothing is planned."""
        return await self._execute(
            operations.OPPORTUNITY_SET_NEXT_STEP,
            {
                "opportunityId": opportunity_id,
                "text": text,
                "dueOn": due_on,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def opportunity_set_team_splits(
        self,
        *,
        opportunity_id: Id,
        splits: list[TeamSplitInput] | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Opportunity]:
        """Shares an opportunity among users; the shares sum to 100, or there are none."""
        return await self._execute(
            operations.OPPORTUNITY_SET_TEAM_SPLITS,
            {
                "opportunityId": opportunity_id,
                "splits": splits,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def opportunity_transfer_pipeline(
        self,
        *,
        opportunity_id: Id,
        pipeline_id: Id,
        stage_map: list[StageMappingInput],
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Opportunity]:
        """Moves an opportunity to another pipeline; the map says which stage follows its own."""
        return await self._execute(
            operations.OPPORTUNITY_TRANSFER_PIPELINE,
            {
                "opportunityId": opportunity_id,
                "pipelineId": pipeline_id,
                "stageMap": stage_map,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def opportunity_unlink_external_id(
        self,
        *,
        opportunity_id: Id,
        system: str,
        external_id: str,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Opportunity]:
        """Takes the id of another system off this opportunity."""
        return await self._execute(
            operations.OPPORTUNITY_UNLINK_EXTERNAL_ID,
            {
                "opportunityId": opportunity_id,
                "system": system,
                "externalId": external_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def opportunity_win(
        self,
        *,
        opportunity_id: Id,
        final_amount: MoneyInput | None = None,
        order_id: Id | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Opportunity]:
        """Closes an opportunity as won, for the amount it has or for a final one."""
        return await self._execute(
            operations.OPPORTUNITY_WIN,
            {
                "opportunityId": opportunity_id,
                "finalAmount": final_amount,
                "orderId": order_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def pipeline_add_stage(
        self,
        *,
        pipeline_id: Id,
        stage: StageInput,
        place: int | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Pipeline]:
        """Adds a stage at a place counted from 1, or after the last stage of its class."""
        return await self._execute(
            operations.PIPELINE_ADD_STAGE,
            {
                "pipelineId": pipeline_id,
                "stage": stage,
                "place": place,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def pipeline_define(
        self,
        *,
        name: str,
        stages: list[StageInput],
        pipeline_id: Id | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Pipeline]:
        """Defines a pipeline by its stages, in their order; at least one of them is open."""
        return await self._execute(
            operations.PIPELINE_DEFINE,
            {
                "name": name,
                "stages": stages,
                "pipelineId": pipeline_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def pipeline_rename_stage(
        self,
        *,
        pipeline_id: Id,
        stage_id: str,
        name: str,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Pipeline]:
        """Gives a stage another name; its id stays."""
        return await self._execute(
            operations.PIPELINE_RENAME_STAGE,
            {
                "pipelineId": pipeline_id,
                "stageId": stage_id,
                "name": name,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def pipeline_reorder_stages(
        self,
        *,
        pipeline_id: Id,
        stage_ids: list[str],
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Pipeline]:
        """Puts the stages in another order; all of them are named."""
        return await self._execute(
            operations.PIPELINE_REORDER_STAGES,
            {
                "pipelineId": pipeline_id,
                "stageIds": stage_ids,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def pipeline_retire(
        self,
        *,
        pipeline_id: Id,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Pipeline]:
        """Closes a pipeline to new opportunities; those in it go on to their end."""
        return await self._execute(
            operations.PIPELINE_RETIRE,
            {
                "pipelineId": pipeline_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def pipeline_retire_stage(
        self,
        *,
        pipeline_id: Id,
        stage_id: str,
        map_to: str,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Pipeline]:
        """Takes a stage out of use; another one of its class stands for it from now on."""
        return await self._execute(
            operations.PIPELINE_RETIRE_STAGE,
            {
                "pipelineId": pipeline_id,
                "stageId": stage_id,
                "mapTo": map_to,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def pipeline_set_stage_probability(
        self,
        *,
        pipeline_id: Id,
        stage_id: str,
        probability: Decimal,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Pipeline]:
        """Sets the probability, 0 to 100, of opportunities that enter a stage from now on."""
        return await self._execute(
            operations.PIPELINE_SET_STAGE_PROBABILITY,
            {
                "pipelineId": pipeline_id,
                "stageId": stage_id,
                "probability": probability,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def product_add(
        self,
        *,
        name: str,
        code: str,
        list_price: MoneyInput,
        product_id: Id | None = None,
        series: str | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Product]:
        """Adds a product under a code that no other active product has, at a list price."""
        return await self._execute(
            operations.PRODUCT_ADD,
            {
                "name": name,
                "code": code,
                "listPrice": list_price,
                "productId": product_id,
                "series": series,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def product_reactivate(
        self,
        *,
        product_id: Id,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Product]:
        """Puts a retired product on sale again, unless another one has its code by now."""
        return await self._execute(
            operations.PRODUCT_REACTIVATE,
            {
                "productId": product_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def product_retire(
        self,
        *,
        product_id: Id,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Product]:
        """Takes a product off sale; old lines keep it."""
        return await self._execute(
            operations.PRODUCT_RETIRE,
            {
                "productId": product_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def product_set_price(
        self,
        *,
        product_id: Id,
        list_price: MoneyInput,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Product]:
        """Sets the list price of a product; lines that exist keep the price they were made with."""
        return await self._execute(
            operations.PRODUCT_SET_PRICE,
            {
                "productId": product_id,
                "listPrice": list_price,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def retention_lift(
        self,
        *,
        retention_id: Id,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Retention]:
        """Ends a retention policy; what it did stays done."""
        return await self._execute(
            operations.RETENTION_LIFT,
            {
                "retentionId": retention_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def retention_set(
        self,
        *,
        idle_days: int,
        action: RetentionAction,
        retention_id: Id | None = None,
        kind: RetentionKind | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Retention]:
        """Has records archived or erased once nothing has happened about them for so many days."""
        return await self._execute(
            operations.RETENTION_SET,
            {
                "idleDays": idle_days,
                "action": action,
                "retentionId": retention_id,
                "kind": kind,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def role_define(
        self,
        *,
        name: str,
        rules: list[RoleRuleInput],
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Role]:
        """Says what a role allows; a role that is there is defined anew, for all who have it."""
        return await self._execute(
            operations.ROLE_DEFINE,
            {
                "name": name,
                "rules": rules,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def role_retire(
        self,
        *,
        name: str,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Role]:
        """Ends a role: it gives nothing any more, whoever has it."""
        return await self._execute(
            operations.ROLE_RETIRE,
            {
                "name": name,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def session_end(
        self,
        *,
        session_id: Id,
        cause: SessionEnd | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Session]:
        """Ends a session at once: its tokens are good for nothing."""
        return await self._execute(
            operations.SESSION_END,
            {
                "sessionId": session_id,
                "cause": cause,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def share_grant(
        self,
        *,
        record_id: Id,
        principal_id: Id,
        share_id: Id | None = None,
        level: ShareLevel | None = None,
        until: datetime | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Share]:
        """Opens a record to a user or a team, until it is revoked or over. Needs the right to `share` that kind of record, on this one. Whom it is shared with also needs a role that allows something with what is shared."""
        return await self._execute(
            operations.SHARE_GRANT,
            {
                "recordId": record_id,
                "principalId": principal_id,
                "shareId": share_id,
                "level": level,
                "until": until,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def share_revoke(
        self,
        *,
        share_id: Id,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Share]:
        """Ends a share; by whoever may share the record."""
        return await self._execute(
            operations.SHARE_REVOKE,
            {
                "shareId": share_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def task_assign(
        self,
        *,
        task_id: Id,
        assignee_id: Id,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Task]:
        """Hands a task to another user."""
        return await self._execute(
            operations.TASK_ASSIGN,
            {
                "taskId": task_id,
                "assigneeId": assignee_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def task_cancel(
        self,
        *,
        task_id: Id,
        reason: str,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Task]:
        """Ends a task that need not be done."""
        return await self._execute(
            operations.TASK_CANCEL,
            {
                "taskId": task_id,
                "reason": reason,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def task_complete(
        self,
        *,
        task_id: Id,
        outcome: str | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Task]:
        """Records that a task is done, and what came of it."""
        return await self._execute(
            operations.TASK_COMPLETE,
            {
                "taskId": task_id,
                "outcome": outcome,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def task_create(
        self,
        *,
        title: str,
        due_at: datetime,
        assignee_id: Id,
        task_id: Id | None = None,
        customer_id: Id | None = None,
        opportunity_id: Id | None = None,
        ticket_id: Id | None = None,
        remind_before_minutes: list[int] | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Task]:
        """Gives somebody something to do by a moment."""
        return await self._execute(
            operations.TASK_CREATE,
            {
                "title": title,
                "dueAt": due_at,
                "assigneeId": assignee_id,
                "taskId": task_id,
                "customerId": customer_id,
                "opportunityId": opportunity_id,
                "ticketId": ticket_id,
                "remindBeforeMinutes": remind_before_minutes,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def task_defer(
        self,
        *,
        task_id: Id,
        until: datetime,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Task]:
        """Puts a task out of sight until a moment."""
        return await self._execute(
            operations.TASK_DEFER,
            {
                "taskId": task_id,
                "until": until,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def task_erase(
        self,
        *,
        task_id: Id,
        erasure_id: Id | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Task]:
        """Forgets for ever what is written in a task that is about no customer; its shape stays. Those of a customer go with the customer."""
        return await self._execute(
            operations.TASK_ERASE,
            {
                "taskId": task_id,
                "erasureId": erasure_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def task_reschedule(
        self,
        *,
        task_id: Id,
        due_at: datetime,
        reason: str | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Task]:
        """Moves the moment by which a task is due."""
        return await self._execute(
            operations.TASK_RESCHEDULE,
            {
                "taskId": task_id,
                "dueAt": due_at,
                "reason": reason,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def task_start(
        self,
        *,
        task_id: Id,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Task]:
        """Records that somebody is at it."""
        return await self._execute(
            operations.TASK_START,
            {
                "taskId": task_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def team_add_member(
        self,
        *,
        team_id: Id,
        user_id: Id,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Team]:
        """Makes a user a member of a team, from now on or from when it happened."""
        return await self._execute(
            operations.TEAM_ADD_MEMBER,
            {
                "teamId": team_id,
                "userId": user_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def team_create(
        self,
        *,
        name: str,
        team_id: Id | None = None,
        parent_id: Id | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Team]:
        """Makes a team, at the top or below another one."""
        return await self._execute(
            operations.TEAM_CREATE,
            {
                "name": name,
                "teamId": team_id,
                "parentId": parent_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def team_dissolve(
        self,
        *,
        team_id: Id,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Team]:
        """Ends a team and the memberships of it; teams below it stay."""
        return await self._execute(
            operations.TEAM_DISSOLVE,
            {
                "teamId": team_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def team_move(
        self,
        *,
        team_id: Id,
        parent_id: Id | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Team]:
        """Puts a team, with all below it, below another one; at the top, if none is named."""
        return await self._execute(
            operations.TEAM_MOVE,
            {
                "teamId": team_id,
                "parentId": parent_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def team_remove_member(
        self,
        *,
        team_id: Id,
        user_id: Id,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Team]:
        """Ends a user's membership of a team."""
        return await self._execute(
            operations.TEAM_REMOVE_MEMBER,
            {
                "teamId": team_id,
                "userId": user_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def team_rename(
        self,
        *,
        team_id: Id,
        name: str,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Team]:
        """Gives a team another name."""
        return await self._execute(
            operations.TEAM_RENAME,
            {
                "teamId": team_id,
                "name": name,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def ticket_accept_remedy(
        self,
        *,
        ticket_id: Id,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Ticket]:
        """Records that the customer accepts what was offered last."""
        return await self._execute(
            operations.TICKET_ACCEPT_REMEDY,
            {
                "ticketId": ticket_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def ticket_acknowledge_complaint(
        self,
        *,
        ticket_id: Id,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Ticket]:
        """Records that the customer was told that the complaint has arrived."""
        return await self._execute(
            operations.TICKET_ACKNOWLEDGE_COMPLAINT,
            {
                "ticketId": ticket_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def ticket_assign(
        self,
        *,
        ticket_id: Id,
        assignee_id: Id,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Ticket]:
        """Makes a user responsible for a ticket; work on a new one starts."""
        return await self._execute(
            operations.TICKET_ASSIGN,
            {
                "ticketId": ticket_id,
                "assigneeId": assignee_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def ticket_await_customer(
        self,
        *,
        ticket_id: Id,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Ticket]:
        """Lets a ticket wait until the customer answers."""
        return await self._execute(
            operations.TICKET_AWAIT_CUSTOMER,
            {
                "ticketId": ticket_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def ticket_close(
        self,
        *,
        ticket_id: Id,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Ticket]:
        """Ends a resolved ticket; it takes no more replies."""
        return await self._execute(
            operations.TICKET_CLOSE,
            {
                "ticketId": ticket_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def ticket_comment(
        self,
        *,
        ticket_id: Id,
        visibility: CommentVisibility,
        author_kind: CommentAuthorKind,
        body: str,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Ticket]:
        """Adds a reply that the customer sees, or a note that only the team sees."""
        return await self._execute(
            operations.TICKET_COMMENT,
            {
                "ticketId": ticket_id,
                "visibility": visibility,
                "authorKind": author_kind,
                "body": body,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def ticket_erase(
        self,
        *,
        ticket_id: Id,
        erasure_id: Id | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Ticket]:
        """Forgets for ever what is written in a ticket that no customer is known for; its shape stays. Those of a customer go with the customer."""
        return await self._execute(
            operations.TICKET_ERASE,
            {
                "ticketId": ticket_id,
                "erasureId": erasure_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def ticket_escalate(
        self,
        *,
        ticket_id: Id,
        level: int,
        cause: str,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Ticket]:
        """Raises a ticket to a higher level of attention, each level once until it is reopened."""
        return await self._execute(
            operations.TICKET_ESCALATE,
            {
                "ticketId": ticket_id,
                "level": level,
                "cause": cause,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def ticket_hold(
        self,
        *,
        ticket_id: Id,
        reason: str,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Ticket]:
        """Lets a ticket wait for a third party."""
        return await self._execute(
            operations.TICKET_HOLD,
            {
                "ticketId": ticket_id,
                "reason": reason,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def ticket_link_external_id(
        self,
        *,
        ticket_id: Id,
        system: str,
        external_id: str,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Ticket]:
        """Links the id that another system has for this ticket; unique in that system."""
        return await self._execute(
            operations.TICKET_LINK_EXTERNAL_ID,
            {
                "ticketId": ticket_id,
                "system": system,
                "externalId": external_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def ticket_log_activity(
        self,
        *,
        ticket_id: Id,
        activity: str,
        resource: str | None = None,
        detail: str | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Ticket]:
        """Records a step of another help desk's log that has no command here."""
        return await self._execute(
            operations.TICKET_LOG_ACTIVITY,
            {
                "ticketId": ticket_id,
                "activity": activity,
                "resource": resource,
                "detail": detail,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def ticket_merge(
        self,
        *,
        ticket_id: Id,
        loser_ids: list[Id],
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Ticket]:
        """Merges other tickets into this one; whoever replies to them is sent here."""
        return await self._execute(
            operations.TICKET_MERGE,
            {
                "ticketId": ticket_id,
                "loserIds": loser_ids,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def ticket_offer_remedy(
        self,
        *,
        ticket_id: Id,
        type: RemedyType,
        money: MoneyInput | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Ticket]:
        """Records what is offered to the customer to make up for a complaint."""
        return await self._execute(
            operations.TICKET_OFFER_REMEDY,
            {
                "ticketId": ticket_id,
                "type": type,
                "money": money,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def ticket_open(
        self,
        *,
        subject: str,
        channel: TicketChannel,
        ticket_id: Id | None = None,
        type: TicketType | None = None,
        priority: TicketPriority | None = None,
        customer_id: Id | None = None,
        product: str | None = None,
        follow_up_of: Id | None = None,
        external: ExternalTicketIdInput | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Ticket]:
        """Opens a ticket, or a follow-up of one that was closed too long ago to be reopened."""
        return await self._execute(
            operations.TICKET_OPEN,
            {
                "subject": subject,
                "channel": channel,
                "ticketId": ticket_id,
                "type": type,
                "priority": priority,
                "customerId": customer_id,
                "product": product,
                "followUpOf": follow_up_of,
                "external": external,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def ticket_queue(
        self,
        *,
        ticket_id: Id,
        queue: str,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Ticket]:
        """Puts a ticket into a queue, where it waits for somebody to take it."""
        return await self._execute(
            operations.TICKET_QUEUE,
            {
                "ticketId": ticket_id,
                "queue": queue,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def ticket_record_csat(
        self,
        *,
        ticket_id: Id,
        score: int,
        comment: str | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Ticket]:
        """Records how content the customer is, from 1 to 5; once until the ticket is reopened."""
        return await self._execute(
            operations.TICKET_RECORD_CSAT,
            {
                "ticketId": ticket_id,
                "score": score,
                "comment": comment,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def ticket_reject(
        self,
        *,
        ticket_id: Id,
        reason: str,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Ticket]:
        """Ends a ticket that is none, such as spam."""
        return await self._execute(
            operations.TICKET_REJECT,
            {
                "ticketId": ticket_id,
                "reason": reason,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def ticket_reopen(
        self,
        *,
        ticket_id: Id,
        reason: str,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Ticket]:
        """Takes up a resolved ticket again, or one that was closed at most 14 days ago."""
        return await self._execute(
            operations.TICKET_REOPEN,
            {
                "ticketId": ticket_id,
                "reason": reason,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def ticket_request_csat(
        self,
        *,
        ticket_id: Id,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Ticket]:
        """Records that the customer was asked how content they are with the outcome."""
        return await self._execute(
            operations.TICKET_REQUEST_CSAT,
            {
                "ticketId": ticket_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def ticket_resolve(
        self,
        *,
        ticket_id: Id,
        code: str,
        summary: str | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Ticket]:
        """Records that a ticket's concern is settled, and how."""
        return await self._execute(
            operations.TICKET_RESOLVE,
            {
                "ticketId": ticket_id,
                "code": code,
                "summary": summary,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def ticket_resume(
        self,
        *,
        ticket_id: Id,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Ticket]:
        """Takes up a ticket that was waiting."""
        return await self._execute(
            operations.TICKET_RESUME,
            {
                "ticketId": ticket_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def ticket_set_priority(
        self,
        *,
        ticket_id: Id,
        priority: TicketPriority,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Ticket]:
        """Says how much a ticket presses."""
        return await self._execute(
            operations.TICKET_SET_PRIORITY,
            {
                "ticketId": ticket_id,
                "priority": priority,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def ticket_set_root_cause(
        self,
        *,
        ticket_id: Id,
        root_cause: str,
        detail: str | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Ticket]:
        """Records why what is complained about came to be."""
        return await self._execute(
            operations.TICKET_SET_ROOT_CAUSE,
            {
                "ticketId": ticket_id,
                "rootCause": root_cause,
                "detail": detail,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def ticket_set_type(
        self,
        *,
        ticket_id: Id,
        type: TicketType,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[Ticket]:
        """Says what kind of concern a ticket is."""
        return await self._execute(
            operations.TICKET_SET_TYPE,
            {
                "ticketId": ticket_id,
                "type": type,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def user_activate(
        self,
        *,
        user_id: Id,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[User]:
        """Lets an invited or suspended user in."""
        return await self._execute(
            operations.USER_ACTIVATE,
            {
                "userId": user_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def user_deactivate(
        self,
        *,
        user_id: Id,
        successor_id: Id | None = None,
        ticket_queue: str | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[User]:
        """Ends a user's access for good, at once; the user's open records are handed over from then on. Who owns any is deactivated only if it is said who gets them: a successor, who is an active user, or for tickets a queue."""
        return await self._execute(
            operations.USER_DEACTIVATE,
            {
                "userId": user_id,
                "successorId": successor_id,
                "ticketQueue": ticket_queue,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def user_erase(
        self,
        *,
        user_id: Id,
        erasure_id: Id | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[User]:
        """Forgets a deactivated user for ever: name, address, what was written about the user. What the user did stays, under the user's id."""
        return await self._execute(
            operations.USER_ERASE,
            {
                "userId": user_id,
                "erasureId": erasure_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def user_grant_role(
        self,
        *,
        user_id: Id,
        role: str,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[User]:
        """Gives a user a role: a built-in one (admin, sales, service, privacy, auditor) or one defined. Nobody gives a role that goes beyond what they may themselves."""
        return await self._execute(
            operations.USER_GRANT_ROLE,
            {
                "userId": user_id,
                "role": role,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def user_hand_over(
        self,
        *,
        user_id: Id,
        successor_id: Id | None = None,
        ticket_queue: str | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[User]:
        """Says who gets the open records of a user who was deactivated before; or says it anew."""
        return await self._execute(
            operations.USER_HAND_OVER,
            {
                "userId": user_id,
                "successorId": successor_id,
                "ticketQueue": ticket_queue,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def user_invite(
        self,
        *,
        name: str,
        user_id: Id | None = None,
        email: str | None = None,
        manager_id: Id | None = None,
        office: str | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[User]:
        """Makes a user known; the e-mail address is the name to sign in with."""
        return await self._execute(
            operations.USER_INVITE,
            {
                "name": name,
                "userId": user_id,
                "email": email,
                "managerId": manager_id,
                "office": office,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def user_link_identity(
        self,
        *,
        user_id: Id,
        issuer: str,
        subject: str,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[User]:
        """Lets a user in whom a provider knows: by the provider's `issuer` and its `subject`. Both are taken at their word; who links the own identity proves it to the door first."""
        return await self._execute(
            operations.USER_LINK_IDENTITY,
            {
                "userId": user_id,
                "issuer": issuer,
                "subject": subject,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def user_remove_passkey(
        self,
        *,
        user_id: Id,
        passkey_id: Id,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[User]:
        """Takes a passkey away, as when its device is lost."""
        return await self._execute(
            operations.USER_REMOVE_PASSKEY,
            {
                "userId": user_id,
                "passkeyId": passkey_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def user_remove_totp(
        self,
        *,
        user_id: Id,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[User]:
        """Takes the second factor away, as when the device is lost."""
        return await self._execute(
            operations.USER_REMOVE_TOTP,
            {
                "userId": user_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def user_revoke_role(
        self,
        *,
        user_id: Id,
        role: str,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[User]:
        """Takes a role from a user; the last administrator keeps theirs."""
        return await self._execute(
            operations.USER_REVOKE_ROLE,
            {
                "userId": user_id,
                "role": role,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def user_set_password(
        self,
        *,
        user_id: Id,
        password: str,
        present_password: str | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[User]:
        """Sets the password: at least 12 characters, not soon guessed, and not in the operator's list of breached ones; kept as an argon2id hash. Who sets the own one gives the present one, if there is one."""
        return await self._execute(
            operations.USER_SET_PASSWORD,
            {
                "userId": user_id,
                "password": password,
                "presentPassword": present_password,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def user_suspend(
        self,
        *,
        user_id: Id,
        reason: str | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[User]:
        """Keeps a user out until activated again."""
        return await self._execute(
            operations.USER_SUSPEND,
            {
                "userId": user_id,
                "reason": reason,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def user_turn_off_sent_codes(
        self,
        *,
        user_id: Id,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[User]:
        """Ends that signing in takes a code that is sent, as when the address is lost."""
        return await self._execute(
            operations.USER_TURN_OFF_SENT_CODES,
            {
                "userId": user_id,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    async def user_unlink_identity(
        self,
        *,
        user_id: Id,
        issuer: str,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool | None = None,
    ) -> Done[User]:
        """Ends that a user is let in by this provider."""
        return await self._execute(
            operations.USER_UNLINK_IDENTITY,
            {
                "userId": user_id,
                "issuer": issuer,
                "expectedVersion": expected_version,
                "idempotencyKey": idempotency_key,
                "effectiveAt": effective_at,
                "dryRun": dry_run,
            },
        )

    def follow_events(
        self,
        *,
        after: int | None = None,
        types: list[str] | None = None,
        record_id: Id | None = None,
    ) -> AsyncIterator[EventRecord]:
        """Every event that you may see, in the order of the ledger: what was recorded after the position, then what is being recorded. To go on after a broken connection, give the position of the last event you have. Ends when the token does."""
        return self._follow(
            operations.FOLLOW_EVENTS, {"after": after, "types": types, "recordId": record_id}
        )

    def follow_bulk_operation_progress(self, *, id: Id) -> AsyncIterator[BulkOperation]:
        """A bulk operation as it is, and again when it has moved on, until it has ended. Ends when the token does."""
        return self._follow(operations.FOLLOW_BULK_OPERATION_PROGRESS, {"id": id})
