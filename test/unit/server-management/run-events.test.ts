import type { FastifyInstance } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { RUN_EVENT_BOUNDS } from '../../../src/reporting/run-events.ts';
import type { ManagementRooms } from '../../../src/server/management-rooms.ts';
import { makeCallRecord } from '../../support/make-call-record.ts';
import { ADMIN, makeManagementApp, RESEARCH } from './management-app.ts';

const apps: FastifyInstance[] = [];
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
});

async function listen(given: Partial<ManagementRooms> = {}) {
  const { app, reader } = makeManagementApp([makeCallRecord(1)], given);
  apps.push(app);
  return { app, reader, base: await app.listen({ host: '127.0.0.1', port: 0 }) };
}

/** Reads a stream until its text holds `end`, or it ends. */
async function readUntil(body: ReadableStreamDefaultReader<Uint8Array>, end: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  while (!text.includes(end)) {
    const { done, value } = await body.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
  }
  return text;
}

async function follow(url: string, headers: Record<string, string> = ADMIN) {
  const answer = await fetch(url, { headers });
  const body = answer.body?.getReader();
  if (body === undefined) throw new Error('the answer must have a body');
  return { answer, body };
}

describe('GET /api/v1/runs/{run_id}/events', () => {
  it('streams the totals, then each record and the new totals', async () => {
    const { base, reader } = await listen();
    const { answer, body } = await follow(`${base}/api/v1/runs/nightly-42/events`, RESEARCH);
    expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(await readUntil(body, '\n\n')).toMatch(/^event: totals\ndata: \{"run_id":"nightly-42"/);

    reader.commit(makeCallRecord(2));
    const next = await readUntil(body, 'event: totals');
    expect(next).toContain(`id: ${makeCallRecord(2).id}\nevent: record\ndata: `);
    await body.cancel();
  });

  it('forgets a client that leaves', async () => {
    const { base, reader } = await listen();
    const { body } = await follow(`${base}/api/v1/runs/nightly-42/events`);
    await readUntil(body, '\n\n');
    expect(reader.listenerCount).toBe(1);
    await body.cancel();
    await expect.poll(() => reader.listenerCount).toBe(0);
  });

  it('ends the streams when the server stops', async () => {
    const { base, reader, app } = await listen();
    const { body } = await follow(`${base}/api/v1/runs/nightly-42/events`);
    await readUntil(body, '\n\n');
    await app.close();
    expect((await body.read()).done).toBe(true);
    expect(reader.listenerCount).toBe(0);
  });

  it('cuts a client that does not read, and holds no more for it than its bound', async () => {
    const maxBufferedBytes = 65_536;
    const { base, reader } = await listen({ eventBounds: { ...RUN_EVENT_BOUNDS, maxBufferedBytes } });
    const { body } = await follow(`${base}/api/v1/runs/nightly-42/events`);
    await readUntil(body, '\n\n');
    const tags = { padding: 'x'.repeat(100_000) };
    // What the operating system takes in on the way is not known; without a cut this would go on for gigabytes.
    for (let n = 2; n < 20_000 && reader.listenerCount > 0; n++) {
      reader.commit(makeCallRecord(2, { tags }));
      await new Promise(setImmediate);
    }
    expect(reader.listenerCount).toBe(0);
    await expect(readUntil(body, 'never')).rejects.toThrow();
  });

  it('cuts the stream where the ledger cannot be read', async () => {
    const { base, reader } = await listen();
    const { body } = await follow(`${base}/api/v1/runs/nightly-42/events`);
    await readUntil(body, '\n\n');
    reader.sumsOfRun = async () => {
      throw new Error('disk');
    };
    reader.commit(makeCallRecord(2));
    await expect(readUntil(body, 'never')).rejects.toThrow();
    expect(reader.listenerCount).toBe(0);
  });

  it.each([
    ['an unknown run', '/api/v1/runs/nobody/events', ADMIN, 404],
    ['an unknown run of a team', '/api/v1/runs/nobody/events', RESEARCH, 404],
    ['another team', '/api/v1/runs/nightly-42/events?team=other', RESEARCH, 403],
    ['a stranger', '/api/v1/runs/nightly-42/events', {}, 401],
    ['an unknown parameter', '/api/v1/runs/nightly-42/events?from=1', ADMIN, 400],
  ])('refuses %s', async (_what, url, headers, status) => {
    const { app } = makeManagementApp([makeCallRecord(1)]);
    expect((await app.inject({ url, headers })).statusCode).toBe(status);
  });
});
