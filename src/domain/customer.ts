/** How the addresses of customers are compared. */

/** An e-mail address as it is compared: trimmed, lower case. Undefined when it can't be one. */
export function normaliseEmail(text: string): string | undefined {
  const trimmed = text.trim().toLowerCase();
  // The length first: what is much longer would take the pattern seconds.
  return trimmed.length <= 254 && /^[^\s@<>,;:"()]+@[^\s@<>,;:"()]+\.[^\s@<>,;:"()]+$/.test(trimmed)
    ? trimmed
    : undefined;
}

/** A phone number as it is compared: digits with an optional leading plus. Undefined when there are fewer than six or more than fifteen. */
export function normalisePhone(text: string): string | undefined {
  const digits = text.replace(/[\s().\-/]/g, '').replace(/^00/, '+');
  return /^\+?\d{6,15}$/.test(digits) ? digits : undefined;
}
