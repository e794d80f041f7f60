import { DIALECT_NAMES } from '../simulator/dialects.ts';
import { createSimulator, type Simulator, type SimulatorOptions } from '../simulator/server.ts';

/** The options of `metertap simulate`, as `parseArgs` of node:util takes them. */
export const SIMULATE_OPTIONS = {
  port: { type: 'string' },
  host: { type: 'string' },
  dialect: { type: 'string' },
  models: { type: 'string' },
  'no-bodies': { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

export const SIMULATE_USAGE = `Usage: metertap simulate [--port 9099] [--host 127.0.0.1] [--dialect openai] [--models a,b | '*'] [--no-bodies] [--json]

An OpenAI-compatible upstream that is exact about usage. See docs/simulator.md.
Dialects: ${DIALECT_NAMES.join(', ')}
`;

/** The values that `parseArgs` gives for `SIMULATE_OPTIONS`. */
export interface SimulateValues {
  readonly port?: string | undefined;
  readonly host?: string | undefined;
  readonly dialect?: string | undefined;
  /** Names, separated by commas. */
  readonly models?: string | undefined;
  readonly 'no-bodies'?: boolean | undefined;
  readonly json?: boolean | undefined;
}

export interface CommandOutput {
  readonly write: (text: string) => void;
  readonly writeError: (text: string) => void;
}

/**
 * Runs a simulator until `stop` aborts.
 *
 * @returns the exit code: 0 after a stop, 1 where it could not listen, 2 for bad arguments
 */
export async function simulateCommand(
  values: SimulateValues,
  output: CommandOutput,
  stop: AbortSignal,
): Promise<number> {
  const options = readOptions(values);
  if (typeof options === 'string') {
    output.writeError(`${options}\n\n${SIMULATE_USAGE}`);
    return 2;
  }
  let simulator: Simulator;
  try {
    simulator = await createSimulator(options);
  } catch (error) {
    output.writeError(`cannot start the simulator: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
  output.write(values.json === true ? describeJson(simulator, options) : describe(simulator, options));
  await aborted(stop);
  await simulator.close();
  return 0;
}

/** Gives the options, or a sentence that says which argument is wrong. */
function readOptions(values: SimulateValues): SimulatorOptions | string {
  const port = values.port ?? '9099';
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) return `--port must be 0 to 65535, not '${port}'`;
  const dialect = values.dialect ?? 'openai';
  if (!DIALECT_NAMES.includes(dialect)) return `--dialect '${dialect}' is not known`;
  const models = values.models?.split(',').map((name) => name.trim());
  if (models?.includes('')) return '--models must be names separated by commas';
  return {
    port: Number(port),
    host: values.host ?? '127.0.0.1',
    dialect,
    recordBodies: values['no-bodies'] !== true,
    ...(models === undefined ? {} : { models }),
  };
}

function describe(simulator: Simulator, options: SimulatorOptions): string {
  return [
    `Simulated upstream  ${simulator.baseUrl}`,
    `Dialect             ${options.dialect}`,
    `What it received    ${simulator.url}/__sim/requests`,
    '',
  ].join('\n');
}

function describeJson(simulator: Simulator, options: SimulatorOptions): string {
  const { baseUrl, port, url } = simulator;
  return `${JSON.stringify({ base_url: baseUrl, port, dialect: options.dialect, requests_url: `${url}/__sim/requests` })}\n`;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
