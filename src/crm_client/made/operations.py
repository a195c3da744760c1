"""What both clients send. Made from schema.graphql by `make client`."""

from __future__ import annotations
from crm_client.asking import Command, Done, Follow, Listing, Read
from crm_client.made.types import *

CUSTOMER: Read[Customer | None] = Read(
    "customer",
    {"by": "CustomerBy!", "asOf": "AsOf", "effectiveAt": "DateTime", "minPosition": "Position"},
    Customer.FIELDS,
    Customer | None,
)
CUSTOMERS: Listing[Customer] = Listing(
    "customers",
    {"where": "CustomerWhere", "orderBy": "[CustomerOrder!]", "minPosition": "Position"},
    Customer.FIELDS,
    Customer,
)
OPPORTUNITY: Read[Opportunity | None] = Read(
    "opportunity",
    {"by": "OpportunityBy!", "asOf": "AsOf", "effectiveAt": "DateTime", "minPosition": "Position"},
    Opportunity.FIELDS,
    Opportunity | None,
)
OPPORTUNITIES: Listing[Opportunity] = Listing(
    "opportunities",
    {"where": "OpportunityWhere", "orderBy": "[OpportunityOrder!]", "minPosition": "Position"},
    Opportunity.FIELDS,
    Opportunity,
)
PIPELINE: Read[Pipeline | None] = Read(
    "pipeline",
    {"id": "ID!", "asOf": "AsOf", "effectiveAt": "DateTime", "minPosition": "Position"},
    Pipeline.FIELDS,
    Pipeline | None,
)
PIPELINES: Listing[Pipeline] = Listing(
    "pipelines", {"minPosition": "Position"}, Pipeline.FIELDS, Pipeline
)
PRODUCT: Read[Product | None] = Read(
    "product",
    {"id": "ID!", "asOf": "AsOf", "effectiveAt": "DateTime", "minPosition": "Position"},
    Product.FIELDS,
    Product | None,
)
PRODUCTS: Listing[Product] = Listing(
    "products",
    {"where": "ProductWhere", "orderBy": "[ProductOrder!]", "minPosition": "Position"},
    Product.FIELDS,
    Product,
)
TICKET: Read[Ticket | None] = Read(
    "ticket",
    {"by": "TicketBy!", "asOf": "AsOf", "effectiveAt": "DateTime", "minPosition": "Position"},
    Ticket.FIELDS,
    Ticket | None,
)
TICKETS: Listing[Ticket] = Listing(
    "tickets",
    {"where": "TicketWhere", "orderBy": "[TicketOrder!]", "minPosition": "Position"},
    Ticket.FIELDS,
    Ticket,
)
INTERACTION: Read[Interaction | None] = Read(
    "interaction",
    {"id": "ID!", "asOf": "AsOf", "effectiveAt": "DateTime", "minPosition": "Position"},
    Interaction.FIELDS,
    Interaction | None,
)
TASK: Read[Task | None] = Read(
    "task",
    {"id": "ID!", "asOf": "AsOf", "effectiveAt": "DateTime", "minPosition": "Position"},
    Task.FIELDS,
    Task | None,
)
TASKS: Listing[Task] = Listing(
    "tasks",
    {"where": "TaskWhere", "orderBy": "[TaskOrder!]", "minPosition": "Position"},
    Task.FIELDS,
    Task,
)
VIEWER: Read[User | None] = Read("viewer", {}, User.FIELDS, User | None)
USER: Read[User | None] = Read(
    "user",
    {"id": "ID!", "asOf": "AsOf", "effectiveAt": "DateTime", "minPosition": "Position"},
    User.FIELDS,
    User | None,
)
USERS: Listing[User] = Listing(
    "users",
    {"where": "UserWhere", "orderBy": "[UserOrder!]", "minPosition": "Position"},
    User.FIELDS,
    User,
)
TEAMS: Listing[Team] = Listing(
    "teams",
    {"where": "TeamWhere", "orderBy": "[TeamOrder!]", "minPosition": "Position"},
    Team.FIELDS,
    Team,
)
ROLES: Listing[Role] = Listing(
    "roles",
    {"where": "RoleWhere", "orderBy": "[RoleOrder!]", "minPosition": "Position"},
    Role.FIELDS,
    Role,
)
SHARES: Listing[Share] = Listing(
    "shares",
    {"where": "ShareWhere", "orderBy": "[ShareOrder!]", "minPosition": "Position"},
    Share.FIELDS,
    Share,
)
API_KEYS: Listing[ApiKey] = Listing(
    "apiKeys",
    {"where": "ApiKeyWhere", "orderBy": "[ApiKeyOrder!]", "minPosition": "Position"},
    ApiKey.FIELDS,
    ApiKey,
)
BUILT_IN_ROLES: Read[list[BuiltInRole] | None] = Read(
    "builtInRoles", {}, BuiltInRole.FIELDS, list[BuiltInRole] | None
)
ERASURE: Read[Erasure | None] = Read(
    "erasure",
    {"id": "ID!", "asOf": "AsOf", "effectiveAt": "DateTime", "minPosition": "Position"},
    Erasure.FIELDS,
    Erasure | None,
)
SALES_PIPELINE_REPORT: Read[SalesPipelineReport | None] = Read(
    "salesPipelineReport",
    {
        "where": "SalesReportWhere",
        "groupBy": "SalesGroup!",
        "timeZone": "String!",
        "asOf": "AsOf",
        "effectiveAt": "DateTime",
        "minPosition": "Position",
    },
    SalesPipelineReport.FIELDS,
    SalesPipelineReport | None,
)
SALES_FORECAST_REPORT: Read[SalesForecastReport | None] = Read(
    "salesForecastReport",
    {
        "where": "SalesReportWhere",
        "groupBy": "SalesGroup!",
        "timeZone": "String!",
        "asOf": "AsOf",
        "effectiveAt": "DateTime",
        "minPosition": "Position",
    },
    SalesForecastReport.FIELDS,
    SalesForecastReport | None,
)
PIPELINE_DIFF: Read[PipelineDiffReport | None] = Read(
    "pipelineDiff",
    {
        "from": "Past!",
        "to": "Past",
        "where": "SalesReportWhere",
        "groupBy": "SalesGroup!",
        "minPosition": "Position",
    },
    PipelineDiffReport.FIELDS,
    PipelineDiffReport | None,
)
SALES_FUNNEL_REPORT: Read[SalesFunnelReport | None] = Read(
    "salesFunnelReport",
    {
        "where": "SalesReportWhere",
        "groupBy": "SalesGroup!",
        "timeZone": "String!",
        "asOf": "AsOf",
        "effectiveAt": "DateTime",
        "minPosition": "Position",
    },
    SalesFunnelReport.FIELDS,
    SalesFunnelReport | None,
)
SALES_FIGURES_REPORT: Read[SalesFiguresReport | None] = Read(
    "salesFiguresReport",
    {
        "where": "SalesReportWhere",
        "groupBy": "SalesGroup!",
        "timeZone": "String!",
        "asOf": "AsOf",
        "effectiveAt": "DateTime",
        "minPosition": "Position",
    },
    SalesFiguresReport.FIELDS,
    SalesFiguresReport | None,
)
SALES_OUTCOMES_REPORT: Read[SalesOutcomesReport | None] = Read(
    "salesOutcomesReport",
    {
        "where": "SalesReportWhere",
        "groupBy": "SalesGroup!",
        "timeZone": "String!",
        "asOf": "AsOf",
        "effectiveAt": "DateTime",
        "minPosition": "Position",
    },
    SalesOutcomesReport.FIELDS,
    SalesOutcomesReport | None,
)
STAGE_TIME_REPORT: Read[StageTimeReport | None] = Read(
    "stageTimeReport",
    {
        "where": "SalesReportWhere",
        "groupBy": "SalesGroup!",
        "timeZone": "String!",
        "asOf": "AsOf",
        "effectiveAt": "DateTime",
        "minPosition": "Position",
    },
    StageTimeReport.FIELDS,
    StageTimeReport | None,
)
PIPELINE_AGEING_REPORT: Read[PipelineAgeingReport | None] = Read(
    "pipelineAgeingReport",
    {
        "where": "SalesReportWhere",
        "groupBy": "SalesGroup!",
        "timeZone": "String!",
        "asOf": "AsOf",
        "effectiveAt": "DateTime",
        "minPosition": "Position",
    },
    PipelineAgeingReport.FIELDS,
    PipelineAgeingReport | None,
)
TICKET_VOLUME_REPORT: Read[TicketVolumeReport | None] = Read(
    "ticketVolumeReport",
    {
        "where": "TicketReportWhere",
        "groupBy": "TicketGroup!",
        "timeZone": "String!",
        "asOf": "AsOf",
        "effectiveAt": "DateTime",
        "minPosition": "Position",
    },
    TicketVolumeReport.FIELDS,
    TicketVolumeReport | None,
)
TICKET_BACKLOG_REPORT: Read[TicketBacklogReport | None] = Read(
    "ticketBacklogReport",
    {
        "where": "TicketReportWhere",
        "groupBy": "TicketGroup!",
        "timeZone": "String!",
        "asOf": "AsOf",
        "effectiveAt": "DateTime",
        "minPosition": "Position",
    },
    TicketBacklogReport.FIELDS,
    TicketBacklogReport | None,
)
TICKET_DURATION_REPORT: Read[TicketDurationReport | None] = Read(
    "ticketDurationReport",
    {
        "where": "TicketReportWhere",
        "groupBy": "TicketGroup!",
        "timeZone": "String!",
        "asOf": "AsOf",
        "effectiveAt": "DateTime",
        "minPosition": "Position",
    },
    TicketDurationReport.FIELDS,
    TicketDurationReport | None,
)
TICKET_REOPENING_REPORT: Read[TicketReopeningReport | None] = Read(
    "ticketReopeningReport",
    {
        "where": "TicketReportWhere",
        "groupBy": "TicketGroup!",
        "timeZone": "String!",
        "asOf": "AsOf",
        "effectiveAt": "DateTime",
        "minPosition": "Position",
    },
    TicketReopeningReport.FIELDS,
    TicketReopeningReport | None,
)
DIFF: Read[RecordDiff | None] = Read(
    "diff", {"id": "ID!", "from": "Past!", "to": "Past"}, RecordDiff.FIELDS, RecordDiff | None
)
EXPLAIN: Read[Explanation | None] = Read(
    "explain",
    {"id": "ID!", "field": "String!", "asOf": "AsOf", "effectiveAt": "DateTime"},
    Explanation.FIELDS,
    Explanation | None,
)
EVENTS: Listing[EventRecord] = Listing(
    "events", {"types": "[String!]", "recordId": "ID"}, EventRecord.FIELDS, EventRecord
)
AUDIT_TRAIL: Listing[AuditEntry] = Listing(
    "auditTrail",
    {
        "where": "AuditWhere",
        "orderBy": "[AuditOrder!]",
        "minPosition": "Position",
        "search": "String",
    },
    AuditEntry.FIELDS,
    AuditEntry,
)
PROJECTION_STATUS: Read[ProjectionsStatus | None] = Read(
    "projectionStatus", {}, ProjectionsStatus.FIELDS, ProjectionsStatus | None
)
AUDIT_CHECKPOINT: Read[AuditCheckpoint | None] = Read(
    "auditCheckpoint", {}, AuditCheckpoint.FIELDS, AuditCheckpoint | None
)
AUDIT_PROOF: Read[AuditProof | None] = Read(
    "auditProof", {"position": "Position", "eventId": "UUID"}, AuditProof.FIELDS, AuditProof | None
)
AUDIT_CONSISTENCY: Read[AuditConsistency | None] = Read(
    "auditConsistency",
    {"from": "Position!", "to": "Position"},
    AuditConsistency.FIELDS,
    AuditConsistency | None,
)
WHO_COULD_SEE: Read[list[User] | None] = Read(
    "whoCouldSee", {"id": "ID!", "asOf": "AsOf"}, User.FIELDS, list[User] | None
)
WHAT_COULD_USER_SEE: Read[list[Reach] | None] = Read(
    "whatCouldUserSee", {"userId": "ID!", "asOf": "AsOf"}, Reach.FIELDS, list[Reach] | None
)
BREACH_SCOPE: Read[BreachScope | None] = Read(
    "breachScope",
    {"principalId": "ID!", "from": "DateTime!", "to": "DateTime!"},
    BreachScope.FIELDS,
    BreachScope | None,
)
RATE_LIMIT: Read[RateLimit | None] = Read(
    "rateLimit", {"dryRun": "Boolean!"}, RateLimit.FIELDS, RateLimit | None
)
BULK_OPERATION: Read[BulkOperation | None] = Read(
    "bulkOperation", {"id": "ID!"}, BulkOperation.FIELDS, BulkOperation | None
)
BULK_OPERATIONS: Listing[BulkOperation] = Listing(
    "bulkOperations",
    {"where": "BulkOperationWhere", "orderBy": "[BulkOperationOrder!]", "minPosition": "Position"},
    BulkOperation.FIELDS,
    BulkOperation,
)
CUSTOMER_TIMELINE: Listing[TimelineEntry] = Listing(
    "timeline", {}, TimelineEntry.FIELDS, TimelineEntry, "Customer"
)
CUSTOMER_OPPORTUNITIES: Listing[Opportunity] = Listing(
    "opportunities",
    {"where": "OpportunityWhere", "orderBy": "[OpportunityOrder!]"},
    Opportunity.FIELDS,
    Opportunity,
    "Customer",
)
CUSTOMER_TICKETS: Listing[Ticket] = Listing(
    "tickets",
    {"where": "TicketWhere", "orderBy": "[TicketOrder!]"},
    Ticket.FIELDS,
    Ticket,
    "Customer",
)
CUSTOMER_TASKS: Listing[Task] = Listing(
    "tasks", {"where": "TaskWhere", "orderBy": "[TaskOrder!]"}, Task.FIELDS, Task, "Customer"
)
CUSTOMER_INTERACTIONS: Listing[Interaction] = Listing(
    "interactions", {}, Interaction.FIELDS, Interaction, "Customer"
)
RECORD_HISTORY: Listing[EventRecord] = Listing(
    "history", {"types": "[String!]"}, EventRecord.FIELDS, EventRecord, "Record"
)
API_KEY_REVOKE: Command[ApiKey] = Command(
    "apiKeyRevoke", "ApiKeyRevokeInput!", "apiKey", ApiKey.FIELDS, Done[ApiKey]
)
BULK_OPERATION_CANCEL: Command[BulkOperation] = Command(
    "bulkOperationCancel",
    "BulkOperationCancelInput!",
    "bulkOperation",
    BulkOperation.FIELDS,
    Done[BulkOperation],
)
BULK_OPERATION_ERASE: Command[BulkOperation] = Command(
    "bulkOperationErase",
    "BulkOperationEraseInput!",
    "bulkOperation",
    BulkOperation.FIELDS,
    Done[BulkOperation],
)
BULK_OPERATION_EXPORT: Command[BulkOperation] = Command(
    "bulkOperationExport",
    "BulkOperationExportInput!",
    "bulkOperation",
    BulkOperation.FIELDS,
    Done[BulkOperation],
)
BULK_OPERATION_IMPORT: Command[BulkOperation] = Command(
    "bulkOperationImport",
    "BulkOperationImportInput!",
    "bulkOperation",
    BulkOperation.FIELDS,
    Done[BulkOperation],
)
CUSTOMER_ADD_CONTACT_POINT: Command[Customer] = Command(
    "customerAddContactPoint",
    "CustomerAddContactPointInput!",
    "customer",
    Customer.FIELDS,
    Done[Customer],
)
CUSTOMER_ARCHIVE: Command[Customer] = Command(
    "customerArchive", "CustomerArchiveInput!", "customer", Customer.FIELDS, Done[Customer]
)
CUSTOMER_ASSIGN_OWNER: Command[Customer] = Command(
    "customerAssignOwner", "CustomerAssignOwnerInput!", "customer", Customer.FIELDS, Done[Customer]
)
CUSTOMER_CHANGE_LIFECYCLE: Command[Customer] = Command(
    "customerChangeLifecycle",
    "CustomerChangeLifecycleInput!",
    "customer",
    Customer.FIELDS,
    Done[Customer],
)
CUSTOMER_END_AFFILIATION: Command[Customer] = Command(
    "customerEndAffiliation",
    "CustomerEndAffiliationInput!",
    "customer",
    Customer.FIELDS,
    Done[Customer],
)
CUSTOMER_ERASE: Command[Customer] = Command(
    "customerErase", "CustomerEraseInput!", "customer", Customer.FIELDS, Done[Customer]
)
CUSTOMER_GRANT_CONSENT: Command[Customer] = Command(
    "customerGrantConsent",
    "CustomerGrantConsentInput!",
    "customer",
    Customer.FIELDS,
    Done[Customer],
)
CUSTOMER_LINK_EXTERNAL_ID: Command[Customer] = Command(
    "customerLinkExternalId",
    "CustomerLinkExternalIdInput!",
    "customer",
    Customer.FIELDS,
    Done[Customer],
)
CUSTOMER_MAKE_CONTACT_POINT_PRIMARY: Command[Customer] = Command(
    "customerMakeContactPointPrimary",
    "CustomerMakeContactPointPrimaryInput!",
    "customer",
    Customer.FIELDS,
    Done[Customer],
)
CUSTOMER_MERGE: Command[Customer] = Command(
    "customerMerge", "CustomerMergeInput!", "customer", Customer.FIELDS, Done[Customer]
)
CUSTOMER_REGISTER_ORGANIZATION: Command[Customer] = Command(
    "customerRegisterOrganization",
    "CustomerRegisterOrganizationInput!",
    "customer",
    Customer.FIELDS,
    Done[Customer],
)
CUSTOMER_REGISTER_PERSON: Command[Customer] = Command(
    "customerRegisterPerson",
    "CustomerRegisterPersonInput!",
    "customer",
    Customer.FIELDS,
    Done[Customer],
)
CUSTOMER_REMOVE_CONTACT_POINT: Command[Customer] = Command(
    "customerRemoveContactPoint",
    "CustomerRemoveContactPointInput!",
    "customer",
    Customer.FIELDS,
    Done[Customer],
)
CUSTOMER_RENAME: Command[Customer] = Command(
    "customerRename", "CustomerRenameInput!", "customer", Customer.FIELDS, Done[Customer]
)
CUSTOMER_RESTORE: Command[Customer] = Command(
    "customerRestore", "CustomerRestoreInput!", "customer", Customer.FIELDS, Done[Customer]
)
CUSTOMER_REVERT_MERGE: Command[Customer] = Command(
    "customerRevertMerge", "CustomerRevertMergeInput!", "customer", Customer.FIELDS, Done[Customer]
)
CUSTOMER_SET_ADDRESS: Command[Customer] = Command(
    "customerSetAddress", "CustomerSetAddressInput!", "customer", Customer.FIELDS, Done[Customer]
)
CUSTOMER_SET_ORGANIZATION_PROFILE: Command[Customer] = Command(
    "customerSetOrganizationProfile",
    "CustomerSetOrganizationProfileInput!",
    "customer",
    Customer.FIELDS,
    Done[Customer],
)
CUSTOMER_SET_PARENT_ORGANIZATION: Command[Customer] = Command(
    "customerSetParentOrganization",
    "CustomerSetParentOrganizationInput!",
    "customer",
    Customer.FIELDS,
    Done[Customer],
)
CUSTOMER_START_AFFILIATION: Command[Customer] = Command(
    "customerStartAffiliation",
    "CustomerStartAffiliationInput!",
    "customer",
    Customer.FIELDS,
    Done[Customer],
)
CUSTOMER_TAG: Command[Customer] = Command(
    "customerTag", "CustomerTagInput!", "customer", Customer.FIELDS, Done[Customer]
)
CUSTOMER_UNLINK_EXTERNAL_ID: Command[Customer] = Command(
    "customerUnlinkExternalId",
    "CustomerUnlinkExternalIdInput!",
    "customer",
    Customer.FIELDS,
    Done[Customer],
)
CUSTOMER_UNTAG: Command[Customer] = Command(
    "customerUntag", "CustomerUntagInput!", "customer", Customer.FIELDS, Done[Customer]
)
CUSTOMER_VERIFY_CONTACT_POINT: Command[Customer] = Command(
    "customerVerifyContactPoint",
    "CustomerVerifyContactPointInput!",
    "customer",
    Customer.FIELDS,
    Done[Customer],
)
CUSTOMER_WITHDRAW_CONSENT: Command[Customer] = Command(
    "customerWithdrawConsent",
    "CustomerWithdrawConsentInput!",
    "customer",
    Customer.FIELDS,
    Done[Customer],
)
DISCLOSURE_RECORD_DESTROYED: Command[Disclosure] = Command(
    "disclosureRecordDestroyed",
    "DisclosureRecordDestroyedInput!",
    "disclosure",
    Disclosure.FIELDS,
    Done[Disclosure],
)
INTERACTION_CORRECT: Command[Interaction] = Command(
    "interactionCorrect",
    "InteractionCorrectInput!",
    "interaction",
    Interaction.FIELDS,
    Done[Interaction],
)
INTERACTION_LINK: Command[Interaction] = Command(
    "interactionLink", "InteractionLinkInput!", "interaction", Interaction.FIELDS, Done[Interaction]
)
INTERACTION_LOG: Command[Interaction] = Command(
    "interactionLog", "InteractionLogInput!", "interaction", Interaction.FIELDS, Done[Interaction]
)
INTERACTION_LOG_EMAIL: Command[Interaction] = Command(
    "interactionLogEmail",
    "InteractionLogEmailInput!",
    "interaction",
    Interaction.FIELDS,
    Done[Interaction],
)
INTERACTION_REDACT: Command[Interaction] = Command(
    "interactionRedact",
    "InteractionRedactInput!",
    "interaction",
    Interaction.FIELDS,
    Done[Interaction],
)
INTERACTION_UNLINK: Command[Interaction] = Command(
    "interactionUnlink",
    "InteractionUnlinkInput!",
    "interaction",
    Interaction.FIELDS,
    Done[Interaction],
)
OPPORTUNITY_ADD_COMPETITOR: Command[Opportunity] = Command(
    "opportunityAddCompetitor",
    "OpportunityAddCompetitorInput!",
    "opportunity",
    Opportunity.FIELDS,
    Done[Opportunity],
)
OPPORTUNITY_ADD_CONTACT_ROLE: Command[Opportunity] = Command(
    "opportunityAddContactRole",
    "OpportunityAddContactRoleInput!",
    "opportunity",
    Opportunity.FIELDS,
    Done[Opportunity],
)
OPPORTUNITY_ADD_LINE: Command[Opportunity] = Command(
    "opportunityAddLine",
    "OpportunityAddLineInput!",
    "opportunity",
    Opportunity.FIELDS,
    Done[Opportunity],
)
OPPORTUNITY_ARCHIVE: Command[Opportunity] = Command(
    "opportunityArchive",
    "OpportunityArchiveInput!",
    "opportunity",
    Opportunity.FIELDS,
    Done[Opportunity],
)
OPPORTUNITY_ASSIGN_OWNER: Command[Opportunity] = Command(
    "opportunityAssignOwner",
    "OpportunityAssignOwnerInput!",
    "opportunity",
    Opportunity.FIELDS,
    Done[Opportunity],
)
OPPORTUNITY_CHANGE_LINE: Command[Opportunity] = Command(
    "opportunityChangeLine",
    "OpportunityChangeLineInput!",
    "opportunity",
    Opportunity.FIELDS,
    Done[Opportunity],
)
OPPORTUNITY_CLEAR_PROBABILITY_OVERRIDE: Command[Opportunity] = Command(
    "opportunityClearProbabilityOverride",
    "OpportunityClearProbabilityOverrideInput!",
    "opportunity",
    Opportunity.FIELDS,
    Done[Opportunity],
)
OPPORTUNITY_ERASE: Command[Opportunity] = Command(
    "opportunityErase",
    "OpportunityEraseInput!",
    "opportunity",
    Opportunity.FIELDS,
    Done[Opportunity],
)
OPPORTUNITY_HOLD: Command[Opportunity] = Command(
    "opportunityHold", "OpportunityHoldInput!", "opportunity", Opportunity.FIELDS, Done[Opportunity]
)
OPPORTUNITY_LINK_EXTERNAL_ID: Command[Opportunity] = Command(
    "opportunityLinkExternalId",
    "OpportunityLinkExternalIdInput!",
    "opportunity",
    Opportunity.FIELDS,
    Done[Opportunity],
)
OPPORTUNITY_LOSE: Command[Opportunity] = Command(
    "opportunityLose", "OpportunityLoseInput!", "opportunity", Opportunity.FIELDS, Done[Opportunity]
)
OPPORTUNITY_MOVE_STAGE: Command[Opportunity] = Command(
    "opportunityMoveStage",
    "OpportunityMoveStageInput!",
    "opportunity",
    Opportunity.FIELDS,
    Done[Opportunity],
)
OPPORTUNITY_OPEN: Command[Opportunity] = Command(
    "opportunityOpen", "OpportunityOpenInput!", "opportunity", Opportunity.FIELDS, Done[Opportunity]
)
OPPORTUNITY_OVERRIDE_PROBABILITY: Command[Opportunity] = Command(
    "opportunityOverrideProbability",
    "OpportunityOverrideProbabilityInput!",
    "opportunity",
    Opportunity.FIELDS,
    Done[Opportunity],
)
OPPORTUNITY_REMOVE_CONTACT_ROLE: Command[Opportunity] = Command(
    "opportunityRemoveContactRole",
    "OpportunityRemoveContactRoleInput!",
    "opportunity",
    Opportunity.FIELDS,
    Done[Opportunity],
)
OPPORTUNITY_REMOVE_LINE: Command[Opportunity] = Command(
    "opportunityRemoveLine",
    "OpportunityRemoveLineInput!",
    "opportunity",
    Opportunity.FIELDS,
    Done[Opportunity],
)
OPPORTUNITY_REOPEN: Command[Opportunity] = Command(
    "opportunityReopen",
    "OpportunityReopenInput!",
    "opportunity",
    Opportunity.FIELDS,
    Done[Opportunity],
)
OPPORTUNITY_RESUME: Command[Opportunity] = Command(
    "opportunityResume",
    "OpportunityResumeInput!",
    "opportunity",
    Opportunity.FIELDS,
    Done[Opportunity],
)
OPPORTUNITY_SET_AMOUNT: Command[Opportunity] = Command(
    "opportunitySetAmount",
    "OpportunitySetAmountInput!",
    "opportunity",
    Opportunity.FIELDS,
    Done[Opportunity],
)
OPPORTUNITY_SET_CLOSE_DATE: Command[Opportunity] = Command(
    "opportunitySetCloseDate",
    "OpportunitySetCloseDateInput!",
    "opportunity",
    Opportunity.FIELDS,
    Done[Opportunity],
)
OPPORTUNITY_SET_COMPETITOR_STATUS: Command[Opportunity] = Command(
    "opportunitySetCompetitorStatus",
    "OpportunitySetCompetitorStatusInput!",
    "opportunity",
    Opportunity.FIELDS,
    Done[Opportunity],
)
OPPORTUNITY_SET_CUSTOMER: Command[Opportunity] = Command(
    "opportunitySetCustomer",
    "OpportunitySetCustomerInput!",
    "opportunity",
    Opportunity.FIELDS,
    Done[Opportunity],
)
OPPORTUNITY_SET_FORECAST_CATEGORY: Command[Opportunity] = Command(
    "opportunitySetForecastCategory",
    "OpportunitySetForecastCategoryInput!",
    "opportunity",
    Opportunity.FIELDS,
    Done[Opportunity],
)
OPPORTUNITY_SET_NEXT_STEP: Command[Opportunity] = Command(
    "opportunitySetNextStep",
    "OpportunitySetNextStepInput!",
    "opportunity",
    Opportunity.FIELDS,
    Done[Opportunity],
)
OPPORTUNITY_SET_TEAM_SPLITS: Command[Opportunity] = Command(
    "opportunitySetTeamSplits",
    "OpportunitySetTeamSplitsInput!",
    "opportunity",
    Opportunity.FIELDS,
    Done[Opportunity],
)
OPPORTUNITY_TRANSFER_PIPELINE: Command[Opportunity] = Command(
    "opportunityTransferPipeline",
    "OpportunityTransferPipelineInput!",
    "opportunity",
    Opportunity.FIELDS,
    Done[Opportunity],
)
OPPORTUNITY_UNLINK_EXTERNAL_ID: Command[Opportunity] = Command(
    "opportunityUnlinkExternalId",
    "OpportunityUnlinkExternalIdInput!",
    "opportunity",
    Opportunity.FIELDS,
    Done[Opportunity],
)
OPPORTUNITY_WIN: Command[Opportunity] = Command(
    "opportunityWin", "OpportunityWinInput!", "opportunity", Opportunity.FIELDS, Done[Opportunity]
)
PIPELINE_ADD_STAGE: Command[Pipeline] = Command(
    "pipelineAddStage", "PipelineAddStageInput!", "pipeline", Pipeline.FIELDS, Done[Pipeline]
)
PIPELINE_DEFINE: Command[Pipeline] = Command(
    "pipelineDefine", "PipelineDefineInput!", "pipeline", Pipeline.FIELDS, Done[Pipeline]
)
PIPELINE_RENAME_STAGE: Command[Pipeline] = Command(
    "pipelineRenameStage", "PipelineRenameStageInput!", "pipeline", Pipeline.FIELDS, Done[Pipeline]
)
PIPELINE_REORDER_STAGES: Command[Pipeline] = Command(
    "pipelineReorderStages",
    "PipelineReorderStagesInput!",
    "pipeline",
    Pipeline.FIELDS,
    Done[Pipeline],
)
PIPELINE_RETIRE: Command[Pipeline] = Command(
    "pipelineRetire", "PipelineRetireInput!", "pipeline", Pipeline.FIELDS, Done[Pipeline]
)
PIPELINE_RETIRE_STAGE: Command[Pipeline] = Command(
    "pipelineRetireStage", "PipelineRetireStageInput!", "pipeline", Pipeline.FIELDS, Done[Pipeline]
)
PIPELINE_SET_STAGE_PROBABILITY: Command[Pipeline] = Command(
    "pipelineSetStageProbability",
    "PipelineSetStageProbabilityInput!",
    "pipeline",
    Pipeline.FIELDS,
    Done[Pipeline],
)
PRODUCT_ADD: Command[Product] = Command(
    "productAdd", "ProductAddInput!", "product", Product.FIELDS, Done[Product]
)
PRODUCT_REACTIVATE: Command[Product] = Command(
    "productReactivate", "ProductReactivateInput!", "product", Product.FIELDS, Done[Product]
)
PRODUCT_RETIRE: Command[Product] = Command(
    "productRetire", "ProductRetireInput!", "product", Product.FIELDS, Done[Product]
)
PRODUCT_SET_PRICE: Command[Product] = Command(
    "productSetPrice", "ProductSetPriceInput!", "product", Product.FIELDS, Done[Product]
)
RETENTION_LIFT: Command[Retention] = Command(
    "retentionLift", "RetentionLiftInput!", "retention", Retention.FIELDS, Done[Retention]
)
RETENTION_SET: Command[Retention] = Command(
    "retentionSet", "RetentionSetInput!", "retention", Retention.FIELDS, Done[Retention]
)
ROLE_DEFINE: Command[Role] = Command(
    "roleDefine", "RoleDefineInput!", "role", Role.FIELDS, Done[Role]
)
ROLE_RETIRE: Command[Role] = Command(
    "roleRetire", "RoleRetireInput!", "role", Role.FIELDS, Done[Role]
)
SESSION_END: Command[Session] = Command(
    "sessionEnd", "SessionEndInput!", "session", Session.FIELDS, Done[Session]
)
SHARE_GRANT: Command[Share] = Command(
    "shareGrant", "ShareGrantInput!", "share", Share.FIELDS, Done[Share]
)
SHARE_REVOKE: Command[Share] = Command(
    "shareRevoke", "ShareRevokeInput!", "share", Share.FIELDS, Done[Share]
)
TASK_ASSIGN: Command[Task] = Command(
    "taskAssign", "TaskAssignInput!", "task", Task.FIELDS, Done[Task]
)
TASK_CANCEL: Command[Task] = Command(
    "taskCancel", "TaskCancelInput!", "task", Task.FIELDS, Done[Task]
)
TASK_COMPLETE: Command[Task] = Command(
    "taskComplete", "TaskCompleteInput!", "task", Task.FIELDS, Done[Task]
)
TASK_CREATE: Command[Task] = Command(
    "taskCreate", "TaskCreateInput!", "task", Task.FIELDS, Done[Task]
)
TASK_DEFER: Command[Task] = Command("taskDefer", "TaskDeferInput!", "task", Task.FIELDS, Done[Task])
TASK_ERASE: Command[Task] = Command("taskErase", "TaskEraseInput!", "task", Task.FIELDS, Done[Task])
TASK_RESCHEDULE: Command[Task] = Command(
    "taskReschedule", "TaskRescheduleInput!", "task", Task.FIELDS, Done[Task]
)
TASK_START: Command[Task] = Command("taskStart", "TaskStartInput!", "task", Task.FIELDS, Done[Task])
TEAM_ADD_MEMBER: Command[Team] = Command(
    "teamAddMember", "TeamAddMemberInput!", "team", Team.FIELDS, Done[Team]
)
TEAM_CREATE: Command[Team] = Command(
    "teamCreate", "TeamCreateInput!", "team", Team.FIELDS, Done[Team]
)
TEAM_DISSOLVE: Command[Team] = Command(
    "teamDissolve", "TeamDissolveInput!", "team", Team.FIELDS, Done[Team]
)
TEAM_MOVE: Command[Team] = Command("teamMove", "TeamMoveInput!", "team", Team.FIELDS, Done[Team])
TEAM_REMOVE_MEMBER: Command[Team] = Command(
    "teamRemoveMember", "TeamRemoveMemberInput!", "team", Team.FIELDS, Done[Team]
)
TEAM_RENAME: Command[Team] = Command(
    "teamRename", "TeamRenameInput!", "team", Team.FIELDS, Done[Team]
)
TICKET_ACCEPT_REMEDY: Command[Ticket] = Command(
    "ticketAcceptRemedy", "TicketAcceptRemedyInput!", "ticket", Ticket.FIELDS, Done[Ticket]
)
TICKET_ACKNOWLEDGE_COMPLAINT: Command[Ticket] = Command(
    "ticketAcknowledgeComplaint",
    "TicketAcknowledgeComplaintInput!",
    "ticket",
    Ticket.FIELDS,
    Done[Ticket],
)
TICKET_ASSIGN: Command[Ticket] = Command(
    "ticketAssign", "TicketAssignInput!", "ticket", Ticket.FIELDS, Done[Ticket]
)
TICKET_AWAIT_CUSTOMER: Command[Ticket] = Command(
    "ticketAwaitCustomer", "TicketAwaitCustomerInput!", "ticket", Ticket.FIELDS, Done[Ticket]
)
TICKET_CLOSE: Command[Ticket] = Command(
    "ticketClose", "TicketCloseInput!", "ticket", Ticket.FIELDS, Done[Ticket]
)
TICKET_COMMENT: Command[Ticket] = Command(
    "ticketComment", "TicketCommentInput!", "ticket", Ticket.FIELDS, Done[Ticket]
)
TICKET_ERASE: Command[Ticket] = Command(
    "ticketErase", "TicketEraseInput!", "ticket", Ticket.FIELDS, Done[Ticket]
)
TICKET_ESCALATE: Command[Ticket] = Command(
    "ticketEscalate", "TicketEscalateInput!", "ticket", Ticket.FIELDS, Done[Ticket]
)
TICKET_HOLD: Command[Ticket] = Command(
    "ticketHold", "TicketHoldInput!", "ticket", Ticket.FIELDS, Done[Ticket]
)
TICKET_LINK_EXTERNAL_ID: Command[Ticket] = Command(
    "ticketLinkExternalId", "TicketLinkExternalIdInput!", "ticket", Ticket.FIELDS, Done[Ticket]
)
TICKET_LOG_ACTIVITY: Command[Ticket] = Command(
    "ticketLogActivity", "TicketLogActivityInput!", "ticket", Ticket.FIELDS, Done[Ticket]
)
TICKET_MERGE: Command[Ticket] = Command(
    "ticketMerge", "TicketMergeInput!", "ticket", Ticket.FIELDS, Done[Ticket]
)
TICKET_OFFER_REMEDY: Command[Ticket] = Command(
    "ticketOfferRemedy", "TicketOfferRemedyInput!", "ticket", Ticket.FIELDS, Done[Ticket]
)
TICKET_OPEN: Command[Ticket] = Command(
    "ticketOpen", "TicketOpenInput!", "ticket", Ticket.FIELDS, Done[Ticket]
)
TICKET_QUEUE: Command[Ticket] = Command(
    "ticketQueue", "TicketQueueInput!", "ticket", Ticket.FIELDS, Done[Ticket]
)
TICKET_RECORD_CSAT: Command[Ticket] = Command(
    "ticketRecordCsat", "TicketRecordCsatInput!", "ticket", Ticket.FIELDS, Done[Ticket]
)
TICKET_REJECT: Command[Ticket] = Command(
    "ticketReject", "TicketRejectInput!", "ticket", Ticket.FIELDS, Done[Ticket]
)
TICKET_REOPEN: Command[Ticket] = Command(
    "ticketReopen", "TicketReopenInput!", "ticket", Ticket.FIELDS, Done[Ticket]
)
TICKET_REQUEST_CSAT: Command[Ticket] = Command(
    "ticketRequestCsat", "TicketRequestCsatInput!", "ticket", Ticket.FIELDS, Done[Ticket]
)
TICKET_RESOLVE: Command[Ticket] = Command(
    "ticketResolve", "TicketResolveInput!", "ticket", Ticket.FIELDS, Done[Ticket]
)
TICKET_RESUME: Command[Ticket] = Command(
    "ticketResume", "TicketResumeInput!", "ticket", Ticket.FIELDS, Done[Ticket]
)
TICKET_SET_PRIORITY: Command[Ticket] = Command(
    "ticketSetPriority", "TicketSetPriorityInput!", "ticket", Ticket.FIELDS, Done[Ticket]
)
TICKET_SET_ROOT_CAUSE: Command[Ticket] = Command(
    "ticketSetRootCause", "TicketSetRootCauseInput!", "ticket", Ticket.FIELDS, Done[Ticket]
)
TICKET_SET_TYPE: Command[Ticket] = Command(
    "ticketSetType", "TicketSetTypeInput!", "ticket", Ticket.FIELDS, Done[Ticket]
)
USER_ACTIVATE: Command[User] = Command(
    "userActivate", "UserActivateInput!", "user", User.FIELDS, Done[User]
)
USER_DEACTIVATE: Command[User] = Command(
    "userDeactivate", "UserDeactivateInput!", "user", User.FIELDS, Done[User]
)
USER_ERASE: Command[User] = Command("userErase", "UserEraseInput!", "user", User.FIELDS, Done[User])
USER_GRANT_ROLE: Command[User] = Command(
    "userGrantRole", "UserGrantRoleInput!", "user", User.FIELDS, Done[User]
)
USER_HAND_OVER: Command[User] = Command(
    "userHandOver", "UserHandOverInput!", "user", User.FIELDS, Done[User]
)
USER_INVITE: Command[User] = Command(
    "userInvite", "UserInviteInput!", "user", User.FIELDS, Done[User]
)
USER_LINK_IDENTITY: Command[User] = Command(
    "userLinkIdentity", "UserLinkIdentityInput!", "user", User.FIELDS, Done[User]
)
USER_REMOVE_PASSKEY: Command[User] = Command(
    "userRemovePasskey", "UserRemovePasskeyInput!", "user", User.FIELDS, Done[User]
)
USER_REMOVE_TOTP: Command[User] = Command(
    "userRemoveTotp", "UserRemoveTotpInput!", "user", User.FIELDS, Done[User]
)
USER_REVOKE_ROLE: Command[User] = Command(
    "userRevokeRole", "UserRevokeRoleInput!", "user", User.FIELDS, Done[User]
)
USER_SET_PASSWORD: Command[User] = Command(
    "userSetPassword", "UserSetPasswordInput!", "user", User.FIELDS, Done[User]
)
USER_SUSPEND: Command[User] = Command(
    "userSuspend", "UserSuspendInput!", "user", User.FIELDS, Done[User]
)
USER_TURN_OFF_SENT_CODES: Command[User] = Command(
    "userTurnOffSentCodes", "UserTurnOffSentCodesInput!", "user", User.FIELDS, Done[User]
)
USER_UNLINK_IDENTITY: Command[User] = Command(
    "userUnlinkIdentity", "UserUnlinkIdentityInput!", "user", User.FIELDS, Done[User]
)
FOLLOW_EVENTS: Follow[EventRecord] = Follow(
    "events",
    {"after": "Position", "types": "[String!]", "recordId": "ID"},
    EventRecord.FIELDS,
    EventRecord,
)
FOLLOW_BULK_OPERATION_PROGRESS: Follow[BulkOperation] = Follow(
    "bulkOperationProgress", {"id": "ID!"}, BulkOperation.FIELDS, BulkOperation
)
