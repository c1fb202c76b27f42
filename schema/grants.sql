-- Analysts read everything that is not a secret and change nothing. On a managed server that does not let us create
-- roles, an administrator creates signal_room_reader once and the grants below find it.
do $$
begin
  if not exists (select from pg_roles where rolname = 'signal_room_reader') then
    create role signal_room_reader nologin;
  end if;
exception
  when insufficient_privilege then raise notice 'signal_room_reader was not created: this role may not create roles';
  when duplicate_object or unique_violation then null;
end $$;

do $$
declare area text;
begin
  if exists (select from pg_roles where rolname = 'signal_room_reader') then
    for area in select nspname from pg_namespace where nspname in ('ops', 'redtrack', 'everflow', 'anytrack', 'rtb', 'recon', 'promo', 'public') loop
      execute format('grant usage on schema %I to signal_room_reader', area);
      execute format('grant select on all tables in schema %I to signal_room_reader', area);
    end loop;
  end if;
end $$;

-- Encrypted or not: nobody analyses persons.
do $$
begin
  if exists (select from pg_roles where rolname = 'signal_room_reader') then
    revoke all on ops.delivery_identity from signal_room_reader;
    revoke all on recon.affiliate_tokens, recon.report_evidence, recon.platform_config, recon.discord_interactions from signal_room_reader;
  end if;
end $$;
