import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { bodyOf, END, endsAtDone, relaying, rest } from './relaying.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});

afterEach(() => {
  vi.useRealTimers();
});

describe('what comes with the end of an answer', () => {
  const whole = () => relaying({ passage: endsAtDone(), endPatienceMs: 2 });
  const WHOLE = 'data: a\n\ndata: [DONE]\n\n';

  it('goes out together with it, where the record is written in time', async () => {
    const { source, client, relay, run, outcome } = whole();
    run();
    source.send(WHOLE);
    source.end();
    await rest();
    vi.advanceTimersByTime(1);
    await rest();
    expect([outcome(), relay.holdsTail, relay.headWritten, client.taken]).toEqual([
      { kind: 'completed' },
      true,
      false,
      '',
    ]);
    relay.release();
    await rest();
    expect([bodyOf(client.taken), client.taken.endsWith(END)]).toEqual([WHOLE, true]);
    expect(relay.holdsTail).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('does not wait longer than that', async () => {
    const { source, client, relay, run } = whole();
    run();
    source.send('data: 0\n\n');
    await rest();
    expect(bodyOf(client.taken)).toBe('data: 0\n\n');
    source.send(WHOLE);
    await rest();
    expect(bodyOf(client.taken)).toBe('data: 0\n\n');
    vi.advanceTimersByTime(2);
    await rest();
    expect(bodyOf(client.taken)).toBe('data: 0\n\ndata: a\n\n');
    expect(relay.holdsTail).toBe(false);
    source.send(': later\n\n');
    await rest();
    expect(bodyOf(client.taken)).toBe('data: 0\n\ndata: a\n\n');
    relay.release();
    source.end();
    await rest();
    expect(bodyOf(client.taken)).toBe(`data: 0\n\n${WHOLE}: later\n\n`);
    expect(client.taken.endsWith(END)).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('does not wait where nothing of it may go out', async () => {
    const { source, client, relay, run } = whole();
    run();
    source.send('data: [DONE]\n\n');
    await rest();
    expect([relay.holdsTail, vi.getTimerCount(), client.taken]).toEqual([false, 0, '']);
  });

  it('is not for a client that has left', async () => {
    const { source, client, relay, run, outcome } = whole();
    run();
    client.leave();
    await rest();
    source.send(WHOLE);
    source.end();
    await rest();
    expect([relay.holdsTail, client.taken, outcome()]).toEqual([false, '', { kind: 'client_left' }]);
    relay.release();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is not written to a client that leaves meanwhile', async () => {
    const { source, client, relay, run, outcome } = whole();
    run();
    source.send(WHOLE);
    source.end();
    client.leave();
    await rest();
    expect([client.taken, outcome()]).toEqual(['', { kind: 'completed' }]);
    relay.release();
    await rest();
    expect(client.taken).toBe('');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is all that a client gets who is cut off before the end', async () => {
    const { source, client, relay, run } = whole();
    run();
    source.send(WHOLE);
    await rest();
    relay.cutClient();
    await rest();
    expect([bodyOf(client.taken), client.isCut, client.taken.endsWith(END)]).toEqual(['data: a\n\n', true, false]);
    expect(source.abortedWith).not.toBeNull();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is not given to a client that gets another answer', async () => {
    const { source, client, relay, run } = whole();
    run();
    source.send(WHOLE);
    await rest();
    relay.withdraw();
    source.send('late');
    vi.advanceTimersByTime(10);
    await rest();
    expect([client.taken, relay.headWritten, client.isCut]).toEqual(['', false, false]);
    expect(source.abortedWith).not.toBeNull();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('does not follow an answer that others gave in its place', async () => {
    const { source, client, run } = whole();
    run();
    source.send(WHOLE);
    source.end();
    await rest();
    client.response.writeHead(500, 'Fault', ['Content-Length', '1']).end('x');
    vi.advanceTimersByTime(10);
    await rest();
    expect(client.taken).toMatch(/^HTTP\/1\.1 500 Fault\r\n.*\r\n\r\nx$/s);
  });

  it('goes before what takes the place of the end only if it has gone out', async () => {
    const { source, client, relay, run } = whole();
    run();
    source.send(WHOLE);
    source.end();
    await rest();
    relay.endWith(Buffer.from('data: other\n\n'));
    await rest();
    expect(bodyOf(client.taken)).toBe('data: other\n\n');
    expect(vi.getTimerCount()).toBe(0);
  });
});
