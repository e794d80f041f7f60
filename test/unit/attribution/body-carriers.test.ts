import { describe, expect, it } from 'vitest';
import { readBodyCarriers } from '../../../src/attribution/body-carriers.ts';

const NOTHING = {
  metadata: null,
  promptCacheKey: null,
  conversationId: null,
  previousResponseId: null,
  endUser: null,
  sessionId: null,
};

describe('readBodyCarriers', () => {
  it.each([
    ['metadata', { metadata: { run_id: 'r' } }, { metadata: { run_id: 'r' } }],
    ['prompt_cache_key', { prompt_cache_key: 'k' }, { promptCacheKey: 'k' }],
    ['conversation as text', { conversation: 'conv_1' }, { conversationId: 'conv_1' }],
    ['conversation as an object', { conversation: { id: 'conv_2' } }, { conversationId: 'conv_2' }],
    ['previous_response_id', { previous_response_id: 'resp_1' }, { previousResponseId: 'resp_1' }],
    ['user', { user: 'u', safety_identifier: 's' }, { endUser: 'u' }],
    ['safety_identifier', { user: '', safety_identifier: 's' }, { endUser: 's' }],
    ['litellm_session_id', { litellm_session_id: 'l', session_id: 'o' }, { sessionId: 'l' }],
    ['session_id', { session_id: 'o' }, { sessionId: 'o' }],
    ['a number as an id', { user: 7 }, { endUser: '7' }],
    ['nothing of the prompt', { model: 'm', messages: [{ role: 'user', content: 'x' }] }, {}],
    [
      'nothing of wrong types',
      { metadata: [1], prompt_cache_key: 1, conversation: [], previous_response_id: {}, user: {}, session_id: 1.5 },
      {},
    ],
    ['nothing of nulls', { metadata: null, conversation: null, user: null, session_id: null }, {}],
    ['nothing of an object without an id', { conversation: { id: 7 } }, {}],
  ])('reads %s', (_, body, expected) => {
    expect(readBodyCarriers(body)).toEqual({ ...NOTHING, ...expected });
  });

  it('does not take inherited members for ids', () => {
    expect(readBodyCarriers(JSON.parse('{"__proto__":{"user":"evil","session_id":"evil"}}'))).toEqual(NOTHING);
  });
});
