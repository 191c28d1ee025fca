/** What is said of an insight when it is decided, or put off; and of what is adopted, for whom. */

export const decisionOutcomes = ['adopted', 'declined', 'deferred'] as const;
export const decisionScopes = ['everyone', 'these'] as const;
