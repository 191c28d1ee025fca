/** What a customer sees and erases by the link that was mailed to them for it. Opening changes nothing. */

import { Hono, type Context } from 'hono';
import { subjectOf } from '../../../store/records/subjects.ts';
import { everythingHeld } from '../../../store/views/held.ts';
import { rights, rightsErased } from '../../../web/yours.ts';
import { access } from '../../rights/access.ts';
import { erase } from '../../rights/erase.ts';
import type { Web } from '../web.ts';
import { draw } from './draw.ts';
import { readForm } from './forms.ts';
import { goodLink, noSuchLink, tokenOf } from './links.ts';

export function rightsPages(web: Web): Hono {
  const app = new Hono();
  app.post('/rights/export', async (c) => {
    const customerId = await behind(web, tokenOf(await readForm(c)));
    const held = await access(web.heed, customerId, { by: 'customer' });
    return c.body(JSON.stringify(held, null, 2), 200, {
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Disposition': 'attachment; filename="held-about-you.json"',
    });
  });
  app.post('/rights/erase', async (c) => {
    const customerId = await behind(web, tokenOf(await readForm(c)));
    const subject = await subjectOf(web.heed.pool, customerId);
    if (subject) await erase(web.heed, subject, { by: 'customer', reason: 'asked by themselves' });
    return draw(c, web, { title: 'Erased', shape: 'letter', alone: true }, rightsErased());
  });
  return app;
}

export async function showRights(c: Context, web: Web, token: string): Promise<Response> {
  const customerId = await behind(web, token);
  const { company } = await web.heed.configuration();
  const held = await everythingHeld(web.heed.pool, company, customerId);
  return draw(
    c,
    web,
    { title: 'What we hold about you', shape: 'letter', alone: true },
    rights({ token, company: company.name, said: held.said, addresses: held.addresses, name: held.customer.name }),
  );
}

/** Id of the customer whose link it is. */
async function behind(web: Web, token: string): Promise<string> {
  const { customer_id: customerId } = await goodLink(
    web,
    token,
    'rights',
    'This link has ended: it works for an hour. Ask for another on your page.',
  );
  if (!customerId) throw noSuchLink();
  return customerId;
}
