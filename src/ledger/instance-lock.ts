import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { LedgerError } from './ledger-error.ts';
import { sqliteCode, toLedgerError } from './sqlite-error.ts';

/**
 * Each process that writes to a data folder is an instance and holds, for its life, an exclusive lock on a small file
 * of its own. The operating system frees the lock however the process ends, so "can I have its lock" answers "is it
 * dead" without process ids, which come again, and without heartbeats, which lie when a machine sleeps.
 *
 * SQLite takes the locks, because Node has no call for it and SQLite's work between threads of one process too.
 */
export interface InstanceLock {
  readonly instanceId: string;
  /** Frees the lock and removes its file. */
  release(): void;
}

const LOCK_SUFFIX = '.lock';
const STARTUP_TIMEOUT_MS = 30_000;
const USABLE_INSTANCE_ID = /^[A-Za-z0-9_-]{1,128}$/;

/** The folder of the locks. */
export function instancesFolder(dataDir: string): string {
  return join(dataDir, 'instances');
}

/** Takes the lock of this instance. @throws LedgerError `in_use` where another living process has it */
export function lockInstance(dataDir: string, instanceId: string): InstanceLock {
  if (!USABLE_INSTANCE_ID.test(instanceId)) {
    throw new LedgerError('failed', `"${instanceId}" cannot be the name of an instance.`, {
      hint: 'Use letters, digits, "-" and "_".',
    });
  }
  const file = lockFile(dataDir, instanceId);
  const held = takeLock(file, 0);
  if (held === 'held_by_another') {
    throw new LedgerError('in_use', `Another process runs as the instance "${instanceId}".`, {
      hint: 'Stop it, or give this process another instance id.',
    });
  }
  return {
    instanceId,
    release: () => {
      held.close();
      rmSync(file, { force: true });
    },
  };
}

/** The instances other than `ownId` that have a lock file, by whether they live. Locks of dead ones are left free. */
export function otherInstances(dataDir: string, ownId: string): { alive: string[]; dead: string[] } {
  const alive: string[] = [];
  const dead: string[] = [];
  for (const name of readdirSync(instancesFolder(dataDir))) {
    if (!name.endsWith(LOCK_SUFFIX)) continue;
    const instanceId = name.slice(0, -LOCK_SUFFIX.length);
    if (instanceId === ownId) continue;
    const held = takeLock(lockFile(dataDir, instanceId), 0);
    if (held === 'held_by_another') {
      alive.push(instanceId);
    } else {
      held.close();
      dead.push(instanceId);
    }
  }
  return { alive, dead };
}

/**
 * Tells whether an instance that had its lock is dead now. While another process starts or recovers it is not known,
 * and false is given: two judges at a time would take each other's look for a living instance.
 */
export function isInstanceDead(dataDir: string, instanceId: string): boolean {
  const file = lockFile(dataDir, instanceId);
  if (!existsSync(file)) return true; // recovery and a clean end remove it
  const isFree = withStartupLock(dataDir, 'skip', () => {
    const held = takeLock(file, 0);
    if (held === 'held_by_another') return false;
    held.close();
    return true;
  });
  return isFree ?? false;
}

/** Removes the lock file of an instance that is dead and has no open calls any more. */
export function forgetInstance(dataDir: string, instanceId: string): void {
  rmSync(lockFile(dataDir, instanceId), { force: true });
}

/**
 * Runs `work` while no other process starts up or recovers in this data folder. Making one's lock file and judging
 * those of others must not overlap, else a process that is just being born looks dead.
 *
 * @param whenBusy `wait` for the other process, or `skip` and give null
 */
export function withStartupLock<Result>(dataDir: string, whenBusy: 'wait' | 'skip', work: () => Result): Result | null {
  const held = takeLock(join(dataDir, 'startup.lock'), whenBusy === 'wait' ? STARTUP_TIMEOUT_MS : 0);
  if (held === 'held_by_another') {
    if (whenBusy === 'skip') return null;
    throw new LedgerError('in_use', 'Another process has been starting on this data folder for too long.', {
      hint: 'Look whether it hangs, end it, and start again.',
    });
  }
  try {
    return work();
  } finally {
    held.close();
  }
}

function lockFile(dataDir: string, instanceId: string): string {
  return join(instancesFolder(dataDir), instanceId + LOCK_SUFFIX);
}

/** The lock lives as long as the database that is given. */
function takeLock(file: string, timeoutMs: number): DatabaseSync | 'held_by_another' {
  let database: DatabaseSync | null = null;
  try {
    database = new DatabaseSync(file, { timeout: timeoutMs });
    database.exec('PRAGMA journal_mode = MEMORY'); // nothing is ever written, so no journal file is left by a death
    database.exec('BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database?.close();
    if (sqliteCode(error) === 5) return 'held_by_another';
    throw toLedgerError(error);
  }
}
