import { join } from 'node:path';
import { findConfigPath, loadConfig } from '../config/load.ts';

export interface LocalAccessSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readFile: (path: string) => string;
  readonly exists: (path: string) => boolean;
}

/** Where a running Metertap is, and as whom it is asked. */
export interface LocalAccess {
  readonly baseUrl: string;
  readonly adminKey: string;
}

/**
 * Where the commands that ask a running Metertap find it: `METERTAP_URL`, else where the configuration listens; and as
 * whom: the configured admin key, else the one in the data folder.
 *
 * @throws ConfigError where the configuration is faulty
 */
export function localAccess(sources: LocalAccessSources): LocalAccess {
  const path = findConfigPath({ flag: null, env: sources.env, exists: sources.exists });
  const config = loadConfig({ path, env: sources.env, readFile: sources.readFile });
  const host = config.listen.host === '0.0.0.0' ? '127.0.0.1' : config.listen.host;
  const baseUrl = sources.env['METERTAP_URL'] ?? `http://${host}:${config.listen.port}`;
  const keyPath = join(config.data_dir, 'secrets', 'admin.key');
  const adminKey = config.admin_key ?? (sources.exists(keyPath) ? sources.readFile(keyPath).trim() : '');
  return { baseUrl, adminKey };
}
