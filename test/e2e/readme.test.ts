import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startCli } from '../support/cli-process.ts';
import { type CurlCommand, readCurl, shellCommands } from '../support/curl-command.ts';
import { asRecord } from '../support/start-proxy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** What README.md tells a newcomer to type is typed here, against a demo. */
const README = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');
const SECTION = /\n## Start in a minute\n(.*?)\n## /s.exec(README)?.[1] ?? '';

function blocksOf(language: string): string[] {
  return [...SECTION.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 'gs'))].map(([, text]) => text ?? '');
}

/** The commands of the section; what npm runs, other tests start. */
function curlCommands(): CurlCommand[] {
  const key = /`([\w-]+)` as the API key/.exec(SECTION)?.[1] ?? '';
  const commands = blocksOf('sh').flatMap((block) => shellCommands(block, { OPENAI_API_KEY: key }));
  const others = commands.filter(([name]) => name !== 'curl').map((words) => words.join(' '));
  expect(others).toEqual(['npm ci && npm start']);
  return commands.filter(([name]) => name === 'curl').map(readCurl);
}

it('the commands of "Start in a minute" give what it shows, on a demo of their own', async () => {
  const cwd = temporaryFolder();
  await using demo = startCli(['demo'], { cwd, env: { METERTAP_PORT: '0', METERTAP_DATA_DIR: join(cwd, 'books') } });
  const [, origin = ''] = await demo.output(/Base URL for SDKs {3}(\S+)\/v1\n/);
  const answers: Record<string, unknown>[] = [];
  for (const { url, method, headers, body } of curlCommands()) {
    const address = new URL(url);
    expect(address.origin).toBe('http://127.0.0.1:8787');
    const answer = await fetch(`${origin}${address.pathname}${address.search}`, { method, headers, body });
    expect(answer.status).toBe(200);
    answers.push(asRecord(await answer.json()));
  }
  expect(answers).toHaveLength(2);
  const [shown = ''] = blocksOf('json');
  expect(answers.at(-1)).toMatchObject(withoutEllipses(JSON.parse(shown)));
});

/** Members named `…` stand for those that are not shown. */
function withoutEllipses(value: unknown): Record<string, unknown> {
  const members = Object.entries(asRecord(value)).filter(([name]) => name !== '…');
  return Object.fromEntries(
    members.map(([name, member]) => [name, typeof member === 'object' && member ? withoutEllipses(member) : member]),
  );
}
