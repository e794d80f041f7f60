import type { AnswerConsumer } from '../streaming/relay.ts';
import type { UpstreamAnswer } from './dispatch.ts';

/** An answer whose first bytes have been looked at, and which can still be relayed as if they had not. */
export interface Peeked {
  /** The whole body, or its first `limitBytes` or somewhat more. */
  readonly bytes: Buffer;
  readonly answer: UpstreamAnswer;
}

/** Reads an answer's body to its end, or until more than `limitBytes` have come. Never rejects. */
export function peekBody(answer: UpstreamAnswer, limitBytes: number): Promise<Peeked> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let over: { readonly error: Error | null } | null = null;
    let consumer: AnswerConsumer | null = null;

    const attach = (next: AnswerConsumer) => {
      consumer = next;
      for (const chunk of chunks) next.data(chunk);
      if (over === null) answer.resume();
      else if (over.error === null) next.end();
      else next.failed(over.error);
    };
    const done = () => resolve({ bytes: Buffer.concat(chunks), answer: { ...readable(answer), attach } });

    answer.attach({
      data: (chunk) => {
        if (consumer !== null) {
          consumer.data(chunk);
          return;
        }
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > limitBytes) {
          answer.pause();
          done();
        }
      },
      end: () => {
        over = { error: null };
        if (consumer !== null) consumer.end();
        else done();
      },
      failed: (error) => {
        over = { error };
        if (consumer !== null) consumer.failed(error);
        else done();
      },
    });
  });
}

function readable(answer: UpstreamAnswer): Omit<UpstreamAnswer, 'attach'> {
  return {
    kind: 'answer',
    status: answer.status,
    statusText: answer.statusText,
    headers: answer.headers,
    forgetHeaders: () => answer.forgetHeaders(),
    pause: () => answer.pause(),
    resume: () => answer.resume(),
    abort: (reason) => answer.abort(reason),
  };
}
