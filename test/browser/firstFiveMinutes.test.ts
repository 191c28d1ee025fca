/** The first five minutes, as docs/walkthrough.md tells them: the real processes, a real browser, nothing skipped but the reading. */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import type { Browser, Page } from 'playwright-core';
import { open, openBrowser } from './browser.ts';
import { apiKey, leftovers, newHeed, type RunningHeed } from '../support/heed.ts';
import { picture } from './pictures.ts';

let heed: RunningHeed;
let browser: Browser;
let page: Page;
let signal: string;

beforeAll(async () => {
  heed = await newHeed();
  browser = await openBrowser();
  await heed.start();
  const context = await browser.newContext({ viewport: { width: 1100, height: 800 }, baseURL: heed.url });
  // Patience is no claim: what is slow here stands behind whatever else this machine does.
  context.setDefaultTimeout(60_000);
  page = await context.newPage();
});

afterAll(async () => {
  await Promise.all([browser?.close(), heed?.forget()]);
});

const standInFor = async (name: string): Promise<void> => {
  await page.goto('/');
  await page.getByLabel('Demonstration').getByRole('button', { name }).click();
};

const mailsTo = async (address: string): Promise<{ id: string; subject: string; text: string }[]> => {
  const response = await page.request.get(`/dev/mailbox?to=${address}`, { headers: { accept: 'application/json' } });
  return ((await response.json()) as { mails: { id: string; subject: string; text: string }[] }).mails;
};

const kim = 'kim.adler@example.com';

test('the first page says what this is about, with the numbers of the sample history', async () => {
  await page.goto('/');
  await expect(page.getByRole('heading', { level: 1 }).innerText()).resolves.toMatch(/A customer is at the till/);
  expect(await page.locator('main').innerText()).toMatch(/Of 31 .*22 were decided with customers’ words in hand/);
  await picture(page, '01-start');
});

