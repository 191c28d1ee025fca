/** What is said of an insight when it is decided, or put off; and of what is adopted, for whom. */

export const decisionOutcomes = ['adopted', 'declined', 'deferred'] as const;
export const decisionScopes = ['everyone', 'these'] as const;

/** What a form to decide is drawn over: the decision that stands, or that nothing is decided yet. */
export const seenWhenDrawn = (insight: { decision_id: string | null; outcome: string | null }): string =>
  insight.outcome && insight.outcome !== 'deferred' ? insight.decision_id! : 'none';
