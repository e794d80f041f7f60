import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { AccessBook, AccessDelta, KeyChange, KeySettings } from '../../../src/ledger/access-book.ts';
import { databaseFile } from '../../../src/ledger/database.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { openTestJournal } from '../../support/test-journal.ts';

const AUTHOR = { actor: 'admin', requestId: 'r1', address: '127.0.0.1' };
const SETTINGS: KeySettings = {
  name: null,
  labels: {},
  scopes: ['inference'],
  models: null,
  endpoints: null,
  limits: [],
  client_leaves: null,
  usage_event: null,
  unpriced_models: null,
  requests_per_minute: null,
  disabled: false,
  expires_at: null,
};

function create(id: string, settings: Partial<KeySettings> = {}): KeyChange {
  const secret = { digest: `digest-of-${id}`, redactedValue: `mt_${id}_…` };
  return { action: 'create', id, team: 't', makeTeam: true, settings: { ...SETTINGS, ...settings }, secret };
}

/** All that there is to know after a version, as whoever asks until there is no more. */
async function allSince(book: AccessBook, version: number): Promise<AccessDelta & { answers: number }> {
  const keys = [];
  const teams = [];
  for (let answers = 1; ; answers++) {
    const delta = await book.changesSince(version);
    keys.push(...delta.keys);
    teams.push(...delta.teams);
    version = delta.version;
    if (!delta.more) return { ...delta, keys, teams, answers };
  }
}

function openRaw(dataDir: string): DatabaseSync {
  const raw = new DatabaseSync(databaseFile(dataDir), { timeout: 5_000 });
  onTestFinished(() => raw.close());
  return raw;
}

describe('changesSince', () => {
  it('gives what has changed after a version, and nothing while nothing has', async () => {
    const { access } = await openTestJournal();
    expect(await access.changesSince(0)).toEqual({ version: 0, more: false, keys: [], teams: [] });
    await access.changeKey(create('a'), AUTHOR);
    const first = await access.changesSince(0);
    expect(first.keys).toMatchObject([{ id: 'a', secrets: [{ digest: 'digest-of-a', expires_at: null }] }]);
    expect(first.teams).toEqual([{ id: 't', limits: [], deleted_at: null }]);
    expect(await access.changesSince(first.version)).toMatchObject({ version: first.version, keys: [], teams: [] });

    await access.changeKey(create('b'), AUTHOR);
    await access.changeKey({ action: 'revoke', id: 'a' }, AUTHOR);
    const second = await access.changesSince(first.version);
    expect(second.keys.map(({ id, revoked_at }) => [id, revoked_at !== null])).toEqual([
      ['b', false],
      ['a', true],
    ]);
  });

  it('leaves out of the first answer what nobody can have known', async () => {
    const { access } = await openTestJournal();
    await access.changeKey(create('a'), AUTHOR);
    await access.changeKey({ action: 'revoke', id: 'a' }, AUTHOR);
    const secret = { digest: 'second', redactedValue: '…' };
    await access.changeKey(create('b'), AUTHOR);
    await access.changeKey({ action: 'rotate', id: 'b', secret, graceMs: 0 }, AUTHOR);
    const { keys } = await access.changesSince(0);
    expect(keys.map(({ id, secrets }) => [id, secrets.map(({ digest }) => digest)])).toEqual([['b', ['second']]]);
  });

  it('comes in parts where it is much, each row once, over both tables', async () => {
    const dataDir = temporaryFolder();
    const { access } = await openTestJournal({ dataDir });
    const raw = openRaw(dataDir);
    raw.exec('BEGIN');
    const addKey = raw.prepare(
      `INSERT INTO keys (id, team, labels, scopes, limits, disabled, created_at, updated_at, version)
       VALUES (?, 't', '{}', '[]', '[]', 0, '2026', '2026', ?)`,
    );
    const addTeam = raw.prepare(
      `INSERT INTO teams (id, limits, created_at, updated_at, version) VALUES (?, '[]', '2026', '2026', ?)`,
    );
    for (let n = 1; n <= 2_500; n++) addKey.run(`key-${n}`, n * 2);
    for (let n = 1; n <= 1_200; n++) addTeam.run(`team-${n}`, n * 2 + 1);
    raw.exec('UPDATE access_state SET version = 5000; COMMIT');
    const all = await allSince(access, 0);
    expect([all.version, new Set(all.keys.map(({ id }) => id)).size, all.keys.length]).toEqual([5000, 2_500, 2_500]);
    expect([new Set(all.teams.map(({ id }) => id)).size, all.teams.length]).toEqual([1_200, 1_200]);
    expect(all.answers).toBeGreaterThan(2);
  });

  it('tells a process what another one has changed', async () => {
    const dataDir = temporaryFolder();
    const one = await openTestJournal({ dataDir });
    const other = await openTestJournal({ dataDir });
    await one.access.changeKey(create('a'), AUTHOR);
    const seen = await other.access.changesSince(0);
    expect(seen.keys).toMatchObject([{ id: 'a', revoked_at: null }]);
    await one.access.changeKey({ action: 'revoke', id: 'a' }, AUTHOR);
    expect((await other.access.changesSince(seen.version)).keys).toMatchObject([
      { id: 'a', revoked_at: expect.any(String) },
    ]);
  });
});

