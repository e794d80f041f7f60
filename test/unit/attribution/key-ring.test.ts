import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { mintKey } from '../../../src/attribution/key-format.ts';
import { createKeyRing, type KeyRing, type StaticKey } from '../../../src/attribution/key-ring.ts';

const PEPPER = Buffer.from('a pepper of the tests');
const NOW_MS = Date.UTC(2026, 10, 22);
const NO_SETTINGS = { usageEvent: null, clientLeaves: null, requestsPerMinute: null };
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
    ...changes,
  };
}

function ring(mode: 'passthrough' | 'keys', ...keys: StaticKey[]): KeyRing {
  return createKeyRing({ mode, prefix: 'mt', pepper: PEPPER, keys });
}

/** Twice, because the second time the answer comes from the memory of recent credentials. */
function findTwice(keys: KeyRing, credential: string | null, nowMs = NOW_MS) {
  const first = keys.find(credential, nowMs);
  expect(keys.find(credential, nowMs)).toEqual(first);
  return first;
}

describe('keys mode', () => {
  it('knows the owner of a key, with labels and settings', () => {
    const settings = { usageEvent: 'pass', clientLeaves: 'abort', requestsPerMinute: 60 } as const;
    expect(findTwice(ring('keys', staticKey({ settings })), MINTED)).toEqual({
      keyId: 'ci',
      team: 'research',
      labels: { cost_center: '4711' },
      settings,
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
    expect([keys.find(MINTED, NOW_MS)?.keyId, keys.find(next, NOW_MS)?.keyId]).toEqual(['ci', 'ci']);
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
    expect(keys.find(MINTED, NOW_MS - 1)?.keyId).toBe('ci');
    expect(keys.find(MINTED, NOW_MS)).toBeNull();
    expect(keys.find(MINTED, NOW_MS - 1)?.keyId).toBe('ci');
  });

  it('refuses to begin with one key for two owners, without quoting it', () => {
    const make = () => ring('keys', staticKey(), staticKey({ id: 'other' }));
    expect(make).toThrow('keys "ci" and "other" have the same key');
    expect(make).not.toThrow(MINTED);
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
    });
  });

  it('gives another name under another pepper', () => {
    const other = createKeyRing({ mode: 'passthrough', prefix: 'mt', pepper: Buffer.from('other'), keys: [] });
    expect(other.find(credential, NOW_MS)?.keyId).toMatch(/^key_[0-9a-f]{12}$/);
    expect(other.find(credential, NOW_MS)?.keyId).not.toBe(keyId);
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
    for (let i = 0; i < 12_000; i++) keys.find(`credential-${i}`, NOW_MS);
    expect(keys.find(credential, NOW_MS)?.keyId).toBe('ci');
    expect(keys.find('credential-0', NOW_MS)).toEqual(ring('passthrough').find('credential-0', NOW_MS));
  });
});
