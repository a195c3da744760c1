-- Reading the ledger by type, journey and subject: each in the order of the ledger, so that a page
-- costs its events and no more (docs/decisions/0011-a-reader-pays-for-what-it-selects.md).

-- Categories too: they are prefixes of types, and the few types behind one are found by skipping.
create index event_type on ledger.event (tenant_id, type collate "C", position);

create index event_correlation on ledger.event (tenant_id, correlation_id, position);

-- Nearly every event is about one subject; those about more are found by the second index too.
-- fastupdate off: a list of pending entries makes one append in thousands pay for all of them.
create index event_subject on ledger.event (tenant_id, (subject_ids[1]), position)
    where subject_ids <> '{}';
create index event_subjects on ledger.event using gin (subject_ids) with (fastupdate = off)
    where cardinality(subject_ids) > 1;

-- A tag is looked for in its tenant: others may use the same one all the time.
create function ledger.tags_of(tenant uuid, tags text[]) returns text[]
    language sql immutable parallel safe
    return array(select tenant::text || '/' || tag from unnest(tags) as tag);

drop index ledger.event_tags;
create index event_tags on ledger.event using gin (ledger.tags_of(tenant_id, tags))
    with (fastupdate = off) where tags <> '{}';
