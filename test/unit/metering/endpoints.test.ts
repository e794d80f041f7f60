import { describe, expect, it } from 'vitest';
import { classifyEndpoint, endpointNames } from '../../../src/metering/endpoints.ts';

const metered = [
  'chat/completions',
  'completions',
  'responses',
  'responses/compact',
  'embeddings',
  'images/generations',
  'images/edits',
  'audio/transcriptions',
  'audio/translations',
  'audio/speech',
  'decisions',
];

describe('classifyEndpoint', () => {
  it.each(metered)('meters POST %s under its own name', (path) => {
    expect(classifyEndpoint('POST', path)).toMatchObject({ kind: 'metered', name: path });
  });

  it.each(metered)('meters no GET and no PUT of %s', (path) => {
    expect(classifyEndpoint('GET', path).kind).toBe('free');
    expect(classifyEndpoint('PUT', path).kind).toBe('unmetered');
  });

  it.each([
    ['GET', 'chat/completions/chatcmpl-1', 'chat/completions/{id}'],
    ['POST', 'chat/completions/chatcmpl-1', 'chat/completions/{id}'],
    ['GET', 'responses/resp_1', 'responses/{id}'],
    ['DELETE', 'responses/resp_1', 'responses/{id}'],
    ['GET', 'responses/resp_1/input_items', 'responses/{id}/input_items'],
    ['POST', 'responses/resp_1/cancel', 'responses/{id}/cancel'],
    ['POST', 'responses/input_tokens', 'responses/input_tokens'],
    ['POST', 'images/variations', 'images/variations'],
    ['POST', 'moderations', 'moderations'],
    ['POST', 'realtime/client_secrets', 'realtime/client_secrets'],
    ['POST', 'realtime/sessions', 'realtime/sessions'],
    ['GET', 'models', 'models'],
    ['DELETE', 'models/ft:gpt-x:org::abc', 'models/{id}'],
    ['POST', 'files', 'files'],
    ['GET', 'files/file-1/content', 'files/*'],
    ['POST', 'uploads/upload_1/parts', 'uploads/*'],
    ['POST', 'batches/batch_1/cancel', 'batches/*'],
    ['POST', 'vector_stores/vs_1/search', 'vector_stores/*'],
    ['POST', 'threads/thread_1/runs', 'threads/*'],
    ['POST', 'threads/runs', 'threads/*'],
    ['POST', 'fine_tuning/jobs', 'fine_tuning/*'],
    ['POST', 'evals/eval_1/runs', 'evals/*'],
    ['POST', 'containers', 'containers'],
    ['POST', 'conversations', 'conversations'],
    ['POST', 'assistants', 'assistants'],
    ['POST', 'skills', 'skills'],
    ['POST', 'videos', 'videos'],
    ['GET', 'something/new', 'other'],
    ['OPTIONS', 'chat/completions', 'chat/completions'],
  ])('%s %s is free, named %s', (method, path, name) => {
    expect(classifyEndpoint(method, path)).toMatchObject({ kind: 'free', name });
  });

  it.each([
    ['POST', 'something/new'],
    ['POST', ''],
    ['POST', 'chat/completions/'],
    ['POST', '/chat/completions'],
    ['POST', 'Chat/Completions'],
    ['POST', 'chat%2Fcompletions'],
    ['POST', 'realtime/calls'],
    ['POST', 'agents/sessions'],
    ['POST', 'responses/resp_1'],
    ['POST', 'responses/resp_1/anything'],
    ['PATCH', 'embeddings'],
  ])('%s %s is unmetered', (method, path) => {
    expect(classifyEndpoint(method, path).kind).toBe('unmetered');
  });

  it.each([
    'files/../chat/completions',
    'files/%2e%2e/chat/completions',
    'files/./x',
    'files//chat/completions',
    'files/..%2fchat/completions',
    'files/..\\chat\\completions',
  ])('takes no path for a free one that an upstream could read as another: %s', (path) => {
    expect(classifyEndpoint('POST', path)).toMatchObject({ kind: 'unmetered', name: 'other' });
  });

  it.each([
    'organization/usage/completions',
    'organization',
    'organization/costs',
    'models/../organization/costs',
    '%6frganization/costs',
    '//organization/costs',
  ])('keeps %s to itself', (path) => {
    expect(classifyEndpoint('GET', path)).toMatchObject({ kind: 'own', name: 'organization' });
  });

  it('knows where stream usage must be asked for', () => {
    const asking = metered.filter((path) => classifyEndpoint('POST', path).asksForStreamUsage);
    expect(asking).toEqual(['chat/completions', 'completions']);
  });

  it('knows where the answer is a Responses object', () => {
    for (const path of ['responses', 'responses/compact', 'responses/resp_1/cancel']) {
      expect(classifyEndpoint('POST', path).isResponses).toBe(true);
    }
    expect(classifyEndpoint('GET', 'responses/resp_1').isResponses).toBe(true);
    expect(classifyEndpoint('POST', 'responses/input_tokens').isResponses).toBe(false);
    expect(classifyEndpoint('POST', 'chat/completions').isResponses).toBe(false);
  });

  it('knows how a body is written', () => {
    expect(classifyEndpoint('POST', 'chat/completions').body).toBe('json');
    expect(classifyEndpoint('POST', 'audio/transcriptions').body).toBe('multipart');
    expect(classifyEndpoint('POST', 'images/edits').body).toBe('any');
    expect(classifyEndpoint('POST', 'files').body).toBe('any');
  });

  it('gives only names of a bounded set', () => {
    const names = new Set(endpointNames());
    for (const path of ['a', 'files/1/2/3', 'responses/x/y/z', 'organization/x', 'chat/completions/1/messages']) {
      expect(names).toContain(classifyEndpoint('POST', path).name);
    }
    expect(names.size).toBeLessThan(100);
  });
});
