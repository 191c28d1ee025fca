/** Puts what a page says into its frame: who looks, what waits for them, and in the demonstration the bar. */

import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Company } from '../../../domain/company.ts';
import { leads } from '../../../domain/entitlement.ts';
import { latestCustomer } from '../../../store/views/yours.ts';
import { tasksOf } from '../../../store/views/tasks.ts';
import { bare, page, type DemoBar, type Frame, type Html } from '../../../web/page.ts';
import { answerLive } from '../live.ts';
import { visitorOf, type Visitor } from '../session.ts';
import type { Web } from '../web.ts';

export interface Drawn extends Pick<Frame, 'title' | 'here' | 'live' | 'scripts' | 'shape'> {
  status?: ContentfulStatusCode;
  /** Stands alone: opened by a link of its own, by somebody who may have no account. */
  alone?: boolean;
}

export async function draw(c: Context, web: Web, drawn: Drawn, main: Html): Promise<Response> {
  const document = String(await page(await frameOf(c, web, drawn), main));
  c.header('Cache-Control', 'no-store');
  if (drawn.status) c.status(drawn.status);
  return isLive(drawn) ? answerLive(c, document) : c.html(document);
}

/** A form that came back stands at an address that is only pressed: asked for again, there is nothing. */
const isLive = ({ live, status }: Drawn): boolean => live === true && status === undefined;

export async function frameOf(c: Context, web: Web, drawn: Drawn): Promise<Frame> {
  const { title, here, scripts, shape, alone } = drawn;
  const { company } = await web.heed.configuration();
  const visitor = await visitorOf(c, web);
  return {
    title,
    here,
    live: isLive(drawn),
    scripts,
    shape,
    company: company.name,
    demo: await demoBarOf(web, visitor?.code),
    viewer:
      visitor && !alone
        ? {
            code: visitor.code,
            name: visitor.name,
            leads: leads(visitor.company, visitor.code),
            waiting: await waitingFor(web, visitor),
          }
        : undefined,
  };
}

/** The bar over every page while embedded parts are in use; undefined otherwise. */
export async function demoBarOf(web: Web, standingIn?: string): Promise<DemoBar | undefined> {
  if (!web.demo) return undefined;
  const { company } = await web.heed.configuration();
  const customer = await latestCustomer(web.heed.pool);
  return {
    people: demoPeople(company).map((code) => ({ code, name: firstName(company.staff[code]!.name) })),
    standingIn,
    customer: firstName(customer?.name ?? 'Kim'),
    unread: web.demo.unread(),
    slack: web.demo.slackRoom !== undefined,
    mail: web.demo.mailbox !== undefined,
    temporal: web.temporalUi(),
    arriving: web.arriving(),
  };
}

/** Puts the pages of the mailbox and the Slack room under the same bar: the frame that src/start/ hands them. */
export const devFrame =
  (web: () => Web | undefined) =>
  (title: string, body: Html): Html =>
    (async () => {
      const now = web();
      return bare(title, now && (await demoBarOf(now)), body);
    })();

/** Those at the place with the most people of its own, and those who are at home everywhere: six at most. */
export function demoPeople(company: Company): string[] {
  const staff = Object.entries(company.staff);
  const at = (place: string) => staff.filter(([, { places }]) => places !== 'all' && places.includes(place));
  const [busiest = ''] = Object.keys(company.places).sort((a, b) => at(b).length - at(a).length);
  const everywhere = staff.filter(([, { places }]) => places === 'all');
  return [...at(busiest), ...everywhere].map(([code]) => code).slice(0, 6);
}

export const firstName = (name: string): string => name.trim().split(/\s+/)[0] ?? name;

const waitingFor = async (web: Web, { company, code }: Visitor): Promise<number> =>
  (await tasksOf(web.heed.pool, company, code)).tasks.length;

/** Address of a loop's run in the Temporal Web UI. */
export const runOf = (web: Web, kind: 'signal' | 'insight', id: string): string | undefined => {
  const base = web.temporalUi();
  return base && `${base}/workflows/${encodeURIComponent(`${kind}:${id}`)}`;
};
