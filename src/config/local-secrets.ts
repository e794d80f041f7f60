import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Secrets that Metertap makes for itself at its first start and keeps in its data folder. */
export interface LocalSecrets {
  /** The key of the HMAC under which credentials are known. Key ids of passthrough credentials depend on it. */
  readonly pepper: Buffer;
  /** Sees and does all in the management API, where the configuration names no `admin_key`. */
  readonly adminKey: string;
  readonly adminKeyPath: string;
}

const FOLDER = 'secrets';
const PEPPER_BYTES = 32;

/**
 * Reads the secrets of a data folder, and makes those that are missing, readable by their owner only.
 *
 * @throws Error of the file system where the folder cannot be written
 */
export function openLocalSecrets(dataDir: string): LocalSecrets {
  const folder = join(dataDir, FOLDER);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const pepperPath = join(folder, 'hmac.key');
  const adminKeyPath = join(folder, 'admin.key');
  const pepper = readOrCreate(pepperPath, () => randomBytes(PEPPER_BYTES).toString('hex'));
  const adminKey = readOrCreate(adminKeyPath, () => `mt_admin_${randomBytes(PEPPER_BYTES).toString('hex')}`);
  return { pepper: Buffer.from(pepper, 'hex'), adminKey, adminKeyPath };
}

/** Several processes may start on one folder: the file appears whole and once, and all read the same. */
function readOrCreate(path: string, make: () => string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if (!isCode(error, 'ENOENT')) throw error;
  }
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  writeFileSync(draft, `${make()}\n`, { mode: 0o600, flag: 'wx' });
  try {
    linkSync(draft, path);
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
  } finally {
    unlinkSync(draft);
  }
  return readFileSync(path, 'utf8').trim();
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
