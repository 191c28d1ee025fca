/** "40 s" · "12 min" · "3.1 h" · "4.2 days": short enough for a chart, two digits of sense. */
export function howLong(ms: number): string {
  const [unit, length] = units.find(([, , from]) => ms >= from)!;
  const amount = ms / length;
  const rounded = amount < 9.95 && unit !== 's' && unit !== 'min' ? Math.round(amount * 10) / 10 : Math.round(amount);
  return `${rounded} ${unit === 'days' && rounded === 1 ? 'day' : unit}`;
}

/** Name, length, and from when it is used: 90 minutes say more than 1.5 hours, two days more than 48 hours. */
const units = [
  ['days', 86_400_000, 36 * 3_600_000],
  ['h', 3_600_000, 90 * 60_000],
  ['min', 60_000, 90_000],
  ['s', 1000, -Infinity],
] as const;
