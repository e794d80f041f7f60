import { Value } from 'typebox/value';
import { ConfigError, type ConfigFault } from '../../../src/config/config-error.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { CONFIG_SCHEMA, type Config } from '../../../src/config/schema.ts';

export interface Surroundings {
  readonly env?: Readonly<Record<string, string>>;
  /** Files that can be read, beside the configuration itself. */
  readonly files?: Readonly<Record<string, string>>;
}

/** Loads `yaml` as the file `metertap.yaml`. TypeBox must find as little wrong with what comes out as the loader did. */
export function loadText(yaml: string, { env = {}, files = {} }: Surroundings = {}): Config {
  const readFile = (path: string): string => {
    const text = path === 'metertap.yaml' ? yaml : files[path];
    if (text === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
    return text;
  };
  const config = loadConfig({ path: 'metertap.yaml', env, readFile });
  const [error] = Value.Errors(CONFIG_SCHEMA, config);
  if (error !== undefined) throw new Error(`${error.instancePath} was loaded, but ${error.message}`);
  return config;
}

/** Loads `yaml`, which must be faulty, and gives the error. */
export function errorOf(yaml: string, surroundings: Surroundings = {}): ConfigError {
  try {
    loadText(yaml, surroundings);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('the configuration has no fault');
}

export function faultsOf(yaml: string, surroundings: Surroundings = {}): readonly ConfigFault[] {
  return errorOf(yaml, surroundings).faults;
}

/** The one fault of `yaml`. */
export function faultOf(yaml: string, surroundings: Surroundings = {}): ConfigFault {
  const [fault, ...others] = faultsOf(yaml, surroundings);
  if (fault === undefined || others.length > 0) {
    throw new Error(`not one fault: ${others.map((other) => other.path).join()}`);
  }
  return fault;
}
