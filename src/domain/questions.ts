/** The one question of a round, as we ask it: whether it is settled, or, after a "no" of ours, whether that was explained. */

export const questions = { settled: 'Is it settled for you?', explained: 'Did we explain it clearly?' } as const;
