import { mkdir, open, readFile } from 'node:fs/promises';
import path from 'node:path';

/** Entries one a line, in a file that only grows. What `append` has answered for survives a kill −9 and a loss of power. */
export interface Journal<Entry> {
  append(entry: Entry): Promise<void>;
  close(): Promise<void>;
}

/** Reads what `file` holds and opens it for more. Without a file nothing is kept: the journal lives and dies with the process. */
export async function openJournal<Entry>(
  file: string | undefined,
): Promise<{ entries: Entry[]; journal: Journal<Entry> }> {
  if (file === undefined) return { entries: [], journal: { append: async () => {}, close: async () => {} } };

  // Mails and messages are personal: for this account's eyes only.
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const handle = await open(file, 'a', 0o600);
  const kept = await readFile(file);
  // A line without its end was being written when the process died. Nobody was told it is safe, so it goes.
  let size = kept.lastIndexOf('\n') + 1;
  await handle.truncate(size);
  const entries = kept
    .toString('utf8', 0, size)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Entry);

  const write = async (entry: Entry): Promise<void> => {
    const line = Buffer.from(`${JSON.stringify(entry)}\n`);
    try {
      await handle.appendFile(line);
      await handle.datasync();
      size += line.length;
    } catch (error) {
      // Half a line would swallow the next one.
      await handle.truncate(size);
      throw error;
    }
  };
  let last: Promise<void> = Promise.resolve();
  const append = (entry: Entry): Promise<void> => {
    const mine = last.then(() => write(entry));
    last = mine.catch(() => {});
    return mine;
  };
  const close = async (): Promise<void> => {
    await last;
    await handle.close();
  };
  return { entries, journal: { append, close } };
}
