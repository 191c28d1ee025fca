/** The leaders' report, for all who look at it. It reads whatever happened in its period, and a page that is left open looks again every few seconds:
 *  where much happens that would be all that Postgres does. */

import type { Company } from '../../domain/company.ts';
import type { LoopReport } from '../../domain/loopReport.ts';
import type { Figure } from '../../domain/measures.ts';
import { momentOf } from '../../store/records/clock.ts';
import { sql, type Pool, type Tx } from '../../store/pool.ts';
import { loopDrill } from '../../store/views/loopDrill.ts';
import type { Within } from '../../store/views/loopPeriod.ts';
import { loopReport } from '../../store/views/loopReport.ts';

/** `to`: now, where it is left out. */
type Asked = Omit<Within, 'to'> & { to?: Date };

export interface LoopReports {
  report(company: Company, asked: Asked): Promise<LoopReport>;
  behind(
    figure: Figure,
    within: Within & { sample: boolean },
    page: { skip: number; most: number },
  ): ReturnType<typeof loopDrill>;
}

/** What was worked out within this is worked out anew each time. */
const atOnceMs = 1_000;
/** What took longer is shown for nine times as long as it took, and no longer than this. */
const longestShownMs = 60_000;
/** A request is answered within twenty seconds, and may have waited for another report. */
const statementTimeout = '12s';

/** Works out one at a time, on one connection: the others are for whoever captures meanwhile. Who asks for what is under way or was worked out just now
 *  gets that. */
export function openLoopReports(pool: Pool, work: typeof loopReport = loopReport): LoopReports {
  const shown = new Map<string, { company: Company; until: number; report: Promise<LoopReport> }>();
  let before: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(ask: (tx: Tx) => Promise<T>): Promise<T> => {
    const asking = before.then(() =>
      pool.transaction(async (tx) => {
        await tx.query(sql.unsafe`select set_config('statement_timeout', ${statementTimeout}, true)`);
        return ask(tx);
      }),
    );
    before = asking.catch(() => {});
    return asking;
  };

  return {
    report(company, asked) {
      const key = JSON.stringify([asked.from, asked.to, asked.place, asked.sight]);
      const known = shown.get(key);
      if (known?.company === company && known.until > performance.now()) return known.report;
      for (const [other, { until }] of shown) if (until <= performance.now()) shown.delete(other);
      const report = inTurn(async (tx) => {
        const began = performance.now();
        const made = await work(tx, company, { ...asked, to: asked.to ?? (await momentOf(tx)) });
        const took = performance.now() - began;
        mine.until = took < atOnceMs ? 0 : performance.now() + Math.min(9 * took, longestShownMs);
        return made;
      });
      const mine = { company, until: Infinity, report };
      shown.set(key, mine);
      report.catch(() => (mine.until = 0));
      return report;
    },
    behind: (figure, within, page) => inTurn((tx) => loopDrill(tx, figure, within, page)),
  };
}
