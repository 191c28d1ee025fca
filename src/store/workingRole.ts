/** As whom Heed works: a role that owns nothing. Whoever gets a statement of their own in can then neither change the schema nor switch off the
 *  triggers that keep facts as they are. Migrations and restores are its owner's. */

import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { Credential } from '../domain/credential.ts';
import { DomainError } from '../domain/errors.ts';
import { connect } from './connection.ts';
import { sql, type Pool } from './pool.ts';
import { emptied } from './scrub.ts';

/** In a Postgres that we brought along; in one of the operator's it is called as they like. */
const ours = 'heed_work';

/** Makes it in a Postgres that we brought along, where it is missing, and gives it a password that nobody had before. `owner` is connected at
 *  `ownerUrl`. Returns its name, and the address at which it works from now on; what is connected stays so. */
export async function renewWorkingRole(
  owner: pg.Client,
  ownerUrl: string,
): Promise<{ role: string; databaseUrl: string }> {
  const password = randomBytes(24).toString('base64url');
  const { rowCount } = await owner.query('select from pg_roles where rolname = $1', [ours]);
  if (!rowCount) await owner.query(`create role ${pg.escapeIdentifier(ours)}`);
  await owner.query(`
    alter role ${pg.escapeIdentifier(ours)} login nosuperuser nocreatedb nocreaterole noreplication nobypassrls
      password ${pg.escapeLiteral(password)}`);
  const url = new URL(ownerUrl);
  url.username = ours;
  url.password = password;
  return { role: ours, databaseUrl: url.href };
}

/** Gives whoever `url` names another password; what is connected stays so. False where the one in `url` is not theirs. */
export async function setPassword(url: string, password: string): Promise<boolean> {
  const client = await connect(url, 'heed-start').catch((error: Error) => {
    if ((error.cause as { code?: string } | undefined)?.code === '28P01') return undefined;
    throw error;
  });
  if (!client) return false;
  try {
    await client.query(`alter role current_user password ${pg.escapeLiteral(password)}`);
    return true;
  } finally {
    await client.end();
  }
}

/** As whom that address works. Throws a sentence when it can't be used. */
export async function roleAt(databaseUrl: Credential): Promise<string> {
  const client = await connect(databaseUrl, 'heed-migrate');
  try {
    const { rows } = await client.query<{ role: string }>('select current_user as role');
    return rows[0]!.role;
  } finally {
    await client.end();
  }
}

/**
 * Gives `role` what the work takes, in the schema and the views as they are now; the owner has it anyway. All tables at once, so that nothing new
 * is forgotten; what is changed here reaches a database with the next change of its schema or views. Throws `conflict` where this Postgres has no
 * right to write a table anew that is less than owning it.
 */
export async function letWork(owner: pg.Client, role: string): Promise<void> {
  const { rows } = await owner.query<{ database: string; owns: boolean; superuser: boolean; version: number }>(
    `select current_database() as database, current_user = $1 as owns, rolsuper as superuser,
       current_setting('server_version_num')::int as version
     from pg_roles where rolname = current_user`,
    [role],
  );
  const { database, owns, superuser, version } = rows[0]!;
  if (owns) return;
  if (version < 170_000)
    throw new DomainError(
      'conflict',
      'To work as a role that owns nothing takes PostgreSQL 17 or newer. Move to that, or leave DATABASE_OWNER_URL out and name the owner by DATABASE_URL.',
    );
  await owner.query(`
    revoke temporary on database ${pg.escapeIdentifier(database)} from public;
    revoke create on schema public, now from public;
    grant usage on schema public, now to ${pg.escapeIdentifier(role)};
    grant select on all tables in schema public, now to ${pg.escapeIdentifier(role)};
    grant insert, update, delete on all tables in schema public to ${pg.escapeIdentifier(role)};
    revoke insert, update, delete on migrations, fact_forms from ${pg.escapeIdentifier(role)};
    revoke update, delete on chain from ${pg.escapeIdentifier(role)};
    grant usage, select on all sequences in schema public to ${pg.escapeIdentifier(role)};
    grant execute on all functions in schema public, now to ${pg.escapeIdentifier(role)}`);
  for (const table of emptied)
    await owner.query(`grant maintain on ${pg.escapeIdentifier(table)} to ${pg.escapeIdentifier(role)}`);
  // What scrub.ts needs of the server itself is a superuser's to give: docker/postgres/roles.sh does where the owner is none.
  if (superuser)
    await owner.query(`
      grant maintain on pg_catalog.pg_statistic to ${pg.escapeIdentifier(role)};
      grant execute on function pg_catalog.pg_switch_wal() to ${pg.escapeIdentifier(role)};
      grant pg_checkpoint to ${pg.escapeIdentifier(role)}`);
}

/** Whether one role does everything: a superuser counts as owning all there is. */
export async function worksAsOwner(pool: Pool): Promise<boolean> {
  return pool.exists(sql.unsafe`select from pg_class where oid = 'loops'::regclass and pg_has_role(relowner, 'usage')`);
}
