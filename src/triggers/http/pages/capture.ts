/** Capturing what a customer says. */

import { Hono, type Context } from 'hono';
import type { Company } from '../../../domain/company.ts';
import { normalisePhone } from '../../../domain/customer.ts';
import { longest } from '../../../domain/longest.ts';
import { normalise, readWords, type Wanted } from '../../../domain/reading.ts';
import { askedFor } from '../../../store/views/asked.ts';
import { Capture, capture } from '../../capture.ts';
import { attributeField, capture as captureBody, reading } from '../../../web/capture.ts';
import { nothingFilled, type Filled } from '../../../web/fields.ts';
import { mustBeSignedIn, type Visitor } from '../session.ts';
import type { Web } from '../web.ts';
import { draw } from './draw.ts';
import { asUnfit, one, parse, readForm, Unfit, type Form } from './forms.ts';

export function capturePages(web: Web): Hono {
  const app = new Hono();
  app.get('/capture', async (c) => {
    const visitor = await mustBeSignedIn(c, web);
    return show(c, web, visitor, { ...nothingFilled, values: c.req.query() });
  });
  app.post('/capture', async (c) => {
    const visitor = await mustBeSignedIn(c, web);
    const form = await readForm(c);
    if (one(form, 'look')) return show(c, web, visitor, { ...nothingFilled, values: form });
    try {
      const { id } = await keep(web, visitor, form);
      return c.redirect(`/signals/${id}?captured`, 303);
    } catch (error) {
      if (error instanceof Unfit) return show(c, web, visitor, error.filled, error.status);
      throw error;
    }
  });
  // What the script asks for while somebody types.
  app.post('/capture/reading', async (c) => {
    const { company } = await mustBeSignedIn(c, web);
    const filled = { ...nothingFilled, values: await readForm(c) };
    c.header('Cache-Control', 'no-store');
    return c.html(reading({ company, filled, ...(await readOf(web, company, filled.values as Form)) }));
  });
  return app;
}

async function show(
  c: Context,
  web: Web,
  { company, places }: Visitor,
  filled: Filled,
  status?: Unfit['status'],
): Promise<Response> {
  const body = captureBody({
    company,
    key: crypto.randomUUID(),
    filled,
    places: places.map((code) => ({ code, name: company.places[code]!.name })),
    ...(await readOf(web, company, filled.values as Form)),
  });
  return draw(
    c,
    web,
    { title: 'Capture', here: 'capture', shape: 'narrow', scripts: ['capture.js'], ...(status && { status }) },
    body,
  );
}

/** What the words say by themselves, and how many have asked for what is wanted in all. */
async function readOf(web: Web, company: Company, form: Form): Promise<{ reading: Wanted; others: number }> {
  const read = readWords((one(form, 'words') ?? '').slice(0, longest.words), company.vocabulary);
  const said = wantedIn(form, company);
  const item = said.item ?? read.item;
  const all = normalise(
    { ...(item && { item }), attributes: { ...read.attributes, ...said.attributes } },
    company.vocabulary,
  );
  return { reading: read, others: await askedFor(web.heed.pool, all) };
}

/** What was typed into the fields of item and attributes. */
function wantedIn(form: Form, company: Company): Wanted {
  const item = one(form, 'item');
  const attributes = Object.fromEntries(
    Object.keys(company.vocabulary.attributes).flatMap((name) => {
      const value = one(form, attributeField(name));
      return value === undefined ? [] : [[name, value]];
    }),
  );
  return item === undefined ? { attributes } : { item, attributes };
}

/** Throws Unfit: what was typed, with a sentence beside each field that does not fit. */
async function keep(web: Web, { code, company, places }: Visitor, form: Form): Promise<{ id: string }> {
  const said = saidIn(form, code, company);
  const faults = {
    ...(said.offered &&
      !said.offered.taken && { taken: 'Say how they took it: took it, didn’t want it, or not sure.' }),
    ...(said.taken && !said.offered && { offered: 'Say what was offered, or take back how they took it.' }),
    ...(one(form, 'consent') &&
      !said.contact && { contact: 'They agree to hear from us: by which e-mail address or number?' }),
    ...(!places.includes(said.place) && { place: 'This place is not one of yours.' }),
  };
  const { contact: _, taken: __, ...body } = said;
  if (Object.keys(faults).length > 0) throw new Unfit({ values: form, faults });
  const checked = parse(Capture, body, form, fields);
  const { key: ___, ...content } = form;
  const press = { source: 'web', key: `${one(form, 'key')}:capture`, content: JSON.stringify(content) };
  try {
    return await capture(web.heed, checked, { channel: 'web', press, places });
  } catch (error) {
    throw asUnfit(error, form, fields);
  }
}

/** What the schema calls otherwise than the form. */
const fields: Record<string, string> = {
  'customer.email': 'contact',
  'customer.phone': 'contact',
  'customer.name': 'name',
  'offered.item': 'offered',
  'offered.taken': 'taken',
  'wanted.item': 'item',
  consent: 'consent',
};

function saidIn(form: Form, by: string, company: Company) {
  const [item, taken, contact, name, mood, note] = ['offered', 'taken', 'contact', 'name', 'mood', 'note'].map(
    (field) => one(form, field),
  );
  const unmet = one(form, 'unmet') === 'other' ? (one(form, 'unmetOther') ?? 'Other') : one(form, 'unmet');
  // With letters in it no number is meant: whoever left the @ out reads what is wrong with the address.
  const channel = contact && (normalisePhone(contact) || !/[@\p{L}]/u.test(contact) ? 'phone' : 'email');
  const customer = { ...(name && { name }), ...(channel && { [channel]: contact }) };
  const wanted = wantedIn(form, company);
  return {
    words: [form['words']].flat()[0] ?? '',
    place: one(form, 'place') ?? '',
    by,
    ...(Object.keys(customer).length > 0 && { customer }),
    ...((wanted.item || Object.keys(wanted.attributes).length > 0) && { wanted }),
    ...(unmet && { unmet }),
    ...(item && { offered: { item, taken } }),
    ...(mood && { mood }),
    ...(note && { note }),
    ...(one(form, 'consent') &&
      channel && { consent: [{ purpose: 'follow_up', channel, wording: one(form, 'consent')! }] }),
    contact,
    taken,
  };
}
