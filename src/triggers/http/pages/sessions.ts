/** Where somebody is signed in, for themselves alone: they see it, and end it. */

import { Hono, type Context } from 'hono';
import { momentOf } from '../../../store/records/clock.ts';
import { recordRefusal } from '../../../store/records/refusals.ts';
import { revokeSessions, sessionsOf } from '../../../store/records/sessions.ts';
import { sessions as sessionsBody, type SessionsSaid } from '../../../web/sessions.ts';
import { comeBackTo, mustBeSignedIn, signOut, type Visitor } from '../session.ts';
import { hasTwoFactors, suffices, type Web } from '../web.ts';
import { draw } from './draw.ts';
import { one, readForm } from './forms.ts';
import { isId, nothingHere } from './signals.ts';

export function sessionPages(web: Web): Hono {
  const app = new Hono();
  app.get('/sessions', async (c) => {
    const ended = c.req.query('ended') !== undefined;
    return show(c, web, await mustBeSignedIn(c, web), {
      sentence: ended ? 'Ended. Nobody gets in by it any more.' : undefined,
    });
  });
  app.post('/sessions/end', async (c) => {
    const visitor = await mustBeSignedIn(c, web);
    const { code, session: here, lately } = visitor;
    const session = one(await readForm(c), 'session');
    // Whoever only found this browser open shall not shut its person out elsewhere. Out of this one anybody may go.
    if (!lately && session !== here) {
      await recordRefusal(web.heed.pool, { door: 'page', why: 'needs_sign_in', whose: code });
      return show(c, web, visitor, { refusal: 'Nothing was ended: it takes a sign-in of the last ten minutes.' });
    }
    if (session === undefined) {
      await web.heed.pool.transaction((tx) => revokeSessions(tx, code, { by: code }));
      await signOut(c, web);
      return c.redirect('/sign-in', 303);
    }
    // One that is somebody else's is as little there as one that never was.
    const end = (only: string) => web.heed.pool.transaction((tx) => revokeSessions(tx, code, { by: code, only }));
    if (!isId(session) || (await end(session)) === 0) throw nothingHere();
    return c.redirect('/sessions?ended', 303);
  });
  return app;
}

async function show(
  c: Context,
  web: Web,
  { code, company, session: here, lately }: Visitor,
  said: SessionsSaid,
): Promise<Response> {
  const [now, open] = await Promise.all([momentOf(web.heed.pool), sessionsOf(web.heed.pool, code)]);
  const shown = open.map(({ id, through, strength, created_at, seen_at, expires_at }) => ({
    id,
    through,
    twoFactors: hasTwoFactors(web, strength),
    opens: suffices(web, strength),
    since: created_at,
    seenAt: seen_at,
    until: expires_at,
    here: id === here,
  }));
  // The page leads to signing in, which leads back to it.
  if (!lately) comeBackTo(c, web, '/sessions');
  const body = sessionsBody({ all: shown, mayEnd: lately }, { now, zone: company.timezone }, said);
  return draw(
    c,
    web,
    { title: 'Where you are signed in', shape: 'narrow', ...(said.refusal && { status: 403 }) },
    body,
  );
}
