import { type Answer, jsonAnswer } from './answer.ts';
import { type Call, resolveModel } from './call.ts';
import { checkEmbeddings, parseBody, requireModel } from './strictness.ts';
import { countCharacters, countTokenIds, inputTokens, steerCounts } from './usage.ts';

const DIMENSIONS = new Map([['text-embedding-3-large', 3_072]]);
const DEFAULT_DIMENSIONS = 1_536;
const MOST_DIMENSIONS = 4_096;

/** `POST embeddings`. Every input gets the same unit vector: what is exact here is the usage. */
export function createEmbeddings(call: Call): Answer {
  const request = parseBody(call.body);
  const requested = requireModel(request);
  checkEmbeddings(request);
  const model = resolveModel(call, requested);
  const input = request['input'];
  const dimensions =
    typeof request['dimensions'] === 'number'
      ? Math.min(MOST_DIMENSIONS, Math.max(1, Math.floor(request['dimensions'])))
      : (DIMENSIONS.get(requested) ?? DEFAULT_DIMENSIONS);
  const vector = vectorText(dimensions, request['encoding_format'] === 'base64');
  const tokens = inputTokens(countCharacters(input), 0) + countTokenIds(input);
  const counts = steerCounts({ input: tokens, contentEvents: 0 }, call.steering);

  const data = Array.from(
    { length: countInputs(input) },
    (_, index) => `{"object":"embedding","index":${index},"embedding":${vector}}`,
  );
  const usage = JSON.stringify({ prompt_tokens: counts.input, total_tokens: counts.input });
  const usageMember = call.steering.noUsage ? '' : `,"usage":${usage}`;
  return jsonAnswer(`{"object":"list","data":[${data.join(',')}],"model":${JSON.stringify(model)}${usageMember}}`);
}

/** A string or an array of token ids is one input; another array holds one input an item. */
function countInputs(input: unknown): number {
  return Array.isArray(input) && typeof input[0] !== 'number' ? input.length : 1;
}

function vectorText(dimensions: number, asBase64: boolean): string {
  const value = Math.fround(1 / Math.sqrt(dimensions));
  const vector = new Float32Array(dimensions).fill(value);
  if (asBase64) return `"${Buffer.from(vector.buffer).toString('base64')}"`;
  return `[${new Array<number>(dimensions).fill(value).join(',')}]`;
}
