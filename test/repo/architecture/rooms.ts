/** What one room may import: `value` anything, `type` only what is gone when types are stripped. */
export type Doors = Readonly<Record<string, 'value' | 'type'>>;

/** The table of design.md, "Rooms". Doors that are not listed are closed. */
export const ROOMS: Readonly<Record<string, Doors>> = {
  core: {},
  config: { core: 'value' },
  streaming: { core: 'value' },
  metering: { core: 'value' },
  pricing: { core: 'value', metering: 'type' },
  attribution: { core: 'value' },
  limits: { core: 'value', metering: 'type', attribution: 'type' },
  ledger: { core: 'value', metering: 'value', pricing: 'value', attribution: 'type' },
  reporting: { core: 'value', metering: 'value', pricing: 'value', ledger: 'value' },
  telemetry: { core: 'value', ledger: 'type' },
  sinks: { core: 'value', metering: 'type', ledger: 'type' },
  simulator: { core: 'value' },
  server: {
    core: 'value',
    streaming: 'value',
    metering: 'value',
    pricing: 'value',
    attribution: 'value',
    limits: 'value',
    ledger: 'value',
    reporting: 'value',
    telemetry: 'value',
    sinks: 'value',
  },
  cli: {
    core: 'value',
    config: 'value',
    streaming: 'value',
    metering: 'value',
    pricing: 'value',
    attribution: 'value',
    limits: 'value',
    ledger: 'value',
    reporting: 'value',
    telemetry: 'value',
    sinks: 'value',
    simulator: 'value',
    'app.ts': 'value',
  },
};

/**
 * The files that stand in no room (the composition root in its parts, and the process edge), and whom they may be
 * imported by. They themselves may import every room.
 */
export const ROOT_FILES: Readonly<Record<string, readonly string[]>> = {
  'app.ts': ['cli', 'main.ts'],
  'app-limits.ts': ['app.ts'],
  'app-settings.ts': ['app.ts'],
  'app-access.ts': ['app.ts'],
  'app-observer.ts': ['app.ts'],
  'app-readers.ts': ['app.ts'],
  'app-sinks.ts': ['app.ts'],
  'main.ts': [],
};

/** The only file that may touch the process: arguments, environment, signals, exit codes, standard streams. */
export const PROCESS_EDGE = 'main.ts';

/** Where each package may be imported. One that is not here may be imported nowhere. */
export const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  fastify: ['server', 'app.ts'],
  '@fastify/rate-limit': ['server', 'app.ts'],
  '@fastify/busboy': ['server'],
  '@fastify/cookie': ['server'],
  '@fastify/static': ['server'],
  undici: ['server', 'app.ts'],
  'gpt-tokenizer': ['server'],
  'prom-client': ['telemetry'],
  pino: ['telemetry'],
  ioredis: ['limits'],
  pg: ['ledger'],
  yaml: ['config'],
  typebox: ['config', 'server'],
};

/** Parts of Node.js that are confined like packages. All others are free. */
export const CONFINED_BUILTINS: Readonly<Record<string, readonly string[]>> = {
  'node:sqlite': ['ledger'],
  'node:process': [PROCESS_EDGE],
  'node:console': [],
};

export const MAX_FILE_LINES = 400;
