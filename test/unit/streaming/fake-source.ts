import type { AnswerConsumer, AnswerSource } from '../../../src/streaming/relay.ts';

/** An answer of which the test says every move. */
export class FakeSource implements AnswerSource {
  #consumer: AnswerConsumer | null = null;
  paused = false;
  /** How often it has been told to pause and to go on. */
  readonly moves: ('pause' | 'resume')[] = [];
  abortedWith: Error | null = null;

  attach(consumer: AnswerConsumer): void {
    this.#consumer = consumer;
  }

  pause(): void {
    this.paused = true;
    this.moves.push('pause');
  }

  resume(): void {
    this.paused = false;
    this.moves.push('resume');
  }

  abort(reason: Error): void {
    if (this.abortedWith !== null) return;
    this.abortedWith = reason;
    this.fail(reason);
  }

  send(data: string | Buffer): void {
    this.#consumer?.data(Buffer.from(data));
  }

  end(): void {
    this.#consumer?.end();
  }

  fail(error: Error): void {
    this.#consumer?.failed(error);
  }
}
