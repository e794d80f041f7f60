import { Validator } from '@seriousme/openapi-schema-validator';
import { expect, it } from 'vitest';
import { OPERATIONS } from '../../../src/server/operations/all-operations.ts';
import { openApiDocument } from '../../../src/server/operations/openapi-document.ts';
import { operationsOf, schemaChecker } from '../../support/api-schemas.ts';
import { asList, asRecord } from '../../support/start-proxy.ts';
import { ADMIN, makeManagementApp } from './management-app.ts';

const DOCUMENT = openApiDocument(OPERATIONS, '1.2.3');
const DESCRIBED = operationsOf(DOCUMENT);
const { app, routes } = makeManagementApp();
await app.ready();

interface Parameter {
  readonly name: string;
  readonly place: unknown;
  readonly isRequired: boolean;
  readonly schema: Record<string, unknown>;
}

function parametersOf(operation: Record<string, unknown>, place: 'path' | 'query'): Parameter[] {
  return asList(operation['parameters'] ?? [])
    .map(asRecord)
    .map(({ name, in: where, required, schema }) => ({
      name: String(name),
      place: where,
      isRequired: required === true,
      schema: asRecord(schema),
    }))
    .filter((parameter) => parameter.place === place);
}

function verbOf(method: string): 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' {
  return (['POST', 'PUT', 'PATCH', 'DELETE'] as const).find((verb) => verb === method) ?? 'GET';
}

/** Asks a route as administrator; ids in its path are filled in. */
async function ask(route: string, query: Record<string, string>, body?: unknown) {
  const [method = '', template = ''] = route.split(' ');
  const path = template.replace('{month}', '2026-10').replace(/\{\w+\}/g, 'some-id');
  const answer = await app.inject({
    method: verbOf(method),
    url: `${path}?${new URLSearchParams(query)}`,
    headers: ADMIN,
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  });
  const parsed: unknown = answer.json();
  return { status: answer.statusCode, error: asRecord(asRecord(parsed)['error'] ?? {}) };
}

/** What a message says is allowed. */
function allowedIn(message: unknown): string[] {
  const [, list = ''] = /Allowed: (.*)\.$/.exec(String(message)) ?? [];
  return list === '' ? [] : list.split(', ');
}

/** What the route cannot do without, so that it gets as far as the parameter in question. */
function requiredOf(operation: Record<string, unknown>): Record<string, string> {
  const required = parametersOf(operation, 'query').filter(({ isRequired }) => isRequired);
  return Object.fromEntries(required.map(({ name }) => [name, name === 'start_time' ? '1795305600' : 'some']));
}

it('every registered route is described, and every described route is registered', () => {
  const registered = routes.map((route) => route.replace(/:(\w+)/g, '{$1}')).sort();
  expect(registered.length).toBeGreaterThan(20);
  expect(Object.keys(OPERATIONS).sort()).toEqual(registered);
});

it('the document is valid against the schema of OpenAPI 3.1', async () => {
  const validator = new Validator({ strict: false });
  const { valid, errors } = await validator.validate(structuredClone({ ...DOCUMENT }));
  expect({ valid, errors, version: validator.version }).toEqual({ valid: true, errors: undefined, version: '3.1' });
});

it('its schemas are valid JSON Schema, each reference leads somewhere, and none is unused', () => {
  const check = schemaChecker(DOCUMENT, { strict: true });
  const components = Object.keys(asRecord(asRecord(DOCUMENT['components'])['schemas']));
  for (const name of components) check({ $ref: `#/components/schemas/${name}` }, null);
  const text = JSON.stringify(DOCUMENT);
  expect(components.filter((name) => !text.includes(`"#/components/schemas/${name}"`))).toEqual([]);
});

it('gives each operation a name of its own, a summary and a chapter', () => {
  const ids = DESCRIBED.map(({ operation }) => operation['operationId']);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { operation } of DESCRIBED) {
    expect(operation['summary']).toMatch(/^[A-Z].*[^.]$/);
    expect(asList(operation['tags'])).toHaveLength(1);
  }
});

it('is served as it is, to everyone', async () => {
  const answer = await app.inject({ url: '/api/v1/openapi.json' });
  expect(answer.statusCode).toBe(200);
  expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
  expect(answer.json()).toEqual(openApiDocument(OPERATIONS, '1.2.3'));
});

it('has no secret in its examples', () => {
  const text = JSON.stringify(DOCUMENT);
  expect(text).not.toMatch(/\bmt_[A-Za-z0-9-]+_[A-Za-z0-9]/);
  expect(text).not.toMatch(/\bsk-|whsec_|Bearer [A-Za-z0-9]/);
});

