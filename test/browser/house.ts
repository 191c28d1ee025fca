/** The demonstration's web with its mailbox and Slack room, open to a browser. Nobody works in the back: a test takes each next step itself. */

import { serve } from '@hono/node-server';
import getPort from 'get-port';
import type { Cookie } from 'playwright-core';
import { z } from 'zod';
import { deliver } from '../../src/activities/deliver.ts';
import { startMailbox, type Mailbox } from '../../src/embedded/mailbox.ts';
import { startSlackRoom, type SlackRoom } from '../../src/embedded/slackRoom.ts';
import { openPostOffice } from '../../src/integrations/email.ts';
import { openSlack } from '../../src/integrations/slack.ts';
import { sql } from '../../src/store/pool.ts';
import { openSession } from '../../src/store/records/sessions.ts';
import { signalNow, type SignalNow } from '../../src/store/views/signals.ts';
import { Capture, capture } from '../../src/triggers/capture.ts';
import { createApp } from '../../src/triggers/http/app.ts';
import { devFrame } from '../../src/triggers/http/pages/draw.ts';
import type { Web } from '../../src/triggers/http/web.ts';
import { loadSampleHistory } from '../../src/triggers/sampleHistory.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';
import { goOn } from '../triggers/http/story.ts';

export interface House {
  url: string;
  db: TestDatabase;
  mailbox: Mailbox;
  room: SlackRoom;
  /** Captures, by Mina on High Street unless said otherwise; the story has gone as far as it goes by itself. */
  hears(said: Partial<z.input<typeof Capture>> & { words: string }): Promise<SignalNow>;
  signal(id: string): Promise<SignalNow>;
  goesOn(signalId: string): Promise<void>;
  /** Hands over whatever is planned. */
  delivers(): Promise<void>;
  /** Signed in as this colleague. */
  cookieOf(staff: string): Promise<Pick<Cookie, 'name' | 'value'> & { url: string }>;
  press(): { source: string; key: string };
  close(): Promise<void>;
}

export async function openHouse(): Promise<House> {
  const [db, port] = await Promise.all([openTestDatabase({ company: 'demo' }), getPort()]);
  const url = `http://localhost:${port}`;
  await loadSampleHistory(db.pool, { company: db.company, configuration: 1, now: new Date() });
  // Time enough to look at what can still be taken back.
  await db.apply((company) => {
    company.undo = { amount: 10, unit: 'm' };
    // Tests capture within a minute what a shop hears in a week, and look for each card.
    company.attention = { prompts: 1000, within: { amount: 5, unit: 'm' } };
  });

  let web: Web | undefined;
  const frame = devFrame(() => web);
  const mailbox = await startMailbox({ frame });
  const room = await startSlackRoom({ frame, interactivityUrl: () => `${url}/slack/interactions` });
  await room.introduce(Object.values(db.company.staff).map(({ email, name }) => ({ email, name })));
  const slack = openSlack({ token: room.token, apiUrl: room.apiUrl });
  web = {
    heed: db.heed,
    publicUrl: url,
    temporalUi: () => undefined,
    slack: { ...slack, signingSecret: room.signingSecret },
    demo: {
      mailbox: mailbox.app,
      slackRoom: room.app,
      unread: () => ({ slack: room.unread(), mail: mailbox.unread() }),
    },
    signInService: undefined,
    arriving: () => [],
  };
  const server = serve({ fetch: createApp(web, { rateLimiting: false }).fetch, port, hostname: '127.0.0.1' });

  const hands = {
    pool: db.pool,
    configuration: db.heed.configuration,
    publicUrl: url,
    post: openPostOffice(mailbox.smtpUrl),
    slack,
  };
  let presses = 0;
  const press = () => ({ source: 'test', key: `press ${(presses += 1)}` });
  const signal = async (id: string): Promise<SignalNow> => (await signalNow(db.pool, id))!;
  return {
    url,
    db,
    mailbox,
    room,
    signal,
    press,
    async hears(said) {
      const whole = Capture.parse({ place: 'high-street', by: 'mina', ...said });
      const { id } = await capture(db.heed, whole, { channel: 'web', press: press() });
      await goOn(db, id);
      return signal(id);
    },
    goesOn: (id) => goOn(db, id),
    async delivers() {
      const planned = await db.pool.anyFirst(
        sql.type(z.object({ id: z.string() }))`select id from deliveries where state = 'planned' order by planned_at`,
      );
      for (const id of planned) await deliver(hands, id);
    },
    cookieOf: async (staff) => ({ name: 'heed', value: await openSession(db.pool, staff), url }),
    async close() {
      await new Promise<void>((closed) => {
        server.close(() => closed());
        if ('closeAllConnections' in server) server.closeAllConnections();
      });
      await Promise.all([mailbox.stop(), room.stop()]);
      await db.close();
    },
  };
}
