import { parseAst } from 'vitest/node';

/** A node of the ESTree that the parser gives; everything beside its type is narrowed where it is read. */
export interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly [member: string]: unknown;
}

/** Parses TypeScript with the parser that the test runner itself uses. Throws on a syntax error. */
export async function parseModule(source: string): Promise<SyntaxNode> {
  const program: unknown = await parseAst(source, { lang: 'ts' });
  if (!isNode(program)) throw new Error('the parser gave no syntax tree');
  return program;
}

/** Visits every node below `root`, with the node that holds it and the member that it is there. */
export function walk(
  root: SyntaxNode,
  visit: (node: SyntaxNode, holder: SyntaxNode | null, member: string) => void,
): void {
  const waiting: [SyntaxNode, SyntaxNode | null, string][] = [[root, null, '']];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [node, holder, member] = next;
    visit(node, holder, member);
    for (const [name, value] of Object.entries(node)) {
      for (const child of Array.isArray(value) ? value : [value]) {
        if (isNode(child)) waiting.push([child, node, name]);
      }
    }
  }
}

export function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

/** The nodes of a member that holds a list of them. */
export function nodesOf(value: unknown): SyntaxNode[] {
  return Array.isArray(value) ? value.filter(isNode) : [];
}

/** The text of a string literal, or of a template without substitutions; null for anything else. */
export function literalText(value: unknown): string | null {
  if (!isNode(value)) return null;
  if (value.type === 'Literal' && typeof value['value'] === 'string') return value['value'];
  if (value.type === 'TemplateLiteral' && nodesOf(value['expressions']).length === 0) {
    const cooked: unknown = nodesOf(value['quasis'])[0]?.['value'];
    if (typeof cooked === 'object' && cooked !== null && 'cooked' in cooked && typeof cooked.cooked === 'string') {
      return cooked.cooked;
    }
  }
  return null;
}

/** Whether a node is the plain name `name`. */
export function isName(value: unknown, name: string): boolean {
  return isNode(value) && value.type === 'Identifier' && value['name'] === name;
}
