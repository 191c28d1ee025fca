#!/bin/sh
# Run once by the Postgres image, on an empty volume: Heed and Temporal share a server and nothing else. Neither is a superuser, and
# neither may open the other's database; Temporal's role makes its own two.
set -eu
psql -v ON_ERROR_STOP=1 -v heed="$HEED_DB_PASSWORD" -v temporal="$TEMPORAL_DB_PASSWORD" --username "$POSTGRES_USER" --dbname postgres <<'SQL'
create role heed login password :'heed';
create role temporal login createdb password :'temporal';
create database heed owner heed;
revoke connect on database heed from public;
SQL
