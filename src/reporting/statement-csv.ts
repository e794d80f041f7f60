import { formatUsd } from '../core/money.ts';
import type { CorrectionSum, StatementLine } from '../ledger/statement.ts';
import type { StatementMonth } from './statement-months.ts';

const COLUMNS = [
  'team',
  'period',
  'kind',
  'month',
  'key_id',
  'upstream',
  'model',
  'run_id',
  'usage_source',
  'reason',
  'records',
  'requests',
  'input_tokens',
  'cache_read_tokens',
  'cache_write_tokens',
  'output_tokens',
  'reasoning_tokens',
  'missing_usage',
  'unpriced',
  'failed',
  'amount_usd',
] as const;

/**
 * A statement as CSV (RFC 4180): every line of it. `kind` is `opening_balance`, `calls` or `correction`; all of
 * `amount_usd` add up to the closing balance, all but the opening balance to the total.
 */
export class StatementCsv {
  readonly #month: StatementMonth;
  readonly #rows: string[] = [];

  constructor(month: StatementMonth) {
    this.#month = month;
    this.#rows.push(COLUMNS.join(','));
    this.#add({ kind: 'opening_balance', amount_usd: formatUsd(month.openingNanoUsd) });
  }

  addCalls(line: StatementLine): void {
    if (line.records === 0) return; // nothing but corrections, which have rows of their own
    this.#add({
      kind: 'calls',
      month: line.of_month,
      key_id: line.key_id,
      upstream: line.upstream,
      model: line.model,
      run_id: line.run_id,
      usage_source: line.usage_source,
      records: line.records,
      requests: line.requests,
      input_tokens: line.input_tokens,
      cache_read_tokens: line.cache_read_tokens,
      cache_write_tokens: line.cache_write_tokens,
      output_tokens: line.output_tokens,
      reasoning_tokens: line.reasoning_tokens,
      missing_usage: line.missing_usage,
      unpriced: line.unpriced,
      failed: line.failed,
      amount_usd: formatUsd(line.cost_nano_usd),
    });
  }

  addCorrection(sum: CorrectionSum): void {
    this.#add({
      kind: 'correction',
      month: sum.of_month,
      key_id: sum.key_id,
      upstream: sum.upstream,
      model: sum.model,
      run_id: sum.run_id,
      reason: sum.reason,
      records: sum.corrections,
      amount_usd: formatUsd(sum.delta_nano_usd),
    });
  }

  text(): string {
    return `${this.#rows.join('\r\n')}\r\n`;
  }

  #add(values: Partial<Record<(typeof COLUMNS)[number], string | number>>): void {
    const row = { team: this.#month.team, period: this.#month.period, ...values };
    this.#rows.push(COLUMNS.map((name) => cell(row[name] ?? '', name === 'amount_usd')).join(','));
  }
}

const STEERS_A_SPREADSHEET = /^[=+\-@\t\r]/;

/**
 * One cell. Clients name runs: a text that a spreadsheet would take for a formula gets an apostrophe in front
 * (https://owasp.org/www-community/attacks/CSV_Injection).
 */
function cell(value: string | number, isAmount: boolean): string {
  const text = String(value);
  const safe = typeof value === 'string' && !isAmount && STEERS_A_SPREADSHEET.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
