import { EventEmitter } from 'node:events';
import { Worker } from 'node:worker_threads';
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import { describe, expect, it, onTestFinished } from 'vitest';
import { roughTokens } from '../../../src/metering/estimate-tokens.ts';
import {
  type CountRequest,
  startTokenWorker,
  TokenEstimator,
  type TokenEstimatorOptions,
  type TokenWorker,
} from '../../../src/server/token-estimator.ts';

/** Long enough never to be the reason for anything. */
const LONG_MS = 60_000;
const TEXT = 'Count the stones of the bridge, all of them.';

/** A thread that the test answers for. */
class FakeWorker extends EventEmitter implements TokenWorker {
  readonly requests: CountRequest[] = [];
  isTerminated = false;

  postMessage(request: CountRequest): void {
    this.requests.push(request);
  }

  answer(tokens: readonly number[] | null): void {
    this.emit('message', { id: this.requests.at(-1)?.id, tokens });
  }

  terminate(): Promise<void> {
    this.isTerminated = true;
    return Promise.resolve();
  }
}

interface Workplace {
  readonly estimator: TokenEstimator;
  readonly workers: FakeWorker[];
  readonly deaths: string[];
  readonly clock: { nowMs: number };
}

function makeEstimator(options: Partial<TokenEstimatorOptions> = {}): Workplace {
  const workers: FakeWorker[] = [];
  const deaths: string[] = [];
  const clock = { nowMs: 0 };
  const estimator = new TokenEstimator({
    startWorker: () => {
      const worker = new FakeWorker();
      workers.push(worker);
      return worker;
    },
    patienceMs: LONG_MS,
    hungMs: LONG_MS,
    restartMs: 1_000,
    maxWaiting: 4,
    nowMs: () => clock.nowMs,
    onDeath: (reason) => deaths.push(reason),
    ...options,
  });
  onTestFinished(() => estimator.close());
  return { estimator, workers, deaths, clock };
}

describe('a thread that works', () => {
  it('is started with the first text, and once', async () => {
    const { estimator, workers } = makeEstimator();
    expect(workers).toHaveLength(0);
    const first = estimator.count([TEXT, '']);
    workers[0]?.answer([7, 0]);
    expect(await first).toEqual([7, 0]);
    const second = estimator.count([TEXT]);
    workers[0]?.answer([8]);
    expect(await second).toEqual([8]);
    expect(workers).toHaveLength(1);
  });

  it('is not asked about nothing', async () => {
    const { estimator, workers } = makeEstimator();
    expect(await estimator.count(['', ''])).toEqual([0, 0]);
    expect(workers).toHaveLength(0);
  });

  it('gets one job at a time', async () => {
    const { estimator, workers } = makeEstimator();
    const jobs = [estimator.count(['a']), estimator.count(['b'])];
    expect(workers[0]?.requests.map(({ texts }) => texts)).toEqual([['a']]);
    workers[0]?.answer([1]);
    expect(workers[0]?.requests.map(({ texts }) => texts)).toEqual([['a'], ['b']]);
    workers[0]?.answer([2]);
    expect(await Promise.all(jobs)).toEqual([[1], [2]]);
  });

  it('may fail with a text', async () => {
    const { estimator, workers } = makeEstimator();
    const job = estimator.count([TEXT]);
    workers[0]?.answer(null);
    expect(await job).toEqual([roughTokens(TEXT)]);
  });
});

