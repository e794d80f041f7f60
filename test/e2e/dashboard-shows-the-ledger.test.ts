import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSimulator } from '../../src/simulator/server.ts';
import { findBrowser, openBrowser, signIn, type TestBrowser } from '../support/browser.ts';
import { seedLedger } from '../support/seeded-ledger.ts';
import { asList, asRecord, startProxy, type TestProxy } from '../support/start-proxy.ts';

/** Every view in a real browser, over the books of two weeks; what it shows is compared with what the API says. */
const program = findBrowser();
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const VIEWS = ['', '/runs', '/sessions?range=7d', '/teams', '/records', '/statements', '/health?range=7d', '/start'];
const RUN = '/runs/nightly-42?team=research';

let simulator: Awaited<ReturnType<typeof createSimulator>>;
let proxy: TestProxy;
let browser: TestBrowser;
let dataDir: string;

beforeAll(async () => {
  if (program === null) return;
  dataDir = mkdtempSync(join(tmpdir(), 'metertap-dashboard-'));
  await seedLedger({ dataDir, endMs: Date.now(), days: 14, runsPerDay: 12 });
  simulator = await createSimulator({ port: 0 });
  const yaml = 'auth: { mode: keys }\nkeys: [{ id: support-bot, team: support, key: support-team-key-1 }]';
  proxy = await startProxy({ upstreamUrl: simulator.baseUrl, dataDir, yaml });
  browser = await openBrowser(program);
  await signIn(browser.page, `${proxy.url}/dashboard`, proxy.adminKey);
});

afterAll(async () => {
  if (program === null) return;
  await browser[Symbol.asyncDispose]();
  await proxy.close();
  await simulator.close();
  rmSync(dataDir, { recursive: true, force: true });
});

/** Opens a view and waits for its figures. */
async function open(page: Page, view: string): Promise<void> {
  await page.goto(`${proxy.url}/dashboard${view}`);
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.locator('.loading').first().waitFor({ state: 'detached' });
}

function exactValue(page: Page, selector: string): Promise<string | null> {
  return page.locator(`${selector} data`).first().getAttribute('value');
}

/** The exact values of a column of a table, from the top. */
function column(page: Page, table: string, place: number): Promise<(string | null)[]> {
  return page
    .locator(`${table} tbody tr > :nth-child(${place}) data`)
    .evaluateAll((cells) => cells.map((cell) => cell.getAttribute('value')));
}

