-- The Merkle tree over each tenant's ledger, and the checkpoints that were signed.
--
-- Nothing in here is a secret, and nothing is believed by who verifies: the key that signs, and the
-- signer's memory of what it signed last, are outside the database.

create schema audit;

create table audit.tree (
    tenant_id uuid   not null primary key,
    size      bigint not null check (size >= 0)  -- leaves so far; the next is that of size + 1
);

-- Up to 256 hashes of 32 bytes, side by side (C2SP tlog-tiles); only those at the edge still grow.
create table audit.tile (
    tenant_id uuid     not null,
    level     smallint not null check (level >= 0),
    index     bigint   not null check (index >= 0),
    hashes    bytea    not null check (length(hashes) between 32 and 8192),
    primary key (tenant_id, level, index)
);

create table audit.checkpoint (
    tenant_id uuid   not null,
    origin    text   not null,
    size      bigint not null,
    note      text   not null,  -- as it was signed (C2SP tlog-checkpoint)
    primary key (tenant_id, origin, size)
);

create trigger append_only before update or delete or truncate on audit.checkpoint
    for each statement execute function ledger.refuse_change();

grant usage on schema audit to crm_app;
grant select, insert, update on audit.tree, audit.tile to crm_app;
grant select, insert on audit.checkpoint to crm_app;
