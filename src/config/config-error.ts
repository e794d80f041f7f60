/** One thing wrong with the configuration. */
export interface ConfigFault {
  /** `upstreams[0].base_url`, the name of an environment variable, or the file itself. */
  readonly path: string;
  /** Where in the file, counted from 1; null where it is not in the file. */
  readonly line: number | null;
  /** What stands there, for people; secrets are replaced by `[redacted]`. Null where nothing does. */
  readonly value: string | null;
  readonly message: string;
  /** What to do. */
  readonly hint: string;
}

/**
 * Thrown when a configuration cannot be used. Carries every fault at once, so that one round of corrections is enough.
 * The process edge ends with exit code 78 on it (contract.md, "Command line").
 */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly file: string | null;
  readonly faults: readonly ConfigFault[];

  constructor(file: string | null, faults: readonly ConfigFault[]) {
    super(errorText(file, faults));
    this.file = file;
    this.faults = faults;
  }
}

function errorText(file: string | null, faults: readonly ConfigFault[]): string {
  const count = faults.length === 1 ? 'one fault' : `${faults.length} faults`;
  const heading = `The configuration${file === null ? '' : ` (${file})`} has ${count}:`;
  return [heading, ...faults.map(faultText)].join('\n\n');
}

function faultText(fault: ConfigFault, index: number): string {
  const line = fault.line === null ? '' : ` (line ${fault.line})`;
  const value = fault.value === null ? '' : `\n     value: ${fault.value}`;
  return `  ${index + 1}. ${fault.path}${line}: ${fault.message}${value}\n     hint: ${fault.hint}`;
}
