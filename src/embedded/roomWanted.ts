/** A sentence in the place of what programs say at length when a disk is full. */

import { dirname } from 'node:path';

/** What PostgreSQL and Node say where they can't write: of the system, and of PostgreSQL's own where only a part of a page went in. */
const full = /no space left on device|Check free disk space/i;

/** That a first start needs room, where that is what went wrong; else the error as it is. `cluster`: the folder that was to be made. */
export function roomWanted(error: unknown, cluster: string): unknown {
  const said = `${String(error)}\n${(error as { stderr?: string }).stderr ?? ''}`;
  if (!full.test(said)) return error;
  return new Error(
    `The disk of ${dirname(cluster)} is full, so that no database could be made there: a first start takes 200 MB. Make room, or set HEED_DATA_DIR to a folder on another disk, and start again.`,
  );
}
