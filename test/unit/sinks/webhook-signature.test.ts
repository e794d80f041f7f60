import { createHmac } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { requestIdOf, webhookHeaders } from '../../../src/sinks/webhook-signature.ts';
import { SIGNING_SECRET } from '../../support/sink-settings.ts';

const OTHER_SECRET = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
const BODY = '{"type":"run.over_budget","data":{"name":"Zoë"}}';

describe('webhookHeaders', () => {
  it('are accepted by the reference library', () => {
    const headers = webhookHeaders({ id: 'evt1', nowMs: Date.now(), body: BODY, secrets: [SIGNING_SECRET] });
    expect(new Webhook(SIGNING_SECRET).verify(BODY, headers)).toEqual(JSON.parse(BODY));
  });

  it('are accepted by holders of either secret while one takes the place of the other', () => {
    const secrets = [SIGNING_SECRET, OTHER_SECRET];
    const headers = webhookHeaders({ id: 'evt1', nowMs: Date.now(), body: BODY, secrets });
    for (const secret of secrets) expect(new Webhook(secret).verify(BODY, headers)).toEqual(JSON.parse(BODY));
  });

  it.each([
    ['body', { body: `${BODY} ` }],
    ['id', { id: 'evt2' }],
  ])('are refused with another %s', (_what, changed) => {
    const headers = webhookHeaders({ id: 'evt1', nowMs: Date.now(), body: BODY, secrets: [SIGNING_SECRET] });
    const seen = { ...headers, 'webhook-id': 'id' in changed ? changed.id : 'evt1' };
    expect(() => new Webhook(SIGNING_SECRET).verify('body' in changed ? changed.body : BODY, seen)).toThrow();
  });

  it('sign id, time in seconds and body, joined by full stops', () => {
    const headers = webhookHeaders({ id: 'msg_1', nowMs: 1_674_087_231_999, body: BODY, secrets: [OTHER_SECRET] });
    const signature = createHmac('sha256', Buffer.alloc(24, 7)).update(`msg_1.1674087231.${BODY}`).digest('base64');
    expect(headers).toEqual({
      'webhook-id': 'msg_1',
      'webhook-timestamp': '1674087231',
      'webhook-signature': `v1,${signature}`,
    });
  });

  it('name the event also where nothing is signed', () => {
    expect(webhookHeaders({ id: 'a', nowMs: 0, body: '', secrets: [] })).toEqual({
      'webhook-id': 'a',
      'webhook-timestamp': '0',
    });
  });
});

describe('requestIdOf', () => {
  it('is the id of a single event, and of several the same for the same ones', () => {
    expect(requestIdOf(['01A'])).toBe('01A');
    expect(requestIdOf(['01A', '01B'])).toBe(requestIdOf(['01A', '01B']));
    expect(requestIdOf(['01A', '01B'])).not.toBe(requestIdOf(['01A', '01C']));
    expect(requestIdOf(['01A', '01B'])).toMatch(/^batch_[0-9a-f]{32}$/);
  });
});
