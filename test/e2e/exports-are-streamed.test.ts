import { type IncomingMessage, request } from 'node:http';
import { expect, it } from 'vitest';
import type { App } from '../../src/app.ts';
import { callRecord } from '../support/call-record.ts';
import { heldBytesMeter, letOthersRun } from '../support/held-memory.ts';
import { startProxy, type TestProxy } from '../support/start-proxy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { openTestJournal } from '../support/test-journal.ts';

const RAW = { padding: 'x'.repeat(4_000) };
const LOOK_EVERY_BYTES = 2_000_000;

/** A proxy over a ledger that is full already. */
async function startWith(thousands: number): Promise<TestProxy> {
  const dataDir = temporaryFolder();
  const journal = await openTestJournal({ dataDir });
  for (let n = 0; n < thousands; n++) {
    await Promise.all(Array.from({ length: 1_000 }, () => journal.finish(callRecord({ usage_raw: RAW }))));
  }
  await journal.close();
  return startProxy({ upstreamUrl: 'http://127.0.0.1:9', dataDir });
}

function download(app: App, adminKey: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${adminKey}` };
    request(`${app.url}/api/v1/export?format=jsonl`, { headers }, resolve).on('error', reject).end();
  });
}

it('holds a page of an export of 50 MB, however slowly its client reads', async () => {
  await using proxy = await startWith(12);
  const heldBytes = heldBytesMeter();
  const before = heldBytes();
  const answer = await download(proxy.app, proxy.adminKey);
  let received = 0;
  let lines = 0;
  let mostHeld = 0;
  let looks = 0;
  for await (const chunk of answer) {
    const bytes: Buffer = chunk;
    received += bytes.length;
    for (const byte of bytes) if (byte === 0x0a) lines++;
    if (received < looks * LOOK_EVERY_BYTES) continue;
    looks++;
    await letOthersRun();
    mostHeld = Math.max(mostHeld, heldBytes() - before);
  }
  expect(lines).toBe(12_000);
  expect(received).toBeGreaterThan(48_000_000);
  expect(mostHeld).toBeLessThan(15_000_000);
});

it('is an error to its client where Metertap stops before the end, and does not hold up the stop', async () => {
  await using proxy = await startWith(5);
  const answer = await download(proxy.app, proxy.adminKey);
  answer.pause();
  const ended = new Promise((resolve) => answer.once('error', resolve));
  await proxy.close();
  answer.resume();
  expect(await ended).toMatchObject({ code: 'ECONNRESET' });
});
