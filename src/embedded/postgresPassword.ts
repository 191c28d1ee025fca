/** Of the superuser of the embedded PostgreSQL: in `heed.password` in its cluster, which this account alone can read. */

import { randomBytes } from 'node:crypto';
import { chown, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Gives whoever `url` names another; false where the one in `url` is not theirs. */
export type SetPassword = (url: string, password: string) => Promise<boolean>;

export async function urlOf(cluster: string, port: number): Promise<string> {
  return urlWith(await readFile(join(cluster, 'heed.password'), 'utf8'), port);
}

/** With one that nobody had before. It is on the disk, in a file of its own, before it is the server's: of a Heed that was killed in between, one
 *  of the two files is right. Throws a sentence where neither is. */
export async function renewedUrlOf(cluster: string, port: number, setPassword: SetPassword): Promise<string> {
  const [kept, next] = [join(cluster, 'heed.password'), join(cluster, 'heed.password.next')];
  const begun = await readFile(next, 'utf8').catch(() => '');
  if (begun && (await setPassword(urlWith(begun, port), begun))) await rename(next, kept);
  const password = randomBytes(24).toString('base64url');
  const { uid, gid } = await stat(kept);
  await writeFile(next, password, { mode: 0o600, flush: true });
  await chown(next, uid, gid);
  if (!(await setPassword(await urlOf(cluster, port), password)))
    throw new Error(`PostgreSQL does not take the password in ${kept}. Whoever gave it another writes that there.`);
  await rename(next, kept);
  return urlWith(password, port);
}

const urlWith = (password: string, port: number): string => `postgres://heed:${password}@127.0.0.1:${port}/heed`;
