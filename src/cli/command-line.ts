import { nearestName } from '../config/nearest-name.ts';
import type { Action, Command, OptionEntry, OptionTable } from './command.ts';
import { actionHelp, commandHelp, usageLines } from './command-help.ts';
import { EXIT_OK, EXIT_USAGE } from './exit-codes.ts';

/** What was asked of a command, checked against its entry. */
export interface CommandLine {
  /** The name of the action; empty where the command does one thing. */
  readonly action: string;
  /** Empty where there is none. */
  readonly operand: string;
  /** What `parseArgs` of node:util reads the options from: each value is joined to its option. */
  readonly args: string[];
}

/** Where a command says what is wrong, or helps. */
export interface CommandOutput {
  readonly args: readonly string[];
  readonly write: (text: string) => void;
  readonly writeError: (text: string) => void;
}

/**
 * Reads the arguments of a command. Where help was asked for, or the arguments make no command, it is told, and the
 * answer is the exit code with which to end: 0 or 2 (contract.md, "Command line").
 */
export function readCommandLine(command: Command, output: CommandOutput): CommandLine | number {
  const read = parseCommandLine(command, output.args);
  if (read.kind === 'ready') return read.line;
  if (read.kind === 'help') {
    output.write(read.action === undefined ? commandHelp(command) : actionHelp(command, read.action));
    return EXIT_OK;
  }
  output.writeError(faultText(command, read.fault));
  return EXIT_USAGE;
}

/** What is wrong with a command line, and how the command is used. */
export function faultText(command: Command, fault: string): string {
  return `metertap ${command.name}: ${fault}\n\n${usageLines(command)}\nmetertap ${command.name} --help tells more.\n`;
}

type Parsed =
  | { readonly kind: 'ready'; readonly line: CommandLine }
  | { readonly kind: 'help'; readonly action: Action | undefined }
  | { readonly kind: 'fault'; readonly fault: string };

/** The name of the action that arguments ask for; null where they ask for help, or make no command. */
export function askedAction(command: Command, args: readonly string[]): string | null {
  const read = parseCommandLine(command, args);
  return read.kind === 'ready' ? read.line.action : null;
}

function parseCommandLine(command: Command, args: readonly string[]): Parsed {
  const loose = parseLoosely(command.options, args);
  const actions: readonly Action[] = command.actions;
  const isNamed = actions.some(({ name }) => name !== '');
  const [first = ''] = loose.operands;
  const named = first === '' ? undefined : actions.find(({ name }) => name === first);
  const action = named ?? actions.find(({ name }) => name === '');
  if (loose.asksForHelp) return { kind: 'help', action: isNamed ? named : undefined };
  if (action === undefined) return { kind: 'fault', fault: actionFault(actions, first) };

  const operands = named === undefined ? loose.operands : loose.operands.slice(1);
  const fault = loose.faults[0] ?? optionsFault(command, action, loose) ?? operandsFault(actions, action, operands);
  if (fault !== undefined) return { kind: 'fault', fault };
  return { kind: 'ready', line: { action: action.name, operand: operands[0] ?? '', args: loose.joined } };
}

interface LooseLine {
  readonly operands: readonly string[];
  readonly given: readonly { readonly name: string; readonly value: string | undefined }[];
  readonly asksForHelp: boolean;
  readonly faults: readonly string[];
  /** The arguments, each value joined to its option, so that values may begin with a dash. */
  readonly joined: string[];
}

