#!/bin/sh
# Temporal's own two databases: made, or brought up to date. Run again, each step finds its work done. SQL_PASSWORD is read by the tool.
set -eu
for database in temporal visibility; do
  name=$([ "$database" = temporal ] && echo temporal || echo temporal_visibility)
  sql() { temporal-sql-tool --plugin postgres12 --ep "$POSTGRES_SEEDS" -p "$DB_PORT" -u "$POSTGRES_USER" --db "$name" "$@"; }
  sql create --defaultdb postgres
  sql setup-schema -v 0.0
  sql update-schema -d "/etc/temporal/schema/postgresql/v12/$database/versioned"
done
