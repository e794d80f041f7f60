import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { platform } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findServer } from '../support/servers.ts';
import { asList, asRecord } from '../support/start-proxy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** The benchmark with tiny numbers: that it runs, counts errors and compares the books. Nothing is asserted about time. */
const BENCH = join(import.meta.dirname, '../../bench');
const TIMEOUT_MS = 150_000;

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function runScript(script: string, args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const command = [join(BENCH, script), ...args];
    execFile(process.execPath, command, { timeout: TIMEOUT_MS }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
  });
}

/** Runs a benchmark and reads the JSON that it writes. */
async function bench(script: string, args: readonly string[]): Promise<Ended & { results: Record<string, unknown> }> {
  const output = join(temporaryFolder(), 'results.json');
  const ended = await runScript(script, [...args, '--output', output]);
  if (ended.code !== 0 && ended.code !== 1) throw new Error(`${script}: ${ended.code}\n${ended.stdout}${ended.stderr}`);
  return { ...ended, results: asRecord(JSON.parse(readFileSync(output, 'utf8'))) };
}

function rowsOf(results: Record<string, unknown>): Record<string, unknown>[] {
  return asList(results['measurements']).map(asRecord);
}

const canRun = platform() === 'linux' && findServer('cc', 'CC') !== null;

describe.runIf(canRun)('the benchmark', () => {
  it('measures two candidates, interleaved, without errors, and its books agree', { timeout: TIMEOUT_MS }, async () => {
    const chosen = ['--candidate', 'bare-pipe,metertap', '--workload', 'json-1k,chat-burst'];
    const { code, stdout, results } = await bench('run.ts', [
      '--seconds',
      '0.3',
      '--rounds',
      '1',
      '--quick',
      ...chosen,
    ]);
    expect(code, stdout).toBe(0);
    expect(asList(results['faults'])).toEqual([]);
    const rows = rowsOf(results);
    expect(rows.map(({ workload, candidate }) => [workload, candidate])).toEqual([
      ['json-1k', 'bare-pipe'],
      ['json-1k', 'metertap'],
      ['chat-burst', 'bare-pipe'],
      ['chat-burst', 'metertap'],
    ]);
    for (const row of rows) {
      expect(row['calls']).toBeGreaterThan(0);
      expect(row['cpuMicrosPerCall']).toBeGreaterThan(0);
      expect(row['errors']).toBe(0);
      expect(asRecord(row['loopDelayMs'])).toHaveProperty('p99');
      expect(asRecord(row['lastMs'])).toHaveProperty('p50');
    }
    expect(stdout).toContain('CPU, × bare-pipe');
    expect(stdout).toContain('Load generator and upstream:');
  });

  it('counts the errors of a peer that fails, and ends with 1', { timeout: TIMEOUT_MS }, async () => {
    const folder = temporaryFolder();
    const peer = join(folder, 'peer.mjs');
    // It cuts every third of its answers.
    writeFileSync(
      peer,
      `import { createServer, request } from 'node:http';
       let answers = 0;
       createServer((incoming, answer) => {
         const upstream = new URL(incoming.url, process.env.UPSTREAM_URL);
         incoming.pipe(request(upstream, { method: 'POST', headers: incoming.headers }, (from) => {
           answer.writeHead(from.statusCode, from.headers);
           answers += 1;
           if (answers % 3 !== 0) return from.pipe(answer);
           from.once('data', (part) => { answer.write(part.subarray(0, 10)); answer.destroy(); });
         }));
       }).listen(Number(process.env.PORT), '127.0.0.1');`,
    );
    const chosen = ['--candidate', 'broken', '--workload', 'json-1k', '--peer', `broken=${process.execPath} ${peer}`];
    const { code, stdout, results } = await bench('run.ts', [
      '--seconds',
      '0.3',
      '--rounds',
      '1',
      '--quick',
      ...chosen,
    ]);
    expect(code).toBe(1);
    const [row] = rowsOf(results);
    expect(row?.['errors']).toBeGreaterThan(0);
    expect(String(row?.['errorText'])).toMatch(/\d+ cut/);
    expect(stdout).toMatch(/Errors:\n- json-1k, broken, round 1: .*cut/);
  });

  it('refuses names that nothing has, and says which there are', { timeout: TIMEOUT_MS }, async () => {
    const ended = await runScript('run.ts', ['--candidate', 'metertab']);
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain('metertap');
  });

  it('fills ledgers whose sums are what Metertap tells of them, and measures each growth', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const small = ['--records', '3000', '--runs', '200', '--keys', '50', '--rules', '10', '--workload', 'json-1k'];
    const { code, stdout, results } = await bench('growth.ts', [
      ...small,
      '--seconds',
      '0.2',
      '--after',
      '0.1',
      '--rounds',
      '1',
    ]);
    expect(code, stdout).toBe(0);
    const growths = asList(results['results']).map(asRecord);
    expect(growths.map(({ growth }) => growth)).toEqual(['ledger', 'runs', 'keys', 'rules']);
    expect(growths.flatMap(rowsOf).every(({ calls }) => Number(calls) > 0)).toBe(true);
    expect(stdout).toContain('3,000 records');
  });

  it('opens streams with slow readers, whose bytes and records are all there', { timeout: TIMEOUT_MS }, async () => {
    const small = ['--streams', '30', '--seconds', '1', '--interval-ms', '100', '--event-bytes', '20000'];
    const { code, stdout } = await bench('streams.ts', small);
    expect(code, stdout).toBe(0);
    expect(stdout).toContain('Every stream had all of its bytes');
  });

  it('compares the totals of two processes with what was sent', { timeout: TIMEOUT_MS }, async () => {
    const small = ['--processes', '2', '--no-redis', '--workload', 'json-1k', '--seconds', '0.3', '--rounds', '1'];
    const { code, stdout, results } = await bench('several.ts', small);
    expect(code, stdout).toBe(0);
    expect(rowsOf(results).map(({ candidate }) => candidate)).toEqual(['1 process', '2 processes']);
    expect(stdout).toContain('to the record');
  });

  it('starts, and tells what the parts cost and what is held', { timeout: TIMEOUT_MS }, async () => {
    const { code, stdout, results } = await bench('start.ts', ['--rounds', '1', '--idle-seconds', '0.1']);
    expect(code, stdout).toBe(0);
    expect(asList(results['starts'])).toHaveLength(3);
    expect(asRecord(results['rest'])['memory']).toHaveProperty('threads');
  });
});