function parseLoosely(options: OptionTable, args: readonly string[]): LooseLine {
  const operands: string[] = [];
  const given: { name: string; value: string | undefined }[] = [];
  const faults: string[] = [];
  const joined: string[] = [];
  let asksForHelp = false;
  for (let at = 0; at < args.length; at++) {
    const text = args[at] ?? '';
    if (text === '--') {
      operands.push(...args.slice(at + 1));
      joined.push(...args.slice(at));
      break;
    }
    if (!text.startsWith('-') || text === '-') {
      operands.push(text);
      joined.push(text);
      continue;
    }
    if (text === '--help' || text === '-h') {
      asksForHelp = true;
      continue;
    }
    const [, name = '', , inline] = /^--([^=]+)(=(.*))?$/s.exec(text) ?? [];
    const option = Object.hasOwn(options, name) ? options[name] : undefined;
    if (option === undefined) {
      faults.push(unknownOption(text.split('=', 1)[0] ?? text, Object.keys(options)));
      continue;
    }
    const next = args[at + 1];
    const takesNext = option.type === 'string' && inline === undefined && next !== undefined && !next.startsWith('--');
    const value = takesNext ? next : inline;
    if (takesNext) at++;
    if (option.type === 'string' && value === undefined)
      faults.push(`--${name} needs a value: --${name} ${option.value ?? 'VALUE'}.`);
    if (option.type === 'boolean' && value !== undefined) faults.push(`--${name} takes no value.`);
    given.push({ name, value });
    joined.push(value === undefined ? `--${name}` : `--${name}=${value}`);
  }
  return { operands, given, asksForHelp, faults, joined };
}

function unknownOption(text: string, names: readonly string[]): string {
  const nearest = nearestName(text.replace(/^-+/, ''), names);
  return `there is no option ${text}.${nearest === null ? '' : ` Did you mean --${nearest}?`}`;
}

function actionFault(actions: readonly Action[], name: string): string {
  const names = actions.map((action) => action.name);
  if (name === '') return `say what to do: ${names.join(', ')}.`;
  const nearest = nearestName(name, names);
  return `cannot ${name}.${nearest === null ? '' : ` Did you mean ${nearest}?`} It can ${names.join(', ')}.`;
}

function optionsFault(command: Command, action: Action, { given }: LooseLine): string | undefined {
  const faults = given.map(({ name, value }) => {
    if (!action.options.includes(name)) return `--${name} does not go with ${action.name || command.name}.`;
    const option = command.options[name];
    if (option?.multiple !== true && given.filter((other) => other.name === name).length > 1) {
      return `--${name} may be given once only.`;
    }
    return option === undefined || value === undefined ? undefined : wordFault(name, option, value);
  });
  const missing = (action.required ?? []).find((name) => !given.some((option) => option.name === name));
  return (
    faults.find((fault) => fault !== undefined) ??
    (missing === undefined ? undefined : `--${missing} ${command.options[missing]?.value ?? ''} is required.`)
  );
}

function wordFault(name: string, { words, prefixes = [], isList }: OptionEntry, value: string): string | undefined {
  if (words === undefined) return undefined;
  const isKnown = (word: string) => words.includes(word) || prefixes.some((prefix) => word.startsWith(prefix));
  const odd = (isList ? value.split(',') : [value]).find((word) => !isKnown(word));
  const all = [...words, ...prefixes.map((prefix) => `${prefix}NAME`)];
  return odd === undefined ? undefined : `--${name} cannot be ${odd || 'empty'}. ${proposal(odd, all)}`;
}

function proposal(word: string, words: readonly string[]): string {
  const nearest = nearestName(word, words);
  return `${nearest === null ? '' : `Did you mean ${nearest}? `}It can be ${words.join(', ')}.`;
}

function operandsFault(actions: readonly Action[], action: Action, operands: readonly string[]): string | undefined {
  const { operand, isOperandOptional, operandWords } = action;
  const [first, second] = operands;
  const extra = operand === undefined ? first : second;
  if (extra !== undefined) return tooMany(actions, extra);
  if (operand === undefined) return undefined;
  if (first === undefined || first === '') return isOperandOptional ? undefined : `${operand} is missing.`;
  if (operandWords === undefined || operandWords.includes(first)) return undefined;
  return `${operand} cannot be ${first}. ${proposal(first, operandWords)}`;
}

function tooMany(actions: readonly Action[], extra: string): string {
  const names = actions.map(({ name }) => name).filter((name) => name !== '');
  const nearest = nearestName(extra, names);
  return `${extra} is too much.${nearest === null ? '' : ` Did you mean ${nearest}?`}`;
}