describe('changes', () => {
  it('of two processes at once are all made, each with a version and an entry of its own', async () => {
    const dataDir = temporaryFolder();
    const books = [await openTestJournal({ dataDir }), await openTestJournal({ dataDir })].map(({ access }) => access);
    const made = await Promise.all(
      books.flatMap((book, n) => Array.from({ length: 20 }, (_, i) => book.changeKey(create(`k-${n}-${i}`), AUTHOR))),
    );
    expect(made.every(({ kind }) => kind === 'changed')).toBe(true);
    const [book] = books;
    const audit = await book?.audit(
      { targetType: 'key', targetId: null, actor: null, action: null, startMs: null, endMs: null },
      { limit: 100, beforeId: null },
    );
    expect(audit).toHaveLength(40);
    expect((await book?.changesSince(0))?.keys).toHaveLength(40);
  });

  it('of one id at once are made once', async () => {
    const dataDir = temporaryFolder();
    const books = [await openTestJournal({ dataDir }), await openTestJournal({ dataDir })].map(({ access }) => access);
    const outcomes = await Promise.all(books.map((book) => book.changeKey(create('same'), AUTHOR)));
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['changed', 'refused']);
  });

  it('are not made without their entry of the audit', async () => {
    const dataDir = temporaryFolder();
    const { access } = await openTestJournal({ dataDir });
    openRaw(dataDir).exec(
      `CREATE TRIGGER no_entry BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no room for the entry'); END`,
    );
    await expect(access.changeKey(create('a'), AUTHOR)).rejects.toMatchObject({ code: 'ledger_unavailable' });
    expect(await access.key('a')).toBeNull();
    expect(await access.changesSince(0)).toMatchObject({ version: 0, keys: [] });
  });

  it('that change nothing leave no trace', async () => {
    const { access } = await openTestJournal();
    await access.changeKey(create('a', { name: 'A' }), AUTHOR);
    const { version } = await access.changesSince(0);
    const again = await access.changeKey({ action: 'update', id: 'a', settings: { name: 'A' } }, AUTHOR);
    expect([again.kind, (await access.changesSince(0)).version]).toEqual(['unchanged', version]);
  });

  it('shorten the life of older secrets and never lengthen it', async () => {
    let nowMs = Date.UTC(2026, 10, 22);
    const clock = { nowMs: () => nowMs, monotonicMs: () => performance.now() };
    const { access } = await openTestJournal({ clock });
    const rotate = (digest: string, graceMs: number) =>
      access.changeKey({ action: 'rotate', id: 'a', secret: { digest, redactedValue: digest }, graceMs }, AUTHOR);
    await access.changeKey(create('a'), AUTHOR);
    await rotate('two', 60_000);
    nowMs += 1_000;
    await rotate('three', 3_600_000);
    const key = await access.key('a');
    expect(key?.secrets.map(({ redacted_value, expires_at }) => [redacted_value, expires_at])).toEqual([
      ['mt_a_…', '2026-11-22T00:01:00.000Z'],
      ['two', '2026-11-22T01:00:01.000Z'],
      ['three', null],
    ]);
  });
});

describe('the audit', () => {
  it.each(["UPDATE audit SET actor = 'nobody'", 'DELETE FROM audit'])('does not take %s', async (sql) => {
    const dataDir = temporaryFolder();
    const { access } = await openTestJournal({ dataDir });
    await access.changeKey(create('a'), AUTHOR);
    expect(() => openRaw(dataDir).exec(sql)).toThrow('append-only');
  });
});
