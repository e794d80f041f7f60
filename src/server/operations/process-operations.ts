import Type from 'typebox';
import type { OperationTable } from './operation.ts';
import { json } from './operation.ts';
import { text, words } from './schema-words.ts';

/** Why calls cannot be served now. */
const NOT_READY = Type.Object(
  {
    status: Type.Literal('not_ready'),
    reasons: Type.Array(Type.Object({ code: words(['shutting_down', 'ledger_unavailable']), message: text() })),
  },
  { $id: 'NotReady' },
);

/** What is asked of the process itself. */
export const PROCESS_OPERATIONS: OperationTable = {
  'GET /healthz': {
    id: 'getHealth',
    tag: 'Operation',
    summary: 'Say that the process is up',
    access: 'open',
    answers: { 200: json('It is.', Type.Object({ status: Type.Literal('ok') }), { status: 'ok' }) },
  },
  'GET /readyz': {
    id: 'getReadiness',
    tag: 'Operation',
    summary: 'Say whether calls can be served now',
    access: 'open',
    answers: {
      200: json('They can.', Type.Object({ status: Type.Literal('ready') }), { status: 'ready' }),
      503: json('They cannot, and why.', NOT_READY, {
        status: 'not_ready',
        reasons: [{ code: 'ledger_unavailable', message: 'The disk is full. Free some space.' }],
      }),
    },
  },
  'GET /metrics': {
    id: 'getMetrics',
    tag: 'Operation',
    summary: 'Metrics in the Prometheus text format',
    description: 'Open to connections from this machine, else by `metrics.token` or an admin key.',
    access: 'metrics',
    answers: {
      200: {
        description: 'The metrics.',
        content: { 'text/plain': { schema: text(), example: 'metertap_in_flight_requests 3\n' } },
      },
    },
  },
  'POST /api/v1/reload': {
    id: 'reload',
    tag: 'Operation',
    summary: 'Read the configuration file again',
    description: 'As SIGHUP does. Where the file has faults, the refusal lists them all and the old one still holds.',
    access: 'admin',
    answers: { 200: json('The new one holds.', Type.Object({ reloaded: Type.Literal(true) }), { reloaded: true }) },
    errors: ['invalid_parameter'],
  },
  'GET /api/v1/openapi.json': {
    id: 'getApiDescription',
    tag: 'Operation',
    summary: 'This document',
    access: 'open',
    answers: {
      200: json('An OpenAPI 3.1 document.', Type.Object({ openapi: text() }, { additionalProperties: true })),
    },
  },
};
