import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Command } from '../../../src/cli/command.ts';
import { commandHelp, overview, usageLines } from '../../../src/cli/command-help.ts';
import { readCommandLine } from '../../../src/cli/command-line.ts';
import { COMMANDS } from '../../../src/cli/command-table.ts';
import { bashCompletion } from '../../../src/cli/completion-bash.ts';
import { runCompletionCommand } from '../../../src/cli/completion-command.ts';
import { fishCompletion } from '../../../src/cli/completion-fish.ts';
import { zshCompletion } from '../../../src/cli/completion-zsh.ts';
import { findServer } from '../../support/servers.ts';

const ALL: readonly Command[] = COMMANDS;

function read(command: Command, args: readonly string[]) {
  const written = { out: '', error: '' };
  const line = readCommandLine(command, {
    args,
    write: (text) => {
      written.out += text;
    },
    writeError: (text) => {
      written.error += text;
    },
  });
  return { line, ...written };
}

/** Words as a shell makes them, quotes taken off. */
function wordsOf(line: string): string[] {
  const simple = line.split(/ [|>] /)[0] ?? '';
  return [...simple.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c ?? '');
}

describe('the table of commands', () => {
  it('has every command of the contract that this release has, once', () => {
    const names = ALL.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(
      expect.arrayContaining([
        'serve',
        'demo',
        'simulate',
        'keys',
        'teams',
        'runs',
        'usage',
        'export',
        'prices',
        'config',
      ]),
    );
  });

  it.each(ALL)('$name knows the options of its actions, and uses all that it has', ({ options, actions }) => {
    const used = actions.flatMap((action) => action.options);
    expect(used.filter((name) => !Object.hasOwn(options, name))).toEqual([]);
    expect(Object.keys(options).filter((name) => !used.includes(name))).toEqual([]);
    for (const action of actions) expect(action.options).toEqual(expect.arrayContaining([...(action.required ?? [])]));
  });

  it.each(ALL.filter(({ name }) => name !== 'completion'))(
    '$name takes --json with all that it does',
    ({ actions }) => {
      for (const action of actions) expect(action.options).toContain('json');
    },
  );

  it.each(ALL)('$name has examples that it takes', (command) => {
    for (const [line] of command.examples) {
      const words = wordsOf(line.replace(/^(?:[A-Z_]+=\S+ )+/, '').replace(/^source <\((.*)\)$/, '$1'));
      expect(words.slice(0, 2)).toEqual(['metertap', command.name]);
      expect(read(command, words.slice(2)), line).toMatchObject({ line: expect.any(Object), error: '' });
    }
  });

  it.each(ALL)('$name explains itself, with every option and example', (command) => {
    const { line, out } = read(command, ['--help']);
    expect(line).toBe(0);
    expect(out).toBe(commandHelp(command));
    for (const name of Object.keys(command.options)) expect(out).toContain(`--${name}`);
    for (const [example] of command.examples) expect(out).toContain(`\n  ${example}\n`);
    expect(out.split('\n').filter((text) => text.length > 140)).toEqual([]);
  });
});

describe('the overview', () => {
  it('shows every command under its group', () => {
    const text = overview(COMMANDS);
    for (const { name, summary, group } of ALL) {
      const chapter = text.split('\n\n').find((part) => part.startsWith(`${group}\n`));
      expect(chapter, name).toMatch(new RegExp(`^  ${name} +`, 'm'));
      expect(chapter).toContain(summary);
    }
  });
});

describe('a command line', () => {
  const [runs, keys, exporting] = ['runs', 'keys', 'export'].map((name) =>
    ALL.find((command) => command.name === name),
  );
  if (runs === undefined || keys === undefined || exporting === undefined) throw new Error('a command is gone');

  it('is read in any order and spelling', () => {
    const args = ['show', 'a', '--team=t', '--json'];
    expect(read(runs, ['--json', 'show', '--team', 't', 'a']).line).toEqual({
      action: 'show',
      operand: 'a',
      args: ['--json', 'show', '--team=t', 'a'],
    });
    expect(read(runs, args).line).toEqual({ action: 'show', operand: 'a', args });
  });

  it('takes values that begin with a dash, and operands after --', () => {
    expect(read(runs, ['list', '--order', '-cost']).line).toMatchObject({ args: ['list', '--order=-cost'] });
    expect(read(runs, ['show', '--', '--odd']).line).toMatchObject({ operand: '--odd' });
  });

  it.each([
    [
      runs,
      ['list', '--order', 'cost'],
      '--order cannot be cost. Did you mean -cost? It can be -last_activity_at, -cost.',
    ],
    [runs, ['list', '--tema', 't'], 'there is no option --tema. Did you mean --team?'],
    [runs, ['list', '--team'], '--team needs a value: --team TEAM.'],
    [runs, ['list', '--team', '--json'], '--team needs a value: --team TEAM.'],
    [runs, ['list', '--json=yes'], '--json takes no value.'],
    [runs, ['list', '--team', 'a', '--team', 'b'], '--team may be given once only.'],
    [runs, ['lits'], 'cannot lits. Did you mean list?'],
    [runs, ['-x'], 'say what to do'],
    [exporting, ['--fromat', 'csv'], 'there is no option --fromat. Did you mean --format?'],
    [exporting, ['--format', 'jsnl'], '--format cannot be jsnl. Did you mean jsonl?'],
    [exporting, ['now'], 'now is too much.'],
    [keys, ['create', '--constructor', 'x'], 'there is no option --constructor.'],
  ])('%#: says what is wrong and how it is used', (command, args, message) => {
    const { line, out, error } = read(command, args);
    expect([line, out]).toEqual([2, '']);
    expect(error).toContain(`metertap ${command.name}: ${message}`);
    expect(error).toContain(usageLines(command));
    expect(error).toContain(`metertap ${command.name} --help tells more.`);
  });
});

