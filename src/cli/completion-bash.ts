import type { Action, Command } from './command.ts';

/** Writes a script for bash 4 and later. Words of ours hold no blanks and nothing that bash would expand. */
export function bashCompletion(commands: readonly Command[]): string {
  return `# Completion of metertap for bash: source <(metertap completion bash)
_metertap() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command=\${COMP_WORDS[1]} action='' words=''
  # bash parts words at "=", too.
  if [[ $current == = ]]; then current=''; elif [[ $previous == = ]]; then previous=\${COMP_WORDS[COMP_CWORD-2]}; fi
  if (( COMP_CWORD == 1 )); then
    COMPREPLY=($(compgen -W "${[...commands.map(({ name }) => name), 'help', '--help', '--version'].join(' ')}" -- "$current"))
    return
  fi
  (( COMP_CWORD > 2 )) && action=\${COMP_WORDS[2]}
  case "$command $previous" in
${commands.flatMap(valueCases).join('\n')}
  esac
  case "$command $action" in
${commands.flatMap(optionCases).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _metertap metertap
`;
}

/** What an option takes: its words, a file, or something that cannot be known. */
function valueCases({ name, options }: Command): string[] {
  return Object.entries(options).flatMap(([option, { type, words, isFile }]) => {
    if (type === 'boolean') return [];
    const reply = isFile ? 'compgen -f' : `compgen -W "${(words ?? []).join(' ')}"`;
    return [`    '${name} --${option}') COMPREPLY=($(${reply} -- "$current")); return ;;`];
  });
}

function optionCases({ name, actions }: Command): string[] {
  const names = actions.map((action) => action.name).filter((action) => action !== '');
  const named = actions.filter((action) => action.name !== '');
  const plain = actions.find((action) => action.name === '');
  return [
    ...named.map((action) => `    '${name} ${action.name}') words='${wordsOf(action)}' ;;`),
    `    '${name} '*) words='${[...names, ...(plain === undefined ? ['--help'] : [wordsOf(plain)])].join(' ')}' ;;`,
  ];
}

function wordsOf({ options, operandWords = [] }: Action): string {
  return [...operandWords, ...options.map((option) => `--${option}`), '--help'].join(' ');
}
