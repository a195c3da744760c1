-- The second wall between tenants: a session that serves one tenant acts as crm_tenant, says which
-- one in `crm.tenant`, and finds no row of another, whatever a statement forgets to ask for.
--
-- Who works for all tenants acts as crm_app (appends for several, audit, backups) or crm_projector.
-- Owners are not held to it: crm_tenant owns nothing, and a dump of the owner's must be whole.

do $$
begin
    create role crm_tenant nologin;
exception when duplicate_object or unique_violation then null;
end $$;
grant crm_tenant to current_user;

-- The first policy lets in whoever has the privilege; the second takes from crm_tenant all but its
-- own. It is restrictive, so that no policy of a later day can give more.
create function ledger.wall_off(walled regclass) returns void language plpgsql as $$
begin
    execute format('alter table %s enable row level security', walled);
    execute format('create policy by_privilege on %s using (true)', walled);
    execute format(
        'create policy own_tenant on %s as restrictive to crm_tenant using'
        ' (tenant_id = (select nullif(current_setting(''crm.tenant'', true), '''')::uuid))', walled);
end $$;

do $$
declare
    walled regclass;
begin
    for walled in
        select c.oid from pg_class c join pg_attribute a on a.attrelid = c.oid
         where c.relnamespace::regnamespace::text in ('ledger', 'vault', 'audit', 'read_model')
           and c.relkind = 'r' and a.attname = 'tenant_id'
    loop
        perform ledger.wall_off(walled);
    end loop;
end $$;

-- A view asks as whoever asks it.
alter view ledger.event_as_json set (security_invoker = true);

grant usage on schema ledger, vault, audit, read_model to crm_tenant;
grant select, insert, update on ledger.head to crm_tenant;
grant select, insert on ledger.event to crm_tenant;
grant select, insert, update, delete on ledger.claim, ledger.snapshot to crm_tenant;
grant select, insert on ledger.command to crm_tenant;
grant select on ledger.event_as_json to crm_tenant;
grant select, insert, update on ledger.tracking to crm_tenant;
grant select, insert, delete on ledger.application_snapshot to crm_tenant;
grant select, insert, update on vault.tenant_key, vault.subject_key to crm_tenant;
grant select, insert, update on audit.tree, audit.tile to crm_tenant;
grant select, insert on audit.checkpoint to crm_tenant;

alter default privileges for role crm_projector in schema read_model
    grant select on tables to crm_tenant;
grant select on all tables in schema read_model to crm_tenant;
-- The projector walls off the tables that it makes.
grant execute on function ledger.wall_off(regclass) to crm_projector;
