/** Where every link leads. The page asks for what stands behind '#' (src/web/entrance.ts), and what is handed over opens its own page. Opening
 *  changes nothing. */

import { Hono, type Context } from 'hono';
import { DomainError } from '../../../domain/errors.ts';
import { choosing, linkTo, tokenIn } from '../../../domain/links.ts';
import type { Link } from '../../../store/records/links.ts';
import { entrance } from '../../../web/entrance.ts';
import { nothingFilled, type Filled } from '../../../web/fields.ts';
import type { Web } from '../web.ts';
import { showTask } from './action.ts';
import { draw } from './draw.ts';
import { one, readForm } from './forms.ts';
import { kindOf } from './links.ts';
import { showRights } from './rights.ts';
import { showSignIn } from './signIn.ts';
import { showNotMe, showUnsubscribe, showYours } from './yours.ts';

export function entrancePages(web: Web): Hono {
  const app = new Hono();
  app.get('/t', (c) => ask(c, web));
  // At another address than the page that asks: a browser that is told to go there from there, with another token, would stay where it is.
  app.post('/t/open', async (c) => {
    const form = await readForm(c);
    const token = tokenIn(one(form, 'link') ?? '');
    if (token === undefined) return ask(c, web, { values: form, faults: { link: cutOff } });
    return behind[await kindOf(web, token)](c, web, token);
  });
  // Letters that were sent before have the token in the path, and whoever asks again for the address of a press has none.
  for (const path of ['t', 'yours', 'rights', 'not-me', 'sign-in'])
    app.get(`/${path}/:token`, (c) => {
      const token = tokenIn(c.req.param('token'));
      const { search } = new URL(c.req.url);
      return c.redirect(token === undefined ? '/t' : choosing(linkTo('', token), search), 303);
    });
  // Whoever has a page open from before presses at an address of then: what they typed is given back, and nobody is taken for guessing.
  for (const pressed of [
    '/t/:token/:verb',
    '/yours/:token/:verb',
    '/rights/:token/:verb',
    '/not-me/:token',
    '/sign-in/:token',
  ])
    app.post(pressed, () => {
      throw new DomainError('gone', openedBefore);
    });
  return app;
}

const openedBefore =
  'This page was opened before something was changed here, so nothing was done. Open the link in the message once more, and press there.';

const behind: Record<Link['kind'], (c: Context, web: Web, token: string) => Promise<Response>> = {
  sign_in: showSignIn,
  task: showTask,
  yours: showYours,
  unsubscribe: showUnsubscribe,
  not_me: showNotMe,
  rights: showRights,
};

const ask = (c: Context, web: Web, filled?: Filled): Promise<Response> =>
  draw(
    c,
    web,
    {
      title: 'Open the link',
      shape: 'letter',
      alone: true,
      scripts: ['entrance.js'],
      ...(filled && { status: 400 }),
    },
    entrance(`/t/open${new URL(c.req.url).search}`, filled ?? nothingFilled),
  );

const cutOff = 'This is not all of it. Copy the link once more, from its beginning to its end.';