describe.runIf(program !== null)('the dashboard in a browser', () => {
  it('shows on the overview what the usage API says', async () => {
    const { page } = browser;
    await open(page, '?range=7d');
    const asked = page.waitForResponse(
      (answer) => answer.url().includes('/api/v1/usage') && answer.url().includes('bucket=1h'),
    );
    await page.reload();
    const url = new URL((await asked).url());
    url.searchParams.delete('group_by');
    const buckets = asList((await proxy.ask(`${url.pathname}${url.search}`))['data']).map(asRecord);
    const results = buckets.flatMap(({ results: all }) => asList(all).map(asRecord));
    const sum = (name: string) => results.reduce((total, result) => total + Number(result[name]), 0);
    const nano = results.reduce((total, { cost_usd: cost }) => total + BigInt(String(cost).replace('.', '')), 0n);
    await page.locator('#tile-cost data').waitFor();
    const shown = (await exactValue(page, '#tile-cost'))?.replace('.', '') ?? '';
    expect(BigInt(shown)).toBe(nano);
    expect(await exactValue(page, '#tile-tokens')).toBe(String(sum('total_tokens')));
    expect(await exactValue(page, '#tile-calls')).toBe(String(sum('requests')));
    expect(sum('unpriced')).toBeGreaterThan(0);
    await expect.poll(() => page.locator('#quality-unpriced').textContent()).toContain(String(sum('unpriced')));
    await page.getByText('no price is known for llama-3.3-70b').waitFor();
  });

  it('keeps what was chosen in the address, and zooms where the chart is brushed', async () => {
    const { page } = browser;
    await open(page, '');
    await page.getByRole('button', { name: '30 days' }).click();
    await page.getByRole('combobox', { name: 'By' }).selectOption('model');
    await page.getByRole('button', { name: 'Tokens' }).click();
    expect(new URL(page.url()).search).toBe('?range=30d&by=model&measure=tokens');
    await page.getByRole('heading', { name: 'Tokens by model' }).waitFor();
    await page.getByText('Show as a table').click();
    await page.getByRole('columnheader', { name: 'gpt-5-mini-2026-02-01' }).waitFor();

    const box = await page.locator('.u-over').boundingBox();
    if (box === null) throw new Error('there is no chart');
    await page.mouse.move(box.x + box.width * 0.7, box.y + 50);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.9, box.y + 50, { steps: 5 });
    await page.mouse.up();
    await expect.poll(() => new URL(page.url()).searchParams.has('start')).toBe(true);
    await page.goBack();
    expect(new URL(page.url()).searchParams.get('range')).toBe('30d');
  });

  it('shows a run as the API gives it: its sums, its calls and its children', async () => {
    const { page } = browser;
    await open(page, RUN);
    const run = await proxy.ask('/api/v1/runs/nightly-42?team=research&include=children');
    const usage = asRecord(run['usage']);
    expect(await exactValue(page, '#run-cost')).toBe(run['cost_usd']);
    expect(await exactValue(page, '#run-tokens')).toBe(String(usage['total_tokens']));
    expect(await exactValue(page, '#run-calls')).toBe(String(usage['requests']));
    await page.getByRole('button', { name: 'This run only' }).click();
    const entries = asList(usage['request_usage_entries']).map(asRecord);
    const inputs = entries.map((entry) => String(entry['input_tokens']));
    await expect.poll(() => column(page, '#waterfall', 4)).toEqual(inputs);
    expect(await page.locator('#waterfall tbody tr').count()).toBe(entries.length + 1); // and one that failed
    expect(await page.locator('#waterfall .bar').count()).toBe(entries.length + 1);
    await page.getByRole('button', { name: 'With child runs' }).click();
    await page.locator('#waterfall').getByRole('link', { name: 'nightly-42/press' }).click();
    await page.getByRole('heading', { level: 1, name: 'nightly-42/press' }).waitFor();
    expect(page.url()).toContain('/dashboard/runs/nightly-42%2Fpress?team=research');
    await page.getByLabel('Where this is').getByRole('link', { name: 'nightly-42', exact: true }).waitFor();
  });

  it('lists runs by cost, and finds them', async () => {
    const { page } = browser;
    await open(page, '/runs?order=-cost');
    const runs = asList((await proxy.ask('/api/v1/runs?order=-cost&limit=50'))['data']).map(asRecord);
    expect(await column(page, '#runs', 10)).toEqual(runs.map((run) => run['cost_usd']));
    await page.getByRole('searchbox').fill('nightly-42/pr');
    await page.getByRole('searchbox').press('Enter');
    await page.getByRole('alert').getByText('There is no run').waitFor();
    browser.forgive(); // the 404 is one, and was asked for
    await open(page, '/runs');
    await page.getByRole('searchbox').fill('nightly-42');
    await expect.poll(() => page.locator('#runs tbody tr').count()).toBe(3);
  });

  it('shows sessions, records and a record with all its fields', async () => {
    const { page } = browser;
    await open(page, '/sessions?range=7d');
    await page.getByRole('link', { name: 'research-2026-11' }).click();
    const session = await proxy.ask('/api/v1/sessions/research-2026-11?team=research');
    await page.locator('#session-cost data').waitFor();
    expect(await exactValue(page, '#session-cost')).toBe(session['cost_usd']);

    await open(page, '/records?ending=upstream_error');
    const records = asList((await proxy.ask('/api/v1/records?ending=upstream_error'))['data']).map(asRecord);
    expect(await page.locator('#records tbody tr').count()).toBe(records.length);
    await page.locator('#records tbody th a').first().click();
    const id = String(records[0]?.['id']);
    await page.getByRole('heading', { level: 1, name: id }).waitFor();
    await page.locator('.fields').first().waitFor();
    const names = await page.locator('.fields dt').allTextContents();
    const whole = Object.keys(await proxy.ask(`/api/v1/records/${id}`));
    expect(names).toEqual(expect.arrayContaining(whole.filter((name) => !/^usage/.test(name))));
  });

  it('makes, rotates and revokes a key, and shows its secret once', async () => {
    const { page } = browser;
    await open(page, '/teams');
    await page.getByText('New key').click();
    await page.getByLabel('Team', { exact: true }).fill('support');
    await page.getByLabel('Id, if you want to choose it').fill('helpdesk');
    await page.getByRole('button', { name: 'Create the key' }).click();
    const secret = await page.locator('.secret code').textContent();
    expect(secret).toMatch(/^mt_helpdesk_/);
    const call = () =>
      fetch(`${proxy.url}/api/v1/runs`, { headers: { authorization: `Bearer ${secret}` } }).then(
        ({ status }) => status,
      );
    expect(await call()).toBe(200);
    await page.getByRole('link', { name: 'Connect', exact: true }).first().click();
    await page.getByText(`Authorization: Bearer ${secret}`).waitFor();
    await open(page, '/teams');
    expect(await page.getByText(String(secret)).count()).toBe(0);
    await page.getByRole('button', { name: 'Rotate helpdesk' }).click();
    await page.getByRole('button', { name: 'not at all' }).click();
    await page.locator('.secret code').waitFor();
    expect(await call()).toBe(401);
    await page.getByRole('button', { name: 'Revoke helpdesk' }).click();
    await page.getByRole('button', { name: 'Revoke helpdesk' }).click();
    await expect.poll(() => page.locator('#keys').getByText('helpdesk').count()).toBe(0);
    const audit = asList((await proxy.ask('/api/v1/audit?target_id=helpdesk'))['data']).map(asRecord);
    expect(audit.map(({ action }) => action)).toEqual(['key.revoke', 'key.rotate', 'key.create']);
  });

  it('gives the records of a month as a file', async () => {
    const { page } = browser;
    await open(page, '/statements');
    const download = page.waitForEvent('download');
    await page.locator('.files').getByRole('link', { name: 'CSV' }).click();
    const path = await (await download).path();
    expect(readFileSync(path, 'utf8').split('\n').length).toBeGreaterThan(10);
  });

  it.each([...VIEWS, RUN])(
    'has nothing at %s that keeps people out, in either theme, and fits on a phone',
    async (view) => {
      const { page } = browser;
      for (const scheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme: scheme });
        await open(page, view);
        await page.evaluate(AXE);
        const found = await page.evaluate('axe.run({ resultTypes: ["violations"] })');
        const violations = asList(asRecord(found)['violations']).map(asRecord);
        const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
        const told = serious.map(
          ({ id, nodes }) =>
            `${id}: ${asList(nodes)
              .map((node) => asRecord(node)['html'])
              .join(' ')}`,
        );
        expect(told).toEqual([]);
      }
      await page.setViewportSize({ width: 360, height: 780 });
      await open(page, view);
      const widths = await page.evaluate('[document.documentElement.scrollWidth, window.innerWidth]');
      await page.setViewportSize({ width: 1_360, height: 900 });
      await page.emulateMedia({ colorScheme: 'light' });
      expect(widths).toEqual([360, 360]);
    },
  );

  it('can be used by keyboard alone', async () => {
    const { page } = browser;
    await open(page, '');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.id')).toBe('main');
    await page.getByRole('link', { name: 'Metertap, overview' }).focus();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Runs');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Runs' }).waitFor();
    // The view is there before the focus moves to it and the title follows.
    await page.waitForFunction("document.activeElement.id === 'main' && document.title === 'Runs · Metertap'");
  });

  it('changes its theme by hand, and remembers it', async () => {
    const { page } = browser;
    await open(page, '');
    const ground = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
    const light = await ground();
    const toggle = page.getByRole('button', { name: /^Theme:/ });
    await toggle.click();
    await toggle.click();
    expect(await ground()).not.toBe(light);
    await page.reload();
    await page.getByRole('heading', { level: 1 }).waitFor();
    expect(await ground()).not.toBe(light);
    await toggle.click();
  });

  it('shows a team its own figures only, and no way to change things', async () => {
    const { page } = browser;
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Admin key, or the key of a team').fill('support-team-key-1');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await open(page, '/teams');
    await page.locator('#teams').waitFor();
    expect(await page.locator('#teams tbody th').allTextContents()).toEqual(['support']);
    expect(await page.getByText('New key').count()).toBe(0);
    await open(page, '/records');
    const asked = await page.evaluate(`fetch('/api/v1/runs?team=research').then(({ status }) => status)`);
    expect(asked).toBe(403);
    browser.forgive(); // the 403 is one, and was asked for
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
  });

  it('did nothing all the while that a page should not: no error, no breach of the policy, no request elsewhere', () => {
    expect(browser.complaints).toEqual([]);
  });
});
