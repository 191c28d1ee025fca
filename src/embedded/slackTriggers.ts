import { randomBytes } from 'node:crypto';
import { Refused } from './slackState.ts';

/** How long after a press an app may open a modal for it: Slack's own 3 s. */
const freshFor = 3000;

/** A press gives the app one chance to open a modal. */
export class Triggers {
  #issued = new Map<string, { userId: string; until: number; used: boolean }>();

  issue(userId: string): string {
    for (const [id, { until }] of this.#issued) if (until < Date.now() - 60_000) this.#issued.delete(id);
    const id = `${Date.now()}.${randomBytes(8).toString('hex')}`;
    this.#issued.set(id, { userId, until: Date.now() + freshFor, used: false });
    return id;
  }

  /** Whose press it was; '' when nobody's. */
  peek(id: unknown): string {
    return this.#issued.get(String(id))?.userId ?? '';
  }

  /** Whose press it was, and spends it. Throws Slack's codes for one that is unknown, late or spent. */
  exchange(id: unknown): string {
    const trigger = this.#issued.get(String(id));
    if (!trigger) throw new Refused('invalid_trigger_id');
    if (trigger.used) throw new Refused('exchanged_trigger_id');
    if (trigger.until < Date.now()) throw new Refused('expired_trigger_id');
    trigger.used = true;
    return trigger.userId;
  }
}