describe('the rule of thumb is used', () => {
  it('when the thread hangs: nobody waits, and it is ended', async () => {
    const { estimator, workers, deaths } = makeEstimator({ patienceMs: 1, hungMs: 20 });
    expect(await estimator.count([TEXT])).toEqual([roughTokens(TEXT)]);
    await expect.poll(() => workers[0]?.isTerminated, { timeout: 10_000 }).toBe(true);
    expect(deaths).toEqual(['hung']);
  });

  it('when a real thread is caught in a loop', async () => {
    const started: Worker[] = [];
    const { estimator, deaths } = makeEstimator({
      startWorker: () => {
        const worker = new Worker('for (;;) {}', { eval: true });
        started.push(worker);
        return worker;
      },
      patienceMs: 1,
      hungMs: 20,
    });
    expect(await estimator.count([TEXT, 'abcd'])).toEqual([roughTokens(TEXT), 1]);
    await expect.poll(() => deaths, { timeout: 10_000 }).toEqual(['hung']);
    await expect.poll(() => started[0]?.threadId, { timeout: 10_000 }).toBe(-1); // it has ended
  });

  it('at once when too many wait', async () => {
    const { estimator, workers } = makeEstimator({ maxWaiting: 2 });
    const waiting = ['a', 'b', 'c'].map((text) => estimator.count([text]));
    expect(await estimator.count([TEXT])).toEqual([roughTokens(TEXT)]);
    expect(workers[0]?.requests).toHaveLength(1);
    await estimator.close();
    expect(await Promise.all(waiting)).toEqual([[1], [1], [1]]);
  });

  it('for a job that nobody waits for any more, which never gets to the thread', async () => {
    const { estimator, workers } = makeEstimator({ patienceMs: 1 });
    const jobs = [estimator.count(['a']), estimator.count(['b'])];
    await Promise.all(jobs);
    workers[0]?.answer([9]);
    const next = estimator.count(['c']);
    expect(workers[0]?.requests.map(({ texts }) => texts[0])).toEqual(['a', 'c']);
    await next;
  });

  it('when the thread dies, for all that wait; the next need starts another, but not at once', async () => {
    const { estimator, workers, deaths, clock } = makeEstimator();
    const jobs = [estimator.count([TEXT]), estimator.count(['abcd'])];
    workers[0]?.emit('error', new Error('out of memory'));
    workers[0]?.emit('exit', 1);
    expect(await Promise.all(jobs)).toEqual([[roughTokens(TEXT)], [1]]);
    expect(deaths).toEqual(['ended']);

    expect(await estimator.count([TEXT])).toEqual([roughTokens(TEXT)]);
    expect(workers).toHaveLength(1);

    clock.nowMs = 1_000;
    const again = estimator.count([TEXT]);
    expect(workers).toHaveLength(2);
    workers[1]?.answer([5]);
    expect(await again).toEqual([5]);
  });

  it('when the thread cannot be started', async () => {
    const { estimator, deaths } = makeEstimator({
      startWorker: () => {
        throw new Error('no more threads');
      },
    });
    expect(await estimator.count([TEXT])).toEqual([roughTokens(TEXT)]);
    expect(deaths).toEqual(['ended']);
  });

  it('after the end, and for those who wait then', async () => {
    const { estimator, workers, deaths } = makeEstimator();
    const job = estimator.count([TEXT]);
    await estimator.close();
    expect(await job).toEqual([roughTokens(TEXT)]);
    expect(await estimator.count([TEXT])).toEqual([roughTokens(TEXT)]);
    expect(workers.map(({ isTerminated }) => isTerminated)).toEqual([true]);
    expect(deaths).toEqual([]);
  });
});

describe('the real thread', () => {
  it('counts as the tokeniser does, special tokens as text', async () => {
    const { estimator } = makeEstimator({ startWorker: startTokenWorker });
    const special = 'a <|endoftext|> b';
    const [plain, asText] = await estimator.count([TEXT, special]);
    expect(plain).toBe(countTokens(TEXT));
    expect(asText).toBe(countTokens(special, { disallowedSpecial: new Set() }));
    expect(asText).toBeGreaterThan(3);
  });

  it.each([
    ['one letter', 'a'.repeat(250_000)],
    ['ideographs', '龘'.repeat(80_000)],
    ['lone surrogates', '\udc00'.repeat(80_000)],
    ['special tokens', '<|endoftext|>'.repeat(20_000)],
  ])('answers a quarter of a megabyte of %s', async (_, text) => {
    const { estimator, deaths } = makeEstimator({ startWorker: startTokenWorker });
    const [tokens = 0] = await estimator.count([text]);
    expect(tokens).toBeGreaterThan(text.length / 16);
    expect(tokens).toBeLessThan(text.length * 8);
    expect(deaths).toEqual([]);
  });
});
