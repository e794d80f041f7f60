import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AnswerMeter, type Finding } from '../../../src/metering/answer-meter.ts';
import { classifyEndpoint, type Endpoint } from '../../../src/metering/endpoints.ts';
import { COUNT_NAMES } from '../../../src/metering/usage.ts';
import { splitEvents } from './split-events.ts';

/** Recorded exchanges, read where they lie beside the repository (its README says what the fields are). */
interface Exchange {
  readonly id: string;
  readonly provider: string;
  readonly method: string;
  readonly url_path: string;
  readonly status: number;
  readonly stream: boolean;
  readonly response_body: string | null;
  readonly response_body_encoding: BufferEncoding;
  readonly usage_raw: Record<string, unknown> | null;
  readonly expected: Record<string, unknown> | null;
  readonly flags: readonly string[];
}

const folder = join(import.meta.dirname, '../../../../shared/corpus');
const exchanges = existsSync(folder) ? readExchanges() : [];
if (exchanges.length === 0) console.log(`corpus: skipped, no recorded exchanges beside the repository`);

function readExchanges(): Exchange[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.jsonl'))
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n'))
    .filter((line) => line !== '')
    .map((line): Exchange => JSON.parse(line));
}

/** Vendors put prefixes before the path; the path's end says which endpoint it is. */
function endpointOf(exchange: Exchange): Endpoint {
  const path = exchange.url_path.split('?')[0] ?? '';
  const known =
    /(?:^|\/)((?:threads|batches|responses|chat|completions|embeddings|images|audio|files|models)(?:\/.*)?)$/;
  const chat = /(chat\/completions|(?<!chat\/)completions)$/.exec(path)?.[1];
  return classifyEndpoint(exchange.method, chat ?? known.exec(path)?.[1] ?? path.replace(/^\/v1\//, ''));
}

function meter(exchange: Exchange): Finding {
  const answer = new AnswerMeter(endpointOf(exchange));
  const body = Buffer.from(exchange.response_body ?? '', exchange.response_body_encoding);
  if (!exchange.stream) answer.readDocument(body);
  else for (const { data, name } of splitEvents(body)) answer.readEvent(data, name);
  return answer.finding;
}

/** A number the recording states, or 0. */
function stated(exchange: Exchange, name: string): number {
  const value = exchange.expected?.[name];
  return typeof value === 'number' ? value : 0;
}

/** What the ledger says, from the plain reading and the rules of wire.md 5.4 and 9. */
function ledgerCounts(exchange: Exchange): Record<string, number> {
  const input = stated(exchange, 'input_tokens');
  const output = stated(exchange, 'output_tokens');
  const total = stated(exchange, 'total_tokens');
  const cached = stated(exchange, 'cache_read_tokens');
  const audio = stated(exchange, 'input_audio_tokens');
  const reasoning = stated(exchange, 'reasoning_tokens');
  const counts: Record<string, number> = {};
  for (const name of COUNT_NAMES) if (name in (exchange.expected ?? {})) counts[name] = stated(exchange, name);
  if (cached > input) counts['input_tokens'] = input + cached;
  else if (audio > 0 && total === input + output + audio) counts['input_tokens'] = input + audio;
  if (reasoning > output || (reasoning > 0 && total === input + output + reasoning)) {
    counts['output_tokens'] = output + reasoning;
  }
  if (!('input_tokens' in counts) && !('output_tokens' in counts) && total > 0) counts['input_tokens'] = total;
  return counts;
}

/** Tool calls by parsing everything: the ids in a chat stream, the calls in a document, the output of a response. */
function plainToolCalls(exchange: Exchange): number {
  const body = Buffer.from(exchange.response_body ?? '', exchange.response_body_encoding);
  const documents = exchange.stream
    ? splitEvents(body).map(({ data }) => data.toString('utf8'))
    : [body.toString('utf8')];
  const ids = new Set<string>();
  for (const text of documents) {
    if (!text.trimStart().startsWith('{') || (exchange.stream && !isJson(text))) continue;
    const parsed = JSON.parse(text);
    const output = endpointOf(exchange).name === 'responses/compact' ? [] : ((parsed.response ?? parsed).output ?? []);
    for (const item of output) if (String(item.type).endsWith('_call')) ids.add(item.id ?? item.call_id);
    for (const choice of parsed.choices ?? []) {
      const calls = (exchange.stream ? choice.delta : choice.message)?.tool_calls ?? [];
      for (const call of calls) if (call.function?.name) ids.add(call.id || `${choice.index}/${call.index}`);
    }
  }
  return ids.size;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const metered = exchanges.filter((exchange) => {
  const { kind, isResponses } = endpointOf(exchange);
  return exchange.response_body !== null && (kind === 'metered' || isResponses);
});

describe.runIf(exchanges.length > 0)('recorded exchanges', () => {
  it('are of known endpoints', () => {
    const kinds = new Set(exchanges.filter((exchange) => exchange.expected !== null).map((e) => endpointOf(e).kind));
    expect(kinds).toEqual(new Set(['metered', 'free']));
    expect(metered.length).toBeGreaterThan(400);
  });

  it.each(metered.map((exchange) => [`${exchange.provider} ${exchange.id}`, exchange] as const))(
    '%s',
    (_, exchange) => {
      const finding = meter(exchange);
      expect(finding.usageRaw).toEqual(exchange.usage_raw);
      if (exchange.usage_raw === null) expect(finding.usage).toBeNull();
      else expect(finding.usage).toMatchObject(ledgerCounts(exchange));
      if (finding.usage) expect(finding.usage.tool_calls).toBe(plainToolCalls(exchange));
      if (exchange.usage_raw !== null) expect(finding.failed).toBe(exchange.flags.includes('error_in_stream'));
      if (exchange.flags.includes('error_in_stream')) expect(finding.failed).toBe(true);
    },
  );
});
