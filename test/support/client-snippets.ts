import { readFileSync } from 'node:fs';

/** An example of docs/clients.md. */
export interface ClientSnippet {
  readonly name: string;
  readonly language: string;
  readonly code: string;
}

const CLIENTS_PAGE = new URL('../../docs/clients.md', import.meta.url);
const MARKED_FENCE = /<!-- test: ([a-z-]+) -->\n```([a-z]+)\n([\s\S]*?\n)```/g;

/** All examples of the page that have a name, in its order. */
export function readClientSnippets(): ClientSnippet[] {
  const markdown = readFileSync(CLIENTS_PAGE, 'utf8');
  return [...markdown.matchAll(MARKED_FENCE)].map(([, name = '', language = '', code = '']) => ({
    name,
    language,
    code,
  }));
}

/** One example by its name; throws where the page has none. */
export function readClientSnippet(name: string): ClientSnippet {
  const found = readClientSnippets().find((snippet) => snippet.name === name);
  if (found === undefined) throw new Error(`docs/clients.md has no example named ${name}`);
  return found;
}
