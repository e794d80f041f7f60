import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Credential } from '../../../src/attribution/credential.ts';
import { credentialDigest } from '../../../src/attribution/credential-digest.ts';
import { type DirectoryKey, KeyDirectory } from '../../../src/attribution/key-directory.ts';
import { mintKey } from '../../../src/attribution/key-format.ts';
import { createKeyRing, type KeyRing, type StaticKey } from '../../../src/attribution/key-ring.ts';
import { DEFAULT_PERMISSIONS } from '../../../src/attribution/permissions.ts';

const PEPPER = Buffer.from('a pepper of the tests');
const NOW_MS = Date.UTC(2026, 10, 22);
const NO_SETTINGS = { usageEvent: null, clientLeaves: null, unpricedModels: null, requestsPerMinute: null };
const MINTED = mintKey('mt', 'ci');

function staticKey(changes: Partial<StaticKey> = {}): StaticKey {
  return {
    id: 'ci',
    team: 'research',
    key: MINTED,
    labels: { cost_center: '4711' },
    disabled: false,
    expiresAtMs: null,
    settings: NO_SETTINGS,
    permissions: DEFAULT_PERMISSIONS,
    ...changes,
  };
}

function ring(mode: 'passthrough' | 'keys', ...keys: StaticKey[]): KeyRing {
  return createKeyRing({ mode, prefix: 'mt', pepper: PEPPER, keys, directory: new KeyDirectory() });
}

function find(keys: KeyRing, credential: string | null, nowMs: number) {
  return keys.find(credential === null ? null : new Credential(credential), nowMs);
}

/** Twice, because the second time the answer comes from the memory of recent credentials. */
function findTwice(keys: KeyRing, credential: string | null, nowMs = NOW_MS) {
  const first = find(keys, credential, nowMs);
  expect(find(keys, credential, nowMs)).toEqual(first);
  return first;
}

describe('keys mode', () => {
  it('knows the owner of a key, with labels and settings', () => {
    const settings = {
      usageEvent: 'pass',
      clientLeaves: 'abort',
      unpricedModels: null,
      requestsPerMinute: 60,
    } as const;
    expect(findTwice(ring('keys', staticKey({ settings })), MINTED)).toEqual({
      keyId: 'ci',
      team: 'research',
      labels: { cost_center: '4711' },
      settings,
      permissions: DEFAULT_PERMISSIONS,
    });
  });

  it('takes hand-made keys, also such as begin with the prefix', () => {
    const handMade = 'mt_a_key_that_somebody_thought_up';
    const keys = ring(
      'keys',
      staticKey(),
      staticKey({ id: 'hand', key: handMade }),
      staticKey({ id: 'x', key: 'plain-old-secret-0001' }),
    );
    expect(findTwice(keys, handMade)?.keyId).toBe('hand');
    expect(findTwice(keys, 'plain-old-secret-0001')?.keyId).toBe('x');
    expect(findTwice(keys, MINTED)?.keyId).toBe('ci');
    expect(findTwice(keys, 'mt_a_key_that_somebody_thought_uq')).toBeNull();
  });

  it('takes two keys of one id, as while a key is being replaced', () => {
    const next = mintKey('mt', 'ci');
    const keys = ring('keys', staticKey(), staticKey({ key: next }));
    expect([find(keys, MINTED, NOW_MS)?.keyId, find(keys, next, NOW_MS)?.keyId]).toEqual(['ci', 'ci']);
  });

  it.each([
    ['none', null],
    ['an empty one', ''],
    ['an unknown key of ours', mintKey('mt', 'ci')],
    ['a mistyped key', `${MINTED.slice(0, -1)}${MINTED.endsWith('0') ? '1' : '0'}`],
    ['a cut key', MINTED.slice(0, -1)],
    ['a longer key', `${MINTED}0`],
    ['another case', MINTED.toUpperCase()],
    ['a key of OpenAI', 'sk-proj-0123456789'],
    ['a very long one', 'x'.repeat(16_000)],
    ['the name of an inherited member', '__proto__'],
  ])('refuses %s', (_, credential) => {
    expect(findTwice(ring('keys', staticKey()), credential)).toBeNull();
  });

  it('refuses a disabled key', () => {
    expect(findTwice(ring('keys', staticKey({ disabled: true })), MINTED)).toBeNull();
  });

  it('refuses a key from its end on, also when it was in use just before', () => {
    const keys = ring('keys', staticKey({ expiresAtMs: NOW_MS }));
    expect(find(keys, MINTED, NOW_MS - 1)?.keyId).toBe('ci');
    expect(find(keys, MINTED, NOW_MS)).toBeNull();
    expect(find(keys, MINTED, NOW_MS - 1)?.keyId).toBe('ci');
  });

  it('refuses to begin with one key for two owners, without quoting it', () => {
    const make = () => ring('keys', staticKey(), staticKey({ id: 'other' }));
    expect(make).toThrow('keys "ci" and "other" have the same key');
    expect(make).not.toThrow(MINTED);
  });
});

