import type { TSchema } from 'typebox';
import { ERROR_KINDS, type ErrorCode } from '../../core/errors.ts';
import { liftComponents, type SchemaJson } from './components.ts';
import type { Access, Answer, Operation, OperationBody, OperationTable } from './operation.ts';
import { TAGS } from './operation.ts';
import { PATH_PARAMETERS } from './parameters.ts';

/** Members of the document are JSON; their shape is that of https://spec.openapis.org/oas/v3.1.1.html. */
export type OpenApiDocument = SchemaJson;

const ERROR_REF = { $ref: '#/components/schemas/Error' };
const REQUEST_ID = { $ref: '#/components/headers/RequestId' };
const CREDENTIALS = [{ bearer: [] }, { apiKey: [] }, { xApiKey: [] }, { session: [] }];

/** `{}` says that a request without a credential may do, too. */
const SECURITY: Readonly<Record<Access, readonly object[]>> = {
  open: [],
  metrics: [{}, { bearer: [] }],
  reader: CREDENTIALS,
  admin_reader: CREDENTIALS,
  admin: CREDENTIALS,
};

const WHO_MAY: Readonly<Record<Access, string | null>> = {
  open: 'Open.',
  metrics: null,
  reader: 'For administrators, and for the key of a team, which sees its own team.',
  admin_reader: 'For administrators who may see all.',
  admin: 'For administrators.',
};

/**
 * Writes the OpenAPI 3.1 document of a table of operations.
 *
 * @param version that of Metertap
 */
export function openApiDocument(operations: OperationTable, version: string): OpenApiDocument {
  const components = new Map<string, SchemaJson>();
  const schemaOf = (schema: TSchema) => liftComponents(schema, components);
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [route, operation] of Object.entries(operations)) {
    const [method = '', path = ''] = route.split(' ');
    const described = operationObject(path, operation, schemaOf);
    paths[path] = { ...paths[path], [method.toLowerCase()]: described };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Metertap',
      version,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      description:
        'What Metertap itself answers: usage, runs, costs, keys and teams. The proxied API below `/v1/` is that of the upstream.',
    },
    servers: [{ url: '/' }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: { ...Object.fromEntries([...components].sort(([a], [b]) => (a < b ? -1 : 1))), Error: ERROR_SCHEMA },
      headers: { RequestId: { description: 'The id of this request.', schema: { type: 'string' } } },
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'An admin key, or a key of Metertap.' },
        apiKey: { type: 'apiKey', in: 'header', name: 'api-key' },
        xApiKey: { type: 'apiKey', in: 'header', name: 'x-api-key' },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: 'metertap_session',
          description: 'Of a browser that has signed in; changes need the header `x-metertap-csrf` too.',
        },
      },
    },
  };
}

type SchemaWriter = (schema: TSchema) => SchemaJson;

function operationObject(path: string, operation: Operation, schemaOf: SchemaWriter): SchemaJson {
  const description = [operation.description, WHO_MAY[operation.access]].filter(Boolean).join(' ');
  const parameters = [...pathParameters(path), ...queryParameters(operation, schemaOf)];
  return {
    operationId: operation.id,
    tags: [operation.tag],
    summary: operation.summary,
    ...(description === '' ? {} : { description }),
    security: SECURITY[operation.access],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(operation.body === undefined ? {} : { requestBody: requestBody(operation.body, schemaOf) }),
    responses: {
      ...Object.fromEntries(
        Object.entries(operation.answers).map(([status, answer]) => [status, answerObject(answer, schemaOf)]),
      ),
      ...refusals(path, operation),
    },
  };
}

function pathParameters(path: string): SchemaJson[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    ...(PATH_PARAMETERS[name] === undefined ? {} : { description: PATH_PARAMETERS[name] }),
    schema: { type: 'string', minLength: 1, maxLength: 256 },
  }));
}

function queryParameters({ query = {}, requiredQuery = [] }: Operation, schemaOf: SchemaWriter): SchemaJson[] {
  return Object.entries(query).map(([name, schema]) => {
    const { description, ...rest } = schemaOf(schema);
    return {
      name,
      in: 'query',
      ...(description === undefined ? {} : { description }),
      ...(requiredQuery.includes(name) ? { required: true } : {}),
      schema: rest,
    };
  });
}

function requestBody({ schema, example, isRequired }: OperationBody, schemaOf: SchemaWriter): SchemaJson {
  return { required: isRequired, content: { 'application/json': { schema: schemaOf(schema), example } } };
}

function answerObject({ description, content, headers = {} }: Answer, schemaOf: SchemaWriter): SchemaJson {
  const own = Object.entries(headers).map(([name, text]) => [name, { description: text, schema: { type: 'string' } }]);
  return {
    description,
    headers: { 'x-metertap-request-id': REQUEST_ID, ...Object.fromEntries(own) },
    ...(content === undefined ? {} : { content: contentObject(content, schemaOf) }),
  };
}

function contentObject(content: NonNullable<Answer['content']>, schemaOf: SchemaWriter): SchemaJson {
  const entries = Object.entries(content).map(([type, { schema, example }]) => [
    type,
    { schema: schemaOf(schema), ...(example === undefined ? {} : { example }) },
  ]);
  return Object.fromEntries(entries);
}

/** The codes that a route can be refused with, by status, each from the one table of errors. */
function refusals(path: string, operation: Operation): SchemaJson {
  const byStatus = Map.groupBy(codesOf(path, operation), (code) => ERROR_KINDS[code].status);
  const entries = [...byStatus]
    .filter(([status]) => !(status in operation.answers))
    .map(([status, codes]) => [
      String(status),
      {
        description: codes.map((code) => `\`${code}\``).join(', '),
        headers: { 'x-metertap-request-id': REQUEST_ID },
        content: { 'application/json': { schema: ERROR_REF } },
      },
    ]);
  return Object.fromEntries(entries);
}

function codesOf(path: string, { access, query, body, errors = [] }: Operation): readonly ErrorCode[] {
  const codes = new Set<ErrorCode>(errors);
  if (access !== 'open') for (const code of ['invalid_api_key', 'permission_denied'] as const) codes.add(code);
  if (access !== 'open' && access !== 'metrics') {
    for (const code of ['invalid_parameter', 'internal_error', 'ledger_unavailable'] as const) codes.add(code);
    if (path.startsWith('/api/')) codes.add('rate_limit_exceeded');
  }
  if (query !== undefined) codes.add('invalid_parameter');
  if (body !== undefined) for (const code of ['malformed_body', 'body_too_large'] as const) codes.add(code);
  if (path.includes('{')) codes.add('not_found');
  return [...codes].sort();
}

/** The envelope of OpenAI's errors, which every error of ours has (docs/errors.md). */
const ERROR_SCHEMA = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['message', 'type', 'param', 'code'],
      properties: {
        message: { type: 'string', description: 'What is wrong, and what to do.' },
        type: { type: 'string', enum: [...new Set(Object.values(ERROR_KINDS).map(({ type }) => type))] },
        param: { anyOf: [{ type: 'string' }, { type: 'null' }], description: 'The parameter or member at fault.' },
        code: { type: 'string', enum: Object.keys(ERROR_KINDS) },
      },
    },
  },
};
