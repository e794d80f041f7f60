import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Dispatcher, Pool } from 'undici';
import { describe, expect, it, onTestFinished } from 'vitest';
import { dispatch, type UpstreamAnswer } from '../../../src/server/dispatch.ts';
import type { Upstream, UpstreamSettings } from '../../../src/server/upstreams.ts';

/** An answer whose bytes come when the test says so. */
class ToldAnswer implements Dispatcher.DispatchController {
  paused = false;
  aborted = false;
  readonly reason = null;
  rawHeaders: Buffer[] | null = [Buffer.from('x-request-id'), Buffer.from('req_1')];
  readonly moves: ('pause' | 'resume')[] = [];
  handler: Dispatcher.DispatchHandler = {};

  abort(): void {
    this.aborted = true;
  }

  pause(): void {
    this.paused = true;
    this.moves.push('pause');
  }

  resume(): void {
    this.paused = false;
    this.moves.push('resume');
  }

  data(bytes: number): void {
    this.handler.onResponseData?.(this, Buffer.alloc(bytes));
  }

  end(): void {
    this.handler.onResponseEnd?.(this, {});
  }
}

class ToldPool extends Pool {
  readonly #told: ToldAnswer;

  constructor(told: ToldAnswer) {
    super('http://127.0.0.1:1');
    this.#told = told;
  }

  override dispatch(_options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    this.#told.handler = handler;
    handler.onRequestStart?.(this.#told, null);
    handler.onResponseStart?.(this.#told, 200, {}, 'OK');
    return true;
  }
}

const SETTINGS: UpstreamSettings = {
  name: 'told',
  baseUrl: 'http://127.0.0.1:1',
  apiKey: null,
  models: ['*'],
  streamUsage: 'auto',
  continuousUsage: false,
  connectMs: 1,
  firstByteMs: 1,
  idleMs: 1,
  maxConnections: 1,
  forwardTraceHeaders: false,
  headers: {},
};

async function toldAnswer(): Promise<{ told: ToldAnswer; answer: UpstreamAnswer }> {
  const told = new ToldAnswer();
  const pool = new ToldPool(told);
  onTestFinished(() => pool.close());
  const upstream: Upstream = { settings: SETTINGS, name: 'told', host: 'told', origin: 'told', basePath: '', pool };
  const answer = await dispatch({ upstream, method: 'POST', path: '/', headers: [], body: null }).result;
  if (answer.kind !== 'answer') throw answer.error;
  return { told, answer };
}

async function begin(): Promise<{ told: ToldAnswer; answer: UpstreamAnswer; taken: number[] }> {
  const { told, answer } = await toldAnswer();
  const taken: number[] = [];
  answer.attach({ data: (chunk) => taken.push(chunk.length), end: () => undefined, failed: () => undefined });
  return { told, answer, taken };
}

describe('an answer that comes faster than others have their turn', () => {
  it('waits for the next turn of the event loop after so many bytes', async () => {
    const { told, taken } = await begin();
    told.data(60_000);
    expect(told.paused).toBe(false);
    told.data(6_000);
    expect(told.paused).toBe(true);
    await nextTurn();
    expect([told.paused, taken]).toEqual([false, [60_000, 6_000]]);
    told.data(60_000);
    expect(told.moves).toEqual(['pause', 'resume']);
  });

  it('goes on only when its reader does, too', async () => {
    const { told, answer } = await begin();
    told.data(70_000);
    answer.pause();
    await nextTurn();
    expect(told.paused).toBe(true);
    answer.resume();
    expect(told.paused).toBe(false);

    told.data(70_000);
    answer.pause();
    answer.resume();
    expect(told.paused).toBe(true);
    await nextTurn();
    expect(told.paused).toBe(false);
  });

  it('is left alone once it is over: its connection may serve another one', async () => {
    const { told } = await begin();
    told.data(70_000);
    told.end();
    await nextTurn();
    expect(told.moves).toEqual(['pause']);
  });
});

it('is taken whole before its failure, also where the taking brings that about', async () => {
  const { told, answer } = await toldAnswer();
  const taken: (number | string)[] = [];
  told.abort = () => told.handler.onResponseError?.(told, new Error('ended by its reader'));
  answer.attach({
    data: (chunk) => {
      taken.push(chunk.length);
      answer.abort(new Error('enough'));
    },
    end: () => undefined,
    failed: ({ message }) => taken.push(message),
  });
  const read = Buffer.alloc(1_000);
  for (const chunk of [read.subarray(0, 200), read.subarray(300, 600)]) told.handler.onResponseData?.(told, chunk);
  await Promise.resolve();
  expect(taken).toEqual([200, 300, 'enough']);
});

it('lets go of the headers when nobody will read them any more', async () => {
  const { told, answer } = await begin();
  expect(answer.headers.get('x-request-id')).toBe('req_1');
  answer.forgetHeaders();
  expect([answer.headers.get('x-request-id'), told.rawHeaders]).toEqual([undefined, null]);
});
