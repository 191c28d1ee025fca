/** Forms as they come in: what was typed, and where it does not fit, a sentence beside the field. Nothing typed is ever lost. */

import type { Context } from 'hono';
import { z } from 'zod';
import { ended } from '../../../domain/ended.ts';
import { DomainError } from '../../../domain/errors.ts';
import type { Filled } from '../../../web/fields.ts';

export type Form = Record<string, string | string[]>;

/** The fields of a posted form; one that stands several times is a list. Files are left out: nothing here takes any. */
export async function readForm(c: Context): Promise<Form> {
  const type = c.req.header('Content-Type') ?? '';
  const posted = /^(application\/x-www-form-urlencoded|multipart\/form-data)/.test(type);
  const body = posted ? await c.req.parseBody({ all: true }).catch(unreadable) : {};
  const fields = Object.entries(body).map(([name, value]): [string, string | string[]] => {
    const texts = [value].flat().filter((each) => typeof each === 'string');
    return [name, texts.length > 1 ? texts : (texts[0] ?? '')];
  });
  if (fields.flat(2).some((text) => text.includes('\0')))
    throw new DomainError(
      'bad_request',
      'This form holds the character NUL, which can’t be kept. Leave it out and send it once more.',
    );
  // Without a key of its own (a form made by hand) a post is a gesture of its own: an empty one would be shared by all of them.
  const form: Form = Object.fromEntries(fields);
  return { ...form, key: one(form, 'key') ?? crypto.randomUUID() };
}

/** A body that breaks off, or has parts without an end. What refuses it before us (too large) says so itself. */
function unreadable(error: unknown): never {
  if ((error as Error).name !== 'TypeError') throw error;
  throw new DomainError('bad_request', 'This form can’t be read. Go back and send it once more.', { cause: error });
}

/** One field without blanks around it; undefined when it was left empty. */
export function one(form: Form, name: string): string | undefined {
  const value = [form[name]].flat()[0]?.trim();
  return value === '' ? undefined : value;
}

export const many = (form: Form, name: string): string[] => [form[name] ?? []].flat().filter((value) => value !== '');

/** The given fields, without those left empty. */
export function given<Name extends string>(form: Form, names: readonly Name[]): Partial<Record<Name, string>> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = one(form, name);
      return value === undefined ? [] : [[name, value]];
    }),
  ) as Partial<Record<Name, string>>;
}

/** The form did not fit: to be shown again as it was filled in. */
export class Unfit extends Error {
  override readonly name = 'Unfit';
  readonly filled: Filled;
  readonly status: 400 | 403 | 409 | 422;

  constructor(filled: Filled, status: 400 | 403 | 409 | 422 = 400, cause?: unknown) {
    super(filled.refusal ?? 'The form does not fit.', { cause });
    this.filled = filled;
    this.status = status;
  }
}

/** Checks what a form says against a schema. `fields`: what the form calls a field that the schema calls otherwise. Throws Unfit. */
export function parse<Schema extends z.ZodType>(
  schema: Schema,
  said: unknown,
  form: Form,
  fields: Record<string, string> = {},
): z.infer<Schema> {
  const parsed = schema.safeParse(said);
  if (parsed.success) return parsed.data;
  const faults: Record<string, string> = {};
  for (const issue of parsed.error.issues) {
    const path = issue.path.join('.');
    const field = fields[path] ?? fields[String(issue.path[0] ?? '')] ?? (path || 'form');
    faults[field] ??= ended(`${labels[field] ?? 'This'} ${predicate(issue)}`);
  }
  throw new Unfit({ values: form, faults });
}

function predicate(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type') return issue.message.startsWith('Invalid') ? 'is missing' : issue.message;
  return issue.message.startsWith('Invalid') ? 'can’t be that; choose one of those offered' : issue.message;
}

/** A page that somebody went back to brings the key of what they sent from it first. */
const sentBefore =
  'You had sent something else from this page before, and that counts. This does not yet: if it is what you mean, send it once more.';

/** A refusal from inside, as a form to show again; anything else goes on being thrown. */
export function asUnfit(error: unknown, form: Form, fields: Record<string, string> = {}): unknown {
  if (!(error instanceof DomainError)) return error;
  if (error.code === 'not_found' || error.code === 'gone' || error.code === 'service_unavailable') return error;
  const statuses: Partial<Record<DomainError['code'], Unfit['status']>> = {
    forbidden: 403,
    conflict: 409,
    idempotency_mismatch: 422,
  };
  const faults = Object.fromEntries(error.invalidParams.map(({ name }) => [fields[name] ?? name, error.message]));
  const said = error.code === 'idempotency_mismatch' ? sentBefore : error.message;
  const refusal = Object.keys(faults).length > 0 ? undefined : said;
  return new Unfit({ values: form, faults, refusal }, statuses[error.code] ?? 400, error);
}

const labels: Record<string, string> = {
  reason: 'The reason',
  internalReason: 'What is among colleagues',
  to: 'The colleague',
  words: 'The words',
  subject: 'The subject',
  promiseOn: 'The promised day',
  course: 'What it calls for',
  kind: 'What it is read as',
  doneBy: 'The day it is done by',
  wakeOn: 'The day you are asked again',
  untilPeople: 'The number of people',
  evidence: 'What it rests on',
  outcome: 'How the call went',
  says: 'The answer',
  place: 'The place',
  name: 'The name',
  contact: 'The e-mail or phone',
  item: 'What they wanted',
  offered: 'What was offered',
  taken: 'Whether they took it',
  unmet: 'Why we could not',
  unmetOther: 'Why we could not',
  note: 'The note',
  mood: 'How they took it',
  email: 'The address',
};
