import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { startFakeUpstream } from './fake-upstream.ts';
import { asList, asRecord } from './start-proxy.ts';

/** A receiver of events: keeps every request whole, and answers as the test says; with 204 unless it says otherwise. */
export interface EventReceiver extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly EventRequest[];
  /** Answers the requests from now on. */
  answer(script: EventScript): void;
  /** The ids of all CloudEvents in requests that were answered with a success, in order, repeated ones too. */
  readonly takenIds: readonly string[];
  close(): Promise<void>;
}

export interface EventRequest {
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** Gives the status, or writes the answer itself and gives null. */
export type EventScript = (request: EventRequest, response: ServerResponse) => number | null | Promise<number | null>;

export async function startEventReceiver(): Promise<EventReceiver> {
  const requests: EventRequest[] = [];
  const takenIds: string[] = [];
  let script: EventScript = () => 204;
  const server = await startFakeUpstream(async ({ headers, body }, response) => {
    const request = { headers, text: body.toString('utf8') };
    requests.push(request);
    const status = await script(request, response);
    if (status === null) return;
    if (status < 300) takenIds.push(...cloudEventsOf(request).map((event) => String(event['id'])));
    response.writeHead(status).end();
  });
  return {
    url: server.url.replace(/\/v1$/, '/events'),
    requests,
    answer: (next) => {
      script = next;
    },
    takenIds,
    close: () => server.close(),
    [Symbol.asyncDispose]: () => server.close(),
  };
}

/** The events in a request that is a batch, or a single one, of CloudEvents; none where it is something else. */
export function cloudEventsOf(request: EventRequest): Record<string, unknown>[] {
  const type = request.headers['content-type'];
  if (type === 'application/cloudevents-batch+json') return asList(JSON.parse(request.text)).map(asRecord);
  return type === 'application/cloudevents+json' ? [asRecord(JSON.parse(request.text))] : [];
}
