import { parentPort } from 'node:worker_threads';
import { clearMergeCache, countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import { tokensInSlices } from '../metering/estimate-tokens.ts';
import type { CountAnswer, CountRequest } from './token-estimator.ts';

/**
 * The thread that counts tokens (`token-estimator.ts` starts it): the tokeniser takes a tenth of a second and 80 MB to
 * load, and is synchronous.
 */

/** A job takes no longer; what it has not counted by then is taken to be like what it has. */
const JOB_MS = 150;
/** What looks like a special token (`<|endoftext|>`) is text here, as everything in a prompt is. */
const SPECIAL_TOKENS_AS_TEXT = { disallowedSpecial: new Set<string>() };

parentPort?.on('message', (request: CountRequest) => {
  const answer: CountAnswer = { id: request.id, tokens: countAll(request.texts) };
  parentPort?.postMessage(answer);
});

/** Null where the tokeniser fails. Its error is not passed on: it might quote the text. */
function countAll(texts: readonly string[]): readonly number[] | null {
  const startedAt = performance.now();
  try {
    return texts.map((text, index) => {
      const until = startedAt + (JOB_MS * (index + 1)) / texts.length;
      const isOver = () => performance.now() > until;
      return tokensInSlices(text, (slice) => countTokens(slice, SPECIAL_TOKENS_AS_TEXT), isOver);
    });
  } catch {
    return null;
  } finally {
    clearMergeCache(); // it holds pieces of the text
  }
}
