/** What is exported here is what is registered. */

export { followInsight } from './followInsight.ts';
export { followSignal } from './followSignal.ts';
