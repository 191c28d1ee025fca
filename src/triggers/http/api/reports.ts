/** /v1/reports/loop: what the leaders' page says, as numbers. */

import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { Company } from '../../../domain/company.ts';
import { leads } from '../../../domain/entitlement.ts';
import { DomainError } from '../../../domain/errors.ts';
import type { LoopReport } from '../../../domain/loopReport.ts';
import { lastDays, steps } from '../../../domain/measures.ts';
import { momentOf } from '../../../store/records/clock.ts';
import type { Heed } from '../../heed.ts';
import { openLoopReports } from '../loopReports.ts';
import { writtenMoment } from '../../writtenMoment.ts';
import { allowedTo, type ApiEnv } from './door.ts';
import { json, orNull, problemsOfReading } from './shapes.ts';

const count = z.number().int();
const share = z
  .number()
  .nullable()
  .meta({ description: 'A fraction of 1; null below ten, where a share says nothing' });
const milliseconds = z.object({ p50: z.number(), p90: z.number() }).nullable();

const Replies = z
  .object({ rounds: count, yes: count, no: count, silent: count, waiting: count, couldNotBeAsked: count })
  .openapi('Replies');

const Numbers = z
  .object({
    used: z.object({
      due: count,
      citing: count,
      otherwise: count,
      postponed: count,
      expired: count.meta({ description: 'Let go by somebody with a name: always 0, as nothing lets one go yet' }),
      undecided: count,
      inTime: count,
      share,
    }),
    claimed: Replies.extend({ confirmed: share, gap: share }),
    afterDecline: Replies,
    promises: z.object({
      due: count,
      kept: count,
      moved: count.meta({ description: 'Put off with notice: always 0, as nothing puts one off yet' }),
      late: count,
      open: count,
      share,
    }),
    funnel: z.array(
      z.object({ step: z.enum(steps), count, waiting: count, wall: milliseconds, working: milliseconds }),
    ),
    unused: count,
  })
  .openapi('LoopNumbers');

const Report = z
  .object({
    from: z.iso.datetime(),
    to: z.iso.datetime(),
    asOf: z.iso.datetime().meta({ description: 'Facts recorded later restate the past' }),
    place: z.string().nullable(),
    own: Numbers,
    sample: orNull(Numbers).meta({ description: 'Of the sample history, which never mixes with one’s own' }),
    unused: z.array(
      z.object({
        id: z.uuid(),
        reference: z.string(),
        sample: z.boolean(),
        place: z.string(),
        kind: z.string(),
        decider: z.string(),
        people: count,
        dueAt: z.iso.datetime(),
        past: z.boolean(),
        attention: z.enum(['cited', 'seen', 'unseen']),
      }),
    ),
  })
  .openapi('LoopReport');

const moment = writtenMoment('2026-06-01T00:00:00Z').optional();

const getLoop = createRoute({
  method: 'get',
  path: '/reports/loop',
  tags: ['reports'],
  summary: 'Used, claimed against confirmed, promises, stage times',
  description:
    'Of the period [from, to); the last ninety days if left out. The definitions stand on the loop’s page. A key that is named after somebody reads it where they lead.',
  middleware: allowedTo('read'),
  request: { query: z.strictObject({ from: moment, to: moment, place: z.string().max(64).optional() }) },
  responses: { 200: json(Report, 'The report'), ...problemsOfReading },
});

export function addReports(api: OpenAPIHono<ApiEnv>, heed: Heed): void {
  const reports = openLoopReports(heed.pool);
  api.openapi(getLoop, async (c) => {
    const { from, to, place } = c.req.valid('query');
    const { company } = await heed.configuration();
    await mustLead(c, company);
    const sight = c.get('sight');
    if (place !== undefined && !c.get('places').includes(place))
      throw refused('place', `There is no place "${place}".`);
    const usual = lastDays(90, await momentOf(heed.pool), company.timezone);
    const asked = { from: from ? new Date(from) : usual.from, ...(to && { to: new Date(to) }), place, sight };
    if (asked.from >= (asked.to ?? usual.to)) throw refused('from', 'must be before "to".');
    return c.json(written(await reports.report(company, asked)), 200);
  });
}

/** A key that is named after somebody may no more than they may at the page of the loop. */
async function mustLead(c: Context<ApiEnv>, company: Company): Promise<void> {
  const { name } = c.get('key');
  if (!company.staff[name] || leads(company, name)) return;
  await c.get('refused')('does_not_lead');
  throw new DomainError(
    'forbidden',
    `How the loop goes is for those who lead, and this key is named after ${company.staff[name].name}.`,
  );
}

const refused = (name: string, reason: string): DomainError =>
  new DomainError('validation', `${name}: ${reason}`, { invalidParams: [{ name, reason }] });

const written = (report: LoopReport): z.infer<typeof Report> => ({
  from: report.from.toISOString(),
  to: report.to.toISOString(),
  asOf: report.asOf.toISOString(),
  place: report.place,
  own: report.own,
  sample: report.sample,
  unused: report.unused.map(({ id, reference, sample, place, kind, decider, people, dueAt, past, attention }) => ({
    id,
    reference,
    sample,
    place,
    kind,
    decider,
    people,
    dueAt: dueAt.toISOString(),
    past,
    attention,
  })),
});
