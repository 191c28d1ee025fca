import type { Client } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { openLog } from '../../../src/log.ts';
import { sql } from '../../../src/store/pool.ts';
import { startRelay } from '../../../src/triggers/relay/relay.ts';
import { openTestDatabase } from '../../support/database.ts';

let db: Awaited<ReturnType<typeof openTestDatabase>>;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

describe('the relay', () => {
  test('can be stopped the moment it was started, and listens to nothing any more', async () => {
    const client = {} as Client;
    const { pool, url: databaseUrl } = db;
    await startRelay({ pool, databaseUrl, client, temporalAddress: 'nowhere:1', log: openLog('silent') }).stop();
    const ears = await pool.oneFirst(sql.type(z.object({ count: z.number() }))`
      select count(*)::integer as count from pg_stat_activity
      where application_name like 'heed-relay-%' and datname = current_database()`);
    expect(ears).toBe(0);
  }, 20_000);
});
