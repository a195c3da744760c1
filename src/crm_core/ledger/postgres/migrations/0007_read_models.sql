-- The registers of the read side: which tables serve, how far each is, who works on it.
--
-- What was there before is dropped, not converted: all of it is made again from the ledger.

drop schema read_model cascade;
create schema read_model authorization crm_projector;
alter default privileges for role crm_projector in schema read_model
    grant select on tables to crm_app;
grant usage on schema read_model to crm_app;

set local role crm_projector;

-- The tables of one projection, for all tenants. Readers know the names of the views only, which
-- show the live one. `loading`: a rebuild copies into it; `filling`: it catches up, to serve one
-- day; `kept`: it served before, and can again.
create table read_model.generation (
    projection text        not null,
    generation integer     not null check (generation > 0),
    version    integer     not null,
    state      text        not null check (state in ('loading', 'filling', 'live', 'kept')),
    tables     text[]      not null,  -- the views' names; the tables' end in the generation
    made_at    timestamptz not null default clock_timestamp(),
    served_at  timestamptz,           -- when it last began to serve
    rebuild_id uuid,                  -- of the rebuild that loads it
    primary key (projection, generation)
);
create unique index on read_model.generation (projection) where state = 'live';

-- How far a generation has come in a tenant: the last position looked at. Who holds the lease may
-- move it, in the epoch in which the lease was given. Times are the database's.
create table read_model.checkpoint (
    tenant_id    uuid    not null,
    projection   text    not null,
    generation   integer not null,
    position     bigint  not null default 0,
    epoch        bigint  not null default 0,
    owner        text,
    leased_until timestamptz,
    stopped_at   bigint,              -- the event that could not be applied
    stopped_type text,                -- its type
    stopped_by   text,                -- the type of the error; never its text
    primary key (tenant_id, projection, generation)
) with (fillfactor = 50);

-- Events that an operator decided to leave out, for ever.
create table read_model.skip (
    tenant_id  uuid        not null,
    projection text        not null,
    position   bigint      not null,
    event_type text        not null,
    error      text        not null,
    reason     text        not null,
    decided_by text        not null,
    decided_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, projection, position)
);

-- The workers that are alive, to share what there is to do.
create table read_model.worker (
    owner   text        not null primary key,
    seen_at timestamptz not null
);

-- A rebuild under way, and the parts of the ledger that its workers copy, each in one transaction.
create table read_model.rebuild (
    rebuild_id   uuid        not null primary key,
    projections  text[]      not null,
    started_at   timestamptz not null default clock_timestamp(),
    tended_until timestamptz not null
);
create table read_model.part (
    tenant_id    uuid    not null,
    rebuild_id   uuid    not null,
    number       integer not null,
    first_stream uuid    not null,
    last_stream  uuid    not null,
    up_to        bigint  not null,    -- the tenant's head when the rebuild began
    events       bigint  not null,    -- about so many lie in it
    epoch        bigint  not null default 0,
    owner        text,
    leased_until timestamptz,
    filled_at    timestamptz,
    primary key (tenant_id, rebuild_id, number)
);

reset role;
