/** Signing in by a link from an e-mail or by the company's own sign-in service, and out again. */

import { Hono, type Context } from 'hono';
import { normaliseEmail } from '../../../domain/customer.ts';
import { DomainError } from '../../../domain/errors.ts';
import type { Proof, Vouched } from '../../../domain/signIn.ts';
import type { Tx } from '../../../store/pool.ts';
import { answers, codeLength, codeOf, isForThisBrowser, keepAsking, tryCode } from '../../../store/records/askings.ts';
import { isKnownBy, whoIsKnownBy, type Account } from '../../../store/records/bindings.ts';
import { momentOf } from '../../../store/records/clock.ts';
import { idOfDelivery, planDelivery } from '../../../store/records/deliveries.ts';
import { signInLinkMs, useLink } from '../../../store/records/links.ts';
import { recordRefusal } from '../../../store/records/refusals.ts';
import { staffByEmail } from '../../../store/records/staff.ts';
import { nothingFilled } from '../../../web/fields.ts';
import type { Html } from '../../../web/page.ts';
import { linkSent, signIn as signInBody, signInElsewhere, signInLink } from '../../../web/signIn.ts';
import {
  forgetAsking,
  remember,
  remembered,
  secretAskedWith,
  secretOfAsking,
  signIn,
  signOut,
  visitorOf,
  wayBackOf,
} from '../session.ts';
import { secondFactorRequired, suffices, type SignInDoor, type Web } from '../web.ts';
import { draw } from './draw.ts';
import { one, readForm } from './forms.ts';
import { goneFor, goodLink, noSuchLink, tokenOf } from './links.ts';

export function signInPages(web: Web): Hono {
  const app = new Hono();
  app.get('/sign-in', (c) =>
    draw(c, web, { title: 'Sign in', shape: 'letter', alone: true }, signInBody(nothingFilled, waysIn(web))),
  );
  app.post('/sign-in', async (c) => {
    if (!waysIn(web).link)
      throw new DomainError('not_found', 'Nobody signs in by e-mail here. Use the company’s sign-in.');
    const form = await readForm(c);
    const email = normaliseEmail(one(form, 'email') ?? '');
    if (!email) {
      const faults = { email: 'This can’t be an e-mail address. Write it like mina@example.com.' };
      return draw(
        c,
        web,
        { title: 'Sign in', shape: 'letter', alone: true, status: 400 },
        signInBody({ values: form, faults }, waysIn(web)),
      );
    }
    const secret = secretOfAsking(c, web);
    await sendLink(web, email, secret);
    return draw(c, web, { title: 'Look at your mail', shape: 'letter', alone: true }, linkSent(email, codeOf(secret)));
  });
  app.post('/sign-in/link', async (c) => {
    const token = tokenOf(await readForm(c));
    const link = await stillGood(web, token);
    if (!(await isForThisBrowser(web.heed.pool, token, secretAskedWith(c, web)))) {
      const refused = await askForCode(c, web, token, link);
      if (refused) return refused;
    }
    // Of two presses at once the database lets one through.
    if (!(await signIn(c, web, link.staff, 'link', { may: (tx) => useLink(tx, token) })))
      throw await goneFor(web, { kind: 'sign_in', ...link }, 'used', usedUp);
    forgetAsking(c, web);
    return c.redirect(wayBackOf(c, web), 303);
  });
  // A plain link: a form may only go to pages of ours, and this one leads to the company's sign-in service.
  app.get('/oidc', async (c) => {
    // Another site that leads here shall not sign anybody in without their having asked for it.
    if (c.req.header('Sec-Fetch-Site') === 'cross-site') return c.redirect('/sign-in', 303);
    // Whoever is signed in wants what takes more than that: whoever only found their browser open shall not get it by one press.
    const anew = (await visitorOf(c, web)) !== undefined;
    const way = await doorOf(web).begin({ anew });
    if (!way) throw unreachable();
    remember(c, web, way.memory);
    c.header('Cache-Control', 'no-store');
    return c.redirect(way.url, 303);
  });
  // Opening this signs somebody in, as the protocol has it: what it takes is in this one browser's cookie, and is good once.
  app.get('/oidc/return', async (c) => {
    const door = doorOf(web);
    const memory = remembered(c, web);
    const vouched = memory ? await door.finish(new URL(c.req.url), memory) : { trouble: 'refused' as const };
    const { code, account, ...proof } = await personVouchedFor(web, vouched);
    const may = async (tx: Tx): Promise<boolean> => (await whoIsKnownBy(tx, account)) === code;
    if (!(await signIn(c, web, code, 'provider', { may, proof })))
      throw new DomainError('conflict', 'Who may come in by that account was changed just now. Sign in once more.');
    return c.redirect(wayBackOf(c, web), 303);
  });
  app.post('/sign-out', async (c) => {
    await signOut(c, web);
    return c.redirect('/', 303);
  });
  return app;
}

