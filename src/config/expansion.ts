import { reasonOf } from './read-failure.ts';

/** Where expansions find what they stand for. */
export interface ExpansionSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Gives the text of a file; throws where it cannot. */
  readonly readFile: (path: string) => string;
}

export type Expansion =
  | { readonly kind: 'plain' }
  | { readonly kind: 'expanded'; readonly text: string }
  | { readonly kind: 'failed'; readonly message: string; readonly hint: string };

/** `$${` (a literal), `${…}`, or `${` without an end. */
const PLACE = /\$\$\{|\$\{([^}]*)\}|\$\{/g;
const VARIABLE = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s;
const FILE = /^file:(.+)$/s;

class ExpansionFailure extends Error {
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/**
 * Replaces the expansions in one string: `${VAR}`, `${VAR:-default}` (also for a variable that is empty) and
 * `${file:/path}` (without the line end at the end of the file); `$${` stands for `${`. What comes out is not expanded
 * again. (contract.md, "Configuration")
 */
export function expand(text: string, sources: ExpansionSources): Expansion {
  if (!text.includes('${')) return { kind: 'plain' };
  try {
    const expanded = text.replace(PLACE, (place: string, inner: string | undefined) =>
      place === '$${' ? '${' : resolve(place, inner, sources),
    );
    return { kind: 'expanded', text: expanded };
  } catch (error) {
    if (error instanceof ExpansionFailure) return { kind: 'failed', message: error.message, hint: error.hint };
    throw error;
  }
}

/** Takes the line end off the end of a secret's file, which editors and `echo` put there. */
export function withoutLineEnd(text: string): string {
  return text.replace(/[\r\n]+$/, '');
}

function resolve(place: string, inner: string | undefined, sources: ExpansionSources): string {
  const file = FILE.exec(inner ?? '');
  if (file?.[1] !== undefined) return readSecretFile(file[1], sources);
  const variable = VARIABLE.exec(inner ?? '');
  if (variable?.[1] === undefined || variable[2]?.includes('${')) {
    throw new ExpansionFailure(
      `has an expansion that cannot be read, at ${place.slice(0, 2)}`,
      // biome-ignore lint/suspicious/noTemplateCurlyInString: these are the expansions themselves
      'write ${VAR}, ${VAR:-default} or ${file:/path}, one not inside the other; write $${ for a literal ${',
    );
  }
  return readVariable(variable[1], variable[2], sources);
}

function readVariable(name: string, fallback: string | undefined, { env }: ExpansionSources): string {
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  if (fallback !== undefined) return value === undefined || value === '' ? fallback : value;
  if (value !== undefined) return value;
  throw new ExpansionFailure(
    `needs the environment variable ${name}, which is not set`,
    `set ${name}, or give a default: \${${name}:-default}`,
  );
}

function readSecretFile(path: string, { readFile }: ExpansionSources): string {
  try {
    return withoutLineEnd(readFile(path));
  } catch (error) {
    throw new ExpansionFailure(`needs the file ${path}: ${reasonOf(error)}`, 'make it readable, or correct its path');
  }
}
