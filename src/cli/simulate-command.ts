import { parseArgs } from 'node:util';
import { DIALECT_NAMES } from '../simulator/dialects.ts';
import { createSimulator, type Simulator, type SimulatorOptions } from '../simulator/server.ts';
import { faultText, readCommandLine } from './command-line.ts';
import { SIMULATE } from './commands/serving.ts';
import { EXIT_FAILURE, EXIT_OK, EXIT_USAGE } from './exit-codes.ts';

/** What the command needs of the world; only the process edge has it. */
export interface SimulateContext {
  /** What follows `metertap simulate`. */
  readonly args: readonly string[];
  readonly write: (text: string) => void;
  readonly writeError: (text: string) => void;
  readonly stop: AbortSignal;
}

type Values = ReturnType<typeof readValues>;

/**
 * Runs a simulator until `stop` aborts.
 *
 * @returns the exit code: 0 after a stop, 1 where it could not listen, 2 for bad arguments
 */
export async function simulateCommand(context: SimulateContext): Promise<number> {
  const line = readCommandLine(SIMULATE, context);
  if (typeof line === 'number') return line;
  const values = readValues(line.args);
  const options = readOptions(values);
  if (typeof options === 'string') {
    context.writeError(faultText(SIMULATE, options));
    return EXIT_USAGE;
  }
  let simulator: Simulator;
  try {
    simulator = await createSimulator(options);
  } catch (error) {
    context.writeError(`cannot start the simulator: ${error instanceof Error ? error.message : String(error)}\n`);
    return EXIT_FAILURE;
  }
  context.write(values.json === true ? describeJson(simulator, options) : describe(simulator, options));
  await aborted(context.stop);
  await simulator.close();
  return EXIT_OK;
}

function readValues(args: string[]) {
  return parseArgs({ args, options: SIMULATE.options }).values;
}

/** Gives the options, or a sentence that says which argument is wrong. */
function readOptions(values: Values): SimulatorOptions | string {
  const port = values.port ?? '9099';
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) return `--port must be 0 to 65535, not ${port}.`;
  const dialect = values.dialect ?? 'openai';
  if (!DIALECT_NAMES.includes(dialect)) {
    return `--dialect cannot be ${dialect}. It can be ${DIALECT_NAMES.join(', ')}.`;
  }
  const models = values.models?.split(',').map((name) => name.trim());
  if (models?.includes('')) return '--models must be names separated by commas.';
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
