const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'Metertap may not read it',
  EPERM: 'Metertap may not read it',
  EISDIR: 'it is a folder',
  ENOTDIR: 'its path leads through something that is no folder',
};

/** Says in words why a file could not be read. */
export function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return REASONS[code] ?? `it cannot be read${code === '' ? '' : ` (${code})`}`;
}
