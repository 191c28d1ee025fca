/** Which years anybody can mean. */

/** What lies outside is a slip, or what some program puts in the place of no time at all ("0001-01-01"); Postgres, JavaScript and calendars do
 *  not even write such years alike. */
const [firstYear, lastYear] = [1970, 2999];
export const reachOfYears = `in one of the years from ${firstYear} to ${lastYear}`;

/** Whether a date or a time, as ISO 8601 has it, is one that anybody can mean. */
export function isInReach(text: string): boolean {
  const year = new Date(text).getUTCFullYear();
  return year >= firstYear && year <= lastYear;
}
