import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CallRecord } from '../../../src/ledger/record.ts';
import { emptySums } from '../../../src/ledger/sums.ts';
import { Cursors } from '../../../src/reporting/list-page.ts';
import { ORGANIZATION_KINDS, type OrganizationGroup } from '../../../src/reporting/organization-kinds.ts';
import { organizationTokens } from '../../../src/reporting/organization-tokens.ts';
import { type OrganizationUsageResult, reportOrganizationUsage } from '../../../src/reporting/organization-usage.ts';
import { callId } from '../../support/call-record.ts';
import { makeCallRecord, makeUsage } from '../../support/make-call-record.ts';
import { openTestJournal } from '../../support/test-journal.ts';

const count = fc.nat({ max: 5_000 });

describe('organizationTokens', () => {
  it('splits as the example of the specification does', () => {
    const tokens = organizationTokens({
      ...emptySums(),
      input_tokens: 5_000,
      cache_read_tokens: 1_800,
      cache_write_tokens: 200,
      input_audio_tokens: 300 + 100,
      cache_audio_read_tokens: 100,
      input_image_tokens: 200 + 200,
      cached_image_tokens: 200,
      output_tokens: 1_000,
      output_audio_tokens: 100,
      output_image_tokens: 100,
    });
    expect(tokens).toMatchObject({
      input_uncached_tokens: 3_000,
      input_cached_tokens: 1_800,
      input_cache_write_tokens: 200,
      input_text_tokens: 2_500,
      input_audio_tokens: 300,
      input_image_tokens: 200,
      input_cached_text_tokens: 1_500,
      input_cached_audio_tokens: 100,
      input_cached_image_tokens: 200,
      output_text_tokens: 800,
      output_audio_tokens: 100,
      output_image_tokens: 100,
    });
  });

  it('holds its identities, whatever an upstream reports', () => {
    const names = Object.keys(emptySums()).filter((name) => name !== 'cost_nano_usd');
    const anySums = fc.record(Object.fromEntries(names.map((name) => [name, count])));
    fc.assert(
      fc.property(anySums, (sums) => {
        const tokens = organizationTokens({ ...emptySums(), ...sums });
        expect(Object.values(tokens).every((tokenCount) => tokenCount >= 0)).toBe(true);
        const {
          input_uncached_tokens: uncached,
          input_cached_tokens: cached,
          input_cache_write_tokens: written,
        } = tokens;
        expect(uncached + cached + written).toBe(tokens.input_tokens);
        expect(tokens.input_text_tokens + tokens.input_audio_tokens + tokens.input_image_tokens).toBe(uncached);
        const {
          input_cached_text_tokens: text,
          input_cached_audio_tokens: audio,
          input_cached_image_tokens: image,
        } = tokens;
        expect(text + audio + image).toBe(cached);
        expect(tokens.output_text_tokens + tokens.output_audio_tokens + tokens.output_image_tokens).toBe(
          tokens.output_tokens,
        );
        expect(tokens.input_cache_write_30m_tokens + tokens.input_cache_write_12h_tokens).toBeLessThanOrEqual(written);
      }),
    );
  });
});

/** A call as upstreams report it: parts are inside their wholes. */
const call = fc
  .record({
    minute: fc.nat({ max: 3_000 }),
    team: fc.constantFrom('research', 'sales'),
    key_id: fc.constantFrom('ci', 'laptop'),
    run_id: fc.constantFrom('run-1', 'run-2', null),
    user: fc.constantFrom('ada', 'bob', null),
    service_tier: fc.constantFrom('default', 'flex', null),
    endpoint: fc.constantFrom('chat/completions', 'responses', 'embeddings', 'images/generations', 'audio/speech'),
    model: fc.constantFrom('gpt-5', 'gpt-5-mini'),
    parts: fc.record({
      text: count,
      audio: count,
      image: count,
      cachedAudio: count,
      cachedImage: count,
      written: count,
    }),
    output: count,
    units: fc.option(fc.nat({ max: 9 })),
  })
  .map(({ minute, model, parts, output, ...rest }) => {
    const cached = parts.cachedAudio + parts.cachedImage + parts.text;
    const usage = makeUsage({
      input_tokens: cached + parts.written + parts.audio + parts.image + parts.text,
      cache_read_tokens: cached,
      cache_write_tokens: parts.written,
      input_audio_tokens: parts.audio + parts.cachedAudio,
      cache_audio_read_tokens: parts.cachedAudio,
      input_image_tokens: parts.image + parts.cachedImage,
      output_tokens: output,
      details: {
        cached_image_tokens: parts.cachedImage,
        cache_write_12h_tokens: parts.written,
        web_search_requests: 1,
      },
    });
    return { ...rest, usage, response_model: model, started_at: new Date(NOON_MS + minute * 60_000).toISOString() };
  });

const NOON_MS = Date.UTC(2026, 10, 22, 12);
const kinds = [...ORGANIZATION_KINDS.values()].filter((kind) => kind.endpoints.length > 0);

function totals(results: readonly OrganizationUsageResult[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const result of results) {
    for (const [name, value] of Object.entries(result)) {
      if (typeof value === 'number') sums[name] = (sums[name] ?? 0) + value;
    }
  }
  return sums;
}

describe('any grouping', () => {
  it('sums to the ungrouped totals, at any width and page by page', { timeout: 60_000 }, async () => {
    const nowMs = NOON_MS + 4 * 86_400_000;
    const journal = await openTestJournal({ clock: { nowMs: () => nowMs, monotonicMs: () => performance.now() } });
    const calls = fc.sample(call, { numRuns: 300, seed: 11 });
    const made: CallRecord[] = calls.map((given, n) =>
      makeCallRecord(n, { ...given, id: callId(Date.parse(given.started_at)) }),
    );
    await Promise.all(made.map((record) => journal.finish(record)));

    const ask = async (
      kind: (typeof kinds)[number],
      groupBy: readonly OrganizationGroup[],
      bucket: '1m' | '1h' | '1d',
    ) => {
      const range = { startMs: Date.UTC(2026, 10, 22), endMs: null, bucket };
      const request = { kind, range, groupBy, filters: {}, batch: null, includeEstimated: false };
      const cursors = new Cursors([groupBy, bucket], 'page');
      const results: OrganizationUsageResult[] = [];
      let position: readonly string[] | null = null;
      do {
        const page = { limit: bucket === '1m' ? 1_440 : 31, position, cursors, nowMs };
        const answer = await reportOrganizationUsage(journal.reader, request, page);
        results.push(...answer.data.flatMap((each) => each.results));
        position = answer.next_page === null ? null : cursors.read(answer.next_page);
      } while (position !== null);
      return totals(results);
    };

    for (const kind of kinds) {
      const expected = await ask(kind, [], '1d');
      await fc.assert(
        fc.asyncProperty(
          fc.subarray([...kind.groups, 'run_id' as const]),
          fc.constantFrom('1m' as const, '1h' as const, '1d' as const),
          async (groupBy, bucket) => {
            expect(await ask(kind, groupBy, bucket)).toEqual(expected);
          },
        ),
        { numRuns: 12 },
      );
    }
    const chats = made.filter((record) => ['chat/completions', 'responses'].includes(record.endpoint));
    const [completions] = kinds;
    if (completions === undefined) throw new Error('there are kinds');
    const all = await ask(completions, [], '1d');
    expect(all['input_tokens']).toBe(chats.reduce((sum, record) => sum + (record.usage?.input_tokens ?? 0), 0));
    expect(all['num_model_requests']).toBe(chats.length);
  });
});
