import { type Action, type Command, GROUPS } from './command.ts';

/** Help is made from the entries of the commands alone; lines that are copied from it work. */

const WIDTH = 100;

/** The overview: all commands by their groups, each with an example. */
export function overview(commands: readonly Command[]): string {
  const nameWidth = Math.max(...commands.map(({ name }) => name.length));
  const summaryWidth = Math.max(...commands.map(({ summary }) => summary.length));
  const groups = GROUPS.map((group) => {
    const lines = commands
      .filter((command) => command.group === group)
      .map(({ name, summary, examples }) => {
        const example = examples[0]?.[0] ?? '';
        return `  ${name.padEnd(nameWidth)}  ${summary.padEnd(summaryWidth)}  ${example}`;
      });
    return `${group}\n${lines.join('\n')}\n`;
  });
  return `Usage: metertap <command> [options]

${groups.join('\n')}
metertap <command> --help tells more. --json is for programs; exit codes: 0 well, 1 not, 2 usage, 78 configuration.
`;
}

/** The help of a whole command. */
export function commandHelp(command: Command): string {
  return helpText(command, command.actions, command.examples);
}

/** The help of one of its actions. */
export function actionHelp(command: Command, action: Action): string {
  const own = command.examples.filter(([line]) => line.includes(`metertap ${command.name} ${action.name}`));
  return helpText(command, [action], own);
}

/** How a command is used: a line for each of its actions. */
export function usageLines(command: Command, actions: readonly Action[] = command.actions): string {
  return actions
    .map((action, at) => `${at === 0 ? 'Usage: ' : '       '}${usageOf(command, action)}`)
    .map((line) => `${line}\n`)
    .join('');
}

/** `metertap keys rotate KEY [options]` */
export function usageOf(command: Command, action: Action): string {
  const { operand, isOperandOptional, options, required = [] } = action;
  const words = [
    'metertap',
    command.name,
    ...(action.name === '' ? [] : [action.name]),
    ...(operand === undefined ? [] : [isOperandOptional ? `[${operand}]` : operand]),
    ...required.map((name) => optionText(command, name)),
    ...(options.length > required.length ? ['[options]'] : []),
  ];
  return words.join(' ');
}

/** `--team TEAM` */
export function optionText(command: Command, name: string): string {
  const option = command.options[name];
  const value = option?.words?.join('|') ?? option?.value;
  return option?.type === 'string' ? `--${name} ${value ?? 'VALUE'}` : `--${name}`;
}

function helpText(command: Command, actions: readonly Action[], examples: Command['examples']): string {
  const names = Object.keys(command.options).filter((name) => actions.some(({ options }) => options.includes(name)));
  const isNamed = actions.some(({ name }) => name !== '');
  const parts = [
    `${usageLines(command, actions)}\n${capital(command.summary)}.\n`,
    ...(isNamed
      ? [
          section(
            'Actions',
            actions.map(({ name, summary }) => [name, summary]),
          ),
        ]
      : []),
    ...(names.length === 0
      ? []
      : [
          section(
            'Options',
            names.map((name) => optionRow(command, actions, name)),
          ),
        ]),
    ...(examples.length === 0 ? [] : [exampleSection(examples)]),
    ...[command.notes, command.exitCodes].filter((note) => note !== undefined).map((note) => `${wrap(note)}\n`),
  ];
  return parts.join('\n');
}

function optionRow(command: Command, actions: readonly Action[], name: string): [string, string] {
  const takers = actions.filter(({ options }) => options.includes(name));
  const text = command.options[name]?.text ?? '';
  const who = takers.length === actions.length ? '' : ` (${takers.map((action) => action.name).join(', ')})`;
  return [optionText(command, name), `${text}${who}`];
}

const MOST_INDENT = 34;

function section(title: string, rows: readonly (readonly [string, string])[]): string {
  const indent = Math.min(MOST_INDENT, Math.max(...rows.map(([name]) => name.length)) + 4);
  const lines = rows.map(([name, text]) => {
    const head = `  ${name}`;
    return head.length + 2 > indent ? `${head}\n${' '.repeat(indent)}${text}` : `${head.padEnd(indent)}${text}`;
  });
  return `${title}:\n${lines.join('\n')}\n`;
}

function exampleSection(examples: Command['examples']): string {
  const lines = examples.map(([line, what]) => `  # ${what}\n  ${line}`);
  return `Examples:\n${lines.join('\n')}\n`;
}

function wrap(text: string): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= WIDTH) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.join('\n');
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
