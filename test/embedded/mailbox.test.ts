import { appendFile, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import nodemailer from 'nodemailer';
import { startMailbox } from '../../src/embedded/mailbox.ts';
import type { Mailbox } from '../../src/embedded/mailbox.ts';

describe('the embedded mailbox', () => {
  let dataDir: string;
  let mailbox: Mailbox;
  beforeEach(async () => {
    dataDir = await mkdtemp(path.join(tmpdir(), 'heed-mailbox-'));
    mailbox = await startMailbox({ dataDir });
  });
  afterEach(async () => {
    await mailbox.stop();
    await rm(dataDir, { recursive: true });
  });

  const send = (mail: object = {}) =>
    nodemailer.createTransport(mailbox.smtpUrl).sendMail({
      from: { name: 'Mina Okafor', address: 'care@linden.example' },
      to: 'kim@example.com',
      subject: 'Your coat: grün, 42',
      messageId: '<d.1@linden.example>',
      text: 'We heard you. See https://heed.example/yours/abc.',
      html: '<p style="color: green">We heard you.</p><script>steal()</script>',
      list: { unsubscribe: [['https://heed.example/stop', 'mailto:stop@heed.example']] },
      ...mail,
    });
  const page = async (url: string) => (await mailbox.app.request(url)).text();
  const json = async (url: string) =>
    (await mailbox.app.request(url, { headers: { Accept: 'application/json' } })).json();

  test('keeps what was sent, taken apart', async () => {
    await send();

    expect(mailbox.mails()).toEqual([
      expect.objectContaining({
        from: 'Mina Okafor <care@linden.example>',
        to: ['kim@example.com'],
        subject: 'Your coat: grün, 42',
        messageId: '<d.1@linden.example>',
        text: expect.stringContaining('We heard you.'),
        html: expect.stringContaining('style="color: green"'),
        read: false,
      }),
    ]);
    expect(mailbox.mails()[0]?.headers).toContainEqual({
      key: 'List-Unsubscribe',
      value: '<https://heed.example/stop>, <mailto:stop@heed.example>',
    });
  });

  test('shows after a restart what was accepted before, and drops the line a kill cut off', async () => {
    await send();
    await page('/1');
    await mailbox.stop();
    await appendFile(path.join(dataDir, 'mailbox.ndjson'), '{"id":"2","at":"2026-');

    mailbox = await startMailbox({ dataDir });
    await send({ subject: 'Another' });
    await mailbox.stop();
    mailbox = await startMailbox({ dataDir });

    expect(mailbox.mails().map(({ id, subject, read }) => ({ id, subject, read }))).toEqual([
      { id: '1', subject: 'Your coat: grün, 42', read: true },
      { id: '2', subject: 'Another', read: false },
    ]);
  });

  test('a mail that the full disk does not let go of stays, is taken when it is asked for again, and is gone after a restart', async () => {
    await send();
    await send({ messageId: '<d.2@linden.example>', subject: 'Another' });
    const forget = () => mailbox.forget('<d.1@linden.example>');
    await symlink('/dev/full', path.join(dataDir, 'mailbox.ndjson.new'));
    await expect(forget()).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(mailbox.mails().map(({ id }) => id)).toEqual(['1', '2']);
    expect(await readdir(dataDir)).toEqual(['mailbox.ndjson']);

    await forget();
    expect(mailbox.mails().map(({ id }) => id)).toEqual(['2']);
    await mailbox.stop();
    mailbox = await startMailbox({ dataDir });
    expect(mailbox.mails().map(({ id }) => id)).toEqual(['2']);
  });

  test('a page marks a mail as read, JSON does not', async () => {
    await send();

    expect(await json('/')).toEqual({ mails: [expect.objectContaining({ id: '1', read: false })] });
    expect(await json('/1')).toEqual(expect.objectContaining({ subject: 'Your coat: grün, 42' }));
    expect(mailbox.unread()).toBe(1);

    await page('/1');
    expect(mailbox.unread()).toBe(0);
  });

  test('lists the newest first, and for one recipient only theirs', async () => {
    await send({ subject: 'First' });
    await send({ subject: 'Second', to: 'tomas@linden.example' });

    const all = await page('/');
    expect(all.indexOf('Second')).toBeGreaterThan(0);
    expect(all.indexOf('First')).toBeGreaterThan(all.indexOf('Second'));
    expect(await page('/?to=Kim%40example.com')).not.toContain('Second');
    expect(await json('/?to=tomas@linden.example')).toEqual({
      mails: [expect.objectContaining({ subject: 'Second' })],
    });
  });

  test('says by which clock a mail came, which may be another than that of the shop', async () => {
    await send();
    const zone = new Intl.DateTimeFormat('en-GB', { timeZoneName: 'short' }).formatToParts().at(-1)!.value;
    for (const shown of [await page('/'), await page('/1')])
      expect(shown).toMatch(new RegExp(`:\\d\\d ${zone}</time>`));
  });

  test('shows a mail without running anything in it, and with links that leave the frame', async () => {
    await send({ subject: '<script>alert(1)</script>' });

    const shown = await page('/1');
    expect(shown).not.toContain('<script>alert(1)');
    expect(shown).not.toContain('<script>steal()');
    expect(shown).toMatch(
      /sandbox="allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"/,
    );
    expect(shown).toContain('srcdoc="&lt;base target=&quot;_top&quot;&gt;');
    expect(shown).toContain('<a href="https://heed.example/yours/abc" rel="noreferrer">');
  });

  test('a mail that is not there is a page that says so', async () => {
    const answer = await mailbox.app.request('/17');
    expect(answer.status).toBe(404);
    expect(await answer.text()).toContain('There is no such mail');
  });

  test.each([
    ['connect', 554],
    ['mail', 421],
    ['rcpt', 450],
    ['rcpt', 550],
    ['data', 451],
    ['data', 554],
  ] as const)('refuses at %s with %i when told to, keeps nothing, and accepts the next', async (at, code) => {
    mailbox.faults.script({ at, do: 'answer', code });

    await expect(send()).rejects.toMatchObject({ responseCode: code });
    expect(mailbox.mails()).toEqual([]);
    await send();
    expect(mailbox.mails()).toHaveLength(1);
  });

  test('can lose the connection after accepting: the mail is kept and the sender cannot know', async () => {
    mailbox.faults.script({ at: 'data', do: 'drop' });

    await expect(send()).rejects.not.toHaveProperty('responseCode', expect.anything());
    expect(mailbox.mails()).toHaveLength(1);
  });

  test('can lose the connection in the middle of the message: nothing is kept', async () => {
    mailbox.faults.script({ at: 'body', do: 'drop' });
    await expect(send({ text: 'We heard you. '.repeat(20_000) })).rejects.not.toHaveProperty(
      'responseCode',
      expect.anything(),
    );
    expect(mailbox.mails()).toEqual([]);
    await send();
    expect(mailbox.mails()).toHaveLength(1);
  });

  test.each(['connect', 'mail', 'rcpt', 'body', 'data'] as const)(
    'can be slow at %s, and takes it once',
    async (at) => {
      mailbox.faults.script({ at, do: 'slow', ms: 30 });
      await send();
      expect(mailbox.mails()).toHaveLength(1);
    },
  );

  test('can keep a sender waiting until its faults are cleared', async () => {
    mailbox.faults.script({ at: 'data', do: 'hold' });
    const sending = send();
    while (mailbox.mails().length === 0) await sleep(5);
    expect(await Promise.race([sending, sleep(50, 'waits')])).toBe('waits');
    mailbox.faults.clear();
    await sending;
    expect(mailbox.mails()).toHaveLength(1);
  });

  test('can be away for as long as it is told to', async () => {
    mailbox.faults.script({ at: 'connect', do: 'drop' }, Infinity);
    await expect(send()).rejects.toThrow();
    await expect(send()).rejects.toThrow();

    mailbox.faults.clear();
    await send();
    expect(mailbox.mails()).toHaveLength(1);
  });

  test('can fall silent, and stops all the same', async () => {
    mailbox.faults.script({ at: 'rcpt', do: 'hang' });
    const sending = expect(send()).rejects.toThrow();
    await mailbox.stop();
    await sending;
    mailbox = await startMailbox();
  });
});
