/** One option of a command; `type` and `multiple` are as `parseArgs` of node:util takes them. */
export interface OptionEntry {
  readonly type: 'string' | 'boolean';
  readonly multiple?: true;
  /** What stands for the value in help: `TIME`, `FILE`. */
  readonly value?: string;
  /** The values that there are, where they are few. */
  readonly words?: readonly string[];
  /** Words that begin so are values too: `tag.` */
  readonly prefixes?: readonly string[];
  /** Several of the words may be given at once, parted by commas. */
  readonly isList?: true;
  readonly isFile?: true;
  /** What it does, in a few words without a full stop. */
  readonly text: string;
}

export type OptionTable = Readonly<Record<string, OptionEntry>>;

/** What a command can do: `show` of `metertap runs show RUN`. A command that does one thing has one action without name. */
export interface Action {
  readonly name: string;
  readonly summary: string;
  /** What stands for its one operand in help. */
  readonly operand?: string;
  readonly isOperandOptional?: true;
  /** The words that the operand may be, where they are few. */
  readonly operandWords?: readonly string[];
  /** Names of the options that it takes; `--help` goes with all. */
  readonly options: readonly string[];
  readonly required?: readonly string[];
}

/** The chapters of the overview, in its order. */
export const GROUPS = ['Run', 'Look', 'Money', 'Teams and keys', 'Operate'] as const;

/**
 * A command of `metertap` as data: parsing, help, completion and docs/cli.md are made from it. Files of commands import
 * nothing but types, so that help and completion load no room.
 */
export interface Command {
  readonly name: string;
  readonly group: (typeof GROUPS)[number];
  /** What it does, in a few words without a full stop. */
  readonly summary: string;
  readonly options: OptionTable;
  readonly actions: readonly Action[];
  /** Lines to copy, each with what it does. The first is shown in the overview. */
  readonly examples: readonly (readonly [line: string, what: string])[];
  /** What else there is to know. */
  readonly notes?: string;
  /** Exit codes beside 0, 1, 2 and 78, or what 1 means where it is no failure. */
  readonly exitCodes?: string;
}

export const JSON_OPTION = { type: 'boolean', text: 'for programs: JSON' } as const;
export const CONFIG_OPTION = {
  type: 'string',
  value: 'PATH',
  isFile: true,
  text: 'the configuration file; else METERTAP_CONFIG, else config/metertap.yaml',
} as const;
/** The note of every command that asks a running Metertap. */
export const ASKS =
  'Asks a running Metertap: where METERTAP_URL says, else where the configuration listens, with its admin key.';
