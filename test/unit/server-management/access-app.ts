import { createAccess } from '../../../src/app-access.ts';
import { KeyDirectory } from '../../../src/attribution/key-directory.ts';
import { loadConfig } from '../../../src/config/load.ts';
import type { AccessBook } from '../../../src/ledger/access-book.ts';
import { openTestJournal } from '../../support/test-journal.ts';
import { ADMIN, type ManagementApp, makeManagementApp, NOW_MS } from './management-app.ts';

export const CLOCK = { nowMs: () => NOW_MS, monotonicMs: () => performance.now() };
export const PEPPER = Buffer.from('a pepper of the tests');

export interface AccessApp extends ManagementApp {
  readonly book: AccessBook;
  readonly directory: KeyDirectory;
  /** Asks, as administrator unless said otherwise. */
  ask(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown, headers?: object): Promise<Answered>;
}

export interface Answered {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly error: { code: string; message: string; param: string | null };
}

/** The management routes over a ledger of their own and a configuration file of this text. */
export async function makeAccessApp(yaml?: string): Promise<AccessApp> {
  const { access } = await openTestJournal({ clock: CLOCK });
  return accessAppOver(access, yaml);
}

/** The same over a ledger that the test keeps. */
export async function accessAppOver(book: AccessBook, yaml = 'auth: { mode: keys }'): Promise<AccessApp> {
  const directory = new KeyDirectory();
  const config = loadConfig({ path: 'test.yaml', env: {}, readFile: () => yaml });
  const access = createAccess({ book, directory, pepper: PEPPER, config: () => config });
  await access.takeUpChanges();
  const made = makeManagementApp([], { access, clock: CLOCK });
  const ask: AccessApp['ask'] = async (method, path, body, headers = ADMIN) => {
    const payload = typeof body === 'string' ? body : JSON.stringify(body);
    const answer = await made.app.inject({
      method,
      url: `/api/v1${path}`,
      headers: { ...headers },
      ...(body === undefined ? {} : { payload }),
    });
    const json = answer.json();
    return { status: answer.statusCode, body: json, error: json.error };
  };
  return { ...made, book, directory, ask };
}
