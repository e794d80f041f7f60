import { PassThrough } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { QueryParameters } from '../reporting/query-parameters.ts';
import { type EventClient, followRun } from '../reporting/run-events.ts';
import type { ManagementRooms } from './management-rooms.ts';
import { findRun, notFound, pathId, readerOf } from './management-scope.ts';

/** `GET /runs/{run_id}/events`: server-sent events for as long as the client stays. */
export function registerRunEventsRoute(scope: FastifyInstance, rooms: ManagementRooms): void {
  const open = new Set<PassThrough>();
  // Streams never end by themselves and would hold up a stop; so would a client that does not read the end.
  scope.addHook('preClose', async () => {
    for (const stream of open) {
      if (bufferedBytes(stream) === 0) stream.end();
      else stream.destroy();
    }
  });

  // No HEAD beside it: the answer has no end, so its headers alone would never be complete.
  scope.get('/runs/:run_id/events', { exposeHeadRoute: false }, async (request, reply) => {
    const parameters = new QueryParameters(request.query, ['team']);
    const runId = pathId(request, 'run_id');
    const who = { reader: readerOf(request), askedTeam: parameters.text('team') };
    const run = await findRun(rooms.reader, runId, who);
    if ((await rooms.reader.run(run)) === null) throw notFound('run', runId);

    const stream = new PassThrough();
    open.add(stream);
    const stop = followRun(rooms, { run, client: clientOf(stream) }, rooms.eventBounds);
    stream.once('close', () => {
      open.delete(stream);
      stop();
    });
    return reply
      .header('content-type', 'text/event-stream; charset=utf-8')
      .header('x-accel-buffering', 'no')
      .send(stream);
  });
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
