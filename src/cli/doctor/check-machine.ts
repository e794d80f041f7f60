import { accessSync, constants, existsSync, statfsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Finding, fail, ok, reasonOf, warn } from './finding.ts';

/** `engines` of package.json: `node:sqlite` without a warning, and what undici needs. */
const OLDEST_NODE = [24, 15] as const;

export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  const isNewEnough = major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
  if (isNewEnough) return ok('node', version);
  const hint = `Use Node.js ${OLDEST_NODE.join('.')} or later; the npm package node, which is pinned here, brings it along.`;
  return fail('node', `${version} is too old`, hint);
}

/**
 * File systems by their magic numbers (statfs(2)) on which a ledger is not safe: the write-ahead log of SQLite needs
 * shared memory and locks that work (https://www.sqlite.org/wal.html, "All processes … must be on the same host").
 */
const FILE_SYSTEMS: ReadonlyMap<number, { readonly name: string; readonly trouble: 'shared' | 'fleeting' }> = new Map([
  [0x6969, { name: 'NFS', trouble: 'shared' }],
  [0x517b, { name: 'SMB', trouble: 'shared' }],
  [0xff534d42, { name: 'CIFS', trouble: 'shared' }],
  [0xfe534d42, { name: 'SMB2', trouble: 'shared' }],
  [0x01021997, { name: '9p', trouble: 'shared' }],
  [0x01021994, { name: 'tmpfs', trouble: 'fleeting' }],
  [0x794c7630, { name: 'an overlay', trouble: 'fleeting' }],
]);

const LITTLE_SPACE_BYTES = 1_073_741_824;
const NO_SPACE_BYTES = 104_857_600;

/** The data folder: whether it can be written, on which file system it is, and what space is left there. */
export function checkDataFolder(dataDir: string): Finding[] {
  const folder = nearestFolder(dataDir);
  try {
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const hint = 'Make it writable for the user that runs Metertap, or name another one in data_dir.';
    return [fail('data folder', `${folder} cannot be written: ${reasonOf(error)}`, hint)];
  }
  if (!statSync(folder).isDirectory()) {
    return [fail('data folder', `${folder} is no folder`, 'Name a folder in data_dir or METERTAP_DATA_DIR.')];
  }
  const written =
    folder === resolve(dataDir) ? `${folder} can be written` : `${resolve(dataDir)} will be made at the first start`;
  const { type, bavail, bsize } = statfsSync(folder);
  return [ok('data folder', written), fileSystemFinding(type >>> 0), spaceFinding(bavail * bsize)];
}

/** The folder itself, or the first one above it that there is. */
function nearestFolder(dataDir: string): string {
  let folder = resolve(dataDir);
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

export function fileSystemFinding(type: number): Finding {
  const known = FILE_SYSTEMS.get(type);
  if (known === undefined) return ok('file system', 'local, as far as can be told');
  if (known.trouble === 'shared') {
    const hint = 'SQLite needs a local disk: name a folder on one in data_dir.';
    return fail('file system', `the data folder is on ${known.name}, where locks cannot be relied on`, hint);
  }
  const hint = 'Name a folder on a disk in data_dir, in a container on a volume.';
  return warn(
    'file system',
    `the data folder is on ${known.name}: the ledger ends with the machine or container`,
    hint,
  );
}

export function spaceFinding(freeBytes: number): Finding {
  const text = `${(freeBytes / 1_073_741_824).toFixed(1)} GiB are free`;
  const hint = 'Free some space, or lower ledger.retention_days; on a full disk calls are refused.';
  if (freeBytes < NO_SPACE_BYTES) return fail('disk space', text, hint);
  return freeBytes < LITTLE_SPACE_BYTES ? warn('disk space', text, hint) : ok('disk space', text);
}

const OTHERS = 0o077;
const OTHERS_WRITE = 0o022;

/** Who may read the secrets of the data folder, and write the configuration. */
export function checkPermissions(dataDir: string, configPath: string | null): Finding[] {
  const secrets = [join(dataDir, 'secrets', 'admin.key'), join(dataDir, 'secrets', 'hmac.key')].filter(existsSync);
  const open = secrets.filter((path) => (statSync(path).mode & OTHERS) !== 0);
  const found = open.map((path) =>
    warn('permissions', `${path} can be read by others than its owner`, `chmod 600 ${path}`),
  );
  if (configPath !== null && existsSync(configPath) && (statSync(configPath).mode & OTHERS_WRITE) !== 0) {
    found.push(
      warn('permissions', `${configPath} can be written by others than its owner`, `chmod go-w ${configPath}`),
    );
  }
  if (found.length > 0) return found;
  return [
    ok('permissions', secrets.length === 0 ? 'no secrets have been made yet' : 'secrets are for their owner only'),
  ];
}
