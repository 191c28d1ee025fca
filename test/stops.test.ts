import { describe, expect, test } from '@jest/globals';
import { stopAll, stoppedWhenUp, type Stop } from '../src/stops.ts';

const silently = (): void => {};

describe('stopping', () => {
  test('goes from the last started to the first, and takes in what is started meanwhile', async () => {
    const order: string[] = [];
    const stops: Stop[] = [];
    const part = (name: string, more?: () => void): Stop => ({
      name,
      stop: async () => {
        order.push(name);
        more?.();
      },
    });
    stops.push(
      part('database'),
      part('web', () => stops.push(part('latecomer'))),
    );
    await stopAll(stops, silently);
    expect(order).toEqual(['web', 'latecomer', 'database']);
    expect(stops).toEqual([]);
  });

  test('what fails or hangs keeps nothing else running', async () => {
    const order: string[] = [];
    const said: string[] = [];
    const stops: Stop[] = [
      { name: 'Database', stop: async () => void order.push('Database') },
      { name: 'Relay', stop: () => new Promise(() => {}) },
      { name: 'Workers', stop: () => Promise.reject(new Error('they were busy')) },
    ];
    await stopAll(stops, (sentence) => said.push(sentence), { patience: 10 });
    expect(order).toEqual(['Database']);
    expect(said).toEqual([
      'Workers did not stop cleanly: they were busy',
      'Relay did not stop within 0.01 seconds; the rest is stopped without it.',
    ]);
  });

  test('a server that is still starting is waited for and stopped; one that could not start is let be', async () => {
    const stops: Stop[] = [];
    let up: (server: { stop(): Promise<void> }) => void = () => {};
    let stopped = false;
    void stoppedWhenUp(new Promise<{ stop(): Promise<void> }>((resolve) => (up = resolve)), 'Postgres', stops);
    const failing = stoppedWhenUp(Promise.reject(new Error('no room')), 'Temporal', stops);
    await expect(failing).rejects.toThrow('no room');

    const stopping = stopAll(stops, silently);
    up({ stop: async () => void (stopped = true) });
    await stopping;
    expect(stopped).toBe(true);
  });
});
