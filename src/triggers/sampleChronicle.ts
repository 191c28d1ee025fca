/** What sample stories are written with: chance that falls the same way every time, ids of their own time, and facts as rows. */

import type { Company, Role } from '../domain/company.ts';
import { resolveRole } from '../domain/routing.ts';
import type { SampleFacts, SampleRow, SampleTable } from '../store/records/samples.ts';

export const minute = 60_000;
export const hour = 60 * minute;
export const day = 24 * hour;

export const after = (at: Date, ms: number): Date => new Date(at.getTime() + ms);

/** Numbers from a seed (mulberry32): nothing secret depends on them, only that everybody sees the same history. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let x = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 4_294_967_296;
  }

  happens(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.next() * list.length)]!;
  }

  between(from: number, to: number): number {
    return from + this.next() * (to - from);
  }

  /** Milliseconds around `half` hours, nine in ten below `nineInTen` (log-normal, as waiting times are). */
  wait(half: number, nineInTen: number): number {
    const normal = Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
    return half * hour * Math.exp((Math.log(nineInTen / half) / 1.2816) * normal);
  }
}

const letters = '23456789ABCDEFGHJKMNPQRSTUVWXYZ'.split('');

/** A rung of the history's own ladders: whom it tells, after how many hours. The demo's live ladders run in seconds. */
type SampleRung = readonly [role: Role | 'nobody', hours: number];

export class Chronicle {
  readonly facts: SampleFacts = {};
  readonly chance: Chance;
  readonly company: Company;
  readonly configuration: number;
  /** What lies after this has not happened. */
  readonly now: Date;
  #holders = new Map<string, SampleRow<'ownerships'>>();

  constructor(of: { chance: Chance; company: Company; configuration: number; now: Date }) {
    this.chance = of.chance;
    this.company = of.company;
    this.configuration = of.configuration;
    this.now = of.now;
  }

  add<Table extends SampleTable>(table: Table, row: SampleRow<Table>): void {
    const rows: SampleRow<Table>[] = (this.facts[table] ??= []);
    rows.push(row);
  }

  /** A UUIDv7 of that moment. */
  id(at: Date): string {
    const bits = Array.from({ length: 5 }, () =>
      Math.floor(this.chance.next() * 65_536)
        .toString(16)
        .padStart(4, '0'),
    );
    const time = at.getTime().toString(16).padStart(12, '0');
    const [a, b, c, d, e] = bits as [string, string, string, string, string];
    return `${time.slice(0, 8)}-${time.slice(8)}-7${a.slice(1)}-8${b.slice(1)}-${c}${d}${e}`;
  }

  /** One letter longer than live ones begin, so that neither ever takes the other's. */
  reference(kind: 'HD' | 'IN'): string {
    return `${kind}-${Array.from({ length: 5 }, () => this.chance.pick(letters)).join('')}`;
  }

  /** Between nine and six on the shop's clock, give or take the season; what falls outside waits for the next morning. */
  inShopHours(at: Date): Date {
    const opens = new Date(at).setUTCHours(8, 0, 0, 0);
    const closes = new Date(at).setUTCHours(16, 30, 0, 0);
    if (at.getTime() < opens) return new Date(opens + this.chance.between(0, 90) * minute);
    if (at.getTime() > closes) return new Date(opens + day + this.chance.between(0, 90) * minute);
    return at;
  }

  happened(at: Date): boolean {
    return at <= this.now;
  }

  opened(loop: { id: string; kind: 'signal' | 'insight'; place: string; at: Date }): void {
    this.add('loops', { id: loop.id, kind: loop.kind, place: loop.place, sample: true, opened_at: loop.at });
    this.add('rounds', { loop_id: loop.id, round: 1, level: 0, cause: 'opened', opened_at: loop.at });
  }

  /** From then on it is theirs alone. */
  own(loopId: string, round: number, staff: string, cause: string, reason: string, at: Date, by?: string): string {
    const before = this.#holders.get(loopId);
    if (before) before.ended_at = at;
    const row = {
      id: this.id(at),
      loop_id: loopId,
      round,
      staff,
      cause,
      reason,
      configuration: this.configuration,
      started_at: at,
    };
    const ownership: SampleRow<'ownerships'> = by ? { ...row, by } : row;
    this.#holders.set(loopId, ownership);
    this.add('ownerships', ownership);
    return row.id;
  }

  close(
    loopId: string,
    round: number,
    how: string,
    at: Date,
    because: { by?: string; rule?: string; reason?: string },
  ): void {
    this.add('closures', { id: this.id(at), loop_id: loopId, round, how, ...because, closed_at: at });
  }

  /** A ladder counted from `from`, taken rung by rung until `until` (undefined: it still runs), its last rung repeated daily. Returns whom it
   *  had told by then, the first to be asked left out. */
  climb(ladder: {
    loopId: string;
    round: number;
    wait: string;
    clock: 'customer' | 'person';
    occasion: string;
    from: Date;
    until: Date | undefined;
    rungs: readonly SampleRung[];
    owner: string;
    place: string;
    reason: string;
  }): string[] {
    const id = this.id(ladder.from);
    const { loopId, round, wait, clock, occasion, from } = ladder;
    this.add('plans', {
      id,
      loop_id: loopId,
      round,
      wait,
      clock,
      occasion,
      counted_from: from,
      configuration: this.configuration,
      planned_at: from,
    });
    const until = ladder.until && ladder.until < this.now ? ladder.until : this.now;
    const told: string[] = [];
    for (const [step, repeat, role, due] of this.#steps(ladder.rungs, from, until)) {
      this.add('rungs', { plan_id: id, step, repeat, role, due_at: due });
      if (due > until) continue;
      const staff = role === 'nobody' ? null : resolveRole(this.company, role, ladder);
      const reason = step === 0 && role !== 'nobody' ? `it waits to be ${wait}` : ladder.reason;
      this.add('escalations', { plan_id: id, step, repeat, staff, reason, taken_at: due });
      if (staff && step > 0) told.push(staff);
    }
    return told;
  }

  /** Every rung, and the last one day after day until there is one that nobody has had to take. */
  *#steps(rungs: readonly SampleRung[], from: Date, until: Date): Generator<[number, number, Role | 'nobody', Date]> {
    for (const [step, [role, hours]] of rungs.entries()) yield [step, 0, role, after(from, hours * hour)];
    const [role, hours] = rungs.at(-1)!;
    if (role === 'nobody') return;
    for (let repeat = 0; ; repeat++) {
      const due = after(from, hours * hour + (repeat + 1) * day);
      yield [rungs.length, repeat, role, due];
      if (due > until) return;
    }
  }
}
