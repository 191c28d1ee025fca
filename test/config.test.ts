import { expect, test } from '@jest/globals';
import { readConfig } from '../src/config.ts';

test.each(['https://example.com/heed', 'https://example.com?heed', 'https://example.com/#heed'])(
  'an address under which no page would answer (%s) is refused at the start',
  (PUBLIC_URL) => {
    expect(() => readConfig({ PUBLIC_URL })).toThrow(/PUBLIC_URL must be a host name of its own, without a path/);
  },
);

test('one of its own is taken, with a port or a slash behind it', () => {
  for (const PUBLIC_URL of ['https://heed.example.com', 'https://heed.example.com/', 'http://localhost:4000'])
    expect(readConfig({ PUBLIC_URL }).publicUrl).toBe(PUBLIC_URL.replace(/\/$/, ''));
});
