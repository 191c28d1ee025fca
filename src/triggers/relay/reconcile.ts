/** Is this still the Temporal that we told? Runs that ended badly are woken again, and a lost Temporal is rebuilt from Postgres. */

import { isGrpcServiceError, type Client } from '@temporalio/client';
import { z } from 'zod';
import type { Log } from '../../log.ts';
import { momentOf } from '../../store/records/clock.ts';
import { wakeAllOpen } from '../../store/records/wakes.ts';
import { sql, type Pool } from '../../store/pool.ts';
import { CountRow, NowRow } from '../../store/rows.ts';
import { codeOf } from './codeOf.ts';

export interface Reconciled {
  /** Temporal's memory was lost: every open loop has been woken. */
  lost: boolean;
  /** Loops whose run had ended without them being over. */
  revived: number;
}

/** Visibility lags by a second or two, by minutes after trouble, and Postgres's clock may be ahead of Temporal's: so the look-back overlaps. */
const overlapMs = 600_000;
/** Who has not looked for so long is not at work: longer than some sweeps, shorter than a change of address takes. */
const away = sql.fragment`interval '20 s'`;
const Known = z.object({ namespace_id: z.string(), since: z.date(), returns: z.boolean(), shared: z.boolean() });
/** By name: what is *not* completed is found by reading everything that ever was, a quarter of a second for four thousand. */
const endedBadly = ['Failed', 'Canceled', 'Terminated', 'TimedOut'].map((status) => `'${status}'`).join(', ');

export async function reconcile(options: {
  pool: Pool;
  client: Client;
  temporalAddress: string;
  log: Log;
}): Promise<Reconciled> {
  const { pool, client, temporalAddress, log } = options;
  const namespace = client.options.namespace;
  const key = `${temporalAddress}/${namespace}`;
  const described = await client.withDeadline(Date.now() + 5_000, () =>
    client.workflowService.describeNamespace({ namespace }),
  );
  const id = described.namespaceInfo?.id ?? '';
  const known = await pool.maybeOne(
    sql.type(Known)`
      select e.namespace_id, e.swept_until as since,
        e.seen_at < heed_now() - ${away}
          and exists (select from engines x where x.seen_at > e.seen_at and x.namespace_id <> e.namespace_id) as returns,
        exists (
          select from engines x
          where x.seen_at > e.rebuilt_at - ${away} and x.seen_at < heed_now() - ${away} and x.namespace_id <> e.namespace_id) as shared
      from engines e where e.address = ${key}`,
  );
  const elsewhere = known
    ? null
    : await pool.maybeOneFirst(sql.type(CountRow)`select count(*)::integer as count from engines`);

  // Another id under the same address, another address than ever before, one that we come back to from another, or one beside which another was
  // told, too, until a moment ago: this Temporal knows nothing of the loops that are open, or not of all.
  const lost = known ? known.namespace_id !== id || known.returns || known.shared : (elsewhere ?? 0) > 0;
  // Before the first of them is woken: what another is told from then on is not told here.
  const rebuilding = lost ? await momentOf(pool) : null;
  if (lost) {
    log.error('This Temporal does not know our stories: every open loop is being woken.');
    log.info({ loops: await wakeAllOpen(pool) }, 'Every open loop is woken, and carried to this Temporal.');
  }

  // Real time, as Temporal's own; by Postgres's clock, since this machine's may be wrong.
  const sweptUntil = await pool.oneFirst(sql.type(NowRow)`select clock_timestamp() as now`);
  const since = new Date((known?.since.getTime() ?? sweptUntil.getTime()) - overlapMs).toISOString();
  let revived = 0;
  const query = `ExecutionStatus IN (${endedBadly}) AND CloseTime > '${since}'`;
  for await (const run of client.workflow.list({ query })) {
    const loopId = run.workflowId.split(':')[1];
    if (!loopId || !z.uuid().safeParse(loopId).success) continue;
    const isNews = await pool.exists(sql.unsafe`
      select from now.open_loops o
      where o.id = ${loopId} and not exists (select from revivals r where r.run_id = ${run.runId})`);
    if (!isNews) continue;
    // After a restore each story is begun anew in place of the one that ran, which is terminated for it.
    if (!(await runsSince(client, run))) {
      // In its turn, as any story that is opened: of a thousand that are terminated at once, no response waits for one.
      await pool.query(sql.unsafe`
        insert into wakes (loop_id, class) values (${loopId}, 'start')
        on conflict (loop_id) do update set asked = excluded.asked, leased_until = null`);
      revived += 1;
      log.error(
        { loop: loopId, status: run.status.name },
        'A story had ended before its loop was over: it is started again.',
      );
    }
    // Afterwards: a run that is known already wakes nobody.
    await pool.query(
      sql.unsafe`insert into revivals (run_id, loop_id) values (${run.runId}, ${loopId}) on conflict do nothing`,
    );
  }
  await pool.query(sql.unsafe`
    insert into engines as e (address, namespace_id, swept_until, rebuilt_at)
    values (${key}, ${id}, ${sql.timestamp(sweptUntil)}, ${rebuilding ? sql.timestamp(rebuilding) : sql.fragment`heed_now()`})
    on conflict (address) do update set
      namespace_id = excluded.namespace_id, swept_until = excluded.swept_until, seen_at = heed_now(),
      rebuilt_at = ${rebuilding ? sql.fragment`excluded.rebuilt_at` : sql.fragment`e.rebuilt_at`}`);
  return { lost, revived };
}

/** One that was wiped has none, nor the attributes that stories are looked up by: somebody has to make both. */
export const lacksNamespace = (error: unknown): boolean => isGrpcServiceError(error) && codeOf(error) === notFound;

/** As gRPC has it. */
const notFound = '5';

/** Whether another run of the same story goes on. */
async function runsSince(client: Client, ended: { workflowId: string; runId: string }): Promise<boolean> {
  const latest = await client.workflow.getHandle(ended.workflowId).describe();
  return latest.runId !== ended.runId && latest.status.name === 'RUNNING';
}
