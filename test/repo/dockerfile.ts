/** One instruction of a Dockerfile, its continued lines joined. */
export interface Instruction {
  readonly name: string;
  readonly text: string;
}

/** Reads a Dockerfile as far as the tests need it: comments and continued lines, no heredocs. */
export function readDockerfile(source: string): Instruction[] {
  return source
    .split('\n')
    .filter((line) => !/^\s*#/.test(line))
    .join('\n')
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name, text] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
      return { name: (name ?? line).toUpperCase(), text: text ?? '' };
    });
}

/** The words of an instruction in JSON form (`CMD ["node", "x"]`); throws on the shell form. */
export function jsonWords(text: string): string[] {
  const words: unknown = JSON.parse(text);
  if (!Array.isArray(words) || !words.every((word) => typeof word === 'string')) throw new Error(`no words: ${text}`);
  return words;
}