describe('keys of the ledger', () => {
  const OLD = mintKey('mt', 'bot');
  const NEW = mintKey('mt', 'bot');
  const digest = (secret: string) => credentialDigest(PEPPER, secret).toString('hex');

  function directoryKey(changes: Partial<DirectoryKey> = {}): DirectoryKey {
    return {
      id: 'bot',
      team: 'ops',
      labels: { cost_center: '1' },
      scopes: ['inference'],
      models: ['gpt-*'],
      endpoints: null,
      limits: [{ requests: 5, per: 'minute' }],
      client_leaves: 'abort',
      usage_event: null,
      unpriced_models: 'refuse',
      requests_per_minute: 7,
      disabled: false,
      expires_at: null,
      revoked_at: null,
      secrets: [{ digest: digest(OLD), expires_at: null }],
      ...changes,
    };
  }

  function withDirectory(...files: StaticKey[]) {
    const directory = new KeyDirectory();
    const keys = createKeyRing({ mode: 'keys', prefix: 'mt', pepper: PEPPER, keys: files, directory });
    const put = (changes: Partial<DirectoryKey> = {}) => directory.apply({ keys: [directoryKey(changes)], teams: [] });
    return { directory, keys, put };
  }

  it('are known from the moment they are there, with all that is set of them', () => {
    const { keys, put } = withDirectory();
    expect(findTwice(keys, OLD)).toBeNull();
    put();
    expect(findTwice(keys, OLD)).toEqual({
      keyId: 'bot',
      team: 'ops',
      labels: { cost_center: '1' },
      settings: { usageEvent: null, clientLeaves: 'abort', unpricedModels: 'refuse', requestsPerMinute: 7 },
      permissions: { scopes: ['inference'], models: ['gpt-*'], endpoints: null },
    });
  });

  it('are refused from the moment they are revoked or disabled, also when they were in use just before', () => {
    const { keys, put, directory } = withDirectory();
    put();
    expect(findTwice(keys, OLD)?.keyId).toBe('bot');
    put({ disabled: true });
    expect(findTwice(keys, OLD)).toBeNull();
    put();
    expect(findTwice(keys, OLD)?.keyId).toBe('bot');
    put({ revoked_at: '2026-11-22T00:00:00.000Z' });
    expect(findTwice(keys, OLD)).toBeNull();
    expect(directory.size).toBe(0);
    expect(directory.rulesOfKey('bot')).toEqual([]);
  });

  it('have two secrets while one replaces another, each until its own end', () => {
    const { keys, put } = withDirectory();
    put();
    const end = new Date(NOW_MS + 60_000).toISOString();
    put({
      secrets: [
        { digest: digest(OLD), expires_at: end },
        { digest: digest(NEW), expires_at: null },
      ],
    });
    expect([findTwice(keys, OLD), findTwice(keys, NEW)]).toMatchObject([{ keyId: 'bot' }, { keyId: 'bot' }]);
    expect(findTwice(keys, OLD, NOW_MS + 59_999)?.keyId).toBe('bot');
    expect(findTwice(keys, OLD, NOW_MS + 60_000)).toBeNull();
    expect(findTwice(keys, NEW, NOW_MS + 60_000)?.keyId).toBe('bot');
  });

  it('end with the key, whatever their secrets say', () => {
    const { keys, put } = withDirectory();
    const at = (ms: number) => new Date(NOW_MS + ms).toISOString();
    put({ expires_at: at(1_000), secrets: [{ digest: digest(OLD), expires_at: at(5_000) }] });
    expect(find(keys, OLD, NOW_MS + 999)?.keyId).toBe('bot');
    expect(find(keys, OLD, NOW_MS + 1_000)).toBeNull();
  });

  it('lose the secrets that they do not have any more', () => {
    const { keys, put } = withDirectory();
    put();
    put({ secrets: [{ digest: digest(NEW), expires_at: null }] });
    expect([findTwice(keys, OLD), findTwice(keys, NEW)?.keyId]).toEqual([null, 'bot']);
  });

  it('are not in force while the file has a key of the same id', () => {
    const { keys, put } = withDirectory(staticKey({ id: 'bot' }));
    put();
    expect(findTwice(keys, OLD)).toBeNull();
    expect(findTwice(keys, MINTED)?.team).toBe('research');
  });

  it('keep only the scopes that this version knows', () => {
    const { keys, put } = withDirectory();
    put({ scopes: ['inference', 'everything'] });
    expect(find(keys, OLD, NOW_MS)?.permissions.scopes).toEqual(['inference']);
  });

  it('remember when they were used last, until that was asked for', () => {
    const { directory, keys, put } = withDirectory();
    put();
    expect(directory.takeUses()).toEqual([]);
    find(keys, OLD, NOW_MS);
    find(keys, OLD, NOW_MS + 5);
    put({ disabled: true });
    expect(find(keys, OLD, NOW_MS + 7)).toBeNull();
    expect(directory.takeUses()).toEqual([{ keyId: 'bot', atMs: NOW_MS + 5 }]);
    put();
    find(keys, OLD, NOW_MS + 9);
    expect(directory.takeUses()).toEqual([{ keyId: 'bot', atMs: NOW_MS + 9 }]);
  });

  it('outlive a change of the prefix', () => {
    const { directory, put } = withDirectory();
    const other = mintKey('mt_longer', 'bot');
    put({ secrets: [OLD, other].map((secret) => ({ digest: digest(secret), expires_at: null })) });
    for (const prefix of ['sk-mt', 'mt', 'mt_longer']) {
      const keys = createKeyRing({ mode: 'keys', prefix, pepper: PEPPER, keys: [], directory });
      expect([OLD, other].map((secret) => findTwice(keys, secret)?.keyId)).toEqual(['bot', 'bot']);
    }
  });

  it('tell the limit rules of keys and teams', () => {
    const { directory, put } = withDirectory();
    put();
    const rules = [{ budget_usd: '5', per: 'month' }];
    directory.apply({ keys: [], teams: [{ id: 'ops', limits: rules, deleted_at: null }] });
    expect([directory.rulesOfKey('bot'), directory.rulesOfTeam('ops')]).toEqual([
      [{ requests: 5, per: 'minute' }],
      rules,
    ]);
    directory.apply({ keys: [], teams: [{ id: 'ops', limits: rules, deleted_at: '2026-11-22T00:00:00.000Z' }] });
    expect([directory.rulesOfTeam('ops'), directory.rulesOfTeam('none'), directory.rulesOfKey('none')]).toEqual([
      [],
      [],
      [],
    ]);
  });
});

