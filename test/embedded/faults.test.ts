import { expect, test } from '@jest/globals';
import { Faults } from '../../src/embedded/faults.ts';

test('a fault counts by its name as often as it was handed out, and not for being scripted', () => {
  const faults = new Faults<{ at: string; do: string }>();
  faults.script({ at: 'rcpt', do: 'drop' }, 2, 'lost at RCPT');
  faults.script({ at: '*', do: 'hang' }, 1, 'hangs');
  faults.script({ at: 'data', do: 'drop' }, 3, 'lost after the dot');

  expect(['rcpt', 'rcpt', 'connect', 'mail'].map((step) => faults.take(step)?.do)).toEqual([
    'drop',
    'drop',
    'hang',
    undefined,
  ]);
  faults.clear();
  expect(faults.take('data')).toBeUndefined();
  expect(Object.fromEntries(faults.met)).toEqual({ 'lost at RCPT': 2, hangs: 1 });
});
