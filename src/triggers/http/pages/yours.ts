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
import { nothingFilled, type Filled } from '../../../web/fields.ts';
import { notMe, notMeDone, stopped, unsubscribe, yours as yoursBody } from '../../../web/yours.ts';
import type { Web } from '../web.ts';
import { draw } from './draw.ts';
import { goneFor, goodLink, noSuchLink } from './links.ts';
import { asUnfit, given, one, parse, readForm, Unfit } from './forms.ts';
import { zoneOf } from '../../../domain/localTime.ts';

export function customerPages(web: Web): Hono {
  const app = new Hono();
  app.get('/yours/:token', async (c) => show(c, web, await yoursBehind(web, c.req.param('token'))));
  app.post('/yours/:token/say', async (c) => {
    const link = await yoursBehind(web, c.req.param('token'));
    await arrived(web.heed, link.token);
    const form = await readForm(c);
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
      return show(c, web, link, unfit);
    }
    return c.redirect(`/yours/${link.token}?said=${encodeURIComponent(key)}`, 303);
  });
  app.post('/yours/:token/stop', async (c) => {
    const { customerId, token } = await yoursBehind(web, c.req.param('token'));
    await arrived(web.heed, token);
    await stopWriting(web.heed, customerId);
    return c.redirect(`/yours/${token}?stopped`, 303);
  });

  app.post('/yours/:token/rights', async (c) => {
    const { customerId, token } = await yoursBehind(web, c.req.param('token'));
    await mailRights(web.heed, customerId);
    return c.redirect(`/yours/${token}?mailed`, 303);
  });

  app.get('/unsubscribe/:token', async (c) => {
    await linkOf(web, c.req.param('token'), 'unsubscribe');
    const { company } = await web.heed.configuration();
    return alone(c, web, 'Stop writing', unsubscribe(c.req.param('token'), company.name));
  });
  // RFC 8058: a mail program posts here by itself. At once, no cookie, no redirect.
  app.post('/unsubscribe/:token', async (c) => {
    const { customerId, token } = await linkOf(web, c.req.param('token'), 'unsubscribe');
    await arrived(web.heed, token);
    await stopWriting(web.heed, customerId);
    return alone(c, web, 'Stopped', stopped());
  });

  app.get('/not-me/:token', async (c) => {
    const { signalId } = await linkOf(web, c.req.param('token'), 'not_me');
    const { company } = await web.heed.configuration();
    const signal = await signalNow(web.heed.pool, signalId);
    const place = company.places[signal?.place ?? '']?.name ?? 'one of our places';
    return alone(c, web, 'This wasn’t you?', notMe(c.req.param('token'), company.name, place));
  });
  app.post('/not-me/:token', async (c) => {
    const { signalId, customerId, token } = await linkOf(web, c.req.param('token'), 'not_me');
    await arrived(web.heed, token);
    await disavow(web.heed, signalId, customerId);
    return alone(c, web, 'Noted', notMeDone());
  });
  return app;
}

const alone = (c: Context, web: Web, title: string, body: Parameters<typeof draw>[3]): Promise<Response> =>
  draw(c, web, { title, shape: 'letter', alone: true }, body);

interface Yours {
  token: string;
  signalId: string;
  customerId: string;
}

async function linkOf(web: Web, token: string, kind: Link['kind']): Promise<Yours> {
  const link = await goodLink(web, token, kind, over);
  if (!link.customer_id || (kind !== 'unsubscribe' && !link.loop_id)) throw noSuchLink();
  return { token, signalId: link.loop_id ?? '', customerId: link.customer_id };
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

async function show(
  c: Context,
  web: Web,
  link: Yours,
  unfit?: { filled: Filled; status: Unfit['status'] },
): Promise<Response> {
  const { company } = await web.heed.configuration();
  const page = await yoursPage(web.heed.pool, company, link);
  if (!page) throw await goneFor(web, { kind: 'yours', staff: null }, 'ended', over);
  const { signal } = page;
  const pressed = c.req.query('said');
  const leaning = c.req.query('says');
  const sentence = pressed
    ? await sentenceOf(web.heed.pool, { source: 'link', key: pressed, person: 'customer' })
    : c.req.query('stopped') !== undefined && !page.writes
      ? 'We have stopped writing to you.'
      : c.req.query('mailed') !== undefined
        ? 'A link is on its way to your e-mail address. It works for an hour.'
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
