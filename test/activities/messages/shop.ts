/** A shop whose facts are real and whose messages are composed but not sent: Monday 15 June 2026, ten in the morning. */

import { climb, catchUp } from '../../../src/activities/climb.ts';
import { compose } from '../../../src/activities/messages/compose.ts';
import type { Composed } from '../../../src/activities/messages/composing.ts';
import { tell } from '../../../src/activities/tell.ts';
import { enrich, joinInsight, refineOwner, triage } from '../../../src/activities/triage.ts';
import { newId } from '../../../src/domain/ids.ts';
import type { Letter, SlackMessage } from '../../../src/integrations/letter.ts';
import { sql } from '../../../src/store/pool.ts';
import { lockDelivery, type Delivery, type Purpose } from '../../../src/store/records/deliveries.ts';
import { signalNow, type SignalNow } from '../../../src/store/views/signals.ts';
import { insightNow, type InsightNow } from '../../../src/store/views/insights.ts';
import { capture, type Capture } from '../../../src/triggers/capture.ts';
import { z } from 'zod';
import { handsOf, openTestDatabase, type TestDatabase } from '../../support/database.ts';

export interface Shop {
  db: TestDatabase;
  press(): { source: string; key: string };
  /** Captures, by Mina at the high street unless said otherwise, and takes the signal to its first prompts. */
  hears(said: Partial<Capture> & { words: string }): Promise<SignalNow>;
  signal(id: string): Promise<SignalNow>;
  insightOf(signal: SignalNow): Promise<InsightNow>;
  /** Lets whatever is due by now be climbed. */
  climbs(loopId: string): Promise<void>;
  tells(insightId: string): Promise<void>;
  /** The latest planned message of this kind, to this person (without one: to a customer), about this loop if one is named. */
  planned(purpose: Purpose, to?: string, loopId?: string): Promise<Delivery>;
  composes(delivery: Delivery): Promise<Composed>;
  letter(purpose: Purpose, to?: string, loopId?: string): Promise<Letter>;
  slack(purpose: Purpose, to?: string, loopId?: string): Promise<SlackMessage>;
  close(): Promise<void>;
}

/** Kim, who may be written to. */
export const kim = {
  customer: { name: 'Kim Adler', email: 'kim@example.com' },
  consent: [{ purpose: 'follow_up' as const, channel: 'email' as const, wording: '2026-06' }],
};

export const green = {
  words: 'Do you have this coat in green, size 42?',
  offered: { item: 'teal', taken: 'refused' as const },
  ...kim,
};

export async function openShop(options: { connections?: number } = {}): Promise<Shop> {
  const db = await openTestDatabase(options);
  await db.pool.query(
    sql.unsafe`update test_clock set ahead = timestamptz '2026-06-15 10:00:00 Europe/Amsterdam' - now()`,
  );
  const hands = handsOf(db);
  const press = () => ({ source: 'test', key: newId() });

  const climbs = async (loopId: string): Promise<void> => {
    await catchUp(hands, loopId, 0);
    await climb(hands, loopId);
    await catchUp(hands, loopId, 0);
  };
  const planned = async (purpose: Purpose, to?: string, loopId?: string): Promise<Delivery> => {
    const id = await db.pool.oneFirst(sql.type(z.object({ id: z.string() }))`
      select id from deliveries
      where purpose = ${purpose} and (staff = ${to ?? null} or (staff is null and ${to ?? null}::text is null))
        and state = 'planned'
        and loop_id is not distinct from coalesce(${loopId ?? null}, loop_id)
      order by planned_at desc, id limit 1`);
    return (await db.pool.transaction((tx) => lockDelivery(tx, id)))!;
  };
  const composes = (delivery: Delivery) =>
    compose({ db: db.pool, publicUrl: hands.publicUrl, configuration: db.heed.configuration }, delivery);

  return {
    db,
    press,
    async hears(said) {
      const { id } = await capture(
        db.heed,
        { place: 'high-street', by: 'mina', ...said },
        { channel: 'web', press: press() },
      );
      await triage(hands, id);
      await enrich(hands, id);
      await joinInsight(hands, id);
      await refineOwner(hands, id);
      await climbs(id);
      const signal = (await signalNow(db.pool, id))!;
      if (signal.insight_id) await climbs(signal.insight_id);
      return signal;
    },
    signal: async (id) => (await signalNow(db.pool, id))!,
    insightOf: async (signal) => (await insightNow(db.pool, signal.insight_id!))!,
    climbs,
    async tells(insightId) {
      // As when the time to take it back is over; the clock stays, because what these tests read names times of the day.
      await db.rewrite(sql.unsafe`update decisions set final_at = heed_now() where insight_id = ${insightId}`);
      await tell(hands, insightId);
    },
    planned,
    composes,
    async letter(purpose, to, loopId) {
      const composed = await composes(await planned(purpose, to, loopId));
      if (!('letter' in composed)) throw new Error(`No letter: ${JSON.stringify(composed)}`);
      return composed.letter;
    },
    async slack(purpose, to, loopId) {
      const composed = await composes(await planned(purpose, to, loopId));
      if (!('slack' in composed)) throw new Error(`Nothing for Slack: ${JSON.stringify(composed)}`);
      return composed.slack;
    },
    close: () => db.close(),
  };
}

/** The text part as it reads, with what is different each time left out. */
export const readable = ({ subject, text }: Letter): string =>
  `${subject}\n\n${text}`
    .replace(/(https:\/\/heed\.test\/t\S*#)[\w-]{22}/g, '$1…')
    .replace(/\b(HD|IN)-[2-9A-HJ-NP-Z]{4,}/g, '$1-XXXX')
    .replace(/[ \t]+$/gm, '')
    .trim();
