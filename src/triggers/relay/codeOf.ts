/** What went wrong, as a code that may stand in a log: neither texts nor addresses. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error
    ? String(error.code)
    : error instanceof Error
      ? error.name
      : 'unknown';
}