export async function showSignIn(c: Context, web: Web, token: string): Promise<Response> {
  const link = await stillGood(web, token);
  const shown = (await isForThisBrowser(web.heed.pool, token, secretAskedWith(c, web))) ? signInLink : signInElsewhere;
  return drawLink(c, web, link, (name) => shown(token, name));
}

/** Plans the mail; its link is made when it is sent. Whoever is not known is not mailed at all. */
async function sendLink(web: Web, email: string, secret: string): Promise<void> {
  await web.heed.pool.transaction(async (tx) => {
    const [person, now] = [await staffByEmail(tx, email), await momentOf(tx)];
    await keepAsking(
      tx,
      secret,
      person ? await mailThatAnswers(tx, person.code, now, secret) : await noMail(tx, secret),
    );
  });
  web.heed.hint();
}

/** Its id. Nobody is mailed twice within a minute: one mail answers every browser that asked before it left, and those after that are answered
 *  by the one of the next minute. So a stranger who asks in somebody's name makes no link of theirs useless, and gets into none by asking late. */
async function mailThatAnswers(tx: Tx, staff: string, now: Date, secret: string): Promise<string> {
  const plan = async (minute: Date, notBefore: Date): Promise<string> => {
    const key = `sign_in:-:-:${minute.toISOString().slice(0, 16)}:${staff}:email`;
    const expiresAt = new Date(notBefore.getTime() + signInLinkMs);
    await planDelivery(tx, { key, purpose: 'sign_in', channel: 'email', staff, notBefore, expiresAt });
    return idOfDelivery(key);
  };
  const mail = await plan(now, now);
  const next = new Date((Math.floor(now.getTime() / minuteMs) + 1) * minuteMs);
  // Planned once more where it answers, so that either way takes as long.
  return (await answers(tx, mail, secret)) ? plan(now, now) : plan(next, next);
}

/** As much work as for somebody, so that the time it takes tells nothing either. */
async function noMail(tx: Tx, secret: string): Promise<null> {
  await recordRefusal(tx, { door: 'sign_in', why: 'unknown' });
  for (let n = 0; n < 2; n++) await answers(tx, nobodysMail, secret);
  return null;
}

const minuteMs = 60_000;
const nobodysMail = idOfDelivery('sign_in:-');

async function stillGood(web: Web, token: string): Promise<{ staff: string }> {
  const link = await goodLink(web, token, 'sign_in', usedUp);
  if (!link.staff) throw noSuchLink();
  if (link.used_at) throw await goneFor(web, link, 'used', usedUp);
  // It stays good: on a day without the sign-in service, whoever runs Heed may do with one factor.
  if (secondFactorRequired(web)) {
    await recordRefusal(web.heed.pool, { door: 'sign_in', why: 'one_factor', whose: link.staff });
    throw new DomainError(
      'unauthorized',
      'A link lets nobody in here, because it takes two factors to sign in. Sign in with the company; if that is not possible, ask whoever runs Heed.',
    );
  }
  return { staff: link.staff };
}

