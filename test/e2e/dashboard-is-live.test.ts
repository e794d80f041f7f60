import { describe, expect, it } from 'vitest';
import { createSimulator } from '../../src/simulator/server.ts';
import { findBrowser, openBrowser, signIn } from '../support/browser.ts';
import { CHAT, postWhole } from '../support/calls.ts';
import { freePort } from '../support/servers.ts';
import { startProxy } from '../support/start-proxy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const program = findBrowser();

describe.runIf(program !== null)('the dashboard', () => {
  it('waits for the first call with its own address in the examples, moves by itself, and finds a server that comes back', async () => {
    if (program === null) return;
    const simulator = await createSimulator({ port: 0 });
    const dataDir = temporaryFolder();
    const env = { METERTAP_PORT: String(await freePort()) };
    try {
      await using browser = await openBrowser(program);
      const { page } = browser;
      const first = await startProxy({ upstreamUrl: simulator.baseUrl, dataDir, env });
      await signIn(page, `${first.url}/dashboard`, first.adminKey);
      await page.getByRole('heading', { name: 'Waiting for the first call' }).waitFor();
      await page.getByText(`curl ${first.baseUrl}/chat/completions`).waitFor();

      const headers = { 'x-metertap-run-id': 'live-1', 'x-metertap-agent': 'planner' };
      await postWhole(first, 'chat/completions', CHAT, { headers });
      await page.getByRole('heading', { name: 'Overview' }).waitFor();
      const calls = () => page.locator('#tile-calls data').first().getAttribute('value');
      await expect.poll(calls, { timeout: 15_000 }).toBe('1');
      await postWhole(first, 'chat/completions', CHAT, { headers });
      await expect.poll(calls, { timeout: 15_000 }).toBe('2');

      await page.locator('#top-runs').getByRole('link', { name: 'live-1' }).click();
      const rows = () => page.locator('#waterfall tbody tr').count();
      await expect.poll(rows).toBe(2);
      await postWhole(first, 'chat/completions', { ...CHAT, stream: true }, { headers });
      await expect.poll(rows, { timeout: 15_000 }).toBe(3);
      expect(browser.complaints).toEqual([]);

      await first.close();
      await page.getByText('Connection lost, trying again').waitFor();
      await using second = await startProxy({ upstreamUrl: simulator.baseUrl, dataDir, env });
      await postWhole(second, 'chat/completions', CHAT, { headers });
      await page.getByText('Live', { exact: true }).waitFor();
      await expect.poll(rows, { timeout: 15_000 }).toBe(4);
    } finally {
      await simulator.close();
    }
  });
});
