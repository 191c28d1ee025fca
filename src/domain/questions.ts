/** The one question of a round, as we ask it: whether it is settled, or, after a "no" of ours, whether that was explained. */

export const questions = { settled: 'Is it settled for you?', explained: 'Did we explain it clearly?' } as const;
export type Question = keyof typeof questions;
export const questionCodes = Object.keys(questions) as [Question, ...Question[]];

/** What is said to it, as staff read it: never that it is settled where we asked something else. */
export const saidTo = {
  settled: { yes: 'Settled', no: 'Not settled' },
  explained: { yes: 'Explained clearly', no: 'Not explained clearly' },
} as const satisfies Record<Question, object>;

/** The question of a signal's latest round. */
export const questionOf = ({ round, told_outcome }: { round: number; told_outcome: string | null }): Question =>
  round === 1 && told_outcome === 'declined' ? 'explained' : 'settled';
