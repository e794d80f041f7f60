import { once } from 'node:events';
import { type ClientRequest, request } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { MetertapError } from '../../../src/core/errors.ts';
import type { LedgerReader, RecordFilter, SettledPage } from '../../../src/ledger/ledger-reader.ts';
import { makeCallRecord } from '../../support/make-call-record.ts';
import { MemoryLedgerReader } from '../../support/memory-ledger-reader.ts';
import { ADMIN, makeManagementApp } from './management-app.ts';

const apps: FastifyInstance[] = [];
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
});

/** More than the buffers on the way take. */
const BIG = { padding: 'x'.repeat(20_000) };

/** The management API over many records; `beforePage` may fail a page. */
async function start(beforePage: (page: number) => void = () => undefined) {
  const records = Array.from({ length: 5_000 }, (_, n) => makeCallRecord(n, { usage_raw: BIG }));
  const memory = new MemoryLedgerReader(records);
  let pages = 0;
  const reader: LedgerReader = Object.assign(memory, {
    settledEntries: async (filter: RecordFilter, page: SettledPage) => {
      beforePage(++pages);
      return MemoryLedgerReader.prototype.settledEntries.call(memory, filter, page);
    },
  });
  const { app } = makeManagementApp([], { reader });
  apps.push(app);
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return { app, url: `${url}/api/v1/export?format=jsonl`, pages: () => pages };
}

const unreadable = () => {
  throw new MetertapError('ledger_unavailable', 'The ledger cannot be read now.');
};

describe('GET /export', () => {
  it('is an error answer where the ledger cannot be read at all', async () => {
    const { url } = await start(unreadable);
    const answer = await fetch(url, { headers: ADMIN });
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ error: { code: 'ledger_unavailable' } });
  });

  it('is cut where the ledger cannot be read on, so that it never looks whole', async () => {
    const { url } = await start((page) => {
      if (page === 3) unreadable();
    });
    const answer = await fetch(url, { headers: ADMIN });
    expect(answer.status).toBe(200);
    await expect(answer.text()).rejects.toThrow('terminated');
  });

  it('reads no more when its client has gone', async () => {
    const { app, url, pages } = await start();
    const over = new Promise<void>((resolve) => {
      app.server.on('connection', (socket) => socket.once('close', () => resolve()));
    });
    const asking: ClientRequest = request(url, { headers: ADMIN }).end();
    const [answer] = await once(asking, 'response');
    await once(answer, 'readable');
    asking.destroy();
    await over;
    const seen = pages();
    await app.close();
    expect(pages()).toBe(seen);
    expect(seen).toBeLessThan(10);
  });
});
