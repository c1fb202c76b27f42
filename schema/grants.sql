-- Who may do what. The role that migrates owns everything. Three roles nobody logs in as:
--   signal_room_writer         what the worker and the API need: rows, and no change to tables
--   signal_room_reader         reads all clients' rows, without secrets
--   signal_room_client_reader  the same for one client: npm run reader -- --client 713 makes signal_room_reader_713 of it
-- On a managed server that does not let us create roles, an administrator creates them once and the grants find them.
do $$
declare wanted text;
begin
  foreach wanted in array array['signal_room_writer', 'signal_room_reader', 'signal_room_client_reader'] loop
    if not exists (select from pg_roles where rolname = wanted) then
      begin
        execute format('create role %I nologin', wanted);
      exception
        when insufficient_privilege then raise notice '% was not created: this role may not create roles', wanted;
        when duplicate_object or unique_violation then null;
      end;
    end if;
  end loop;
end $$;

-- Months are made while a file is loaded. The writer may not make tables, so these do it with the owner's rights.
alter function rtb.begin_months(date[]) security definer set search_path = pg_catalog, pg_temp;
alter function rtb.attach_months(date[]) security definer set search_path = pg_catalog, pg_temp;

do $$
declare
  area text;
  item record;
  readable text;
  has_writer constant boolean := exists (select from pg_roles where rolname = 'signal_room_writer');
  -- Names that no reader may read: what opens something, is sealed, or stands for a person.
  is_secret constant text := '^(sealed|.+_sealed|api_key_hash|email_hash|discord_user_hash|ip_hash|body_hash|token_id)$';
  -- Tables that are nobody's business but the application's.
  inner_tables constant text[] := array['ops.delivery_identity', 'ops.revoked_tokens', 'ops.sessions', 'ops.login_codes', 'ops.last_looks', 'ops.call_counts', 'ops.audit', 'ops.channels', 'ops.channel_deliveries',
    'ops.applied_sql', 'ops.migrations', 'ops.cleanings', 'ops.slice_parts', 'recon.affiliate_tokens', 'recon.report_evidence', 'recon.platform_config', 'recon.discord_interactions', 'ops.address_secrets', 'promo.promo_quarantine'];
  reader text;
begin
  for area in
    select nspname from pg_namespace
     where nspname <> 'information_schema' and nspname not like 'pg\_%'
  loop
    if has_writer then
      execute format('grant usage on schema %I to signal_room_writer', area);
      execute format('grant select, insert, update, delete on all tables in schema %I to signal_room_writer', area);
      execute format('grant usage, select on all sequences in schema %I to signal_room_writer', area);
      execute format('grant execute on all functions in schema %I to signal_room_writer', area);
      execute format('alter default privileges in schema %I grant select, insert, update, delete on tables to signal_room_writer', area);
    end if;

    for item in
      select c.oid, c.relname, c.relkind, c.relispartition, c.relrowsecurity, format('%s.%s', area, c.relname) as name,
             exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = '_client_id' and not a.attisdropped) as of_client,
             c.reloptions @> array['security_invoker=true'] as invokes
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where n.nspname = area and c.relkind in ('r', 'p', 'v')
       order by c.oid
    loop
      -- A view reads with the rights of whoever reads it, or it would show what is kept from them.
      if item.relkind = 'v' and item.invokes is not true then
        execute format('alter view %I.%I set (security_invoker = true)', area, item.relname);
      end if;
      -- The owner is not held to it, and neither is the writer.
      if item.relkind <> 'v' and item.of_client and not item.relispartition and not item.relrowsecurity then
        execute format('alter table %I.%I enable row level security', area, item.relname);
      end if;
      if item.relkind <> 'v' and item.of_client and not item.relispartition then
        if has_writer and not exists (select from pg_policy where polrelid = item.oid and polname = 'writer_all') then
          execute format('create policy writer_all on %I.%I to signal_room_writer using (true) with check (true)', area, item.relname);
        end if;
        if exists (select from pg_roles where rolname = 'signal_room_reader')
          and not exists (select from pg_policy where polrelid = item.oid and polname = 'reader_all') then
          execute format('create policy reader_all on %I.%I for select to signal_room_reader using (true)', area, item.relname);
        end if;
        -- The role's name holds the client, and nobody can change under which name they came.
        if exists (select from pg_roles where rolname = 'signal_room_client_reader')
          and not exists (select from pg_policy where polrelid = item.oid and polname = 'client_own') then
          execute format('create policy client_own on %I.%I for select to signal_room_client_reader using (_client_id = substr(current_user, length(''signal_room_reader_'') + 1))', area, item.relname);
        end if;
      end if;

      foreach reader in array array['signal_room_reader', 'signal_room_client_reader'] loop
        continue when not exists (select from pg_roles where rolname = reader);
        execute format('grant usage on schema %I to %I', area, reader);
        execute format('revoke all on %I.%I from %I', area, item.relname, reader);
        continue when item.name = any(inner_tables) or item.relispartition;
        -- Without a client a row is everybody's or nobody's; views are as closed as what they read.
        continue when reader = 'signal_room_client_reader' and item.relkind <> 'v' and not item.of_client;
        -- Whole tables where nothing in them is a secret, else the other columns.
        select case when bool_or(attname ~ is_secret or atttypid = 'bytea'::regtype)
                    then '(' || string_agg(quote_ident(attname), ', ') filter (where attname !~ is_secret and atttypid <> 'bytea'::regtype) || ')'
                    else '' end
          into readable
          from pg_attribute where attrelid = item.oid and attnum > 0 and not attisdropped;
        execute format('grant select %s on %I.%I to %I', readable, area, item.relname, reader);
      end loop;
    end loop;
  end loop;
end $$;

-- So that analysts may use what they see: functions that only read.
do $$
declare reader text;
begin
  foreach reader in array array['signal_room_reader', 'signal_room_client_reader'] loop
    continue when not exists (select from pg_roles where rolname = reader);
    execute format('grant execute on function public.cpa_by_affiliate(date, date, text) to %I', reader);
    execute format('grant execute on function public.explain_change(text, text, date, date, date, date, timestamptz, timestamptz, text, text, text, text), public.known_figures(text, date, date, numeric), public.cost_change_rows(text, date, date, date, date, timestamptz, timestamptz, text, text, text, text), ops.compared_days(text, text[], date, date, date, date, timestamptz), ops.read_since(text, text[], date[], timestamptz), ops.first_of_two(numeric, numeric, numeric, numeric), ops.first_of_three(numeric, numeric, numeric, numeric, numeric, numeric), ops.second_of_three(numeric, numeric, numeric, numeric, numeric, numeric) to %I', reader);
    execute format('grant execute on function payouts.draft(text, date, text, boolean), payouts.draft_totals(text, date, text, boolean), payouts.changed_since_closing(text), payouts.corrections(text, boolean), payouts.draft_sums(text, date, text, text[]) to %I', reader);
    execute format('grant execute on function rtb.canonical_size(int, int, text), rtb.canonical_size(text, text), rtb.funnel_by(text, date, date, text, text), rtb.size_coverage(date, date, text, text) to %I', reader);
    execute format('grant execute on function findings.evidence(text, bigint), findings.tie_out(text, date, date), findings.order_number(text) to %I', reader);
  end loop;
end $$;
