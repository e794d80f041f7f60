import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSimulator } from '../src/simulator/server.ts';
import { findBrowser, openBrowser, signIn } from '../test/support/browser.ts';
import { seedLedger } from '../test/support/seeded-ledger.ts';
import { startProxy } from '../test/support/start-proxy.ts';

/**
 * Takes the pictures of the documentation (`npm run screenshots`): the dashboard over the books of some made-up weeks,
 * the same each time but for their dates.
 */
const IMAGES = join(import.meta.dirname, '../docs/images');
const MOST_BYTES = 200_000;
const YAML = `
auth: { mode: keys }
teams:
  - { id: research, name: Research, limits: [{ budget_usd: "8", per: month }, { tokens: 400000, per: minute }] }
  - { id: support, name: Customer support, limits: [{ budget_usd: "1.2", per: month }] }
keys:
  - { id: research-notebooks, team: research, key: research-team-key-1 }
  - { id: support-bot, team: support, key: support-team-key-1 }
`;

interface Picture {
  readonly file: string;
  readonly view: string;
  readonly theme: 'light' | 'dark';
  readonly width: number;
  readonly height: number;
}

const PICTURES: readonly Picture[] = [
  { file: 'dashboard-overview.png', view: '?range=30d&by=model', theme: 'light', width: 1280, height: 800 },
  { file: 'dashboard-run.png', view: '/runs/nightly-42?team=research', theme: 'dark', width: 1280, height: 860 },
  { file: 'dashboard-phone.png', view: '/runs/nightly-42?team=research', theme: 'light', width: 390, height: 800 },
];

const program = findBrowser();
if (program === null) throw new Error('install Chromium first, or name it in CHROMIUM');
const dataDir = mkdtempSync(join(tmpdir(), 'metertap-pictures-'));
await seedLedger({ dataDir, endMs: Date.now(), days: 60, runsPerDay: 24 });
const simulator = await createSimulator({ port: 0 });
const proxy = await startProxy({ upstreamUrl: simulator.baseUrl, dataDir, yaml: YAML });
try {
  for (const { file, view, theme, width, height } of PICTURES) {
    await using browser = await openBrowser(program, { theme, width, height });
    await signIn(browser.page, `${proxy.url}/dashboard${view}`, proxy.adminKey);
    await browser.page.waitForLoadState('networkidle', { timeout: 3_000 }).catch(() => undefined); // its event stream stays
    await browser.page.locator('.loading').first().waitFor({ state: 'detached' });
    const path = join(IMAGES, file);
    await browser.page.screenshot({ path });
    if (statSync(path).size > MOST_BYTES) throw new Error(`${file} is larger than ${MOST_BYTES} bytes`);
  }
} finally {
  await proxy.close();
  await simulator.close();
  rmSync(dataDir, { recursive: true, force: true });
}
