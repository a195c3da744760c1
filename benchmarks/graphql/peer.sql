-- The same rows for the peers: plain tables with keys, as their users would have them.
drop schema if exists peer cascade;
create schema peer;
create table peer.customer as
select customer_id, kind, name, status, lifecycle, email, employees, version, created_at from read_model.customer;
alter table peer.customer add primary key (customer_id);
create index on peer.customer (created_at, customer_id);
create table peer.opportunity as
select opportunity_id, customer_id, name, status, stage_id, amount, currency, opened_at from read_model.opportunity;
alter table peer.opportunity add primary key (opportunity_id), add foreign key (customer_id) references peer.customer;
create index on peer.opportunity (customer_id, opened_at, opportunity_id);
create index on peer.opportunity (customer_id, opportunity_id);
create table peer.ticket as
select ticket_id, customer_id, subject, status, priority, opened_at from read_model.ticket;
alter table peer.ticket add primary key (ticket_id), add foreign key (customer_id) references peer.customer;
create index on peer.ticket (customer_id, opened_at, ticket_id);
create index on peer.ticket (customer_id, ticket_id);
create view peer.pipeline_stage as
select status, stage_id, count(*)::int as deals, sum(amount) as amount from peer.opportunity
where status <> 'ARCHIVED' group by status, stage_id;
comment on view peer.pipeline_stage is E'@primaryKey status,stage_id';
