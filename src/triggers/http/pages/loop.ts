/** How the loop goes, for those who lead; and the people behind each number. */

import { Hono, type Context } from 'hono';
import { leads } from '../../../domain/entitlement.ts';
import { DomainError } from '../../../domain/errors.ts';
import { figures, isFigure, lastDays } from '../../../domain/measures.ts';
import { resolveRole } from '../../../domain/routing.ts';
import { zoneOf } from '../../../domain/localTime.ts';
import { momentOf } from '../../../store/records/clock.ts';
import { behind } from '../../../web/loop/behind.ts';
import { loop } from '../../../web/loop/loop.ts';
import type { Asked } from '../../../web/loop/shown.ts';
import { openLoopReports, type LoopReports } from '../loopReports.ts';
import { mustBeSignedIn, type Visitor } from '../session.ts';
import type { Web } from '../web.ts';
import { draw } from './draw.ts';
import { skipIn } from './skip.ts';
import { titleOf } from './titles.ts';

/** In days; the last one where nothing is asked for. */
const periods = [30, 90] as const;
const most = 50;

/** To be mounted at '/loop'. */
export function loopPages(web: Web): Hono {
  const app = new Hono();
  const reports = openLoopReports(web.heed.pool);
  app.get('/', async (c) => show(c, web, reports, await mustLead(c, web)));
  app.get('/:figure', async (c) => list(c, web, reports, await mustLead(c, web)));
  return app;
}

async function show(
  c: Context,
  web: Web,
  reports: LoopReports,
  { company, places, sight }: Visitor,
): Promise<Response> {
  const asked = askedIn(c, places);
  const now = await momentOf(web.heed.pool);
  const { from } = lastDays(asked.days, now, company.timezone);
  const report = await reports.report(company, { from, place: asked.place, sight });
  const nameOf = (code: string): string => company.staff[code]?.name ?? code;
  const body = loop({
    report,
    asked,
    periods,
    places: places.map((code) => ({ code, name: company.places[code]!.name })),
    everywhere: seesAll(company, places),
    titleOf: (insight) => titleOf(company, insight),
    nameOf,
    roleOf: (role, owner, place) => nameOf(resolveRole(company, role, { owner, place })),
    clock: { now, zone: company.timezone },
  });
  return draw(c, web, { title: 'The loop', here: 'loop', live: true }, body);
}

async function list(
  c: Context,
  web: Web,
  reports: LoopReports,
  { company, places, sight }: Visitor,
): Promise<Response> {
  const figure = c.req.param('figure') ?? '';
  if (!isFigure(figure))
    throw new DomainError('not_found', 'There is no number of that name. All of them stand on the page “The loop”.');
  const asked = askedIn(c, places);
  const of = c.req.query('of') === 'own' ? 'own' : 'sample';
  const skip = skipIn(c);
  const now = await momentOf(web.heed.pool);
  const within = {
    ...lastDays(asked.days, now, company.timezone),
    place: asked.place,
    sight,
    sample: of === 'sample',
  };
  const found = await reports.behind(figure, within, { skip, most });
  const rows = found.behind.map((row) => ({
    ...row,
    place: company.places[row.place]?.name ?? row.place,
    clock: { now, zone: zoneOf(company, row.place) },
    kind: row.kind ? (company.kinds[row.kind]?.name ?? row.kind) : undefined,
    title: row.attributes && row.kind ? titleOf(company, { kind: row.kind, attributes: row.attributes }) : undefined,
    owner: company.staff[row.owner]?.name ?? row.owner,
  }));
  const where = asked.place
    ? company.places[asked.place]!.name
    : seesAll(company, places)
      ? 'all places'
      : 'all your places';
  const body = behind({ figure, asked, of, total: found.total, skip, most, where, rows });
  return draw(c, web, { title: figures[figure].title, here: 'loop', shape: 'narrow' }, body);
}

async function mustLead(c: Context, web: Web): Promise<Visitor> {
  const visitor = await mustBeSignedIn(c, web);
  if (leads(visitor.company, visitor.code)) return visitor;
  web.heed.turnedAway.count({ door: 'page', why: 'does_not_lead', whose: visitor.code });
  throw new DomainError(
    'forbidden',
    'How the loop goes is for those who lead. What became of what you heard stands under “Mine”.',
  );
}

const seesAll = (company: Visitor['company'], places: readonly string[]): boolean =>
  places.length === Object.keys(company.places).length;

/** Addresses that nobody was given, a place of others among them, fall back to the usual. */
function askedIn(c: Context, places: readonly string[]): Asked {
  const days = periods.find((each) => String(each) === c.req.query('days')) ?? 90;
  const place = c.req.query('place');
  return { days, place: place !== undefined && places.includes(place) ? place : undefined };
}
