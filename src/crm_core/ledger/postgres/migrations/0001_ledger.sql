-- The ledger, and the vault of wrapped keys beside it.
--
-- Every key starts with tenant_id. No sequences, no identity columns, no LISTEN: a position is given
-- by the tenant's head row, under its lock, so positions become visible in order and without a gap.

create schema ledger;
create schema vault;

-- The application reads and appends, the projector keeps the read models; neither owns the ledger.
do $$
begin
    create role crm_app nologin;
exception when duplicate_object or unique_violation then null;
end $$;
do $$
begin
    create role crm_projector nologin;
exception when duplicate_object or unique_violation then null;
end $$;
grant crm_app, crm_projector to current_user;

create table ledger.head (
    tenant_id   uuid        not null primary key,
    position    bigint      not null check (position >= 0),
    recorded_at timestamptz          -- of the last event; the next one is later
);

create table ledger.event (
    tenant_id      uuid        not null,
    position       bigint      not null check (position > 0),
    event_id       uuid        not null,
    stream_type    text        not null,
    stream_id      uuid        not null,
    version        integer     not null check (version > 0),
    type           text        not null,
    schema_version smallint    not null,
    recorded_at    timestamptz not null,
    effective_at   timestamptz,
    actor_kind     text        not null,
    actor_id       text        not null,
    on_behalf_of   text,
    command_id     uuid        not null,
    correlation_id uuid        not null,
    causation_id   uuid,
    reason         text,
    subject_ids    uuid[]      not null default '{}',
    tags           text[]      not null default '{}',
    data           bytea       not null,  -- the exact bytes that are hashed; personal fields sealed
    primary key (tenant_id, position),
    unique (tenant_id, stream_id, version),
    unique (tenant_id, event_id)
);

create index event_tags on ledger.event using gin (tags) where tags <> '{}';

-- A unique key (an e-mail address, an external id) and who holds it. `key` is a blind index.
create table ledger.claim (
    tenant_id uuid  not null,
    kind      text  not null,
    key       bytea not null,
    holder_id uuid  not null,
    primary key (tenant_id, kind, key)
);

-- Commands whose sender named the id: the same id gets the first result again.
create table ledger.command (
    tenant_id      uuid        not null,
    command_id     uuid        not null,
    fingerprint    bytea       not null,
    first_position bigint      not null,
    last_position  bigint      not null,
    event_ids      uuid[]      not null,
    recorded_at    timestamptz not null,
    primary key (tenant_id, command_id)
);

create function ledger.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the ledger is append-only: % on %.% is refused',
        tg_op, tg_table_schema, tg_table_name
        using errcode = 'restrict_violation';
end $$;

create trigger append_only before update or delete or truncate on ledger.event
    for each statement execute function ledger.refuse_change();

-- recorded_at rises strictly with the position, so the primary key is enough to find a moment.
create function ledger.position_at(tenant uuid, moment timestamptz) returns bigint
    language plpgsql stable as $$
declare
    low    bigint := 0;
    high   bigint := coalesce((select h.position from ledger.head h where h.tenant_id = tenant), 0);
    middle bigint;
begin
    while low < high loop
        middle := (low + high + 1) / 2;
        if (select e.recorded_at from ledger.event e
             where e.tenant_id = tenant and e.position = middle) <= moment then
            low := middle;
        else
            high := middle - 1;
        end if;
    end loop;
    return low;
end $$;

-- For people in psql: the data as jsonb. Personal fields show as the base64 of what is sealed.
create view ledger.event_as_json as
    select tenant_id, position, event_id, stream_type, stream_id, version, type, schema_version,
           recorded_at, effective_at, actor_kind, actor_id, on_behalf_of, command_id,
           correlation_id, causation_id, reason, subject_ids, tags,
           convert_from(data, 'UTF8')::jsonb as data
      from ledger.event;

create table vault.tenant_key (
    tenant_id uuid  not null primary key,
    wrapped   bytea not null
);

-- A destroyed key keeps its row without the key, so that the subject never gets another one.
create table vault.subject_key (
    tenant_id    uuid not null,
    subject_id   uuid not null,
    wrapped      bytea,
    destroyed_at timestamptz,
    primary key (tenant_id, subject_id),
    check ((wrapped is null) = (destroyed_at is not null))
);

-- Read models are made and filled by the projector; the application reads them.
create schema read_model authorization crm_projector;
alter default privileges for role crm_projector in schema read_model
    grant select on tables to crm_app;

grant usage on schema ledger, vault, read_model to crm_app;
grant usage on schema ledger to crm_projector;
grant select, insert, update on ledger.head to crm_app;
grant select, insert on ledger.event to crm_app;
grant select, insert, update, delete on ledger.claim to crm_app;
grant select, insert on ledger.command to crm_app;
grant select on ledger.event_as_json to crm_app;
grant select, insert on vault.tenant_key to crm_app;
grant select, insert, update on vault.subject_key to crm_app;
grant select on ledger.head, ledger.event to crm_projector;
