import { type Command, GROUPS } from '../src/cli/command.ts';
import { optionText, usageOf } from '../src/cli/command-help.ts';

const HEADING = `# The command line

Made by \`npm run docs:cli\` from the table of commands, as \`metertap --help\` is. From a checkout: \`npm run metertap -- <command>\`.

| exit code | |
|---|---|
| 0 | it went well |
| 1 | it did not; or what was looked at is not as it should be |
| 2 | the arguments make no command; what is wrong and what was probably meant is on standard error |
| 78 | the configuration has faults; all of them are listed |

\`--json\` is for programs: one JSON value on standard output, but for commands that go on (\`runs watch\`), which write one on each
line. What is told on the way goes to standard error. Colours are used on terminals only, and never where \`NO_COLOR\` is set.

Completion: \`source <(metertap completion bash)\`, and the same for zsh; for fish \`metertap completion fish | source\`.
`;

/** Writes the reference page of the commands as Markdown. */
export function commandReference(commands: readonly Command[]): string {
  const chapters = GROUPS.map((group) => {
    const own = commands.filter((command) => command.group === group);
    return `## ${group}\n\n${own.map(describeCommand).join('\n')}`;
  });
  return `${[HEADING, ...chapters].join('\n').trimEnd()}\n`;
}

function describeCommand(command: Command): string {
  const { name, summary, actions, options, examples, notes, exitCodes } = command;
  const rows = Object.entries(options).map(([option, { text }]) => {
    const takers = actions.filter((action) => action.options.includes(option));
    const who = takers.length === actions.length ? '' : ` (${takers.map((action) => action.name || name).join(', ')})`;
    return `| \`${optionText(command, option).replaceAll('|', '\\|')}\` | ${text}${who} |`;
  });
  const parts = [
    `### \`metertap ${name}\`\n`,
    `${summary.slice(0, 1).toUpperCase()}${summary.slice(1)}.\n`,
    `\`\`\`\n${actions.map((action) => usageOf(command, action)).join('\n')}\n\`\`\`\n`,
    ...(rows.length === 0 ? [] : [`| option | |\n|---|---|\n${rows.join('\n')}\n`]),
    `\`\`\`sh\n${examples.map(([line, what]) => `# ${what}\n${line}`).join('\n')}\n\`\`\`\n`,
    ...[notes, exitCodes].filter((text) => text !== undefined).map((text) => `${text}\n`),
  ];
  return parts.join('\n');
}
