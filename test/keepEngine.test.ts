/** An engine that is kept comes back whatever befell it, and costs the web beside it nothing. */

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';

const root = fileURLToPath(new URL('..', import.meta.url));
const cameBack =
  'The engine ended by itself. It is started again; nothing that was kept is lost.\nThe engine is back.\n';
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heed-engine-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** What is said while an engine is kept whose first process ends as soon as it is ready, until it is back; it is stopped then. `trouble` is what
 *  this machine does to it. */
async function kept(trouble: string): Promise<string> {
  const engine = join(folder, 'engine.mjs');
  await writeFile(
    engine,
    `import { existsSync, writeFileSync } from 'node:fs';
    const again = existsSync(process.env.ENDED);
    if (!again) writeFileSync(process.env.ENDED, '');
    process.send({ ready: true }, () => again || process.exit());
    if (again) process.once('disconnect', () => process.exit());`,
  );
  const keeping = `
    import os from 'node:os';
    import { syncBuiltinESMExports } from 'node:module';
    const { keepEngine } = await import(${JSON.stringify(join(root, 'src/keepEngine.ts'))});
    ${trouble}
    const stops = [];
    const isBack = Promise.withResolvers();
    const say = (sentence) => {
      console.log(sentence);
      if (sentence.includes('ended')) ended();
      if (sentence.includes('back')) isBack.resolve();
    };
    // Something else is at work in this process, too.
    const web = setInterval(() => {}, 1_000);
    await keepEngine(${JSON.stringify(engine)}, { ENDED: process.argv[1] }, { recall: undefined }, stops, say);
    await isBack.promise;
    await stops[0].stop();
    clearInterval(web);`;
  const ended = join(folder, 'ended');
  await rm(ended, { force: true });
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', keeping, ended], {
    timeout: 30_000,
  });
  return stdout;
}

test('one that ends the moment it is ready is started again, and Heed starts all the same', async () => {
  // Its process is gone when it is to yield to others.
  const gone = `
    os.getPriority = () => { throw Object.assign(new Error('No such process'), { code: 'ERR_SYSTEM_ERROR' }); };
    syncBuiltinESMExports();
    const ended = () => {};`;
  expect(await kept(gone)).toBe(cameBack);
});

test('one that no process can be had for is tried again, and nothing else of Heed ends', async () => {
  const full = `
    const { execPath } = process;
    let refused = 0;
    Object.defineProperty(process, 'execPath', { get: () => (refused-- > 0 ? '/nowhere/node' : execPath) });
    const ended = () => (refused = 1);`;
  expect(await kept(full)).toBe(cameBack);
});

test('a mail that cannot be taken back now is said to be still there, so that it is asked for again and nobody waits for ever', async () => {
  const keepEngine = JSON.stringify(join(root, 'src/keepEngine.ts'));
  const engine = join(folder, 'recalls.mjs');
  await writeFile(
    engine,
    `import { isReadyForParent, recallThroughParent } from ${keepEngine};
    isReadyForParent();
    const recall = recallThroughParent();
    for (const time of ['first', 'then'])
      await recall('<d.1@heed>').then(() => console.log(time, 'taken'), ({ message }) => console.log(time, message));
    await recall('over');`,
  );
  const keeping = `
    const { keepEngine } = await import(${keepEngine});
    const over = Promise.withResolvers();
    let full = true;
    const recall = async (messageId) => {
      if (messageId === 'over') return over.resolve();
      if (full) {
        full = false;
        throw new Error('no space left on device');
      }
    };
    const stops = [];
    await keepEngine(${JSON.stringify(engine)}, {}, { recall }, stops, () => {});
    await over.promise;
    await stops[0].stop();`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', keeping], {
    timeout: 30_000,
  });
  expect(stdout).toBe('first The mail is still in the mailbox.\nthen taken\n');
});
