import { type Dispatcher, Pool } from 'undici';
import type { AnswerReceiver, CarriedRequest, Carrier, Sending } from './carrier.ts';
import type { ConnectionPoolSettings } from './http1/connection-pool.ts';
import { ExchangeError, type ExchangeErrorCode } from './http1/exchange-error.ts';
import { type HeaderField, headerField } from './http1/header-block.ts';

/** Carries exchanges by undici: bodies that are streams, with their framing, their pace and their faults. */
export class UndiciCarrier implements Carrier {
  readonly #pool: Pool;

  constructor(settings: ConnectionPoolSettings) {
    this.#pool = new Pool(settings.url.origin, {
      connections: settings.maxConnections,
      pipelining: 1,
      // Header names and their order reach the client as the upstream wrote them; HTTP/2 would lower and reorder them.
      allowH2: false,
      keepAliveTimeout: settings.keptMs,
      headersTimeout: settings.firstByteMs,
      bodyTimeout: settings.idleMs,
      connect: { timeout: settings.connectMs, noDelay: true },
    });
  }

  send(request: CarriedRequest, receiver: AnswerReceiver): Sending {
    const exchange = new UndiciExchange(receiver);
    const { method, path, body } = request;
    this.#pool.dispatch(
      { method: method as Dispatcher.HttpMethod, path, headers: [...request.headers], body },
      exchange,
    );
    return exchange;
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

/** Hands the events of one dispatch on (https://github.com/nodejs/undici/blob/main/docs/docs/api/Dispatcher.md). */
class UndiciExchange implements Dispatcher.DispatchHandler, Sending {
  readonly #receiver: AnswerReceiver;
  #controller: Dispatcher.DispatchController | null = null;
  #abortReason: Error | null = null;
  #isOver = false;

  constructor(receiver: AnswerReceiver) {
    this.#receiver = receiver;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#abortReason !== null) controller.abort(this.#abortReason);
    else this.#receiver.sent();
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    statusText?: string,
  ): void {
    if (status < 200) return;
    const fields = fieldsOf(controller.rawHeaders);
    controller.rawHeaders = null;
    this.#receiver.head({ status, statusText: wireText(statusText ?? ''), fields });
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#receiver.data(chunk);
  }

  onResponseEnd(): void {
    this.#isOver = true;
    this.#receiver.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#receiver.failed(this.#abortReason ?? ownErrorOf(error));
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  abort(reason: Error): void {
    if (this.#isOver || this.#abortReason !== null) return;
    this.#abortReason = reason;
    if (this.#controller !== null) this.#controller.abort(reason);
    else this.onResponseError(null, reason);
  }
}

const NO_TEXT = /[^\t\x20-\x7e\x80-\xff]/g;

const TIMEOUTS: Readonly<Record<string, ExchangeErrorCode>> = {
  UND_ERR_HEADERS_TIMEOUT: 'HEAD_TIMEOUT',
  UND_ERR_BODY_TIMEOUT: 'BODY_TIMEOUT',
};

/** Undici's time-outs, told in the same words as those of our own connections. */
function ownErrorOf(error: Error): Error {
  const code = 'code' in error && typeof error.code === 'string' ? TIMEOUTS[error.code] : undefined;
  return code === undefined ? error : new ExchangeError(code, error.message);
}

/**
 * The bytes of a status text, one character each, as everything of a head is written. Undici reads them as UTF-8; what
 * no head may hold is left out.
 */
function wireText(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1').replaceAll(NO_TEXT, '');
}

function fieldsOf(rawHeaders: unknown): HeaderField[] {
  const fields: HeaderField[] = [];
  if (!Array.isArray(rawHeaders)) return fields;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = textOf(rawHeaders[i]);
    fields.push(headerField(name, textOf(rawHeaders[i + 1])));
  }
  return fields;
}

function textOf(part: unknown): string {
  return Buffer.isBuffer(part) ? part.toString('latin1') : String(part);
}
