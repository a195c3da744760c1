-- Keys that can be wrapped anew, and a sign by which every process hears of a destroyed one.

alter table vault.tenant_key
    -- Rises with every destroyed key and every new tenant key: what a process has unwrapped and
    -- holds is looked at again then.
    add column epoch   bigint  not null default 0,
    add column version integer not null default 1,
    add column former  bytea,  -- the key before, while subject keys are wrapped by it still
    add column blind   bytea;  -- the secret of blind indexes, once it is not derived from the key

alter table vault.subject_key
    add column version integer not null default 1;  -- of the tenant key that wraps it

grant update on vault.tenant_key to crm_app;
