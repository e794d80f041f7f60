/** Why the ledger could not be opened, closed or kept. */
export type LedgerFault =
  | 'unwritable'
  | 'full'
  | 'corrupt'
  | 'not_a_ledger'
  | 'newer_schema'
  | 'in_use'
  | 'unwritten_rows'
  | 'failed';

/**
 * An error for the operator, not for a client: it says what is wrong with the ledger, and `hint` says what to do next.
 * Calls see `MetertapError('ledger_unavailable')` instead.
 */
export class LedgerError extends Error {
  override readonly name = 'LedgerError';
  readonly fault: LedgerFault;
  readonly hint: string;

  constructor(fault: LedgerFault, message: string, options: { readonly hint: string; readonly cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.fault = fault;
    this.hint = options.hint;
  }
}

/** A `LedgerError` as plain data: error classes do not survive the way between threads. */
export interface LedgerErrorData {
  readonly fault: LedgerFault;
  readonly message: string;
  readonly hint: string;
}

/** Gives a ledger error as data that can be posted to another thread. */
export function ledgerErrorData(error: LedgerError): LedgerErrorData {
  return { fault: error.fault, message: error.message, hint: error.hint };
}

/** Makes the error again on the other side. */
export function ledgerErrorOf(data: LedgerErrorData): LedgerError {
  return new LedgerError(data.fault, data.message, { hint: data.hint });
}
