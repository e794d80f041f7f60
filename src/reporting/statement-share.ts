import { formatUsd } from '../core/money.ts';
import type { StatementLine } from '../ledger/statement.ts';

/** What some calls of a statement come to. Tokens are those that upstreams reported; costs hold estimated calls too. */
export interface StatementShare {
  readonly requests: number;
  readonly input_tokens: number;
  readonly cache_read_tokens: number;
  readonly cache_write_tokens: number;
  readonly output_tokens: number;
  readonly reasoning_tokens: number;
  /** As recorded. */
  readonly cost_usd: string;
  readonly corrections_usd: string;
  readonly total_usd: string;
}

const TOKENS = [
  'input_tokens',
  'cache_read_tokens',
  'cache_write_tokens',
  'output_tokens',
  'reasoning_tokens',
] as const;

/** Adds up lines, one by one, so that a statement of many lines needs no memory for them. */
export class ShareSum {
  requests = 0;
  costNanoUsd = 0n;
  correctionsNanoUsd = 0n;
  readonly #tokens = {
    input_tokens: 0,
    cache_read_tokens: 0,
    cache_write_tokens: 0,
    output_tokens: 0,
    reasoning_tokens: 0,
  };

  add(line: StatementLine): void {
    this.requests += line.requests;
    this.costNanoUsd += line.cost_nano_usd;
    this.correctionsNanoUsd += line.corrections_nano_usd;
    if (line.usage_source === 'reported') for (const name of TOKENS) this.#tokens[name] += line[name];
  }

  merge(other: ShareSum): void {
    this.requests += other.requests;
    this.costNanoUsd += other.costNanoUsd;
    this.correctionsNanoUsd += other.correctionsNanoUsd;
    for (const name of TOKENS) this.#tokens[name] += other.#tokens[name];
  }

  get totalNanoUsd(): bigint {
    return this.costNanoUsd + this.correctionsNanoUsd;
  }

  view(): StatementShare {
    return {
      requests: this.requests,
      ...this.#tokens,
      cost_usd: formatUsd(this.costNanoUsd),
      corrections_usd: formatUsd(this.correctionsNanoUsd),
      total_usd: formatUsd(this.totalNanoUsd),
    };
  }
}

/** Shares by a key, the dearest first; equals by their key. */
export class SharesBy<Key extends object> {
  readonly #sums = new Map<string, { readonly key: Key; readonly sum: ShareSum }>();

  add(key: Key, line: StatementLine): void {
    const text = JSON.stringify(key);
    const known = this.#sums.get(text) ?? { key, sum: new ShareSum() };
    known.sum.add(line);
    this.#sums.set(text, known);
  }

  get size(): number {
    return this.#sums.size;
  }

  sorted(): { readonly key: Key; readonly sum: ShareSum }[] {
    return [...this.#sums]
      .sort(([textA, a], [textB, b]) => compare(b.sum.totalNanoUsd, a.sum.totalNanoUsd) || (textA < textB ? -1 : 1))
      .map(([, share]) => share);
  }
}

function compare(a: bigint, b: bigint): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
