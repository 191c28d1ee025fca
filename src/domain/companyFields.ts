/** The kinds of value a company file is made of. Each says, when it is something else, what was expected, as the rest of a sentence about the field. */

import { z } from 'zod';
import { isDate, isTimezone } from './calendar.ts';
import type { Calendar, Template, TemplateName } from './company.ts';
import { nearMiss } from './nearMiss.ts';
import { mostSteps, stepsOf } from './pattern.ts';
import { patternOf } from './reading.ts';
import type { Span } from './span.ts';
import { parseSpan, spanMs } from './span.ts';
import { templateFields, templateProblems } from './template.ts';

type Issue = { input?: unknown };
type Context = z.core.$RefinementCtx<unknown>;

/** `"4 hours" is not a length of time such as 4bh.` or `is missing: give a length of time such as 4bh.` */
export function expects(what: string): (issue: Issue) => string {
  return ({ input }) =>
    input === undefined || input === null || input === ''
      ? `is missing: give ${what}.`
      : `${shown(input)} is not ${what}.`;
}

/** A block of exactly these fields. Of several unknown fields each gets a line of the message, in their order. */
export function fields<Shape extends z.core.$ZodLooseShape>(
  shape: Shape,
  what?: string,
): z.ZodObject<Shape, z.core.$strict> {
  const names = Object.keys(shape);
  const expected = expects(what ?? `a block with ${names.join(', ')}`);
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys
            .map((key) => `unknown field ${JSON.stringify(key)}. ${suggestion(key, names, 'Known here')}`)
            .join('\n')
        : expected(issue),
  });
}

/** The same kind of field under each of these names. */
export function each<Name extends string, Field>(
  names: readonly Name[],
  field: (name: Name) => Field,
): Record<Name, Field> {
  return Object.fromEntries(names.map((name) => [name, field(name)])) as Record<Name, Field>;
}

/** Something else that must hold of a value, told together with what is wrong inside it. */
type Check = (value: unknown, context: Context) => void;

/** Entries under names of the file's own. Without a prototype, so that nobody's `places["constructor"]` finds something. */
export function record<Key extends z.core.$ZodRecordKey & z.ZodType<string>, Value extends z.ZodType>(
  key: Key,
  value: Value,
  check: Check = () => {},
) {
  return z
    .record(key, value, { error: expects('a block of names, each with its own fields') })
    .superRefine(check, { when: () => true })
    .transform((entries): Record<string, z.output<Value>> => Object.assign(Object.create(null), entries));
}

/** A section whose entries have codes, by which everything else names them. */
export function coded<Value extends z.ZodType>(value: Value, check?: Check) {
  const code = z.string().regex(/^[a-z][a-z0-9-]{0,39}$/, {
    error: ({ input }) =>
      `${shown(input)} can't be a code. Write it in small letters, digits and hyphens, such as high-street.`,
  });
  return record(code, value, check);
}

/** A code that must be an entry of `section`. */
export function defined(section: string, known: readonly string[]): z.ZodString {
  return z.string({ error: expects(`a code defined under ${section}`) }).refine((code) => known.includes(code), {
    error: ({ input }) =>
      `${shown(input)} is not defined under ${section}. ${suggestion(String(input), known, 'Defined are')}`,
  });
}

export function oneOf<const Value extends string>(values: readonly Value[]) {
  return z.enum(values, {
    error: ({ input }) =>
      typeof input === 'string' && input !== ''
        ? `${shown(input)} is not one of ${values.join(', ')}.${meant(nearMiss(input, values))}`
        : expects(`one of ${values.join(', ')}`)({ input }),
  });
}

export function text(what: string) {
  return z
    .string({ error: expects(what) })
    .trim()
    .min(1, { error: expects(what) });
}

/** What YAML may read as a number where words are meant: 42. */
export const scalar = z.preprocess(
  (value) => (typeof value === 'number' ? String(value) : value),
  text('a word or a number'),
);

export function listOf<Entry extends z.ZodType>(entry: Entry, what = 'a list', least = 1) {
  return z.array(entry, { error: expects(what) }).min(least, `is empty: give ${what}.`);
}

/** `kinds: complaint` reads as well as `kinds: [complaint]`. */
export function oneOrMore<Entry extends z.ZodType>(entry: Entry, least = 1) {
  return z.preprocess(
    (value) => (value === undefined || value === null || Array.isArray(value) ? value : [value]),
    listOf(entry, 'a value or a list of them', least),
  );
}

export const email = z.email({ error: expects('an e-mail address') }).transform((address) => address.toLowerCase());

