/** A curl command of the documentation, as far as it is used there. */
export interface CurlCommand {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

/**
 * Splits the text of a shell block into commands of words: quotes, variables within double quotes or bare, comments,
 * and lines that go on behind a backslash. Anything else of the shell's is not known here, and throws.
 */
export function shellCommands(block: string, variables: Readonly<Record<string, string>>): string[][] {
  const lines = block.replaceAll('\\\n', ' ').split('\n');
  return lines.map((line) => wordsOf(line, variables)).filter((words) => words.length > 0);
}

/** Reads the words of a curl command. Throws on an option that is not known here. */
export function readCurl(words: readonly string[]): CurlCommand {
  const [name, ...rest] = words;
  if (name !== 'curl') throw new Error(`not a curl command: ${words.join(' ')}`);
  const headers: Record<string, string> = {};
  let url: string | null = null;
  let body: string | null = null;
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '-s') continue;
    if (word === '-H') {
      const header = /^([^:\s]+):\s*(.*)$/.exec(rest.shift() ?? '');
      if (header === null) throw new Error('-H without a header');
      headers[header[1] ?? ''] = header[2] ?? '';
    } else if (word === '-d') {
      body = rest.shift() ?? null;
    } else if (word.startsWith('-') || url !== null) {
      throw new Error(`curl is given '${word}', which this test does not know`);
    } else {
      url = word;
    }
  }
  if (url === null) throw new Error('curl is given no URL');
  return { url, method: body === null ? 'GET' : 'POST', headers, body };
}

const WORD_PART = /\s+|#.*$|'([^']*)'|"((?:[^"\\]|\\.)*)"|(&&)|([^\s'"#&|;<>()`*?]+)/y;

function wordsOf(line: string, variables: Readonly<Record<string, string>>): string[] {
  const words: string[] = [];
  let word: string | null = null;
  WORD_PART.lastIndex = 0;
  while (WORD_PART.lastIndex < line.length) {
    const at = WORD_PART.lastIndex;
    const part = WORD_PART.exec(line);
    if (part === null) throw new Error(`this test cannot read the shell's '${line.slice(at)}'`);
    const [, single, double, and, bare] = part;
    const text = single ?? and ?? expand(double?.replaceAll(/\\(["\\$`])/g, '$1') ?? bare, variables);
    if (text !== undefined) {
      word = (word ?? '') + text;
    } else if (word !== null) {
      words.push(word);
      word = null;
    }
  }
  if (word !== null) words.push(word);
  return words;
}

function expand(text: string | undefined, variables: Readonly<Record<string, string>>): string | undefined {
  return text?.replaceAll(/\$\{?(\w+)\}?/g, (_, name: string) => {
    const value = variables[name];
    if (value === undefined) throw new Error(`the variable ${name} is not set`);
    return value;
  });
}
