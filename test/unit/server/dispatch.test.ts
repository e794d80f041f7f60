import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { AnswerTurns } from '../../../src/server/answer-turns.ts';
import type { AnswerReceiver, CarriedRequest, Carrier, Sending } from '../../../src/server/carrier.ts';
import { type DispatchFailure, dispatch, isTimeout, type UpstreamAnswer } from '../../../src/server/dispatch.ts';
import { ExchangeError } from '../../../src/server/http1/exchange-error.ts';
import { headerField } from '../../../src/server/http1/header-block.ts';
import { RepeatedHeaders } from '../../../src/server/repeated-headers.ts';
import type { Upstream, UpstreamSettings } from '../../../src/server/upstreams.ts';

/** Carries one exchange, of which comes what the test says and when it says so. */
class ToldCarrier implements Carrier, Sending {
  readonly moves: ('pause' | 'resume')[] = [];
  readonly aborted: Error[] = [];
  request: CarriedRequest | null = null;
  #receiver: AnswerReceiver | null = null;

  send(request: CarriedRequest, receiver: AnswerReceiver): Sending {
    this.request = request;
    this.#receiver = receiver;
    return this;
  }

  get told(): AnswerReceiver {
    if (this.#receiver === null) throw new Error('nothing was sent');
    return this.#receiver;
  }

  get paused(): boolean {
    return this.moves.at(-1) === 'pause';
  }

  pause(): void {
    this.moves.push('pause');
  }

  resume(): void {
    this.moves.push('resume');
  }

  abort(reason: Error): void {
    this.aborted.push(reason);
    this.told.failed(reason);
  }

  head(): void {
    this.told.sent();
    this.told.head({ status: 200, statusText: 'OK', fields: [ID] });
  }

  data(bytes: number): void {
    this.told.data(Buffer.alloc(bytes));
  }

  async close(): Promise<void> {}
}

const ID = headerField('X-Request-Id', 'req_1');

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

function upstreamOf(carrier: Carrier, turns: AnswerTurns): Upstream {
  const repeatedHeaders = new RepeatedHeaders();
  return {
    settings: SETTINGS,
    name: 'told',
    host: 'told',
    origin: 'told',
    basePath: '/base',
    carrier,
    turns,
    repeatedHeaders,
  };
}

function send(carrier: Carrier, turns = new AnswerTurns()) {
  return dispatch({
    upstream: upstreamOf(carrier, turns),
    method: 'POST',
    path: '/a?b',
    headers: ['c', 'd'],
    body: null,
  });
}

async function toldAnswer(turns?: AnswerTurns): Promise<{ told: ToldCarrier; answer: UpstreamAnswer }> {
  const told = new ToldCarrier();
  const sending = send(told, turns);
  told.head();
  const answer = await sending.result;
  if (answer.kind !== 'answer') throw answer.error;
  return { told, answer };
}

async function begin(turns?: AnswerTurns): Promise<{ told: ToldCarrier; answer: UpstreamAnswer; taken: number[] }> {
  const { told, answer } = await toldAnswer(turns);
  const taken: number[] = [];
  answer.attach({ data: (chunk) => taken.push(chunk.length), end: () => undefined, failed: () => undefined });
  return { told, answer, taken };
}

it('is sent below the path of its upstream', () => {
  const told = new ToldCarrier();
  send(told);
  const request = { method: 'POST', path: '/base/a?b', headers: ['c', 'd'], body: null };
  expect(told.request).toEqual({ ...request, isStrict: false, repeated: null }); // nobody has said that they were checked
});

describe('answers that come as fast as they are taken', () => {
  const beginMany = async (turns: AnswerTurns, count: number) => {
    const many: ToldCarrier[] = [];
    for (let i = 0; i < count; i++) many.push((await begin(turns)).told);
    return many;
  };
  const reading = (many: readonly ToldCarrier[]) => many.flatMap((told, i) => (told.paused ? [] : [i]));

  it('go on a few at a time, in the order in which they have come', async () => {
    const many = await beginMany(new AnswerTurns(), 40);
    for (const told of many) told.data(70_000);
    expect(reading(many)).toEqual([]);
    await nextTurn();
    expect(reading(many)).toEqual(Array.from({ length: 16 }, (_, i) => i));
    await nextTurn();
    expect(reading(many)).toHaveLength(32);
    await nextTurn();
    expect(reading(many)).toHaveLength(40);
  });

  it('keep their turn for a while, and then wait for all others', async () => {
    const many = await beginMany(new AnswerTurns(), 20);
    for (const told of many) told.data(70_000);
    await nextTurn();
    for (let turn = 0; turn < 7; turn++) {
      for (const told of many.slice(0, 16)) told.data(70_000);
      await nextTurn();
      expect(reading(many)).toHaveLength(16);
      expect(reading(many)).not.toContain(16);
    }
    for (const told of many.slice(0, 16)) told.data(70_000);
    await nextTurn();
    expect(reading(many)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 16, 17, 18, 19]);
  });

  it('go on at once in place of one that has ended', async () => {
    const many = await beginMany(new AnswerTurns(), 17);
    for (const told of many) told.data(70_000);
    await nextTurn();
    expect(reading(many)).not.toContain(16);
    for (const told of many.slice(0, 16)) told.told.end();
    await nextTurn();
    expect(reading(many)).toContain(16);
  });

  it('wait for others after their reader has been slow, too', async () => {
    const turns = new AnswerTurns();
    const { told, answer } = await begin(turns);
    answer.pause();
    const many = await beginMany(turns, 17);
    for (const other of many) other.data(70_000);
    answer.resume();
    expect(told.paused).toBe(true);
    await nextTurn();
    expect(told.paused).toBe(true);
    await nextTurn();
    expect(told.paused).toBe(false);
  });
});

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
    told.told.end();
    await nextTurn();
    expect(told.moves).toEqual(['pause']);
  });
});

