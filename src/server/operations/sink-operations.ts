import Type from 'typebox';
import type { OperationTable } from './operation.ts';
import { json } from './operation.ts';
import { count, maybeText, maybeTime, nullable, page, text, time, words } from './schema-words.ts';

const SINK = Type.Object(
  {
    name: text(),
    kind: maybeText('Null where this process is not configured for it.'),
    host: maybeText('Of its address; a path may be a secret.'),
    events: Type.Array(words(['usage', 'alerts', 'corrections'])),
    state: words(
      ['idle', 'delivering', 'failing', 'unattended', 'not_configured'],
      '`failing` is tried again; `unattended`: no process delivers; `not_configured`: not in this process.',
    ),
    waiting: count('Counted up to 100,000.'),
    lag_seconds: Type.Number({ minimum: 0, description: 'How long the oldest event has waited.' }),
    parked: count('Events that were refused, and are not tried again by themselves.'),
    last_parked: nullable(Type.Object({ id: text(), reason: text(), at: time() })),
    last_delivered_at: maybeTime(),
    last_error: maybeText(),
    last_error_at: maybeTime(),
  },
  { $id: 'Sink' },
);

/** Where events are sent. */
export const SINK_OPERATIONS: OperationTable = {
  'GET /api/v1/sinks': {
    id: 'listSinks',
    tag: 'Sinks',
    summary: 'List where events are sent, and how that goes',
    access: 'admin',
    answers: {
      200: json('Sinks.', page(SINK), {
        data: [
          {
            name: 'billing',
            kind: 'openmeter',
            host: 'openmeter:8888',
            events: ['usage'],
            state: 'failing',
            waiting: 42,
            lag_seconds: 12.3,
            parked: 0,
            last_parked: null,
            last_delivered_at: '2026-11-22T03:46:32.000Z',
            last_error: 'HTTP 503',
            last_error_at: '2026-11-22T03:46:40.000Z',
          },
        ],
        next_cursor: null,
      }),
    },
  },
  'POST /api/v1/sinks/{name}/retry': {
    id: 'retrySink',
    tag: 'Sinks',
    summary: 'Send parked events again',
    access: 'admin',
    answers: {
      200: json('How many are sent again.', Type.Object({ name: text(), retrying: count() }), {
        name: 'billing',
        retrying: 1,
      }),
    },
  },
  'POST /api/v1/sinks/{name}/test': {
    id: 'testSink',
    tag: 'Sinks',
    summary: 'Send a test event',
    description: 'Refused where it would be billed.',
    access: 'admin',
    answers: {
      200: json(
        'Whether it was taken.',
        Type.Object({ name: text(), taken: Type.Boolean(), error: maybeText('Why it was not taken.') }),
        { name: 'pager', taken: false, error: 'HTTP 500' },
      ),
    },
    errors: ['invalid_parameter'],
  },
};
