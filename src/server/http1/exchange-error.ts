/** Why an exchange failed, other than by its caller's will or by the network's own errors (`ECONNREFUSED`, …). */
export type ExchangeErrorCode =
  | 'HEAD_TIMEOUT'
  | 'BODY_TIMEOUT'
  | 'CONNECT_TIMEOUT'
  | 'CONNECTION_CLOSED'
  | 'MALFORMED_ANSWER'
  | 'HEAD_TOO_LARGE'
  | 'INVALID_REQUEST'
  | 'POOL_CLOSED';

export class ExchangeError extends Error {
  override readonly name = 'ExchangeError';
  readonly code: ExchangeErrorCode;

  constructor(code: ExchangeErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