/** In a browser that did not ask for the link: undefined when it brings the code that is shown in one that did, else what to answer. */
async function askForCode(c: Context, web: Web, token: string, link: { staff: string }): Promise<Response | undefined> {
  const code = (one(await readForm(c), 'code') ?? '').replace(/\D/g, '');
  const again = (status: 400 | 403, refusal: string): Promise<Response> =>
    drawLink(c, web, link, (name) => signInElsewhere(token, name, refusal), status);
  if (code.length !== codeLength)
    return again(400, 'The code has eight digits. It is on the page where you asked for this link.');
  const tried = await tryCode(web.heed.pool, token, code);
  if (tried === 'right') return undefined;
  await recordRefusal(web.heed.pool, { door: 'sign_in', why: 'wrong_code', whose: link.staff });
  if (tried === 'wrong') return again(403, 'That is not the code. Look at the page where you asked for this link.');
  throw new DomainError(
    'gone',
    'That was not the code either, so this link is over. Ask for a new one on the sign-in page.',
  );
}

async function drawLink(
  c: Context,
  web: Web,
  { staff }: { staff: string },
  body: (name: string) => Html,
  status?: 400 | 403,
): Promise<Response> {
  const { company } = await web.heed.configuration();
  return draw(
    c,
    web,
    { title: 'Sign in', shape: 'letter', alone: true, ...(status && { status }) },
    body(company.staff[staff]?.name ?? staff),
  );
}

const usedUp =
  'This link has been used or has ended: each one lets somebody in once. Ask for a new one on the sign-in page.';

const waysIn = ({ signInService }: Web): { link: boolean; provider: boolean } => ({
  link: signInService?.besideLinks ?? true,
  provider: signInService !== undefined,
});

function doorOf({ signInService }: Web): SignInDoor {
  if (!signInService) throw new DomainError('not_found', 'There is nothing here under that address.');
  return signInService;
}

/** Whom the service vouches for: whoever has that address in the company file, by the account they have come by from the first, and by two factors
 *  where it takes as many. Throws, once it is written down, where that is nobody. */
async function personVouchedFor(web: Web, vouched: Vouched): Promise<{ code: string; account: Account } & Proof> {
  const { pool } = web.heed;
  const refused = async (why: keyof typeof notLetIn, whose?: string): Promise<DomainError> => {
    await recordRefusal(pool, { door: 'sign_in', why, whose });
    return new DomainError('forbidden', notLetIn[why]);
  };
  if ('trouble' in vouched) {
    if (vouched.trouble === 'unreachable') throw unreachable();
    throw await refused(vouched.trouble === 'refused' ? 'unknown' : vouched.trouble);
  }
  const email = normaliseEmail(vouched.email);
  const person = email ? await staffByEmail(pool, email) : null;
  if (!person) {
    const known = await whoIsKnownBy(pool, vouched);
    throw known ? await refused('other_address', known) : await refused('stranger');
  }
  const { strength, provedSecondsAgo } = vouched;
  // Before an account is taken for theirs for good.
  if (!suffices(web, strength)) throw await refused('one_factor', person.code);
  if (!(await isKnownBy(pool, person, vouched))) throw await refused('other_account', person.code);
  return { code: person.code, account: vouched, strength, provedSecondsAgo };
}

const unreachable = (): DomainError =>
  new DomainError('service_unavailable', 'The company’s sign-in can’t be reached just now. Try again in a moment.');

const notLetIn = {
  stranger:
    'You are signed in with the company, but Heed does not know that address. Ask whoever keeps the company file.',
  other_account:
    'You are signed in with the company, but Heed knows this address, or your account there, as somebody else’s. Was your account made anew? Then ask whoever runs Heed to free the address for it.',
  other_address:
    'You are signed in with the company, but under another address than the company file has for you. Ask whoever keeps that file to write the new one there.',
  declined:
    'The company’s sign-in sent you back without signing you in. Begin again on the sign-in page. If that does not help, show the address of this page to whoever runs that sign-in: it says why, after “error=”.',
  unverified: 'The company’s sign-in does not vouch for your e-mail address, so Heed can’t know who you are.',
  one_factor:
    'You are signed in with the company, but its sign-in does not tell Heed that it asked you for two factors, such as a password and a code on your phone. It takes both here. Ask whoever runs that sign-in to ask for them, and to say so in its ID token (acr or amr).',
  unknown: 'That sign-in was not begun here, or took too long. Begin again on the sign-in page.',
};
