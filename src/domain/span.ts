/** A length of time as written in the company file: "25s", "4bh", "2bd". */
export interface Span {
  amount: number;
  /** s m h d: on the wall clock; bm bh bd: working time of a calendar. */
  unit: 's' | 'm' | 'h' | 'd' | 'bm' | 'bh' | 'bd';
}

/** Reads "25s", "4bh", "2bd" (whole amounts, at most five digits, no spaces). Undefined when `text` is none of these. */
export function parseSpan(text: string): Span | undefined {
  const match = /^(\d{1,5})(s|m|h|d|bm|bh|bd)$/.exec(text);
  return match ? { amount: Number(match[1]), unit: match[2] as Span['unit'] } : undefined;
}

/** As people read it: "25 seconds", "1 hour", "4 working hours". */
export function spanText({ amount, unit }: Span): string {
  return `${amount} ${amount === 1 ? names[unit] : `${names[unit]}s`}`;
}

/** Milliseconds of a wall-clock span (a day is 24 hours); undefined for working time, whose length depends on a calendar. */
export function spanMs({ amount, unit }: Span): number | undefined {
  const unitMs = wallUnits[unit];
  return unitMs === undefined ? undefined : amount * unitMs;
}

const names: Record<Span['unit'], string> = {
  s: 'second',
  m: 'minute',
  h: 'hour',
  d: 'day',
  bm: 'working minute',
  bh: 'working hour',
  bd: 'working day',
};

const wallUnits: Partial<Record<Span['unit'], number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
