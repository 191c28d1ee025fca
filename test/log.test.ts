import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { endOfDay } from '../src/domain/calendar.ts';
import { openLog, placeOf } from '../src/log.ts';

describe('a line', () => {
  test('is JSON on standard error: when it was, in UTC wherever the machine is, how bad, what, and of which loop, delivery or request', async () => {
    const log = fileURLToPath(new URL('../src/log.ts', import.meta.url));
    const code = `import { openLog } from ${JSON.stringify(log)}; openLog('warn').warn({ loop: 'l-1', code: 'c-1' }, 'It waits.');`;
    const before = Date.now();
    // A process of its own, five hours and three quarters ahead.
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', code], {
      env: { PATH: process.env['PATH'], NODE_OPTIONS: '--disable-warning=ExperimentalWarning', TZ: 'Asia/Kathmandu' },
    });
    expect(stdout).toBe('');
    const { time, ...said } = JSON.parse(stderr) as { time: string };
    expect(said).toEqual({ level: 40, loop: 'l-1', code: 'c-1', msg: 'It waits.' });
    expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(Date.parse(time) - before).toBeGreaterThanOrEqual(0);
    expect(Date.parse(time) - before).toBeLessThan(60_000);
  });

  test.each([
    'a\n{"level":30,"msg":"All is well."}',
    '"}\r\n{"level":30,"msg":"All is well."}',
    'a\u001b[2K\u001b[1Aall is well',
    'a\u0000\b\t\v\f',
    '%s %d %j %o {"a":',
    '\ud800',
  ])('stays one line, and says what it says, whatever is put into it: %j', (put) => {
    const lines: string[] = [];
    const log = openLog('warn', { write: (text) => void lines.push(text) });
    log.warn({ code: put, [put]: put, of: { it: [put] } }, put);
    const [line = '', ...others] = lines;
    expect(others).toEqual([]);
    expect(line.match(/\p{Cc}/gu)).toEqual(['\n']);
    expect(line.at(-1)).toBe('\n');
    expect(JSON.parse(line)).toMatchObject(JSON.parse(JSON.stringify({ code: put, [put]: put, msg: put })) as object);
  });
});

describe('an error', () => {
  const thrown = (said: string): Error => {
    try {
      endOfDay(said, 'Europe/Amsterdam');
    } catch (error) {
      return error as Error;
    }
    throw new Error('It was taken.');
  };

  test('is logged by its name, its code and the line of ours that it comes from', () => {
    expect(placeOf(thrown('tomorrow'))).toMatch(/^DomainError validation at .*\/src\/domain\/calendar\.ts:\d+:\d+\)?$/);
    expect(placeOf('no error at all')).toBe('unknown');
  });

  test.each([
    'Kim lives at /src/ street',
    'My address:\n/src/ street, says Kim',
    'My address:\n    at /src/ street, says Kim',
    'My address:\n    at Kim (/src/street.ts:1:1)\n    at Kim (/src/street.ts:1:1)',
  ])('says nothing of what a customer said, whatever it looks like: %j', (said) => {
    const error = thrown(said);
    expect(error.message).toContain(said);
    expect(placeOf(error)).toBe(placeOf(thrown('tomorrow')));
  });

  test('says nothing of it where its message has been changed since, either', () => {
    const error = thrown('My address:\n/src/ street, says Kim');
    error.message = 'It is elsewhere.';
    expect(placeOf(error)).toBe(placeOf(thrown('tomorrow')));
  });
});
