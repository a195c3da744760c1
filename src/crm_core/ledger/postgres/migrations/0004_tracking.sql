-- How far each tenant has followed the logs of others: stored in the transaction of what followed.
create table ledger.tracking (
    tenant_id uuid   not null,
    upstream  text   not null,
    position  bigint not null check (position > 0),
    primary key (tenant_id, upstream)
);
grant select, insert, update on ledger.tracking to crm_app;

-- Snapshots of the applications of the `eventsourcing` library. Droppable, so they are no events.
create table ledger.application_snapshot (
    tenant_id uuid    not null,
    stream_id uuid    not null,
    version   integer not null,
    topic     text    not null,
    state     bytea   not null,
    primary key (tenant_id, stream_id, version)
);
grant select, insert, delete on ledger.application_snapshot to crm_app;

-- An application may compress or encrypt its events: one such row must not end everybody's query.
create function ledger.as_json(data bytea) returns jsonb
    language plpgsql immutable as $$
begin
    return convert_from(data, 'UTF8')::jsonb;
exception when data_exception then
    return null;
end $$;

create or replace view ledger.event_as_json as
    select tenant_id, position, event_id, stream_type, stream_id, version, type, schema_version,
           recorded_at, effective_at, actor_kind, actor_id, on_behalf_of, command_id,
           correlation_id, causation_id, reason, subject_ids, tags,
           ledger.as_json(data) as data
      from ledger.event;
