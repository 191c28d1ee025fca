/** Where somebody is signed in, for themselves alone: they see it, and end it. */

import { Hono } from 'hono';
import { momentOf } from '../../../store/records/clock.ts';
import { revokeSessions, sessionsOf } from '../../../store/records/sessions.ts';
import { sessions as sessionsBody } from '../../../web/sessions.ts';
import { mustBeSignedIn, signOut } from '../session.ts';
import type { Web } from '../web.ts';
import { draw } from './draw.ts';
import { one, readForm } from './forms.ts';
import { isId, nothingHere } from './signals.ts';

export function sessionPages(web: Web): Hono {
  const app = new Hono();
  app.get('/sessions', async (c) => {
    const { code, company, session: here } = await mustBeSignedIn(c, web);
    const [now, open] = await Promise.all([momentOf(web.heed.pool), sessionsOf(web.heed.pool, code)]);
    const shown = open.map(({ id, through, created_at, seen_at, expires_at }) => ({
      id,
      through,
      since: created_at,
      seenAt: seen_at,
      until: expires_at,
      here: id === here,
    }));
    const sentence = c.req.query('ended') === undefined ? undefined : 'Ended. Nobody gets in by it any more.';
    const body = sessionsBody(shown, { now, zone: company.timezone }, sentence);
    return draw(c, web, { title: 'Where you are signed in', shape: 'narrow' }, body);
  });
  app.post('/sessions/end', async (c) => {
    const { code } = await mustBeSignedIn(c, web);
    const session = one(await readForm(c), 'session');
    if (session === undefined) {
      await revokeSessions(web.heed.pool, code);
      await signOut(c, web);
      return c.redirect('/sign-in', 303);
    }
    // One that is somebody else's is as little there as one that never was.
    if (!isId(session) || (await revokeSessions(web.heed.pool, code, session)) === 0) throw nothingHere();
    return c.redirect('/sessions?ended', 303);
  });
  return app;
}
