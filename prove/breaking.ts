/** Lets the faults of a plan happen to a house, and counts which of them met anything: what is scripted for the next letter meets nobody where no
 *  letter leaves any more. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { House } from './house.ts';
import type { Fault, LinkName } from './plan.ts';
import type { LinkFault } from './proxy.ts';

/** How often a kind of fault was to happen, and how often anything met it. */
export interface Met {
  scripted: number;
  met: number;
}

export interface Breaking {
  /** For how long the faults go on, in seconds. */
  faultSeconds: number;
  /** Nothing but the web and Postgres runs, nobody responds, and it is over with the captures, whenever that is. */
  capturesOnly: boolean;
}

/** How long what was scripted last may wait for its letter, its post, its request. */
const lastMomentMs = 90_000;

export class Broken {
  readonly kills: Record<string, number> = {};
  readonly skipped = new Set<string>();
  readonly #house: House;
  readonly #breaking: Breaking;
  /** Whoever holds a table at the moment. */
  #holding: Promise<void> = Promise.resolve();
  #held = 0;
  readonly #scripted = new Map<string, { times: number; met: (() => number) | undefined; waits: boolean }>();

  constructor(house: House, breaking: Breaking) {
    this.#house = house;
    this.#breaking = breaking;
  }

  get killed(): number {
    return Object.values(this.kills).reduce((sum, count) => sum + count, 0);
  }

  /** By what went wrong. */
  get faults(): Record<string, Met> {
    return Object.fromEntries(
      [...this.#scripted].map(([what, { times, met }]) => [what, { scripted: times, met: met?.() ?? times }]),
    );
  }

  /** One after the other, each at its time; with `capturesOnly` until `finished`. */
  async happen(plan: readonly Fault[], finished: Promise<void>): Promise<void> {
    const began = performance.now();
    const state = { over: false };
    void finished.then(() => (state.over = true));
    for (const fault of plan) {
      const at = began + fault.at * this.#breaking.faultSeconds * 1000;
      while (performance.now() < at) {
        if (state.over && this.#breaking.capturesOnly) return;
        await sleep(Math.max(0, Math.min(100, at - performance.now())));
      }
      await this.#one(fault);
    }
  }

  /** What waits for its moment is given a while in which that may come; what goes on is over by itself in seconds. */
  async end(): Promise<void> {
    const { links, mailbox, room } = this.#house;
    const until = performance.now() + (this.#breaking.capturesOnly ? 0 : lastMomentMs);
    while (performance.now() < until && this.#someWait()) await sleep(100);
    await this.#holding;
    mailbox.faults.clear();
    room.faults.clear();
    for (const link of Object.values(links)) link.clear();
  }

  #someWait(): boolean {
    return [...this.#scripted.values()].some(({ times, met, waits }) => waits && met!() < times);
  }

  /** `met` is asked at the end; without it whatever was scripted was met. `waits`: for something that has yet to come by. */
  #script(what: string, times = 1, met?: () => number, waits = false): void {
    this.#scripted.set(what, { times: (this.#scripted.get(what)?.times ?? 0) + times, met, waits });
  }

  #scriptLink(fault: LinkFault, link: LinkName): void {
    const { met } = this.#house.links[link];
    this.#script(`${fault}: ${link}`, 1, () => met[fault], fault === 'reply swallowed');
  }

  async #one(fault: Fault): Promise<void> {
    const { links, mailbox, room } = this.#house;
    switch (fault.what) {
      case 'kill':
        // One kill of the plan is one kill, however many processes went with it.
        if (await onceThere(async () => (await this.#house.kill(fault.of, fault.all)) > 0))
          this.kills[fault.of] = (this.kills[fault.of] ?? 0) + 1;
        return;
      case 'pause':
        this.#house.pause(fault.of, fault.ms);
        return this.#script(`paused: ${fault.of}`);
      case 'clock':
        await this.#house.setClock(fault.of, fault.aheadMs);
        return this.#script(`F43 clock wrong: ${fault.of}`);
      case 'cut':
        links[fault.link].cut();
        return this.#scriptLink('cut', fault.link);
      case 'delay':
        links[fault.link].delay(fault.ms, fault.forMs);
        return this.#scriptLink('slow', fault.link);
      case 'silence':
        links[fault.link].fallSilent(fault.forMs);
        return this.#scriptLink('half-open', fault.link);
      case 'swallow':
        links[fault.link].swallowReplyAfter(fault.requests);
        return this.#scriptLink('reply swallowed', fault.link);
      case 'mail':
        mailbox.faults.script(fault.fault, fault.times, fault.name);
        return this.#script(`mail: ${fault.name}`, fault.times, () => mailbox.faults.met.get(fault.name) ?? 0, true);
      case 'slack':
        room.faults.script(fault.fault, fault.times, fault.name);
        return this.#script(`Slack: ${fault.name}`, fault.times, () => room.faults.met.get(fault.name) ?? 0, true);
      case 'hold':
        this.#holding = Promise.all([this.#holding, onceThere(() => this.#house.holdLoops(fault.forMs))]).then(
          ([, isHeld]) => void (this.#held += Number(isHeld)),
        );
        return this.#script('F15 table held', 1, () => this.#held);
      case 'disk full':
        if (await this.#house.fillDisk(fault.forMs)) return this.#script('disk of Postgres full');
        this.skipped.add('full disk: nobody may mount a file system here');
        return;
      case 'wipe':
        await this.#house.wipeTemporal();
        return this.#script('Temporal wiped');
    }
  }
}

/** What is away just now (Postgres, coming back) is met once it is there. False: it stayed away for half a minute. */
async function onceThere(happens: () => Promise<boolean>): Promise<boolean> {
  for (const until = performance.now() + 30_000; !(await happens()); await sleep(100))
    if (performance.now() > until) return false;
  return true;
}
