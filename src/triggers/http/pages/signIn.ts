/** Signing in by a link from an e-mail, and out again. */

import { Hono } from 'hono';
import { normaliseEmail } from '../../../domain/customer.ts';
import { DomainError } from '../../../domain/errors.ts';
import { momentOf } from '../../../store/records/clock.ts';
import { planDelivery } from '../../../store/records/deliveries.ts';
import { useLink } from '../../../store/records/links.ts';
import { recordRefusal } from '../../../store/records/refusals.ts';
import { staffByEmail } from '../../../store/records/staff.ts';
import { nothingFilled } from '../../../web/fields.ts';
import { linkSent, signIn as signInBody, signInLink } from '../../../web/signIn.ts';
import { signIn, signOut, wayBackOf } from '../session.ts';
import type { Web } from '../web.ts';
import { draw } from './draw.ts';
import { one, readForm } from './forms.ts';
import { goneFor, goodLink, noSuchLink } from './links.ts';

export function signInPages(web: Web): Hono {
  const app = new Hono();
  app.get('/sign-in', (c) =>
    draw(c, web, { title: 'Sign in', shape: 'letter', alone: true }, signInBody(nothingFilled)),
  );
  app.post('/sign-in', async (c) => {
    const form = await readForm(c);
    const email = normaliseEmail(one(form, 'email') ?? '');
    if (!email) {
      const faults = { email: 'This can’t be an e-mail address. Write it like mina@example.com.' };
      return draw(
        c,
        web,
        { title: 'Sign in', shape: 'letter', alone: true, status: 400 },
        signInBody({ values: form, faults }),
      );
    }
    await sendLink(web, email);
    return draw(c, web, { title: 'Look at your mail', shape: 'letter', alone: true }, linkSent(email));
  });
  app.get('/sign-in/:token', async (c) => {
    const { staff } = await stillGood(web, c.req.param('token'));
    const { company } = await web.heed.configuration();
    const name = company.staff[staff]?.name ?? staff;
    return draw(c, web, { title: 'Sign in', shape: 'letter', alone: true }, signInLink(c.req.param('token'), name));
  });
  app.post('/sign-in/:token', async (c) => {
    const token = c.req.param('token');
    const { staff } = await stillGood(web, token);
    // Of two presses at once the database lets one through.
    if (!(await useLink(web.heed.pool, token))) throw await goneFor(web, { kind: 'sign_in', staff }, 'used', usedUp);
    await signIn(c, web, staff, 'link');
    return c.redirect(wayBackOf(c, web), 303);
  });
  app.post('/sign-out', async (c) => {
    await signOut(c, web);
    return c.redirect('/', 303);
  });
  return app;
}

/** Plans the mail; its link is made when it is sent. Nobody is mailed twice within a minute, and whoever is not known is not mailed at all. */
async function sendLink(web: Web, email: string): Promise<void> {
  await web.heed.pool.transaction(async (tx) => {
    const [person, now] = [await staffByEmail(tx, email), await momentOf(tx)];
    // As much work for whoever is not known, so that the time it takes tells nothing either.
    if (!person) return recordRefusal(tx, { door: 'sign_in', why: 'unknown' });
    const minute = now.toISOString().slice(0, 16);
    await planDelivery(tx, {
      key: `sign_in:-:-:${minute}:${person.code}:email`,
      purpose: 'sign_in',
      channel: 'email',
      staff: person.code,
      expiresAt: new Date(now.getTime() + 15 * 60_000),
    });
  });
  web.heed.hint();
}

async function stillGood(web: Web, token: string): Promise<{ staff: string }> {
  const link = await goodLink(web, token, 'sign_in', usedUp);
  if (!link.staff) throw noSuchLink();
  if (link.used_at) throw await goneFor(web, link, 'used', usedUp);
  return { staff: link.staff };
}

const usedUp =
  'This link has been used or has ended: each one lets somebody in once. Ask for a new one on the sign-in page.';