it('is kept until somebody takes it', async () => {
  const { told, answer } = await toldAnswer();
  told.data(3);
  told.data(4);
  told.told.end();
  const taken: (number | string)[] = [];
  answer.attach({ data: (chunk) => taken.push(chunk.length), end: () => taken.push('end'), failed: () => undefined });
  expect(taken).toEqual([3, 4, 'end']);
});

it('is taken whole before its failure, also where the taking brings that about', async () => {
  const { told, answer } = await toldAnswer();
  const taken: (number | string)[] = [];
  told.data(200);
  told.data(300);
  answer.attach({
    data: (chunk) => {
      taken.push(chunk.length);
      answer.abort(new Error('enough'));
    },
    end: () => undefined,
    failed: ({ message }) => taken.push(message),
  });
  expect(taken).toEqual([200, 300, 'enough']);
});

it('lets go of the headers when nobody will read them any more', async () => {
  const { answer } = await begin();
  expect(answer.headers.get('x-request-id')).toBe('req_1');
  answer.forgetHeaders();
  expect(answer.headers.get('x-request-id')).toBe(undefined);
});

describe('a request without an answer', () => {
  const failure = async (fail: (told: ToldCarrier) => void): Promise<DispatchFailure> => {
    const told = new ToldCarrier();
    const sending = send(told);
    fail(told);
    const result = await sending.result;
    if (result.kind !== 'failed') throw new Error('it was answered');
    return result;
  };

  it('has not reached its upstream before it is sent', async () => {
    const { error, ending } = await failure(({ told }) => told.failed(new Error('refused')));
    expect([error.code, ending]).toEqual(['upstream_unreachable', 'upstream_error']);
  });

  it('was cut once it is sent', async () => {
    const { error, ending } = await failure(({ told }) => {
      told.sent();
      told.failed(new ExchangeError('CONNECTION_CLOSED', 'closed'));
    });
    expect([error.code, ending]).toEqual(['upstream_cut', 'upstream_cut']);
  });

  it('came too late where the time for it is over', async () => {
    const { error, ending } = await failure(({ told }) => {
      told.sent();
      told.failed(new ExchangeError('HEAD_TIMEOUT', 'late'));
    });
    expect([error.code, ending]).toEqual(['upstream_timeout', 'timed_out']);
  });

  it('ends with the reason that it is aborted for, once', async () => {
    const told = new ToldCarrier();
    const sending = send(told);
    sending.abort(new Error('first'));
    sending.abort(new Error('second'));
    expect(told.aborted.map(({ message }) => message)).toEqual(['first']);
    expect((await sending.result).kind).toBe('failed');
  });

  it('fails where it cannot be sent', async () => {
    const told = new ToldCarrier();
    told.send = () => {
      throw new ExchangeError('INVALID_REQUEST', 'no');
    };
    expect(await send(told).result).toMatchObject({ kind: 'failed', ending: 'upstream_error' });
  });
});

it('knows the time-outs of answers from other failures', () => {
  const codes = ['HEAD_TIMEOUT', 'BODY_TIMEOUT', 'CONNECT_TIMEOUT', 'CONNECTION_CLOSED'] as const;
  expect(codes.filter((code) => isTimeout(new ExchangeError(code, '')))).toEqual(['HEAD_TIMEOUT', 'BODY_TIMEOUT']);
});
