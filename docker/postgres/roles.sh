#!/bin/sh
# Run once by the Postgres image, on an empty volume: Heed and Temporal share a server and nothing else. None of them is a superuser, and
# neither may open the other's database. heed owns Heed's and is for migrations; heed_work works in it and owns nothing, and may take what was
# erased out of statistics and log; temporal makes its own two.
set -eu
psql -v ON_ERROR_STOP=1 -v heed="$HEED_DB_PASSWORD" -v work="$HEED_WORK_DB_PASSWORD" -v temporal="$TEMPORAL_DB_PASSWORD" \
  --username "$POSTGRES_USER" --dbname postgres <<'SQL'
create role heed login password :'heed';
create role heed_work login password :'work';
create role temporal login createdb password :'temporal';
create database heed owner heed;
revoke connect on database heed from public;
grant connect on database heed to heed_work;
\connect heed
grant maintain on pg_catalog.pg_statistic to heed_work;
grant execute on function pg_catalog.pg_switch_wal() to heed_work;
grant pg_checkpoint to heed_work;
SQL
