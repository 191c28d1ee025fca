/** Where a token of a link must not stand: in what of an address a browser sends, and every log on the way holds. */

/** Of the addresses in a text, or of one alone, those with something like a token in their path or query. */
export const tellingAddresses = (text: string): string[] =>
  [...text.matchAll(/(?:https?:\/\/[^/\s"'<>\\]+)?\/[^\s"'<>\\]*/g)]
    .map(([address]) => address)
    .filter((address) => /(?<![\w-])[\w-]{22}(?![\w-])/.test(address.replace(/#.*/, '')));
