import { PassThrough } from 'node:stream';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { EventClient } from '../reporting/run-events.ts';

/** The open answers of one route that sends server-sent events for as long as its clients stay. */
export class EventStreams {
  readonly #open = new Set<PassThrough>();

  /** @param scope where the route is registered; when it stops, the streams end with it */
  constructor(scope: FastifyInstance) {
    // Streams never end by themselves and would hold up a stop; so would a client that does not read the end.
    scope.addHook('preClose', async () => {
      for (const stream of this.#open) {
        if (bufferedBytes(stream) === 0) stream.end();
        else stream.destroy();
      }
    });
  }

  /**
   * Answers with a stream of events.
   *
   * @param begin begins the telling, and gives what ends it
   */
  answer(reply: FastifyReply, begin: (client: EventClient) => () => void): FastifyReply {
    const stream = new PassThrough();
    this.#open.add(stream);
    const stop = begin(clientOf(stream));
    stream.once('close', () => {
      this.#open.delete(stream);
      stop();
    });
    return reply
      .header('content-type', 'text/event-stream; charset=utf-8')
      .header('x-accel-buffering', 'no')
      .send(stream);
  }
}

function clientOf(stream: PassThrough): EventClient {
  return {
    send: (text) => {
      if (!stream.writableEnded) stream.write(text);
    },
    get bufferedBytes() {
      return bufferedBytes(stream);
    },
    cut: () => stream.destroy(),
  };
}

function bufferedBytes(stream: PassThrough): number {
  return stream.writableLength + stream.readableLength;
}
