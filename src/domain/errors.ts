/** What went wrong, in one sentence that says what to do next. Anything else that is thrown is our fault and shows only a reference. */
export type ErrorCode =
  | 'validation'
  | 'bad_request'
  | 'unauthorized'
  | 'forbidden'
  | 'not_found'
  | 'gone'
  | 'conflict'
  | 'idempotency_mismatch'
  | 'content_too_large'
  | 'too_many_requests'
  | 'service_unavailable';

export class DomainError extends Error {
  override readonly name = 'DomainError';
  readonly code: ErrorCode;
  readonly invalidParams: readonly InvalidParam[];

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; invalidParams?: readonly InvalidParam[] } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.invalidParams = options.invalidParams ?? [];
  }
}

export interface InvalidParam {
  name: string;
  reason: string;
}
