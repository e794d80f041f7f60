import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { createSimulator } from '../src/simulator/server.ts';
import { findBrowser, openBrowser, signIn } from '../test/support/browser.ts';
import { seedLedger } from '../test/support/seeded-ledger.ts';
import { startProxy } from '../test/support/start-proxy.ts';
import { say } from './output.ts';

/**
 * How long the dashboard takes over a ledger of some 100,000 records: `npm run bench:dashboard`. For each view the first
 * paint, and the time until its figures stand there, in a browser that has its scripts already; the median of five.
 */
const VIEWS: readonly (readonly [string, string])[] = [
  ['overview, 24 hours', ''],
  ['overview, 30 days', '?range=30d'],
  ['runs', '/runs?order=-cost'],
  ['a run', '/runs/nightly-42?team=research'],
  ['records', '/records'],
  ['statements', '/statements'],
  ['health, 7 days', '/health?range=7d'],
];
const ROUNDS = 5;
const DAYS = 60;
const RUNS_PER_DAY = 340;

const program = findBrowser();
if (program === null) throw new Error('install Chromium first, or name it in CHROMIUM');
const dataDir = mkdtempSync(join(tmpdir(), 'metertap-bench-'));
const calls = await seedLedger({ dataDir, endMs: Date.now(), days: DAYS, runsPerDay: RUNS_PER_DAY });
const simulator = await createSimulator({ port: 0 });
const proxy = await startProxy({ upstreamUrl: simulator.baseUrl, dataDir });
try {
  await using browser = await openBrowser(program);
  await signIn(browser.page, `${proxy.url}/dashboard`, proxy.adminKey);
  say(`${calls} records\n\n${row('view', 'first paint', 'figures')}`);
  for (const [name, view] of VIEWS) {
    const rounds: { paintMs: number; figuresMs: number }[] = [];
    for (let round = 0; round < ROUNDS; round++)
      rounds.push(await timeView(browser.page, `${proxy.url}/dashboard${view}`));
    const median = (of: (round: { paintMs: number; figuresMs: number }) => number) =>
      `${Math.round(rounds.map(of).sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0)} ms`;
    say(
      row(
        name,
        median(({ paintMs }) => paintMs),
        median(({ figuresMs }) => figuresMs),
      ),
    );
  }
} finally {
  await proxy.close();
  await simulator.close();
  rmSync(dataDir, { recursive: true, force: true });
}

async function timeView(page: Page, url: string): Promise<{ paintMs: number; figuresMs: number }> {
  await page.goto(url);
  await page.locator('main data, main time').first().waitFor();
  const figuresMs = Number(await page.evaluate('performance.now()'));
  const paintMs = Number(
    await page.evaluate(`performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0`),
  );
  return { paintMs, figuresMs };
}

function row(...cells: string[]): string {
  return cells.map((cell, index) => (index === 0 ? cell.padEnd(22) : cell.padStart(14))).join('');
}
