import { BodyDecoder } from './body-decoder.ts';
import type { AnswerConsumer, AnswerSource } from './relay.ts';

/**
 * An answer whose compression is undone on the way. Needed only where a stream must be edited and the upstream has
 * compressed it although it was asked not to.
 *
 * @param codings such as can be decoded (`canDecode`)
 */
export function decodedSource(source: AnswerSource, codings: readonly string[], maxDecodedBytes: number): AnswerSource {
  return new DecodedSource(source, codings, maxDecodedBytes);
}

class DecodedSource implements AnswerSource {
  readonly #source: AnswerSource;
  readonly #decoder: BodyDecoder;
  #consumer: AnswerConsumer | null = null;
  #failure: Error | null = null;

  constructor(source: AnswerSource, codings: readonly string[], maxDecodedBytes: number) {
    this.#source = source;
    this.#decoder = new BodyDecoder(codings, { maxDecodedBytes, onData: (chunk) => this.#consumer?.data(chunk) });
  }

  attach(consumer: AnswerConsumer): void {
    this.#consumer = consumer;
    this.#decoder.done.then(
      () => (this.#failure === null ? consumer.end() : consumer.failed(this.#failure)),
      (error: Error) => {
        // Of an answer that was cut its own failure is told, not that the rest does not decode.
        const reason = this.#failure ?? error;
        this.#source.abort(reason);
        consumer.failed(reason);
      },
    );
    this.#source.attach({
      data: (chunk) => this.#decoder.push(chunk),
      end: () => void this.#decoder.end().catch(() => undefined),
      failed: (error) => this.#fail(error),
    });
  }

  pause(): void {
    this.#source.pause();
    this.#decoder.pause();
  }

  resume(): void {
    this.#decoder.resume();
    this.#source.resume();
  }

  abort(reason: Error): void {
    this.#source.abort(reason);
    this.#fail(reason);
  }

  /** What has come of the answer is decoded all the same: its usage may be in it. */
  #fail(error: Error): void {
    this.#failure ??= error;
    this.#decoder.resume();
    this.#decoder.end().catch(() => undefined); // told by `done`
  }
}
