import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Dispatcher, Pool } from 'undici';

/**
 * The bare pipe that every figure is compared with: Node's `http` server and undici's `dispatch`, as fast as they go
 * together. It reads nothing, records nothing and knows nobody; it only obeys back-pressure, as any proxy must.
 *
 * PORT and UPSTREAM_URL come from the environment.
 */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'host', 'content-length', 'expect']);

const pool = new Pool(process.env['UPSTREAM_URL'] ?? '', {
  pipelining: 1,
  headersTimeout: 0,
  bodyTimeout: 0,
  connect: { noDelay: true },
});

class Pipe implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#response.once('close', () => {
      if (!this.#response.writableFinished) controller.abort(new Error('the client left'));
    });
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    this.#response.sendDate = false;
    this.#response.writeHead(status, answerHeaders(controller.rawHeaders));
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#response.write(chunk)) return;
    controller.pause();
    this.#response.once('drain', () => controller.resume());
  }

  onResponseEnd(): void {
    this.#response.end();
  }

  onResponseError(): void {
    this.#response.destroy();
  }
}

function forward(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
  const headers: string[] = [];
  const raw = request.rawHeaders;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? '';
    if (!HOP_BY_HOP.has(name.toLowerCase())) headers.push(name, raw[i + 1] ?? '');
  }
  const path = request.url ?? '/';
  pool.dispatch({ path, method: 'POST', headers, body }, new Pipe(response));
}

/** Name, value, name, value, … of the answer, without those of the connection to the upstream. */
function answerHeaders(rawHeaders: unknown): string[] {
  const headers: string[] = [];
  if (!Array.isArray(rawHeaders)) return headers;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = String(rawHeaders[i]);
    const lower = name.toLowerCase();
    if (lower === 'content-length' || !HOP_BY_HOP.has(lower)) headers.push(name, String(rawHeaders[i + 1]));
  }
  return headers;
}

const server = createServer({ noDelay: true }, (request, response) => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    const [first] = parts;
    forward(request, response, parts.length === 1 && first ? first : Buffer.concat(parts));
  });
});
server.listen({ port: Number(process.env['PORT']), host: '127.0.0.1', backlog: 4096 });
process.on('SIGTERM', () => process.exit(0));
