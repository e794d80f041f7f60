import { describe, expect, it } from 'vitest';
import { MetertapError } from '../../../src/core/errors.ts';
import { classifyEndpoint } from '../../../src/metering/endpoints.ts';
import type { Exchange } from '../../../src/server/exchange.ts';
import { openSkimmer } from '../../../src/server/json-skim/json-skimmer.ts';
import { type CallRequest, readRequest } from '../../../src/server/read-request.ts';

const reading = { bodyLimitBytes: 1_000_000, needsModel: true, skimmer: openSkimmer() };
const PROSE = 'The quick brown fox says \\"hello\\" to the lazy dog.\\n';

/** What is read of a request whose body has come whole. */
function read(endpoint: string, text: string): CallRequest {
  const body = Buffer.from(text);
  const request = { headers: { 'content-length': String(body.length) }, takeWhole: () => body };
  const exchange = { request, endpoint: classifyEndpoint('POST', endpoint) } as unknown as Exchange;
  const result = readRequest(exchange, reading);
  if (result instanceof Promise) throw new Error('it waits');
  return result;
}

/** The same, the body left out. */
function known(endpoint: string, text: string): Omit<CallRequest, 'body'> {
  const { body: _, ...rest } = read(endpoint, text);
  return rest;
}

function refusal(endpoint: string, text: string): unknown {
  try {
    return read(endpoint, text);
  } catch (error) {
    return error instanceof MetertapError ? { code: error.code, message: error.message, param: error.param } : error;
  }
}

const CHAT = `"temperature":1.0,"n":2,"max_tokens":70,"stream":true,"stream_options":{"include_usage":true,"x":[1]},
  "service_tier":"flex","user":"u-1","metadata":{"run_id":"r-1","input":"${PROSE.repeat(9)}"},"prompt_cache_key":"k",
  "background":true,"previous_response_id":"resp_1","conversation":{"id":"conv_1"},"session_id":"s"`;

describe('a long request', () => {
  const short = `[{"role":"user","content":"${PROSE}"}]`;
  const long = `[{"role":"user","content":"${PROSE.repeat(2000)}"}]`;

  it.each(['messages', 'input', 'instructions', 'tools', 'functions', 'response_format', 'text', 'anything'])(
    'is read as a short one, wherever its %s stand',
    (name) => {
      for (const endpoint of ['chat/completions', 'responses', 'completions', 'embeddings', 'images/generations']) {
        for (const shape of [
          (value: string) => `{"model":"m","${name}":${value},${CHAT}}`,
          (value: string) => `{${CHAT},"model":"m","${name}":${value}}`,
          (value: string) => ` {"${name}":${value} , "${name}":${value},"model":"old",${CHAT},"model":"m"}\n`,
        ]) {
          expect(known(endpoint, shape(long))).toEqual(known(endpoint, shape(short)));
          expect(known(endpoint, shape(long)).model).toBe('m');
        }
      }
    },
  );

  it('goes out as it came', () => {
    const text = `{"model":"m","seed":12345678901234567890,"a":1.0,"a":2,"messages":${long}}`;
    expect(read('chat/completions', text).body?.toString()).toBe(text);
  });

  it('has its prompts counted, each of which may become as long as the ceiling', () => {
    const prompts = JSON.stringify(Array.from({ length: 40 }, () => 'x'.repeat(1000)));
    expect(read('completions', `{"model":"m","max_tokens":10,"prompt":${prompts}}`).outputCeiling).toBe(400);
  });

  it('has its characters counted where it is to be spoken', () => {
    expect(read('audio/speech', `{"model":"m","input":"${'é😀'.repeat(2000)}"}`).units).toBe(4000);
  });

  it.each([
    ['is cut', (text: string) => text.slice(0, -1), 'malformed_body'],
    ['has a comma too many', (text: string) => text.replace('"model"', ',"model"'), 'malformed_body'],
    ['has a line end within a text', (text: string) => text.replace('dog', '\n'), 'malformed_body'],
    ['has an escape that is none', (text: string) => text.replace('dog', '\\x'), 'malformed_body'],
    ['has a mark before it', (text: string) => `\ufeff${text}`, 'malformed_body'],
    ['is a list', (text: string) => `[${text}]`, 'malformed_body'],
    ['has a model that is a number', (text: string) => text.replace('"m"', '7'), 'malformed_body'],
  ])('is refused as a short one that %s', (_, change, code) => {
    const refused = (messages: string) => refusal('chat/completions', change(`{"model":"m","messages":${messages}}`));
    const withoutPlace = (given: unknown) => JSON.stringify(given).replace(/character \d+/, 'character');
    expect(refused(long)).toMatchObject({ code });
    expect(withoutPlace(refused(long))).toBe(withoutPlace(refused(short)));
  });
});
