import { describe, expect, it } from 'vitest';
import { CREDENTIAL_HEADERS, credentialOf } from '../../../src/attribution/credential.ts';

describe('credentialOf', () => {
  it.each([
    ['Bearer', { authorization: 'Bearer k1' }, 'k1'],
    ['the scheme in any case', { authorization: 'bEARER   k1 ' }, 'k1'],
    ['api-key', { 'api-key': 'k2' }, 'k2'],
    ['x-api-key', { 'x-api-key': 'k3' }, 'k3'],
    ['authorization first', { 'x-api-key': 'k3', 'api-key': 'k2', authorization: 'Bearer k1' }, 'k1'],
    ['api-key before x-api-key', { 'x-api-key': 'k3', 'api-key': 'k2' }, 'k2'],
    ['the next where the scheme is another', { authorization: 'Basic dTpw', 'x-api-key': 'k3' }, 'k3'],
    ['the next where one is empty', { authorization: 'Bearer ', 'api-key': ' ', 'x-api-key': 'k3' }, 'k3'],
    ['UTF-8', { 'api-key': Buffer.from('schlüssel').toString('latin1') }, 'schlüssel'],
    ['nothing', {}, null],
    ['another scheme', { authorization: 'Basic dTpw' }, null],
    ['no scheme', { authorization: 'k1' }, null],
    ['a scheme without a key', { authorization: 'Bearer' }, null],
    ['bytes that are no UTF-8', { 'api-key': 'k\xff' }, null],
  ])('reads %s', (_, headers, credential) => {
    expect(credentialOf(headers)).toBe(credential);
  });

  it('lists its headers, so that they can be kept from the upstream', () => {
    expect(CREDENTIAL_HEADERS).toEqual(['authorization', 'api-key', 'x-api-key']);
  });
});
