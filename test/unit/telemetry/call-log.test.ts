import { expect, it } from 'vitest';
import { callLogLine } from '../../../src/telemetry/call-log.ts';
import { streamedCall } from './streamed-call.ts';

it('gives the ids and numbers of a call', () => {
  expect(callLogLine(streamedCall())).toEqual({
    id: '01CALL00000000000000000001',
    team: 'research',
    key_id: 'ci',
    run_id: 'nightly-42',
    upstream: 'openai',
    endpoint: 'chat/completions',
    stream: true,
    model: 'gpt-5-mini-2026-02-01',
    status: 200,
    ending: 'completed',
    error_code: null,
    usage_source: 'reported',
    input_tokens: 1200,
    output_tokens: 300,
    cost_usd: '0.002345600',
    duration_ms: 2150,
    ttft_ms: 310,
  });
});

it('says null, not zero, where usage is missing', () => {
  const line = callLogLine(streamedCall({ usage: null, usage_source: 'missing', response_model: null }));
  expect(line).toMatchObject({ input_tokens: null, output_tokens: null, model: 'gpt-5-mini' });
});

it('says nothing that users write: no tags, labels, end users or raw usage', () => {
  const record = streamedCall({ tags: { t: 'TEXT' }, labels: { l: 'TEXT' }, user: 'TEXT', usage_raw: { x: 'TEXT' } });
  expect(JSON.stringify(callLogLine(record))).not.toContain('TEXT');
});
