/** Moments on the wall clock of a time zone. */

import type { Company } from './company.ts';

const formats = new Map<string, Intl.DateTimeFormat>();

/** A UTC instant on the wall clock of `timeZone`, in English as the options say. A format takes a hundred times as long to make as to use (of a
 *  time zone's rules most of all), so each is made once. */
export function inZone(at: Date, timeZone: string, options: Intl.DateTimeFormatOptions): string {
  const name = `${timeZone} ${JSON.stringify(options)}`;
  let format = formats.get(name);
  if (!format) formats.set(name, (format = new Intl.DateTimeFormat('en-GB', { ...options, timeZone })));
  return format.format(at);
}

/** The zone of the clock on the wall of a place. */
export const zoneOf = (company: Company, place: string): string =>
  company.calendars[company.places[place]?.calendar ?? '']?.timezone ?? company.timezone;
