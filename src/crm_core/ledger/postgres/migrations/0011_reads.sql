-- Who read which records: a log beside the ledger, a row a request, written before it is answered.
--
-- Ids and names of operations only: nothing in here is personal, and the erasure of a person leaves
-- it as it is.

create table audit.reads (
    tenant_id    uuid        not null,
    read_id      uuid        not null,
    recorded_at  timestamptz not null default clock_timestamp(),
    actor_kind   text        not null,
    actor_id     text        not null,
    on_behalf_of text,
    request_id   text        not null,  -- the trace id, which the server's own log has too
    how          text        not null,  -- query, mutation, subscription, export, case file, …
    operation    text        not null,  -- its name, or what it asks for where it has none
    -- What was read: as many of each, those of one place together. None: no single record.
    record_kinds text[]      not null,
    record_ids   uuid[]      not null,
    personal     boolean[]   not null,  -- whether a field that is personal was asked for
    primary key (tenant_id, read_id)
);

create index reads_by_actor on audit.reads (tenant_id, actor_id, recorded_at);
-- API keys act for users, and impersonators as them.
create index reads_on_behalf on audit.reads (tenant_id, on_behalf_of, recorded_at)
    where on_behalf_of is not null;
create index reads_of_record on audit.reads using gin (record_ids);

-- What is recorded from when on (docs/guides/access.md): a row where a server began in another mode
-- than the one before.
create table audit.read_mode (
    tenant_id uuid        not null,
    since     timestamptz not null default clock_timestamp(),
    mode      text        not null,  -- off, matters, all
    primary key (tenant_id, since)
);

create trigger append_only before update or delete or truncate on audit.reads
    for each statement execute function ledger.refuse_change();
create trigger append_only before update or delete or truncate on audit.read_mode
    for each statement execute function ledger.refuse_change();

select ledger.wall_off('audit.reads'), ledger.wall_off('audit.read_mode');
grant select, insert on audit.reads, audit.read_mode to crm_app, crm_tenant;
