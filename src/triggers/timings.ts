/** What only the process that does it can time. Everything else that is measured is in the facts, and read from Postgres (http/metrics.ts). */

import { Histogram, Registry } from 'prom-client';

/** Of this process, since it started. */
export const timings = new Registry();

const seconds = (name: string, help: string, buckets: number[]): Histogram =>
  new Histogram({ name, help, buckets, registers: [timings] });

/** Seen by the web: a person at a counter waits for it. */
export const captureCommit = seconds(
  'heed_capture_commit_duration_seconds',
  'From a capture’s first statement to its acknowledged commit',
  [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
);

/** Seen by the relay: how long a fact waits until its story is told to look. */
export const nudgeLag = seconds(
  'heed_workflow_nudge_lag_seconds',
  'From a fact’s commit to the moment Temporal has taken the nudge',
  [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
);
