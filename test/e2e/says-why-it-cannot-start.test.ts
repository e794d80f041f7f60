import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type SpawnedMetertap, spawnMetertap } from '../support/spawned-proxy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const FREE_PORT = { METERTAP_PORT: '0', METERTAP_UPSTREAM_URL: 'http://127.0.0.1:1/v1' };

/** Nothing that looks like a trace of the program, and nothing on the output that is for the greeting. */
async function expectEnd(metertap: SpawnedMetertap, exitCode: number): Promise<void> {
  expect(await metertap.exited()).toBe(exitCode);
  expect(metertap.stderr).not.toMatch(/^\s+at .*:\d+/m);
  expect(metertap.stdout).not.toContain('Base URL');
}

const TEN_FAULTS = `
listen: { port: eighty }
upstreams:
  - { name: UPPER, base_url: "ftp://x", models: [] }
  - { name: twice, base_url: "https://a.example/v1" }
  - { name: twice, base_url: "https://b.example/v1" }
keys: [{ id: ci, team: research, key: short }]
streams: { client_leaves: stay }
ledger: { retention_days: 0 }
lisen: {}
metrics: { label_api_key: "\${NOT_SET_ANYWHERE}" }
`;
const FAULTY_PATHS = [
  'listen.port',
  'upstreams[0].name',
  'upstreams[0].base_url',
  'upstreams[0].models',
  'upstreams[2].name',
  'keys[0].key',
  'streams.client_leaves',
  'ledger.retention_days',
  'lisen',
  'metrics.label_api_key',
];

it('ends with 78 where the configuration has ten faults, and tells all of them', async () => {
  const folder = temporaryFolder();
  const file = join(folder, 'metertap.yaml');
  writeFileSync(file, TEN_FAULTS);
  await using metertap = spawnMetertap(['serve', '--config', file], { METERTAP_DATA_DIR: folder });
  await expectEnd(metertap, 78);
  const told = [...metertap.stderr.matchAll(/^ {2}\d+\. (\S+?):? /gm)].map((match) => match[1]);
  expect(told.toSorted()).toEqual(FAULTY_PATHS.toSorted());
  expect(metertap.stderr).toContain('has 10 faults');
  expect(metertap.stderr.match(/^ {5}hint: \S/gm)).toHaveLength(10);
  expect(metertap.stderr).not.toContain('short');
});
it('ends with 78 where the file of --config is not there', async () => {
  await using metertap = spawnMetertap(['serve', '--config', '/nowhere/metertap.yaml'], FREE_PORT);
  await expectEnd(metertap, 78);
  expect(metertap.stderr).toContain('/nowhere/metertap.yaml');
});

it('ends with 2 and its usage where an argument is unknown', async () => {
  await using metertap = spawnMetertap(['serve', '--prot', '1'], FREE_PORT);
  await expectEnd(metertap, 2);
  expect(metertap.stderr).toContain('Usage: metertap serve');
});

it('ends with 1 and a hint where its port is in use', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const env = { ...FREE_PORT, METERTAP_PORT: String(port), METERTAP_DATA_DIR: temporaryFolder() };
    await using metertap = spawnMetertap(['serve'], env);
    await expectEnd(metertap, 1);
    expect(metertap.stderr).toContain(`127.0.0.1:${port}`);
    expect(metertap.stderr).toMatch(/in use/);
    expect(metertap.stderr).toMatch(/^hint: .*METERTAP_PORT/m);
  } finally {
    server.close();
  }
});

it('ends with 1 and a hint where its host is not of this machine', async () => {
  const env = { ...FREE_PORT, METERTAP_HOST: '192.0.2.1', METERTAP_DATA_DIR: temporaryFolder() };
  await using metertap = spawnMetertap(['serve'], env);
  await expectEnd(metertap, 1);
  expect(metertap.stderr).toContain('192.0.2.1');
  expect(metertap.stderr).toMatch(/^hint: .*METERTAP_HOST/m);
});

describe('a data folder that cannot be written', () => {
  it('ends with 1 and a hint where it leads through a file', async () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, '');
    const dataDir = join(file, 'data');
    await using metertap = spawnMetertap(['serve'], { ...FREE_PORT, METERTAP_DATA_DIR: dataDir });
    await expectEnd(metertap, 1);
    expect(metertap.stderr).toContain(dataDir);
    expect(metertap.stderr).toMatch(/^hint: .*data_dir/m);
  });

  it('ends with 1 and a hint where it lies in a file system that cannot be written', async () => {
    const dataDir = '/sys/metertap-data';
    await using metertap = spawnMetertap(['serve'], { ...FREE_PORT, METERTAP_DATA_DIR: dataDir });
    await expectEnd(metertap, 1);
    expect(metertap.stderr).toContain(dataDir);
    expect(metertap.stderr).toMatch(/^hint: .*data_dir/m);
  });

  it('ends with 1 and a hint where its ledger is no database', async () => {
    const dataDir = temporaryFolder();
    writeFileSync(join(dataDir, 'metertap.db'), 'x'.repeat(10_000));
    await using metertap = spawnMetertap(['serve'], { ...FREE_PORT, METERTAP_DATA_DIR: dataDir });
    await expectEnd(metertap, 1);
    expect(metertap.stderr).toMatch(/^hint: \S/m);
  });
});
