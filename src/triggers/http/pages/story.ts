/** The demonstration's story (docs/walkthrough.md): who says what at the till, and standing in for people. Only while embedded parts are in use. */

import { Hono } from 'hono';
import { DomainError } from '../../../domain/errors.ts';
import { linkTo } from '../../../domain/links.ts';
import { makeLink, useLink } from '../../../store/records/links.ts';
import { latestCustomer } from '../../../store/views/yours.ts';
import { isOurs, signIn } from '../session.ts';
import { secondFactorRequired, type Web } from '../web.ts';
import { demoPeople } from './draw.ts';
import { one, readForm } from './forms.ts';

/** What Kim Adler says to Mina. The words read as coat, green and 42 by themselves. */
const story = {
  words: 'Do you have this coat in green, size 42?',
  unmet: 'Don’t carry it',
  offered: 'Coat in teal',
  taken: 'refused',
  mood: 'let-down',
  name: 'Kim Adler',
  contact: 'kim.adler@example.com',
};

export function storyPages(web: Web): Hono {
  const app = new Hono();
  app.post('/dev/stand-in', async (c) => {
    if (!web.demo) throw new DomainError('not_found', 'There is nothing here under that address.');
    const form = await readForm(c);
    if (one(form, 'customer')) return c.redirect(await customersWay(web), 303);
    const person = one(form, 'person') ?? '';
    const { company } = await web.heed.configuration();
    if (!company.staff[person])
      throw new DomainError('not_found', `There is nobody called "${person}" among the staff.`);
    if (secondFactorRequired(web))
      throw new DomainError('forbidden', 'Nobody stands in for anybody where it takes two factors to sign in.');
    // The same way in as everybody's: a link that lets somebody in once.
    const token = await makeLink(web.heed.pool, { kind: 'sign_in', staff: person });
    if (!(await signIn(c, web, person, 'link', { may: (tx) => useLink(tx, token) })))
      throw new DomainError('conflict', 'That did not work. Press once more.');
    const to = one(form, 'to') ?? '/';
    return c.redirect(to === 'story' ? await storyAddress(web, person) : isOurs(to) ? to : '/', 303);
  });
  return app;
}

/** The capture page, filled in with what she said. */
async function storyAddress(web: Web, person: string): Promise<string> {
  const { company } = await web.heed.configuration();
  const places = company.staff[person]?.places;
  const consent = company.customers.consent.wording;
  const unmet =
    company.capture.unmet.find((reason) => reason.replace("'", '’') === story.unmet) ?? company.capture.unmet[0];
  const place = places === 'all' ? Object.keys(company.places)[0] : places?.[0];
  const filled = new URLSearchParams({ ...story, consent, ...(unmet && { unmet }), ...(place && { place }) });
  return `/capture?${filled.toString()}`;
}

/** The page of the customer who spoke last, by a fresh link of their own; before anybody has spoken, the mailbox. */
async function customersWay(web: Web): Promise<string> {
  const latest = await latestCustomer(web.heed.pool);
  if (!latest) return web.demo?.mailbox ? '/dev/mailbox' : '/';
  const token = await makeLink(web.heed.pool, {
    kind: 'yours',
    customerId: latest.customer_id,
    loopId: latest.signal_id,
  });
  return linkTo('', token);
}

/** Whoever the first button stands in for: the first at the first place. */
export async function firstPerson(web: Web): Promise<{ code: string; name: string } | undefined> {
  const { company } = await web.heed.configuration();
  const [code] = demoPeople(company);
  return code === undefined ? undefined : { code, name: company.staff[code]!.name };
}
