import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { findServer } from './servers.ts';

/** Chromium of the system: by `CHROMIUM`, or as Debian or others call it; null where its tests are skipped. */
export function findBrowser(): string | null {
  for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
    const paths = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, name));
    if (paths.some((path) => existsSync(path))) return findServer(name, 'CHROMIUM');
  }
  return findServer('chromium', 'CHROMIUM');
}

export interface BrowserOptions {
  readonly width?: number;
  readonly height?: number;
  readonly theme?: 'light' | 'dark';
}

/** A browser with a profile of its own, that notes whatever a page should not do. `await using` closes it. */
export interface TestBrowser extends AsyncDisposable {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Console errors, faults of scripts, breaches of the policy, and requests that left this machine. */
  readonly complaints: readonly string[];
  /** Forgets the complaints so far. */
  forgive(): void;
}

/** It asks nobody for updates, and draws without a graphics card. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export async function openBrowser(program: string, options: BrowserOptions = {}): Promise<TestBrowser> {
  const profile = mkdtempSync(join(tmpdir(), 'metertap-browser-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: program,
    headless: true,
    args: FLAGS,
    viewport: { width: options.width ?? 1_360, height: options.height ?? 900 },
    colorScheme: options.theme ?? 'light',
    timezoneId: 'Europe/Berlin',
  });
  const complaints: string[] = [];
  const page = context.pages()[0] ?? (await context.newPage());
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`fault: ${error.message}`));
  context.on('request', (request) => {
    const { hostname, protocol } = new URL(request.url());
    if (protocol.startsWith('http') && hostname !== '127.0.0.1') complaints.push(`request: ${request.url()}`);
  });
  return {
    page,
    context,
    complaints,
    forgive: () => void complaints.splice(0),
    [Symbol.asyncDispose]: async () => {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

/** Signs in with a key, and waits for the view that the address names. */
export async function signIn(page: Page, url: string, key: string): Promise<void> {
  await page.goto(url);
  await page.getByLabel('Admin key, or the key of a team').fill(key);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('navigation', { name: 'Views' }).waitFor();
}
