import { BodyDecoder, DecodingError } from './body-decoder.ts';
import type { AnswerConsumer, AnswerSource } from './relay.ts';

/**
 * An answer whose compression is undone on the way. Needed only where a stream must be edited and the upstream has
 * compressed it although it was asked not to.
 */
export function decodedSource(source: AnswerSource, codings: readonly string[], maxDecodedBytes: number): AnswerSource {
  return {
    attach(consumer: AnswerConsumer) {
      const decoder = new BodyDecoder(codings, { maxDecodedBytes, onData: (chunk) => consumer.data(chunk) });
      const failed = (error: unknown) => {
        const reason = error instanceof Error ? error : new DecodingError('corrupt', String(error));
        source.abort(reason);
        consumer.failed(reason);
      };
      source.attach({
        data: (chunk) => decoder.push(chunk),
        end: () => void decoder.end().then(() => consumer.end(), failed),
        failed: (error) => {
          decoder.destroy();
          consumer.failed(error);
        },
      });
    },
    pause: () => source.pause(),
    resume: () => source.resume(),
    abort: (reason) => source.abort(reason),
  };
}
