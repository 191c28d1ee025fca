/** What the world saw, beside what the database says: the files of the embedded mailbox and Slack room, and what a client was promised. */

import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface Journals {
  /** Every mail a server took, oldest first. Absent: nobody kept them. */
  mails?: TakenMail[];
  /** Every message that was posted in Slack, oldest first, edits left out. */
  posts?: Post[];
  /** Every capture that was answered with 202, repeats included. */
  accepted?: Accepted[];
}

/** The file that each is kept in. */
export const journalFiles: Readonly<Record<keyof Journals, string>> = {
  mails: 'mailbox.ndjson',
  posts: 'slack.ndjson',
  accepted: 'accepted.ndjson',
};

export interface TakenMail {
  /** With its angle brackets. */
  messageId: string;
  to: readonly string[];
  at: Date;
}

export interface Post {
  /** The delivery it says it is, in its metadata. */
  deliveryId: string;
  channel: string;
  ts: string;
}

export interface Accepted {
  key: string;
  id: string;
}

/** Reads the journals of a folder; one that is not there is absent. */
export async function readJournals(folder: string): Promise<Journals> {
  const [mails, entries, accepted] = await Promise.all([
    linesOf(join(folder, journalFiles.mails), mailIn),
    linesOf(join(folder, journalFiles.posts), postIn),
    linesOf(join(folder, journalFiles.accepted), (line) => line as Accepted),
  ]);
  // A message that was edited stands there again, under the same time.
  const posts = entries && [...new Map(entries.map((post) => [`${post.channel}:${post.ts}`, post])).values()];
  return { ...(mails && { mails }), ...(posts && { posts }), ...(accepted && { accepted }) };
}

function mailIn(line: unknown): TakenMail | undefined {
  const { raw, to, at } = line as { raw?: string; to?: string[]; at?: string };
  if (raw === undefined || to === undefined || at === undefined) return undefined;
  const [head = ''] = Buffer.from(raw, 'base64')
    .toString('latin1')
    .split(/\r?\n\r?\n/, 1);
  const [, messageId = ''] = /^message-id:\s*(<[^>]*>)/im.exec(head) ?? [];
  return { messageId, to, at: new Date(at) };
}

function postIn(line: unknown): Post | undefined {
  const { message } = line as {
    message?: { ts: string; channel: string; metadata?: { event_payload: Record<string, unknown> } };
  };
  const deliveryId = message?.metadata?.event_payload['id'];
  return message && typeof deliveryId === 'string'
    ? { deliveryId, channel: message.channel, ts: message.ts }
    : undefined;
}

async function linesOf<Entry>(file: string, read: (line: unknown) => Entry | undefined): Promise<Entry[] | undefined> {
  const entries: Entry[] = [];
  try {
    for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
      const entry = line === '' ? undefined : read(JSON.parse(line));
      if (entry !== undefined) entries.push(entry);
    }
  } catch (error) {
    // The second where the folder is a file.
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
  return entries;
}
