import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** Entries one a line, in a file that only grows unless it is rewritten. What `append` has answered for survives a kill −9 and a loss of power. */
export interface Journal<Entry> {
  append(entry: Entry): Promise<void>;
  /** Keeps what `entries` gives at that moment and nothing of what was there before: what was taken back is not to be found on disk, either. Rejects
   *  when the disk won't, and leaves all that was there. */
  rewrite(entries: () => Entry[]): Promise<void>;
  close(): Promise<void>;
}

/** Reads what `file` holds and opens it for more. Without a file nothing is kept: the journal lives and dies with the process. */
export async function openJournal<Entry>(
  file: string | undefined,
): Promise<{ entries: Entry[]; journal: Journal<Entry> }> {
  const nothing = async (): Promise<void> => {};
  if (file === undefined) return { entries: [], journal: { append: nothing, rewrite: nothing, close: nothing } };

  // Mails and messages are personal: for this account's eyes only.
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  let handle = await open(file, 'a', 0o600);
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
  const replace = async (all: Entry[]): Promise<void> => {
    const text = Buffer.from(all.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    try {
      await writeFile(`${file}.new`, text, { mode: 0o600, flush: true });
    } catch (error) {
      // Half of it would only fill the disk further.
      await rm(`${file}.new`, { force: true });
      throw error;
    }
    await rename(`${file}.new`, file);
    await handle.close();
    handle = await open(file, 'a', 0o600);
    size = text.length;
  };
  let last: Promise<void> = Promise.resolve();
  const inTurn = (act: () => Promise<void>): Promise<void> => {
    const mine = last.then(act);
    last = mine.catch(() => {});
    return mine;
  };
  const append = (entry: Entry): Promise<void> => inTurn(() => write(entry));
  const rewrite = (all: () => Entry[]): Promise<void> => inTurn(() => replace(all()));
  const close = async (): Promise<void> => {
    await last;
    await handle.close();
  };
  return { entries, journal: { append, rewrite, close } };
}