describe('passthrough mode', () => {
  const credential = 'sk-proj-the-clients-own-key';
  const keyId = `key_${createHmac('sha256', PEPPER).update(credential).digest('hex').slice(0, 12)}`;

  it('names an unknown credential by its HMAC, and a team after it', () => {
    expect(findTwice(ring('passthrough'), credential)).toEqual({
      keyId,
      team: keyId,
      labels: {},
      settings: NO_SETTINGS,
      permissions: DEFAULT_PERMISSIONS,
    });
  });

  it('gives another name under another pepper', () => {
    const other = createKeyRing({
      mode: 'passthrough',
      prefix: 'mt',
      pepper: Buffer.from('other'),
      keys: [],
      directory: new KeyDirectory(),
    });
    expect(find(other, credential, NOW_MS)?.keyId).toMatch(/^key_[0-9a-f]{12}$/);
    expect(find(other, credential, NOW_MS)?.keyId).not.toBe(keyId);
  });

  it('maps a credential that the file knows', () => {
    expect(findTwice(ring('passthrough', staticKey({ key: credential })), credential)).toMatchObject({
      keyId: 'ci',
      team: 'research',
    });
  });

  it('refuses a mapped credential that is disabled', () => {
    expect(findTwice(ring('passthrough', staticKey({ key: credential, disabled: true })), credential)).toBeNull();
  });

  it('calls a client without credential anonymous', () => {
    expect(findTwice(ring('passthrough'), null)).toMatchObject({ keyId: 'anonymous', team: 'anonymous' });
  });

  it('does not judge the checksum of what may be a key of the upstream', () => {
    expect(findTwice(ring('passthrough', staticKey()), 'mt_whatever')?.keyId).toMatch(/^key_/);
  });

  it('still knows everybody after more callers than it remembers', () => {
    const keys = ring('passthrough', staticKey({ key: credential }));
    for (let i = 0; i < 12_000; i++) find(keys, `credential-${i}`, NOW_MS);
    expect(find(keys, credential, NOW_MS)?.keyId).toBe('ci');
    expect(find(keys, 'credential-0', NOW_MS)).toEqual(find(ring('passthrough'), 'credential-0', NOW_MS));
  });
});