test('no secret stands in the arguments of a process, or on the terminal', async () => {
  const { databaseUrl, ownerUrl } = JSON.parse(await readFile(join(heed.dataDir, 'running.json'), 'utf8')) as {
    databaseUrl: string;
    ownerUrl: string;
  };
  const secrets = [...[databaseUrl, ownerUrl].map((url) => decodeURIComponent(new URL(url).password)), apiKey];
  expect(secrets.every((secret) => secret.length > 10)).toBe(true);
  const processes = await Promise.all(
    (await readdir('/proc'))
      .filter((name) => /^\d+$/.test(name))
      .map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  // That ours are among them.
  expect(processes.some((command) => command.includes(heed.dataDir))).toBe(true);
  for (const secret of secrets) {
    expect(processes.filter((command) => command.includes(secret))).toEqual([]);
    expect(heed.terminal()).not.toContain(secret);
  }
});

test('what she said is captured in one press, and thirteen others asked the same', async () => {
  await page.getByRole('button', { name: 'Capture what she said' }).click();
  expect(await page.getByLabel('What did they say?').inputValue()).toBe('Do you have this coat in green, size 42?');
  await picture(page, '02-capture');
  await page.getByRole('button', { name: 'Capture', exact: true }).click();
  await page
    .getByText(/Thank you, Mina/)
    .first()
    .waitFor();
  expect(await page.locator('main').innerText()).toMatch(/Thank you, Mina\. HD-\w+\. 13 others asked\./);
  signal = page.url().replace(/\?.*/, '');
  await page.getByText('If nobody takes it').waitFor();
  await picture(page, '03-captured');
});

test('nobody takes it, and the branch manager is told: the page says so by itself', async () => {
  await page
    .getByRole('listitem')
    .filter({ hasText: 'Nobody had taken it after 25 seconds. Priya Nair was told.' })
    .waitFor({ timeout: 90_000 });
  await picture(page, '04-climbed');
});

test('Priya takes it in Slack, and Jonas’s copy says so', async () => {
  await page.goto('/dev/slack?as=priya@linden-vale.example');
  await page.getByText('Do you have this coat in green, size 42?').first().waitFor();
  await picture(page, '05-slack');
  await page.getByRole('button', { name: 'I’ll take it' }).click();
  await page.getByText(/Taken by you/).waitFor();
  await page.goto('/dev/slack?as=jonas@linden-vale.example');
  await page.getByText(/Taken by Priya Nair/).waitFor();
  await picture(page, '06-taken');
});

test('she answers from a draft in the customer’s words, with a promise', async () => {
  await standInFor('Priya');
  await page.goto(signal);
  expect(await page.getByLabel(/To Kim Adler/).inputValue()).toMatch(
    /You told Mina Okafor .*“Do you have this coat in green, size 42\?”/,
  );
  await picture(page, '07-answer', 2200);
  await page.getByRole('button', { name: 'Send in my name' }).click();
  await page
    .getByRole('listitem')
    .filter({ hasText: /Answered by e-mail by Priya Nair/ })
    .waitFor();
  await until(async () => (await mailsTo(kim)).length === 2);
  await page.goto(`/dev/mailbox?to=${kim}`);
  await picture(page, '08-mailbox');
});

test('Tomás decides from his e-mail: opening it changes nothing, and he sees who will hear', async () => {
  const [mail] = (await mailsTo('tomas@linden-vale.example')).filter(({ subject }) => subject.includes('decide'));
  const link = /http\S+do=adopt#\S+/.exec(mail!.text)![0];
  await page.context().clearCookies();
  for (let scanned = 0; scanned < 5; scanned++) await page.request.get(link);
  await open(page, link);
  expect(await page.locator('main').innerText()).toMatch(/14 people/);
  await page.getByLabel(/What customers read/).fill('Green is coming: the coat is in the shop from March.');
  await page.getByLabel('Done by').fill('2099-03-01');
  for (const words of (await page.getByRole('checkbox').all()).slice(0, 3)) await words.check();
  expect(await page.locator('main').innerText()).toMatch(/12 will be written to, 2 cannot\./);
  await picture(page, '09-deciding', 2000);
  await page.getByRole('button', { name: 'Decide', exact: true }).click();
  await page
    .getByText(/take it back for/)
    .first()
    .waitFor();
  await picture(page, '10-decided');
});

test('Mina hears what became of it, and only Kim gets a mail', async () => {
  await until(async () => (await mailsTo(kim)).length === 3);
  await standInFor('Mina');
  await page.goto('/mine');
  await page
    .getByText(/You heard it/)
    .first()
    .waitFor();
  await picture(page, '11-mine');
  const all = (await (await page.request.get('/dev/mailbox', { headers: { accept: 'application/json' } })).json()) as {
    mails: { to: string[] }[];
  };
  const customers = new Set(
    all.mails.flatMap(({ to }) => to).filter((address) => !address.endsWith('linden-vale.example')),
  );
  expect([...customers]).toEqual([kim]);
});

test('Kim reads the decision on her own page and says it is settled', async () => {
  await standInFor('Kim');
  await page.getByText('Do you have this coat in green, size 42?').first().waitFor();
  await picture(page, '12-yours');
  await page.getByRole('button', { name: 'Yes, thank you' }).click();
  await page
    .getByRole('status')
    .filter({ hasText: /glad it is settled/ })
    .waitFor();
  await standInFor('Ingrid');
  await page.goto(signal);
  await page
    .getByText(/Settled, Kim/)
    .first()
    .waitFor();
  await picture(page, '13-settled', 2000);
});

test('no link that was opened or sent stands in what Heed wrote down about itself', async () => {
  const addresses = ['tomas@linden-vale.example', kim];
  const mails = (await Promise.all(addresses.map(mailsTo))).flat();
  const tokens = mails.flatMap(({ text }) => [...text.matchAll(/#([\w-]{22})$/gm)].map(([, token]) => token!));
  expect(tokens.length).toBeGreaterThan(10);
  const logs = (await readdir(heed.dataDir, { recursive: true })).filter((file) => file.endsWith('.log'));
  const written = [
    heed.terminal(),
    ...(await Promise.all(logs.map((file) => readFile(join(heed.dataDir, file), 'utf8')))),
  ];
  for (const token of tokens) expect(written.some((text) => text.includes(token))).toBe(false);
});

test('the loop counts it, and the number leads down to Kim', async () => {
  await page.goto('/loop');
  await page.getByText(/yours/i).first().waitFor();
  await picture(page, '14-loop', 2200);
  const links = await page.locator('main a[href^="/loop/"]').all();
  expect(links.length).toBeGreaterThan(3);
  await page.goto('/loop/confirmed?of=own');
  await page.getByText('Do you have this coat in green, size 42?').first().waitFor();
});

test('the Temporal Web UI names the story, holds nothing personal, and a run terminated there is back within ten seconds', async () => {
  const id = signal.split('/').at(-1)!;
  await page.goto(`${heed.temporalUi()}/workflows/${encodeURIComponent(`signal:${id}`)}`);
  await page.getByText(`signal:${id}`).first().waitFor({ timeout: 30_000 });
  expect(await page.locator('body').innerText()).not.toMatch(/Kim|Adler|green|coat/i);

  const fresh = await page.request.post(`${heed.url}/v1/signals`, {
    headers: { authorization: 'Bearer a-key-for-tests-only', 'idempotency-key': 'walk-fresh' },
    data: { words: 'Is there a repair service?', place: 'station', by: 'luca' },
  });
  const { id: other } = (await fresh.json()) as { id: string };
  const connection = await Connection.connect({ address: '127.0.0.1:' + (await temporalPort()) });
  const client = new Client({ connection });
  const story = client.workflow.getHandle(`signal:${other}`);
  await until(async () => (await story.describe().catch(() => undefined))?.status.name === 'RUNNING');
  const { runId } = await story.describe();
  await story.terminate('an operator pressed the wrong button');
  const began = Date.now();
  await until(async () => {
    const now = await story.describe();
    return now.status.name === 'RUNNING' && now.runId !== runId;
  });
  expect(Date.now() - began).toBeLessThan(10_000);
  await connection.close();
});

test('kill -9 and a new start lose nothing and send nothing twice; Ctrl-C leaves nothing running', async () => {
  const before = (await mailsTo(kim)).length;
  await heed.kill();
  await heed.start();
  await standInFor('Ingrid');
  await page.goto(signal);
  await page
    .getByText(/Settled, Kim/)
    .first()
    .waitFor();
  expect(await mailsTo(kim)).toHaveLength(before);
  await heed.stop();
  expect(await leftovers(heed.dataDir)).toEqual([]);
});

async function until(holds: () => Promise<boolean>, patienceMs = 60_000): Promise<void> {
  const end = Date.now() + patienceMs;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error('It did not come to pass in time.');
    await new Promise((again) => setTimeout(again, 100));
  }
}

async function temporalPort(): Promise<string> {
  return String((JSON.parse(await readFile(`${heed.dataDir}/temporal/server.json`, 'utf8')) as { port: number }).port);
}
