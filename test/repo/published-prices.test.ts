import { describe, expect, it } from 'vitest';
import type { Usage } from '../../src/metering/usage.ts';
import { readBundledBook } from '../../src/pricing/bundled-book.ts';
import { costOf } from '../../src/pricing/cost.ts';
import { usageOf } from '../unit/pricing/usage-vectors.ts';
import { readText } from './repository.ts';

const BOOK = readBundledBook(readText('src/pricing/price-book.jsonl'));
const NOW = Date.UTC(2026, 10, 22, 12);

/** A published price in USD per million tokens. */
interface Published {
  readonly provider: string;
  readonly model: string;
  readonly atMs?: number;
  readonly tier?: string;
  /** Of the call: input tokens, of which cached. */
  readonly prices: Partial<Record<'input' | 'cached' | 'output' | 'write' | 'write1h' | 'write12h', number>>;
  /** Of a call with more input tokens than this. */
  readonly above?: number;
}

/**
 * With where and when they were read; in a stored copy of the page, whose own age may be some weeks. When a provider
 * changes a price, the book has a dated row for it, and the check here gets the day that it is of.
 */
const PUBLISHED: readonly (readonly [source: string, read: string, prices: readonly Published[]])[] = [
  [
    'https://openai.com/api-priority-processing/',
    '2026-11-22',
    [
      openai('gpt-5-mini', { input: 0.45, cached: 0.045, output: 3.6 }, 'priority'),
      openai('gpt-5', { input: 2.5, cached: 0.25, output: 20 }, 'priority'),
      openai('gpt-5.2', { input: 3.5, cached: 0.35, output: 28 }, 'priority'),
      openai('gpt-4.1', { input: 3.5, cached: 0.875, output: 14 }, 'priority'),
      openai('gpt-5.4', { input: 5, cached: 0.5, output: 30 }, 'priority'),
      openai('gpt-5.5', { input: 12.5, cached: 1.25, output: 75 }, 'priority'),
    ],
  ],
  [
    'https://github.com/github/docs/blob/main/data/tables/copilot/models-and-pricing.yml (at the prices of OpenAI)',
    '2026-11-22',
    [
      openai('gpt-5-mini', { input: 0.25, cached: 0.025, output: 2 }),
      openai('gpt-4.1', { input: 2, cached: 0.5, output: 8 }),
      openai('gpt-5.2', { input: 1.75, cached: 0.175, output: 14 }),
    ],
  ],
  [
    'https://developers.openai.com/api/docs/models/gpt-6.1-sol (as cited on 2026-09-30 and 2026-10-01)',
    '2026-11-22',
    [
      openai('gpt-6.1-sol', { input: 2, cached: 0.1, output: 10, write: 2.5 }),
      { ...openai('gpt-6.1-sol', { input: 4, cached: 0.2, output: 15 }), above: 272_000 },
      openai('gpt-6.1-sol', { input: 4, cached: 0.2, output: 20 }, 'priority'),
      openai('gpt-6.1-sol', { input: 1, output: 5 }, 'flex'),
      { ...openai('gpt-6.1-sol', { input: 8, cached: 0.4, output: 30 }, 'priority'), above: 272_000 },
      openai('gpt-6-luna', { input: 0.1, cached: 0.01, output: 0.5, write: 0.125 }),
    ],
  ],
  [
    'https://platform.claude.com/docs/en/about-claude/pricing',
    '2026-11-22',
    [
      anthropic('claude-sonnet-4-6', { input: 3, cached: 0.3, output: 15, write: 3.75, write1h: 6 }),
      anthropic('claude-opus-4-6', { input: 5, cached: 0.5, output: 25, write: 6.25, write1h: 10 }),
      anthropic('claude-haiku-4-5', { input: 1, cached: 0.1, output: 5, write: 1.25, write1h: 2 }),
      anthropic('claude-fable-5-1', { input: 10, cached: 0.25, output: 50, write: 12.5, write1h: 20 }),
      anthropic('claude-haiku-5-5', { input: 0.1, cached: 0.01, output: 0.5 }),
      { ...anthropic('claude-haiku-5-5', { input: 0.5, cached: 0.05, output: 2.5 }), above: 100_000 },
    ],
  ],
  [
    'https://api-docs.deepseek.com/quick_start/pricing',
    '2026-11-22',
    [
      deepseek('2026-08-10T02:00Z', { input: 0.435, cached: 0.003625, output: 0.87 }),
      deepseek('2026-08-20T12:00Z', { input: 0.66, cached: 0.022, output: 1.98 }),
      deepseek('2026-08-20T02:00Z', { input: 1.32, cached: 0.044, output: 3.96 }),
      deepseek('2026-08-20T06:00Z', { input: 1.32, cached: 0.044, output: 3.96 }),
      deepseek('2026-08-20T10:00Z', { input: 0.66, cached: 0.022, output: 1.98 }),
    ],
  ],
  [
    'https://console.groq.com/docs/models',
    '2026-11-22',
    [{ provider: 'groq', model: 'openai/gpt-oss-120b', prices: { input: 0.15, output: 0.6 } }],
  ],
];

function openai(model: string, prices: Published['prices'], tier?: string): Published {
  return { provider: 'openai', model, prices, ...(tier !== undefined && { tier }) };
}

function anthropic(model: string, prices: Published['prices']): Published {
  return { provider: 'anthropic', model, prices };
}

function deepseek(at: string, prices: Published['prices']): Published {
  return { provider: 'deepseek', model: 'deepseek-v4-pro', atMs: Date.parse(at), prices };
}

/** Calls of which a single kind of token costs anything, each with 1,000 tokens of it. */
const ONE_KIND: Readonly<Record<keyof Published['prices'], Partial<Usage>>> = {
  input: { input_tokens: 1000 },
  cached: { input_tokens: 1000, cache_read_tokens: 1000 },
  output: { output_tokens: 1000 },
  write: { input_tokens: 1000, cache_write_tokens: 1000 },
  write1h: {
    input_tokens: 1000,
    cache_write_tokens: 1000,
    details: { cache_creation_ephemeral_1h_input_tokens: 1000 },
  },
  write12h: { input_tokens: 1000, cache_write_tokens: 1000, details: { cache_write_12h_tokens: 1000 } },
};

describe.each(PUBLISHED)('as published at %s, read on %s', (_source, _read, all) => {
  it.each(all)('$provider $model $tier $above', ({ provider, model, prices, above = 0, tier = null, atMs = NOW }) => {
    const row = BOOK.find({ provider, model, atMs })?.row;
    if (row === undefined) throw new Error('no row');
    for (const [kind, usdPerMtok] of Object.entries(prices)) {
      const counts = Object.entries(ONE_KIND).find(([name]) => name === kind)?.[1] ?? {};
      // Past the length by tokens that are counted as cached, so that they are a line of their own.
      const long = { ...counts, input_tokens: above + 1 + (counts.input_tokens ?? 0) };
      const usage = usageOf(above === 0 ? counts : kind === 'input' ? { ...long, cache_read_tokens: above + 1 } : long);
      const { lineItems } = costOf({ row, usage, serviceTier: tier });
      const line = lineItems.find((item) => item.kind === LINES_OF[kind]);
      expect(line && (line.costNanoUsd * 1e-9 * 1e6) / line.quantity, kind).toBeCloseTo(usdPerMtok, 9);
    }
  });
});

const LINES_OF: Readonly<Record<string, string>> = {
  input: 'input',
  cached: 'cachedInput',
  output: 'output',
  write: 'cacheWrite',
  write1h: 'cacheWrite1h',
  write12h: 'cacheWrite12h',
};