export const timezone = z
  .string({ error: expects('a time zone such as Europe/Amsterdam') })
  .refine(isTimezone, { error: expects('a time zone such as Europe/Amsterdam') });

export const date = z
  .string({ error: expects('a date such as 2026-12-25') })
  .refine(isDate, { error: expects('a date such as 2026-12-25') });

const spanWords = 'a length of time such as 25s, 4bh or 2bd (s m h d on the clock, bm bh bd of working time)';

export const span = spanThat(() => true, spanWords);

/** On the clock: there is no calendar to count working time in. */
export const wallSpan = spanThat(
  (value) => spanMs(value) !== undefined,
  'a length of time on the clock, such as 10m or 30d',
);

/** For what people are given to do something in: in no time nobody does, and their silence would be written down all the same. */
export const spanOfSome = spanThat((value) => value.amount > 0, `${spanWords}, and more than none`);

/** In which so many may come: in no time none do, and there is no limit. */
export const limitedWithin = spanThat(
  (value) => (spanMs(value) ?? 0) > 0,
  'a length of time on the clock, such as 10m or 30d, and more than none',
);

/** How long something is kept: not less than so many days, for a reason that is said. */
export const keptAtLeast = (days: number, because: string) =>
  spanThat(
    (value) => (spanMs(value) ?? 0) >= days * 86_400_000,
    `${days === 1 ? 'a day' : `${days} days`} or more on the clock, such as 730d (${because})`,
  );

/** Between two repeats of a ladder's last step: a reminder that comes more than daily is soon read by nobody. */
export const dailyOrSlower = spanThat(
  (value) => value.amount > 0 && (value.unit === 'bd' || (spanMs(value) ?? 0) >= 24 * 3_600_000),
  'a day or longer, such as 1d or 1bd',
).default({ amount: 1, unit: 'd' });

/** A pattern for words: short, and of the kind that RE2 runs. */
export const pattern = z.string({ error: expects('a pattern such as \\bopen late\\b') }).superRefine(mustCompile);

/** "20:00-08:00": from > to spans midnight. */
export const quietHours = z
  .string({ error: expects('local times such as "20:00-08:00"') })
  .transform((written, context) => {
    const times = clockTimes(written);
    // Each midnight would be the end of one day's and the beginning of the next one's.
    if (times?.[0] === 0 && times[1] === 24 * 60)
      return refuse(
        context,
        `${shown(written)} leaves no moment in which anybody is written to, and every letter waits for ever.`,
      );
    if (times && times[0] !== times[1]) return { from: times[0], to: times[1] };
    return refuse(context, `${shown(written)} is not a stretch of local time such as "20:00-08:00".`);
  });

/** Value → words that mean it, or a plain list of values. A value written as /pattern/ matches by itself. */
export const meanings = z.preprocess(
  (value) => (Array.isArray(value) ? Object.fromEntries(value.map((entry) => [String(entry), []])) : value),
  record(
    z.string().superRefine((value, context) => {
      const inside = patternOf(value);
      if (inside !== undefined) mustCompile(inside, context);
    }),
    z.preprocess((value) => value ?? [], oneOrMore(scalar, 0)),
  ),
);

/** The values of an attribute; a single /pattern/ for all of them will do. */
export const attributeValues = z.preprocess((value) => (typeof value === 'string' ? [value] : value), meanings);

/** "always", or days with their hours: { mon-fri: ["09:00-12:30", "13:15-18:00"], sat: ["10:00-17:00"] }. */
export const week = z.unknown().transform((written, context): Calendar['week'] => {
  if (written === 'always') return 'always';
  if (!isBlock(written))
    return refuse(
      context,
      expects('"always", or days with their hours such as mon-fri: ["09:00-17:00"]')({ input: written }),
    );

  const days: [number, number][][] = [[], [], [], [], [], [], []];
  const given = new Set<number>();
  for (const [name, hours] of Object.entries(written)) {
    const numbers = dayNumbers(name);
    if (!numbers)
      say(context, `unknown day "${name}". Write ${dayNames.join(', ')} or a range such as mon-fri.`, [name]);
    const intervals = dayHours(hours, name, context);
    for (const day of numbers ?? []) {
      if (given.has(day)) say(context, `gives ${dayNames[day]} a second time. Keep one.`, [name]);
      given.add(day);
      days[day] = intervals;
    }
  }
  if (days.flat().length === 0) say(context, 'has no working hours at all. Give some, or write "always".');
  return days;
});