/** What bash proposes at the end of a line, by the script that Metertap prints. */
function bashProposes(line: string): string[] {
  const words = line.split(' ');
  const folder = mkdtempSync(join(tmpdir(), 'metertap-completion-'));
  try {
    const script = join(folder, 'completion.bash');
    writeFileSync(script, bashCompletion(COMMANDS));
    const program = `set -eu; source "$1"; shift; complete -p metertap >/dev/null
COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); COMPREPLY=(); _metertap || true; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync(BASH ?? 'bash', ['-c', program, 'bash', script, ...words], { encoding: 'utf8', cwd: folder })
      .trim()
      .split('\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const BASH = findServer('bash', 'METERTAP_TEST_BASH');
const SHELLS = [
  { shell: 'zsh', program: findServer('zsh', 'METERTAP_TEST_ZSH'), script: zshCompletion(COMMANDS) },
  { shell: 'fish', program: findServer('fish', 'METERTAP_TEST_FISH'), script: fishCompletion(COMMANDS) },
];

describe('completion', () => {
  it.runIf(BASH !== null)('proposes commands, actions, options and values in bash', () => {
    expect(bashProposes('metertap ')).toEqual([...ALL.map(({ name }) => name), 'help', '--help', '--version']);
    expect(bashProposes('metertap se')).toEqual(['serve']);
    expect(bashProposes('metertap runs ')).toEqual(['list', 'show', 'watch', '--help']);
    expect(bashProposes('metertap runs show nightly --')).toEqual(['--team', '--children', '--json', '--help']);
    expect(bashProposes('metertap export --format ')).toEqual(['csv', 'jsonl', 'focus']);
    expect(bashProposes('metertap export --format = js')).toEqual(['jsonl']);
    expect(bashProposes('metertap runs list --order -c')).toEqual(['-cost']);
    expect(bashProposes('metertap serve --config comp')).toEqual(['completion.bash']);
    expect(bashProposes('metertap completion ')).toEqual(['bash', 'zsh', 'fish', '--help']);
    expect(bashProposes('metertap nonsense ')).toEqual(['']);
  });

  it.each(SHELLS)('for $shell knows every command and option', ({ script }) => {
    for (const { name, options } of ALL) {
      expect(script).toContain(name);
      for (const option of Object.keys(options)) expect(script).toContain(option);
    }
  });

  it.each(SHELLS.flatMap(({ program, ...shell }) => (program === null ? [] : [{ ...shell, program }])))(
    'is a script that $shell can read',
    ({ program, script }) => {
      // Its standard input would be a socket, which fish takes for no file.
      const file = join(mkdtempSync(join(tmpdir(), 'metertap-completion-')), 'script');
      onTestFinished(() => rmSync(dirname(file), { recursive: true }));
      writeFileSync(file, script);
      execFileSync(program, ['-n', file]);
    },
  );

  it('is printed for the shell that is named', () => {
    const outcome = (args: readonly string[]) => {
      let [out, error] = ['', ''];
      const code = runCompletionCommand(
        {
          args,
          write: (text) => {
            out += text;
          },
          writeError: (text) => {
            error += text;
          },
        },
        COMMANDS,
      );
      return { code, out, error };
    };
    expect(outcome(['bash'])).toEqual({ code: 0, out: bashCompletion(COMMANDS), error: '' });
    expect(outcome(['fihs'])).toMatchObject({ code: 2, error: expect.stringContaining('Did you mean fish?') });
    expect(outcome([])).toMatchObject({ code: 2, error: expect.stringContaining('SHELL is missing.') });
  });
});
