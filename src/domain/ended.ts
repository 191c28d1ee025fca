/** The end of a sentence: with a full stop, unless what somebody typed ends like one. */

export function ended(text: string): string {
  const said = text.trim();
  return /[.!?…]$/.test(said) ? said : `${said}.`;
}
