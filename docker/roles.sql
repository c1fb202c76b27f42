-- Logins of the Compose file, each with no more than it needs. The Postgres image runs this once, on a new volume, as its
-- administrator. It can be run again, for instance after a password was changed in .env:
--   docker compose up --detach postgres
--   docker compose exec postgres psql --username postgres --dbname signal_room --file /docker-entrypoint-initdb.d/roles.sql
-- Passwords are settings of the session (PGOPTIONS in docker-compose.yml), so that no statement holds one.

-- signal_room      owns the tables and migrates; makes readers (npm run reader)
-- signal_room_app  the worker and the API: rows, and no change to tables
-- temporal         Temporal's own two databases, and none of ours
do $$
declare
  login text;
  may text;
  secret text;
begin
  for login, may, secret in values
    ('signal_room', 'createrole nocreatedb', current_setting('signal_room.owner_password', true)),
    ('signal_room_app', 'nocreaterole nocreatedb', current_setting('signal_room.writer_password', true)),
    ('temporal', 'nocreaterole createdb', current_setting('signal_room.temporal_password', true))
  loop
    if coalesce(secret, '') !~ '^[A-Za-z0-9]{16,}$' then
      raise exception 'the password of % must be at least 16 letters and digits: it stands in an address', login;
    end if;
    if not exists (select from pg_roles where rolname = login) then
      execute format('create role %I', login);
    end if;
    execute format('alter role %I login nosuperuser noreplication nobypassrls %s password %L', login, may, secret);
  end loop;
end $$;

-- What schema/grants.sql gives rights to. The owner may hand them on, which makes readers.
do $$
declare
  wanted text;
begin
  foreach wanted in array array['signal_room_writer', 'signal_room_reader', 'signal_room_client_reader'] loop
    if not exists (select from pg_roles where rolname = wanted) then
      execute format('create role %I nologin', wanted);
    end if;
    execute format('grant %I to signal_room with admin option', wanted);
    execute format('grant connect on database %I to %I', current_database(), wanted);
  end loop;
  grant signal_room_writer to signal_room_app;
  execute format('alter database %I owner to signal_room', current_database());
  execute format('revoke connect, temporary on database %I from public', current_database());
  -- Rows on their way into a table lie in a temporary one.
  execute format('grant temporary on database %I to signal_room_writer', current_database());
end $$;
