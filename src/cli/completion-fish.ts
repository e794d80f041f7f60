import type { Action, Command, OptionEntry } from './command.ts';

/** Writes a script for fish: a line for every command, action and option. */
export function fishCompletion(commands: readonly Command[]): string {
  const lines = commands.flatMap((command) => [
    `complete -c metertap -f -n __fish_use_subcommand -a ${command.name} -d ${quoted(command.summary)}`,
    ...command.actions.flatMap((action) => linesOf(command, action)),
  ]);
  return `# Completion of metertap for fish: metertap completion fish > ~/.config/fish/completions/metertap.fish
complete -c metertap -f
${lines.join('\n')}
`;
}

function linesOf(command: Command, action: Action): string[] {
  const seen = `__fish_seen_subcommand_from ${command.name}`;
  const names = command.actions.map(({ name }) => name).filter((name) => name !== '');
  const here = action.name === '' ? seen : `${seen}; and __fish_seen_subcommand_from ${action.name}`;
  const before = names.length === 0 ? seen : `${seen}; and not __fish_seen_subcommand_from ${names.join(' ')}`;
  return [
    ...(action.name === '' ? [] : [choice(before, action.name, action.summary)]),
    ...(action.operandWords ?? []).map((word) => choice(here, word, '')),
    ...action.options.map((name) => optionLine(here, name, command.options[name])),
  ];
}

function choice(condition: string, word: string, text: string): string {
  return `complete -c metertap -n ${quoted(condition)} -a ${word}${text === '' ? '' : ` -d ${quoted(text)}`}`;
}

function optionLine(condition: string, name: string, option: OptionEntry | undefined): string {
  const takes = option?.type !== 'string' ? '' : option.isFile ? ' -r -F' : ' -x';
  const words = option?.words === undefined ? '' : ` -a ${quoted(option.words.join(' '))}`;
  return `complete -c metertap -n ${quoted(condition)} -l ${name}${takes}${words} -d ${quoted(option?.text ?? '')}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
