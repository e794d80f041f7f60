import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** What a process holds, as Linux tells it. */
export interface ProcessFigures {
  /** Open files, pipes and pollers: all but sockets. */
  readonly files: number;
  readonly sockets: number;
  readonly rssBytes: number;
  readonly threads: number;
}

/** @throws where the process has ended, or where the system has no /proc */
export function readProcessFigures(pid: number): ProcessFigures {
  const targets = readdirSync(`/proc/${pid}/fd`).map((name) => targetOf(`/proc/${pid}/fd/${name}`));
  const sockets = targets.filter((target) => target.startsWith('socket:')).length;
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return {
    files: targets.length - sockets,
    sockets,
    rssBytes: numberIn(status, /^VmRSS:\s+(\d+) kB$/m) * 1024,
    threads: numberIn(status, /^Threads:\s+(\d+)$/m),
  };
}

/** The size of the ledger's write-ahead log; 0 where there is none. */
export function readLogBytes(dataDir: string): number {
  return statSync(join(dataDir, 'metertap.db-wal'), { throwIfNoEntry: false })?.size ?? 0;
}

/** What a descriptor is; it may have been closed since it was listed. */
function targetOf(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return 'closed';
  }
}

function numberIn(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? Number.NaN);
}
