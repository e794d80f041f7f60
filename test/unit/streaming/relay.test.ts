import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { OpenPassage, type Passage } from '../../../src/streaming/passage.ts';
import { ClientLeftError } from '../../../src/streaming/relay.ts';
import { bodyOf, END, endsAtDone, HEAD, LIMITS, MUCH, relaying, rest } from './relaying.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});

afterEach(() => {
  vi.useRealTimers();
});

describe('an answer', () => {
  it('goes out as it comes, and ends when it is released', async () => {
    const { source, client, relay, run, outcome } = relaying();
    run();
    await rest();
    expect(client.taken).toBe('');
    source.send('ab');
    await rest();
    expect(client.taken).toBe(`${HEAD}2\r\nab\r\n`);
    expect([relay.headWritten, relay.firstByteAtMs]).toEqual([true, 1000]);
    source.send('c');
    source.end();
    await rest();
    expect(outcome()).toEqual({ kind: 'completed' });
    expect(client.taken).toBe(`${HEAD}2\r\nab\r\n1\r\nc\r\n`);
    relay.release();
    await rest();
    expect(client.taken).toBe(`${HEAD}2\r\nab\r\n1\r\nc\r\n${END}`);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('gives its head ahead of its body where it is told to, and once', async () => {
    const { source, client, relay, run } = relaying();
    run();
    relay.sendHead();
    await rest();
    expect(client.taken).toBe(HEAD);
    relay.sendHead();
    source.send('a');
    source.end();
    await rest();
    relay.release();
    relay.release();
    await rest();
    expect(client.taken).toBe(`${HEAD}1\r\na\r\n${END}`);
  });

  it('has its head before bytes that are let out early', async () => {
    const { client, relay, run } = relaying();
    run();
    relay.send(null);
    relay.send(Buffer.alloc(0));
    expect(relay.headWritten).toBe(false);
    relay.send(Buffer.from(' '));
    await rest();
    expect(client.taken).toBe(`${HEAD}1\r\n \r\n`);
  });

  it('may have no body', async () => {
    const { source, client, relay, run, outcome } = relaying();
    run();
    source.end();
    await rest();
    expect([outcome(), client.taken]).toEqual([{ kind: 'completed' }, '']);
    relay.release();
    await rest();
    expect(client.taken).toBe(HEAD + END);
    expect(relay.firstByteAtMs).toBeNull();
  });

  it('is whole when its passage says so, before the upstream ends', async () => {
    const { source, client, relay, run, outcome } = relaying({ passage: endsAtDone() });
    run();
    source.send('data: a\n\ndata: [DONE]\n\n: late');
    await rest();
    expect(outcome()).toEqual({ kind: 'completed' });
    expect(bodyOf(client.taken)).toBe('data: a\n\n');
    source.send('r\n\n');
    relay.release();
    await rest();
    expect(bodyOf(client.taken)).toBe('data: a\n\ndata: [DONE]\n\n: later\n\n');
    source.send('more');
    await rest();
    expect(client.taken.endsWith(END)).toBe(false);
    source.end();
    await rest();
    expect(bodyOf(client.taken)).toBe('data: a\n\ndata: [DONE]\n\n: later\n\nmore');
    expect(client.taken.endsWith(END)).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each(['before', 'after'])('is cut where its upstream fails behind the end, %s the release', async (moment) => {
    const { source, client, relay, run, outcome } = relaying({ passage: endsAtDone() });
    run();
    source.send('data: a\n\ndata: [DONE]\n\n');
    await rest();
    if (moment === 'after') relay.release();
    source.fail(new Error('cut'));
    await rest();
    if (moment === 'before') relay.release();
    await rest();
    expect(outcome()).toEqual({ kind: 'completed' });
    expect(bodyOf(client.taken)).toBe('data: a\n\ndata: [DONE]\n\n');
    expect([client.taken.endsWith(END), client.isCut]).toEqual([false, true]);
  });

  it('is not read on behind its end without a bound before its release', async () => {
    const { source, client, relay, run, outcome } = relaying({ passage: endsAtDone() });
    run();
    source.send('data: [DONE]\n\n');
    source.send('x'.repeat(60_000));
    await rest();
    expect([outcome(), source.paused]).toEqual([{ kind: 'completed' }, false]);
    source.send('x'.repeat(60_000));
    expect(source.paused).toBe(true);
    source.send('late'); // what had been read already
    relay.release();
    await rest();
    expect(source.paused).toBe(false);
    source.send('later');
    source.end();
    await rest();
    expect(bodyOf(client.taken)).toBe(`data: [DONE]\n\n${'x'.repeat(120_000)}latelater`);
    expect(client.taken.endsWith(END)).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is not read on by its release where the client takes nothing', async () => {
    const { source, client, relay, run } = relaying({ passage: endsAtDone() });
    run();
    client.stall();
    source.send(`data: ${MUCH}\n\ndata: [DONE]\n\n`);
    source.send(MUCH);
    await rest();
    relay.release();
    await rest();
    expect(source.paused).toBe(true);
    client.goOn();
    await rest();
    expect(source.paused).toBe(false);
  });

  it('is drained behind its end where the client has left before its release', async () => {
    const { source, client, run } = relaying({ passage: endsAtDone(), limits: { drainMaxBytes: 1_000_000 } });
    run();
    source.send('data: [DONE]\n\n');
    source.send(MUCH);
    expect(source.paused).toBe(true);
    client.leave();
    await rest();
    expect(source.paused).toBe(false);
    source.send(MUCH);
    expect(source.paused).toBe(false);
    source.end();
  });

  it('is whole once its passage has read all of it', async () => {
    const read = Promise.withResolvers<void>();
    const open = new OpenPassage(null);
    const passage: Passage = {
      complete: false,
      push: (chunk) => open.push(chunk),
      end: () => read.promise,
      release: () => open.release(),
    };
    const { source, run, outcome } = relaying({ passage });
    run();
    source.end();
    await rest();
    expect(outcome()).toBeNull();
    read.resolve();
    await rest();
    expect(outcome()).toEqual({ kind: 'completed' });
  });
});

describe('a client that takes its time', () => {
  it('makes the upstream pause, and go on', async () => {
    const { source, client, relay, run, outcome } = relaying();
    run();
    client.stall();
    source.send(MUCH);
    source.send('y');
    expect([source.paused, source.moves]).toEqual([true, ['pause']]);
    client.goOn();
    await rest();
    expect([source.paused, source.moves]).toEqual([false, ['pause', 'resume']]);
    expect(bodyOf(client.taken)).toBe(`${MUCH}y`);
    client.stall();
    source.send(MUCH);
    expect(source.moves).toEqual(['pause', 'resume', 'pause']);
    source.end();
    await rest();
    expect(outcome()).toEqual({ kind: 'completed' });
    relay.release();
    client.goOn();
    await rest();
    expect(client.taken.endsWith(END)).toBe(true);
    expect(source.moves).toEqual(['pause', 'resume', 'pause']); // nothing is left to go on with
    expect(vi.getTimerCount()).toBe(0);
  });

  it('counts as gone when it has taken nothing for too long', async () => {
    const { source, client, relay, run, outcome } = relaying();
    run();
    client.stall();
    source.send(MUCH);
    vi.advanceTimersByTime(LIMITS.clientStallMaxMs - 1);
    expect(client.isCut).toBe(false);
    vi.advanceTimersByTime(1);
    await rest();
    expect([client.isCut, source.paused]).toEqual([true, false]);
    source.end();
    await rest();
    expect(outcome()).toEqual({ kind: 'client_left' });
    relay.release();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is waited for anew each time that it takes something', async () => {
    const { source, client, run } = relaying();
    run();
    for (let time = 0; time < 3; time++) {
      client.stall();
      source.send(MUCH);
      vi.advanceTimersByTime(LIMITS.clientStallMaxMs - 1);
      client.goOn();
      await rest();
    }
    vi.advanceTimersByTime(LIMITS.clientStallMaxMs);
    expect(client.isCut).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is cut off where it never takes the last bytes', async () => {
    const { source, client, relay, run } = relaying();
    run();
    client.stall();
    source.send('a');
    source.end();
    await rest();
    relay.release();
    await rest();
    vi.advanceTimersByTime(LIMITS.clientStallMaxMs - 1);
    expect(client.isCut).toBe(false);
    vi.advanceTimersByTime(1);
    expect(client.isCut).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a client that leaves', () => {
  it('is written nothing more, and the answer is read to its end', async () => {
    const { source, client, relay, run, outcome } = relaying();
    run();
    source.send('a');
    await rest();
    client.leave();
    await rest();
    source.send('b');
    expect([source.abortedWith, outcome()]).toEqual([null, null]);
    source.end();
    await rest();
    expect(outcome()).toEqual({ kind: 'client_left' });
    relay.release();
    await rest();
    expect(bodyOf(client.taken)).toBe('a');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('has left whatever its passage still shows', async () => {
    const { source, client, run, outcome } = relaying({ passage: endsAtDone() });
    run();
    client.leave();
    await rest();
    source.send('data: [DONE]\n\n');
    await rest();
    expect(outcome()).toEqual({ kind: 'client_left' });
  });

  it('may have left before', async () => {
    const { source, client, run, outcome } = relaying();
    client.leave();
    await rest();
    run();
    source.send('a');
    source.end();
    await rest();
    expect([client.taken, outcome()]).toEqual(['', { kind: 'client_left' }]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('lets a paused upstream go on', async () => {
    const { source, client, run } = relaying();
    run();
    client.stall();
    source.send(MUCH);
    expect(source.paused).toBe(true);
    client.leave();
    await rest();
    expect(source.paused).toBe(false);
  });

  it('makes the upstream end when the drain has taken its time', async () => {
    const { source, client, relay, run, outcome } = relaying();
    run();
    client.leave();
    await rest();
    vi.advanceTimersByTime(LIMITS.drainMaxMs - 1);
    expect(source.abortedWith).toBeNull();
    vi.advanceTimersByTime(1);
    expect(source.abortedWith).toBeInstanceOf(ClientLeftError);
    await rest();
    expect(outcome()).toEqual({ kind: 'client_left' });
    relay.release();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('makes the upstream end when the drain has had its bytes', async () => {
    const { source, client, run, outcome } = relaying();
    run();
    source.send('x'.repeat(5000));
    client.leave();
    await rest();
    source.send('x'.repeat(1000));
    expect(source.abortedWith).toBeNull();
    source.send('x');
    expect(source.abortedWith).toBeInstanceOf(ClientLeftError);
    await rest();
    expect(outcome()).toEqual({ kind: 'client_left' });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('makes the upstream end at once where that is the policy', async () => {
    const { source, client, run, outcome } = relaying({ limits: { clientLeaves: 'abort' } });
    run();
    source.send('a');
    client.leave();
    await rest();
    expect(source.abortedWith).toBeInstanceOf(ClientLeftError);
    expect(outcome()).toEqual({ kind: 'client_left' });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('makes the upstream end where all that mattered has been released', async () => {
    const { source, client, relay, run, outcome } = relaying({ passage: endsAtDone() });
    run();
    source.send('data: [DONE]\n\n');
    await rest();
    relay.release();
    client.leave();
    await rest();
    expect(source.abortedWith).toBeInstanceOf(ClientLeftError);
    expect(outcome()).toEqual({ kind: 'completed' });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('does not change an outcome that is known', async () => {
    const { source, client, relay, run, outcome } = relaying();
    run();
    source.send('a');
    source.end();
    await rest();
    client.leave();
    await rest();
    relay.release();
    expect(outcome()).toEqual({ kind: 'completed' });
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('an upstream that fails', () => {
  const cut = new Error('other side closed');

  it('is told of, and the client is cut off after what has come', async () => {
    const { source, client, relay, run, outcome } = relaying();
    run();
    client.stall();
    source.send(MUCH);
    source.send('y');
    source.fail(cut);
    await rest();
    expect(outcome()).toEqual({ kind: 'failed', error: cut });
    relay.cutClient();
    await rest();
    expect(client.isCut).toBe(false);
    client.goOn();
    await rest();
    expect(client.isCut).toBe(true);
    expect(bodyOf(client.taken)).toBe(`${MUCH}y`);
    expect(client.taken.endsWith(END)).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('does not wait for ever for a client that takes nothing', async () => {
    const { source, client, relay, run } = relaying();
    run();
    client.stall();
    source.send(MUCH);
    source.fail(cut);
    await rest();
    relay.cutClient();
    await rest();
    vi.advanceTimersByTime(LIMITS.clientStallMaxMs);
    expect(client.isCut).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('cuts the client off also after the release', async () => {
    const { source, client, relay, run, outcome } = relaying({ passage: endsAtDone() });
    run();
    source.send('data: [DONE]\n\n');
    await rest();
    relay.release();
    source.fail(cut);
    await rest();
    expect(outcome()).toEqual({ kind: 'completed' });
    expect(bodyOf(client.taken)).toBe('data: [DONE]\n\n');
    expect([client.isCut, client.taken.endsWith(END)]).toEqual([true, false]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('ends where its client is refused the last bytes', async () => {
    const { source, client, relay, run } = relaying({ passage: endsAtDone() });
    run();
    source.send('data: a\n\ndata: [DONE]\n\n');
    await rest();
    relay.cutClient();
    await rest();
    expect(source.abortedWith).not.toBeNull();
    expect(bodyOf(client.taken)).toBe('data: a\n\n');
    expect([client.isCut, client.taken.endsWith(END)]).toEqual([true, false]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('the presence of a client', () => {
  it('is told of once to each listener, at once where it has left already', async () => {
    const { client, presence } = relaying();
    const told: string[] = [];
    presence.onLeave(() => told.push('a'));
    const forget = presence.onLeave(() => told.push('b'));
    forget();
    expect(presence.left).toBe(false);
    client.leave();
    await rest();
    expect([presence.left, told]).toEqual([true, ['a']]);
    presence.onLeave(() => told.push('c'));
    expect(told).toEqual(['a', 'c']);
  });

  it('has not ended where the answer was finished', async () => {
    const { source, client, presence, relay, run } = relaying();
    run();
    source.end();
    await rest();
    relay.release();
    await rest();
    client.leave();
    await rest();
    expect(presence.left).toBe(false);
  });
});
