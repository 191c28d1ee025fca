/** What customers open by links of their own: their page, stopping our letters, and "this wasn't me". Opening changes nothing. */

import { Hono, type Context } from 'hono';
import type { Link } from '../../../store/records/links.ts';
import { sentenceOf } from '../../../store/views/presses.ts';
import { signalNow } from '../../../store/views/signals.ts';
import { yoursPage } from '../../../store/views/yours.ts';
import { Confirmation, confirm } from '../../responses/confirm.ts';
import { arrived } from '../../responses/settle.ts';
import { disavow, stopWriting } from '../../responses/stop.ts';
import { mailRights } from '../../rights/mailRights.ts';
import { nothingFilled } from '../../../web/fields.ts';
import { notMe, notMeDone, stopped, unsubscribe, yours as yoursBody } from '../../../web/yours.ts';
import type { Web } from '../web.ts';
import { draw } from './draw.ts';
import { goneFor, goodLink, noSuchLink, tokenOf } from './links.ts';
import { asUnfit, given, one, parse, readForm, Unfit } from './forms.ts';
import { zoneOf } from '../../../domain/localTime.ts';

export function customerPages(web: Web): Hono {
  const app = new Hono();
  app.post('/yours/say', async (c) => {
    const form = await readForm(c);
    const link = await yoursBehind(web, tokenOf(form));
    await arrived(web.heed, link.token);
    const key = `${one(form, 'key')}:say`;
    try {
      const said = parse(Confirmation, given(form, ['says', 'words']), form);
      await confirm(
        web.heed,
        { loopId: link.signalId, press: { source: 'link', key, content: JSON.stringify(said) } },
        said,
      );
    } catch (error) {
      const unfit = asUnfit(error, form);
      if (!(unfit instanceof Unfit)) throw unfit;
      return show(c, web, link, { unfit });
    }
    return show(c, web, link, { pressed: key });
  });
  app.post('/yours/stop', async (c) => {
    const link = await yoursBehind(web, tokenOf(await readForm(c)));
    await arrived(web.heed, link.token);
    await stopWriting(web.heed, link.customerId);
    return show(c, web, link, { done: 'stopped' });
  });
  app.post('/yours/rights', async (c) => {
    const form = await readForm(c);
    const link = await yoursBehind(web, tokenOf(form));
    const key = `${one(form, 'key')}:rights`;
    await mailRights(web.heed, link.customerId, { press: { source: 'link', key }, loopId: link.signalId });
    return show(c, web, link, { pressed: key });
  });

  const stop = async (c: Context, token: string): Promise<Response> => {
    const { customerId } = await linkOf(web, token, 'unsubscribe');
    await arrived(web.heed, token);
    await stopWriting(web.heed, customerId);
    return alone(c, web, 'Stopped', stopped());
  };
  app.post('/unsubscribe', async (c) => stop(c, tokenOf(await readForm(c))));
  // RFC 8058: a mail program posts here by itself, or opens it. At once, no cookie, no redirect. Its token stands in the address, as the standard
  // has it, and so it does nothing but stop letters, and shows nothing of anybody.
  app.get('/unsubscribe/:token', (c) => showUnsubscribe(c, web, c.req.param('token')));
  app.post('/unsubscribe/:token', (c) => stop(c, c.req.param('token')));

  app.post('/not-me', async (c) => {
    const { signalId, customerId, token } = await linkOf(web, tokenOf(await readForm(c)), 'not_me');
    await arrived(web.heed, token);
    await disavow(web.heed, signalId, customerId);
    return alone(c, web, 'Noted', notMeDone());
  });
  return app;
}

export const showYours = async (c: Context, web: Web, token: string): Promise<Response> =>
  show(c, web, await yoursBehind(web, token));

export async function showUnsubscribe(c: Context, web: Web, token: string): Promise<Response> {
  await linkOf(web, token, 'unsubscribe');
  const { company } = await web.heed.configuration();
  return alone(c, web, 'Stop writing', unsubscribe(token, company.name));
}

export async function showNotMe(c: Context, web: Web, token: string): Promise<Response> {
  const { signalId } = await linkOf(web, token, 'not_me');
  const { company } = await web.heed.configuration();
  const signal = await signalNow(web.heed.pool, signalId);
  const place = company.places[signal?.place ?? '']?.name ?? 'one of our places';
  return alone(c, web, 'This wasn’t you?', notMe(token, company.name, place));
}

const alone = (c: Context, web: Web, title: string, body: Parameters<typeof draw>[3]): Promise<Response> =>
  draw(c, web, { title, shape: 'letter', alone: true }, body);

interface Yours {
  token: string;
  signalId: string;
  customerId: string;
  /** The letter that it stands in. */
  deliveryId: string | null;
}

async function linkOf(web: Web, token: string, kind: Link['kind']): Promise<Yours> {
  const link = await goodLink(web, token, kind, over);
  if (!link.customer_id || (kind !== 'unsubscribe' && !link.loop_id)) throw noSuchLink();
  return { token, signalId: link.loop_id ?? '', customerId: link.customer_id, deliveryId: link.delivery_id };
}

async function yoursBehind(web: Web, token: string): Promise<Yours> {
  const link = await linkOf(web, token, 'yours');
  const { company } = await web.heed.configuration();
  // The page lives while the loop is open, and ninety days longer.
  if (!(await yoursPage(web.heed.pool, company, link)))
    throw await goneFor(web, { kind: 'yours', staff: null }, 'ended', over);
  return link;
}

const over =
  'This page has ended: it was settled more than ninety days ago, what you told us was erased, or we do not write to this address about it any more. If something is left open, tell us again.';

/** What they have just done here. */
interface Done {
  unfit?: Unfit;
  /** The key under which it counts. */
  pressed?: string;
  done?: 'stopped';
}

async function show(c: Context, web: Web, link: Yours, { unfit, pressed, done }: Done = {}): Promise<Response> {
  const { company } = await web.heed.configuration();
  const page = await yoursPage(web.heed.pool, company, link);
  if (!page) throw await goneFor(web, { kind: 'yours', staff: null }, 'ended', over);
  const { signal } = page;
  const leaning = c.req.query('says');
  const sentence = pressed
    ? await sentenceOf(web.heed.pool, { source: 'link', key: pressed, person: 'customer' })
    : done === 'stopped' && !page.writes
      ? 'We have stopped writing to you.'
      : null;
  const body = yoursBody(
    {
      token: link.token,
      key: crypto.randomUUID(),
      company: company.name,
      place: company.places[signal.place]?.name ?? signal.place,
      words: page.words,
      past: page.timeline,
      next: page.next,
      question: page.question,
      says: signal.says,
      final: signal.final === true,
      rests: signal.restricted,
      reader: company.staff[page.reader]?.name ?? 'somebody more senior',
      leaning: leaning === 'yes' || leaning === 'no' ? leaning : undefined,
      writes: page.writes,
      mailed: page.mailed,
      filled: unfit?.filled ?? nothingFilled,
      sentence: sentence ?? undefined,
    },
    { now: page.now, zone: zoneOf(company, signal.place) },
  );
  return draw(
    c,
    web,
    { title: 'What became of what you told us', shape: 'letter', alone: true, ...(unfit && { status: unfit.status }) },
    body,
  );
}
