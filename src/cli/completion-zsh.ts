import type { Action, Command } from './command.ts';

/** Writes a script for zsh, to be sourced after compinit or to be a file `_metertap` in `fpath`. */
export function zshCompletion(commands: readonly Command[]): string {
  return `#compdef metertap
# Completion of metertap for zsh: source <(metertap completion zsh)
_metertap() {
  local -a choices
  if (( CURRENT == 2 )); then
    choices=(${commands.map(({ name, summary }) => quoted(`${name}:${summary}`)).join(' ')})
    _describe 'command' choices
    return
  fi
  case "$words[2] $words[3]" in
${commands.flatMap(casesOf).join('\n')}
  esac
}
compdef _metertap metertap
`;
}

function casesOf(command: Command): string[] {
  const named = command.actions.filter(({ name }) => name !== '');
  const plain = command.actions.find(({ name }) => name === '');
  const choices = named.map(({ name, summary }) => quoted(`${name}:${summary}`)).join(' ');
  const describe = named.length === 0 ? [] : [`choices=(${choices}); (( CURRENT == 3 )) && _describe 'action' choices`];
  const options = plain === undefined ? [] : [argumentsOf(command, plain)];
  return [
    ...named.map((action) => `    '${command.name} ${action.name}') ${argumentsOf(command, action)} ;;`),
    `    '${command.name} '*) ${[...describe, ...options].join('; ')} ;;`,
  ];
}

function argumentsOf(command: Command, { options, operand, operandWords }: Action): string {
  const specifications = options.map((name) => optionSpecification(command, name));
  const operands = operand === undefined ? [] : [quoted(`*:${operand}:${wordsText(operandWords)}`)];
  return ['_arguments', ...operands, ...specifications, quoted('--help[help]')].join(' ');
}

function optionSpecification({ options }: Command, name: string): string {
  const { type, multiple, value = 'VALUE', words, isFile, text } = options[name] ?? { type: 'boolean', text: '' };
  const label = `${multiple ? '*' : ''}--${name}[${escaped(text)}]`;
  if (type === 'boolean') return quoted(label);
  return quoted(`${label}:${value}:${isFile ? '_files' : wordsText(words)}`);
}

function wordsText(words: readonly string[] | undefined): string {
  return words === undefined ? '' : `(${words.map((word) => word.replaceAll(':', '\\:')).join(' ')})`;
}

/** Brackets and colons part a specification of `_arguments`. */
function escaped(text: string): string {
  return text.replace(/[[\]:]/g, (sign) => `\\${sign}`);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