/** The width of buckets of which most are on a page. */
function widestBuckets(route: string): Record<string, string> {
  if (route === 'GET /api/v1/usage') return { bucket: '1m' };
  return route.includes('/organization/usage/') ? { bucket_width: '1m' } : {};
}

const GUARDED = DESCRIBED.filter(
  ({ route, operation }) => / \/(?:api\/v1|v1\/organization)\//.test(route) && asList(operation['security']).length > 0,
);
const WITH_BODY = GUARDED.filter(({ operation }) => operation['requestBody'] !== undefined);

/** The words of a list; of those that only have a form the examples, as messages name them. */
function wordsOf(items: Record<string, unknown>): unknown {
  const kinds = items['anyOf'] === undefined ? [items] : asList(items['anyOf']).map(asRecord);
  const found = kinds.flatMap((kind) => asList(kind['enum'] ?? kind['examples'] ?? []));
  return found.length === 0 ? undefined : found;
}

const WORDY = GUARDED.flatMap(({ route, operation }) =>
  parametersOf(operation, 'query').flatMap(({ name, schema }) => {
    const list = schema['enum'] ?? wordsOf(asRecord(schema['items'] ?? {}));
    if (schema['type'] === 'boolean') return [{ route, operation, name, words: ['true', 'false'] }];
    return list === undefined ? [] : [{ route, operation, name, words: asList(list).map(String) }];
  }),
);
const LIMITED = GUARDED.flatMap(({ route, operation }) =>
  parametersOf(operation, 'query')
    .filter(({ name }) => name === 'limit')
    .map(({ schema }) => ({ route, operation, schema })),
);

it.each(DESCRIBED)('$route has examples that fit its schemas', ({ operation }) => {
  const checkAnswer = schemaChecker(DOCUMENT, { strict: true });
  for (const [status, answer] of Object.entries(asRecord(operation['responses']))) {
    for (const media of Object.values(asRecord(asRecord(answer)['content'] ?? {}))) {
      const { schema, example } = asRecord(media);
      if (example !== undefined) expect(checkAnswer(schema, example), status).toEqual([]);
    }
  }
});

it.each(DESCRIBED)('$route describes the parameters in its path', ({ route, operation }) => {
  const named = [...route.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  expect(parametersOf(operation, 'path').map(({ name }) => name)).toEqual(named);
});

it.each(GUARDED)('$route describes the parameters that it takes, and no others', async ({ route, operation }) => {
  const { status, error } = await ask(route, { ...requiredOf(operation), nonsense: '1' });
  expect([status, error['param']]).toEqual([400, 'nonsense']);
  const described = parametersOf(operation, 'query').map(({ name }) => name);
  expect(allowedIn(error['message']).toSorted()).toEqual(described.toSorted());
});

it.each(WORDY)('$route describes the words of $name', async ({ route, operation, name, words }) => {
  const { status, error } = await ask(route, { ...requiredOf(operation), [name]: 'nonsense' });
  expect([status, error['param']]).toEqual([400, name]);
  expect(allowedIn(error['message']).toSorted()).toEqual(words.toSorted());
});

it.each(LIMITED)('$route describes the bounds of limit', async ({ route, operation, schema }) => {
  const widest = widestBuckets(route);
  const { status, error } = await ask(route, { ...requiredOf(operation), ...widest, limit: '0' });
  expect([status, error['param']]).toEqual([400, 'limit']);
  expect(error['message']).toBe(`limit must be a whole number from ${schema['minimum']} to ${schema['maximum']}.`);
});

it.each(WITH_BODY)('$route describes the members of its body, and no others', async ({ route, operation }) => {
  const media = asRecord(asRecord(asRecord(operation['requestBody'])['content'])['application/json']);
  expect(schemaChecker(DOCUMENT, { strict: true })(media['schema'], media['example'])).toEqual([]);

  const name = String(asRecord(media['schema'])['$ref']).replace('#/components/schemas/', '');
  const schema = asRecord(asRecord(asRecord(DOCUMENT['components'])['schemas'])[name]);
  const { status, error } = await ask(route, {}, { nonsense: 1 });
  expect([status, error['param']]).toEqual([400, 'nonsense']);
  expect(allowedIn(error['message']).toSorted()).toEqual(Object.keys(asRecord(schema['properties'])).toSorted());
});

it.each(GUARDED)('$route asks for a credential', async ({ route, operation }) => {
  const [method = '', path = ''] = route.split(' ');
  const answer = await app.inject({ method: verbOf(method), url: path.replace(/\{\w+\}/g, 'x') });
  expect(answer.statusCode).toBe(401);
  expect(Object.keys(asRecord(operation['responses']))).toContain('401');
});
