/** Loaded by a part before all else: its clock is as many milliseconds ahead as the file named by WRONG_CLOCK says at the moment. */

import { readFileSync } from 'node:fs';

let ahead = 0;
const look = (): void => {
  try {
    ahead = Number(readFileSync(process.env['WRONG_CLOCK']!, 'utf8')) || 0;
  } catch {
    // Nobody has set it wrong yet.
  }
};
look();
setInterval(look, 250).unref();

const right = Date;
const now = (): number => right.now() + ahead;
globalThis.Date = new Proxy(right, {
  get: (of, name) => (name === 'now' ? now : (Reflect.get(of, name) as unknown)),
  construct: (of, given, as) => Reflect.construct(of, given.length === 0 ? [now()] : given, as) as Date,
});
