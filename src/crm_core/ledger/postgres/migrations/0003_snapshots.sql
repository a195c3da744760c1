-- Stored states of streams, so that long ones load fast. They prove nothing and any may be deleted
-- at any time; what they say is folded from ledger.event again.

create table ledger.snapshot (
    tenant_id   uuid    not null,
    stream_id   uuid    not null,
    version     integer not null check (version > 0),   -- of the last event that was folded
    stream_type text    not null,
    position    bigint  not null check (position > 0),  -- of that event
    event_id    uuid    not null,                       -- of that event
    subject_ids uuid[]  not null,
    fingerprint bytea   not null,  -- of the form of the state: another release reads another one
    sealed      bytea   not null,  -- under the keys of all its subjects, one inside the other
    primary key (tenant_id, stream_id, version)
);

grant select, insert, update, delete on ledger.snapshot to crm_app;
