import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { classifyEndpoint, type Endpoint } from '../../src/metering/endpoints.ts';
import { COUNT_NAMES } from '../../src/metering/usage.ts';
import { splitEvents } from './split-events.ts';

/** Recorded exchanges, read where they lie beside the repository (its README says what the fields are). */
export interface RecordedExchange {
  readonly id: string;
  readonly provider: string;
  readonly method: string;
  readonly url_path: string;
  readonly request_headers: Readonly<Record<string, string>>;
  readonly request_body: string | null;
  readonly request_body_encoding: BufferEncoding;
  readonly status: number;
  readonly response_headers: Readonly<Record<string, string>>;
  readonly response_body: string | null;
  readonly response_body_encoding: BufferEncoding;
  readonly stream: boolean;
  readonly usage_raw: Record<string, unknown> | null;
  readonly expected: Record<string, unknown> | null;
  readonly flags: readonly string[];
}

const FOLDER = join(import.meta.dirname, '../../../shared/corpus');

/** All recorded exchanges; none, and one line on the console, where the folder is missing. */
export function readCorpus(): RecordedExchange[] {
  if (!existsSync(FOLDER)) {
    console.log('corpus: skipped, no recorded exchanges beside the repository');
    return [];
  }
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.jsonl'))
    .flatMap((name) => readFileSync(join(FOLDER, name), 'utf8').split('\n'))
    .filter((line) => line !== '')
    .map((line): RecordedExchange => JSON.parse(line));
}

/** The path below `/v1/`. Vendors put prefixes before it; the path's end says which endpoint it is. */
export function endpointPath(exchange: RecordedExchange): string {
  const path = exchange.url_path.split('?')[0] ?? '';
  const known =
    /(?:^|\/)((?:threads|batches|responses|chat|completions|embeddings|images|audio|files|models)(?:\/.*)?)$/;
  const chat = /(chat\/completions|(?<!chat\/)completions)$/.exec(path)?.[1];
  return chat ?? known.exec(path)?.[1] ?? path.replace(/^\/v1\//, '');
}

export function endpointOf(exchange: RecordedExchange): Endpoint {
  return classifyEndpoint(exchange.method, endpointPath(exchange));
}

export function answerBytes(exchange: RecordedExchange): Buffer {
  return Buffer.from(exchange.response_body ?? '', exchange.response_body_encoding);
}

export function requestBytes(exchange: RecordedExchange): Buffer {
  return Buffer.from(exchange.request_body ?? '', exchange.request_body_encoding);
}

/** A number the recording states, or 0. */
function stated(exchange: RecordedExchange, name: string): number {
  const value = exchange.expected?.[name];
  return typeof value === 'number' ? value : 0;
}

/** What the ledger says, from the plain reading and the rules of wire.md 5.4 and 9. */
export function ledgerCounts(exchange: RecordedExchange): Record<string, number> {
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
export function plainToolCalls(exchange: RecordedExchange): number {
  const ids = new Set<string>();
  for (const parsed of parsedAnswers(exchange)) {
    const output = endpointOf(exchange).name === 'responses/compact' ? [] : ((parsed.response ?? parsed).output ?? []);
    for (const item of output) if (String(item.type).endsWith('_call')) ids.add(item.id ?? item.call_id);
    for (const choice of parsed.choices ?? []) {
      const calls = (exchange.stream ? choice.delta : choice.message)?.tool_calls ?? [];
      for (const call of calls) if (call.function?.name) ids.add(call.id || `${choice.index}/${call.index}`);
    }
  }
  return ids.size;
}

/** The objects of an answer, one for each event of a stream. Loosely typed: a test reads what vendors write. */
function parsedAnswers(exchange: RecordedExchange) {
  const body = answerBytes(exchange);
  const documents = exchange.stream
    ? splitEvents(body).map(({ data }) => data.toString('utf8'))
    : [body.toString('utf8')];
  return documents
    .filter((text) => text.trimStart().startsWith('{') && !(exchange.stream && !isJson(text)))
    .map((text) => JSON.parse(text));
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
