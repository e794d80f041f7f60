import { isName, isNode, literalText, nodesOf, parseModule, type SyntaxNode, walk } from './syntax.ts';

/** What the rules want to know of one source file. */
export interface SourceFacts {
  /** Below `src/`, with slashes: `server/request-path.ts`. */
  readonly path: string;
  readonly lineCount: number;
  readonly imports: readonly Import[];
  /** Files that are started as a worker: `new URL('./x.ts', import.meta.url)`. */
  readonly workers: readonly Import[];
  /** Uses of `process` and `console` as globals. */
  readonly globals: readonly { readonly name: string; readonly line: number }[];
  /** Lines of statements that do something when the file is imported. */
  readonly effectLines: readonly number[];
  /** Lines of `let` and `var` at the top of the file. */
  readonly mutableLines: readonly number[];
  readonly defaultExportLines: readonly number[];
  /** Whether the file declares nothing and only hands on what others export. */
  readonly onlyReexports: boolean;
}

export interface Import {
  /** As written; null where it is computed and cannot be checked. */
  readonly specifier: string | null;
  readonly line: number;
  /** `type`: gone when types are stripped. An import whose every name says `type` stays, as an import without names. */
  readonly kind: 'type' | 'value';
}

const GLOBALS: ReadonlySet<string> = new Set(['process', 'console']);

/** Statements that declare; all others at the top of a file are run by whoever imports it. */
const DECLARATIONS: ReadonlySet<string> = new Set([
  'ImportDeclaration',
  'ExportNamedDeclaration',
  'ExportAllDeclaration',
  'ExportDefaultDeclaration',
  'VariableDeclaration',
  'FunctionDeclaration',
  'ClassDeclaration',
  'TSInterfaceDeclaration',
  'TSTypeAliasDeclaration',
  'TSDeclareFunction',
]);

/** Reads one file. Throws where it is no TypeScript. */
export async function readSourceFacts(path: string, source: string): Promise<SourceFacts> {
  const program = await parseModule(source);
  const lineOf = (node: SyntaxNode) => source.slice(0, node.start).split('\n').length;
  const imports: Import[] = [];
  const workers: Import[] = [];
  const globals: { name: string; line: number }[] = [];

  walk(program, (node, holder, member) => {
    const imported = importOf(node);
    if (imported !== null) imports.push({ ...imported, line: lineOf(node) });
    const worker = workerOf(node);
    if (worker !== null) workers.push({ specifier: worker, line: lineOf(node), kind: 'value' });
    const global = globalOf(node, holder, member);
    if (global !== null) globals.push({ name: global, line: lineOf(node) });
  });

  const statements = nodesOf(program['body']);
  return {
    path,
    lineCount: source.split('\n').length - (source.endsWith('\n') ? 1 : 0),
    imports,
    workers,
    globals,
    effectLines: statements.filter((statement) => !DECLARATIONS.has(statement.type)).map(lineOf),
    mutableLines: statements.filter(isMutable).map(lineOf),
    defaultExportLines: statements.filter((statement) => statement.type === 'ExportDefaultDeclaration').map(lineOf),
    onlyReexports: onlyReexports(statements),
  };
}

function importOf(node: SyntaxNode): { specifier: string | null; kind: 'type' | 'value' } | null {
  const source = literalText(node['source']);
  switch (node.type) {
    case 'ImportDeclaration':
      return { specifier: source, kind: node['importKind'] === 'type' ? 'type' : 'value' };
    case 'ExportAllDeclaration':
    case 'ExportNamedDeclaration':
      return source === null ? null : { specifier: source, kind: node['exportKind'] === 'type' ? 'type' : 'value' };
    case 'ImportExpression':
      return { specifier: source, kind: 'value' };
    case 'TSImportType':
      return { specifier: source ?? literalText(node['argument']), kind: 'type' };
    case 'CallExpression':
      if (!isName(node['callee'], 'require')) return null;
      return { specifier: literalText(nodesOf(node['arguments'])[0]), kind: 'value' };
    default:
      return null;
  }
}

function workerOf(node: SyntaxNode): string | null {
  if (node.type !== 'NewExpression' || !isName(node['callee'], 'URL')) return null;
  const [target, base] = nodesOf(node['arguments']);
  const text = literalText(target);
  return text?.endsWith('.ts') && isMetaUrl(base) ? text : null;
}

/** `import.meta.url` */
function isMetaUrl(node: unknown): boolean {
  return (
    isNode(node) &&
    node.type === 'MemberExpression' &&
    isName(node['property'], 'url') &&
    isNode(node['object']) &&
    node['object'].type === 'MetaProperty'
  );
}

function globalOf(node: SyntaxNode, holder: SyntaxNode | null, member: string): string | null {
  if (node.type !== 'Identifier') return null;
  const { name } = node;
  if (typeof name !== 'string' || !GLOBALS.has(name) || holder === null) return null;
  if (member === 'property' && holder.type === 'MemberExpression' && holder['computed'] !== true) {
    return isName(holder['object'], 'globalThis') || isName(holder['object'], 'global') ? name : null;
  }
  const isOnlyAName = member === 'key' && holder['computed'] !== true && holder['shorthand'] !== true;
  return isOnlyAName ? null : name;
}

function isMutable(statement: SyntaxNode): boolean {
  const declared = isNode(statement['declaration']) ? statement['declaration'] : statement;
  return declared.type === 'VariableDeclaration' && declared['kind'] !== 'const';
}

function onlyReexports(statements: readonly SyntaxNode[]): boolean {
  const handsOn = (statement: SyntaxNode) =>
    statement.type === 'ExportAllDeclaration' ||
    (statement.type === 'ExportNamedDeclaration' && !isNode(statement['declaration']));
  const others = statements.filter((statement) => statement.type !== 'ImportDeclaration');
  return others.length > 0 && others.every(handsOn);
}