/** Subject and text, checked against what messages of this name can say. */
export function template(name: TemplateName): z.ZodType<Template> {
  const wording = (what: string) =>
    z
      .string({ error: expects(what) })
      .min(1, { error: expects(what) })
      .max(10_000, 'is longer than 10,000 characters. Shorten it.')
      .superRefine((written, context) => {
        for (const { message, unknownField, line, column } of templateProblems(name, written)) {
          const hint =
            unknownField === undefined ? '' : ` ${suggestion(unknownField, templateFields[name], 'Known here')}`;
          context.addIssue({ code: 'custom', message: `${message}.${hint}`, params: { line, column } });
        }
      });
  return fields({ subject: wording('a subject line'), text: wording('the wording') });
}

/** `Did you mean "complaint"?`, or what there is to choose from. */
function suggestion(word: string, known: readonly string[], otherwise: string): string {
  const near = nearMiss(word, known);
  if (near !== undefined) return `Did you mean "${near}"?`;
  if (known.length === 0) return 'There are none yet: add it there.';
  return `${otherwise}: ${known.slice(0, 12).join(', ')}${known.length > 12 ? ' …' : ''}.`;
}

function meant(near: string | undefined): string {
  return near === undefined ? '' : ` Did you mean "${near}"?`;
}

/** The value as it stands in the file, short. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (isBlock(value)) return 'a block of fields';
  const written = typeof value === 'string' ? `"${value}"` : String(value);
  return written.length > 60 ? `${written.slice(0, 59)}…` : written;
}

function spanThat(fits: (value: Span) => boolean, what: string) {
  return z.string({ error: expects(what) }).transform((written, context): Span => {
    const parsed = parseSpan(written);
    return parsed && fits(parsed) ? parsed : refuse(context, expects(what)({ input: written }));
  });
}

function mustCompile(written: string, context: Context): void {
  if (written === '') return say(context, 'is empty: give a pattern such as \\bopen late\\b.');
  let steps;
  try {
    steps = stepsOf(written);
  } catch (error) {
    const said = (error instanceof Error ? error.message : String(error)).replace(/^error parsing regexp: /, '');
    return say(
      context,
      `${shown(written)} can't be used as a pattern: ${said}. Look-around and back-references do not exist here.`,
    );
  }
  if (steps > mostSteps)
    say(
      context,
      `${shown(written)} can't be used as a pattern: written out it comes to ${steps} steps, and ${mostSteps} are the most. Repeat less, or without an end: \\w+ in place of \\w{1,1000}.`,
    );
}

const dayNames = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

/** "mon" → [0]; "fri-mon" → [4, 5, 6, 0]. */
function dayNumbers(name: string): number[] | undefined {
  const [first = '', last = first, ...rest] = name.split('-');
  const [from, to] = [dayNames.indexOf(first), dayNames.indexOf(last)];
  if (from < 0 || to < 0 || rest.length > 0) return undefined;
  return Array.from({ length: ((to - from + 7) % 7) + 1 }, (_, index) => (from + index) % 7);
}

function dayHours(written: unknown, day: string, context: Context): [number, number][] {
  const list = Array.isArray(written) ? written : [written];
  const intervals: [number, number][] = [];
  for (const [index, entry] of list.entries()) {
    const path = Array.isArray(written) ? [day, index] : [day];
    const times = typeof entry === 'string' ? clockTimes(entry) : undefined;
    const previous = intervals.at(-1);
    if (!times || times[0] >= times[1]) {
      say(
        context,
        `${shown(entry)} is not a stretch of hours such as "09:00-12:30". What passes midnight ends at 24:00 and goes on the next day.`,
        path,
      );
    } else if (previous && times[0] < previous[1]) {
      say(
        context,
        `"${String(entry)}" begins before the stretch before it ends. Put them in order, without overlap.`,
        path,
      );
    } else {
      intervals.push(times);
    }
  }
  return intervals;
}

/** "09:00-12:30" → minutes since midnight. */
function clockTimes(written: string): [number, number] | undefined {
  const match = /^(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})$/.exec(written.trim());
  if (!match) return undefined;
  const [fromHour = 0, fromMinute = 0, toHour = 0, toMinute = 0] = match.slice(1).map(Number);
  const [from, to] = [fromHour * 60 + fromMinute, toHour * 60 + toMinute];
  return fromMinute < 60 && toMinute < 60 && from < 1440 && to <= 1440 ? [from, to] : undefined;
}

function isBlock(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Ends the reading of a value: `return refuse(…)`. */
function refuse(context: Context, message: string): never {
  say(context, message);
  return z.NEVER;
}

function say(context: Context, message: string, path: (string | number)[] = []): void {
  context.addIssue({ code: 'custom', message, path });
}
