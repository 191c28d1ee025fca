/** How long what is captured may be, in characters: a long letter, and what stands beside it. A company file offers nothing that could not be
 *  captured. */

export const longest = { words: 10_000, wording: 64, unmet: 300, attribute: 50 } as const;

/** How many properties of what was wanted one remark may name: more than anybody says, and few enough to be read in a card. */
export const mostAttributes = 20;
