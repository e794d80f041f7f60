import { LineCounter, parseDocument, type YAMLError } from 'yaml';
import type { ConfigFault } from './config-error.ts';
import type { LineOf } from './fault-list.ts';
import { reasonOf } from './read-failure.ts';
import type { SettingPath } from './setting-path.ts';

/** The file as it was read: plain values, and where each stands. Empty where `faults` say why it cannot be read. */
export interface ConfigDocument {
  readonly tree: unknown;
  readonly lineOf: LineOf;
  readonly faults: readonly ConfigFault[];
}

export const EMPTY_DOCUMENT: ConfigDocument = { tree: {}, lineOf: () => null, faults: [] };

interface FaultText {
  readonly message: string;
  readonly hint: string;
}

/** Faults whose text in the YAML library repeats what the file says, which may be a secret, or speaks to programmers. */
const OWN_TEXTS: Readonly<Record<string, FaultText>> = {
  DUPLICATE_KEY: { message: 'a name stands twice in one mapping', hint: 'remove one of the two' },
  MULTIPLE_DOCS: { message: 'a second YAML document begins here', hint: 'keep one document; remove the line ---' },
  UNEXPECTED_TOKEN: {
    message: 'something stands where YAML allows nothing',
    hint: 'look for a stray bracket or quote',
  },
  BAD_ALIAS: { message: 'an alias cannot be read', hint: 'put text that begins with * into quotes' },
  BAD_DQ_ESCAPE: {
    message: 'a text in double quotes has an unknown escape',
    hint: 'use single quotes, or double the \\',
  },
  TAG_RESOLVE_FAILED: { message: 'a tag is unknown', hint: 'put text that begins with ! into quotes' },
  BLOCK_AS_IMPLICIT_KEY: {
    message: 'a second ": " stands in one line',
    hint: 'put text that holds a colon and a blank into quotes',
  },
};

/** Inside `{ }` and `[ ]` the braces of an expansion end the collection, unless they are quoted. */
const UNQUOTED_EXPANSION = /[{[].*[:,[]\s*\$\{/;
// biome-ignore lint/suspicious/noTemplateCurlyInString: this is the expansion itself
const EXPANSION_HINT = 'put "${…}" into quotes where it stands inside { } or [ ]';

const GENERAL_HINT = 'correct the YAML; indentation is by blanks, lists begin with -';

/**
 * Reads a YAML file (1.2, core schema: dates stay text, `yes` and `no` are text). Gives every syntax fault with its line
 * and column.
 */
export function readDocument(file: string, readFile: (path: string) => string): ConfigDocument {
  try {
    return parse(file, readFile(file));
  } catch (error) {
    const hint = 'correct --config or METERTAP_CONFIG; without both, Metertap starts with defaults';
    return faultyDocument([{ path: file, line: null, value: null, message: reasonOf(error), hint }]);
  }
}

function parse(file: string, source: string): ConfigDocument {
  const lines = new LineCounter();
  const document = parseDocument(source, {
    lineCounter: lines,
    prettyErrors: false,
    schema: 'core',
    stringKeys: true,
    version: '1.2',
  });
  const errors = [...document.errors, ...document.warnings];
  if (errors.length > 0) return faultyDocument(syntaxFaults({ file, source, lines }, errors));
  try {
    return { tree: document.toJS() ?? {}, lineOf: (path) => lineOf(document, lines, path), faults: [] };
  } catch {
    // Thrown for an alias without an anchor, and for aliases that multiply beyond measure.
    const message = 'an alias names no anchor, or aliases stand for too much';
    const hint = 'define each &name before its *name; put text that begins with * into quotes';
    return faultyDocument([{ path: file, line: null, value: null, message, hint }]);
  }
}

function faultyDocument(faults: readonly ConfigFault[]): ConfigDocument {
  return { ...EMPTY_DOCUMENT, faults };
}

interface ReadSource {
  readonly file: string;
  readonly source: string;
  readonly lines: LineCounter;
}

/** One fault for each line: further ones of a line only follow from its first. */
function syntaxFaults(read: ReadSource, errors: readonly YAMLError[]): readonly ConfigFault[] {
  const faults = new Map<number, ConfigFault>();
  for (const error of errors) {
    const fault = syntaxFault(read, error);
    if (fault.line !== null && !faults.has(fault.line)) faults.set(fault.line, fault);
  }
  return [...faults.values()];
}

function syntaxFault({ file, source, lines }: ReadSource, error: YAMLError): ConfigFault {
  const { line, col } = lines.linePos(error.pos[0]);
  const text = OWN_TEXTS[error.code] ?? { message: error.message, hint: GENERAL_HINT };
  const hint = UNQUOTED_EXPANSION.test(source.split('\n')[line - 1] ?? '') ? EXPANSION_HINT : text.hint;
  return { path: `${file}:${line}:${col}`, line, value: null, message: text.message, hint };
}

/** The line of a setting, or of the nearest thing around it that the file has. */
function lineOf(document: ReturnType<typeof parseDocument>, lines: LineCounter, path: SettingPath): number | null {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true);
    const range = typeof node === 'object' && node !== null && 'range' in node ? node.range : null;
    if (Array.isArray(range) && typeof range[0] === 'number') return lines.linePos(range[0]).line;
  }
  return null;
}
