import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

/** An upstream whose every answer the test writes itself, on a real socket. `await using` closes it. */
export interface FakeUpstream extends AsyncDisposable {
  /** With `/v1`, as a base URL. */
  readonly url: string;
  /** What it has received, oldest first, with the whole body. */
  readonly requests: readonly ReceivedRequest[];
  close(): Promise<void>;
}

export interface ReceivedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

export type AnswerScript = (request: ReceivedRequest, response: ServerResponse) => void | Promise<void>;

/** Starts an upstream that reads each request whole and then lets `answer` write. */
export async function startFakeUpstream(answer: AnswerScript): Promise<FakeUpstream> {
  const requests: ReceivedRequest[] = [];
  const server = createServer((request, response) => {
    readWhole(request).then(
      async (body) => {
        const received = {
          method: request.method ?? '',
          url: request.url ?? '',
          headers: request.headers,
          rawHeaders: request.rawHeaders,
          body,
        };
        requests.push(received);
        await answer(received, response);
      },
      () => undefined, // the caller went away while it sent
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => closeServer(server);
  return { url: `http://127.0.0.1:${portOf(server)}/v1`, requests, close, [Symbol.asyncDispose]: close };
}

/** Answers with JSON, its length announced. */
export function answerJson(response: ServerResponse, value: unknown, status = 200): void {
  const body = Buffer.from(JSON.stringify(value));
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': String(body.length) });
  response.end(body);
}

/** Answers with a stream of these events, each `data: …` and a blank line, in one write each. */
export function answerEvents(response: ServerResponse, events: readonly string[]): void {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  for (const event of events) response.write(`data: ${event}\n\n`);
  response.end();
}

async function readWhole(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts);
}

function portOf(server: Server): number {
  const address = server.address() as AddressInfo | null;
  if (address === null) throw new Error('the upstream does not listen');
  return address.port;
}

function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
