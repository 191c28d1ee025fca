/** Is this still the Temporal that we told? Runs that ended badly are woken again, and a lost Temporal is rebuilt from Postgres. */

import type { Client } from '@temporalio/client';
import { z } from 'zod';
import type { Log } from '../../log.ts';
import { wakeAllOpen } from '../../store/records/wakes.ts';
import { sql, type Pool } from '../../store/pool.ts';
import { CountRow, NowRow } from '../../store/rows.ts';

export interface Reconciled {
  /** Temporal's memory was lost: every open loop has been woken. */
  lost: boolean;
  /** Loops whose run had ended without them being over. */
  revived: number;
}

/** Visibility lags by a second or two, so the look-back overlaps. */
const overlapMs = 60_000;
const Known = z.object({ namespace_id: z.string(), since: z.date() });
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
    sql.type(Known)`select namespace_id, swept_until as since from engines where address = ${key}`,
  );
  const elsewhere = known
    ? null
    : await pool.maybeOneFirst(sql.type(CountRow)`select count(*)::integer as count from engines`);

  // Another id under the same address, or another address than ever before: this Temporal knows nothing of the loops that are open.
  const lost = known ? known.namespace_id !== id : (elsewhere ?? 0) > 0;
  if (lost)
    log.error({ loops: await wakeAllOpen(pool) }, 'This Temporal does not know our stories: every open loop is woken.');

  // Real time, as Temporal's own; by Postgres's clock, since this machine's may be wrong.
  const sweptUntil = await pool.oneFirst(sql.type(NowRow)`select clock_timestamp() as now`);
  const since = new Date((known?.since.getTime() ?? sweptUntil.getTime()) - overlapMs).toISOString();
  let revived = 0;
  const query = `ExecutionStatus IN (${endedBadly}) AND CloseTime > '${since}'`;
  for await (const run of client.workflow.list({ query })) {
    const loopId = run.workflowId.split(':')[1];
    if (!loopId || !z.uuid().safeParse(loopId).success) continue;
    const { rowCount } = await pool.query(sql.unsafe`
      insert into wakes (loop_id, class)
      select o.id, 'response' from now.open_loops o
      where o.id = ${loopId} and not exists (select from revivals r where r.run_id = ${run.runId})
      on conflict (loop_id) do update set asked = excluded.asked, leased_until = null`);
    if (rowCount === 0) continue;
    await pool.query(
      sql.unsafe`insert into revivals (run_id, loop_id) values (${run.runId}, ${loopId}) on conflict do nothing`,
    );
    revived += 1;
    log.error(
      { loop: loopId, status: run.status.name },
      'A story had ended before its loop was over: it is started again.',
    );
  }
  await pool.query(sql.unsafe`
    insert into engines (address, namespace_id, swept_until) values (${key}, ${id}, ${sql.timestamp(sweptUntil)})
    on conflict (address) do update set namespace_id = excluded.namespace_id, swept_until = excluded.swept_until, seen_at = heed_now()`);
  return { lost, revived };
}
