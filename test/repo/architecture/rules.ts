import { dirname, join } from 'node:path/posix';
import { findCycles } from './cycles.ts';
import { CONFINED_BUILTINS, MAX_FILE_LINES, PACKAGES, PROCESS_EDGE, ROOMS, ROOT_FILES } from './rooms.ts';
import { type Import, readSourceFacts, type SourceFacts } from './source-facts.ts';

/** The text of every file below `src/`, by its path there with slashes. READMEs are among them. */
export type SourceTree = ReadonlyMap<string, string>;

/**
 * Holds a source tree against the rules of design.md, "Rooms". Gives a sentence for each breach, which begins with the
 * file and line and says which rule it is.
 */
export async function findBreaches(tree: SourceTree): Promise<string[]> {
  const sources = [...tree].filter(([path]) => path.endsWith('.ts'));
  const facts = await Promise.all(sources.map(([path, source]) => readSourceFacts(path, source)));
  const workers = new Set(facts.flatMap((file) => file.workers.map((worker) => resolve(file, worker))));
  const breaches = [
    ...[...tree.keys()].flatMap(breachesOfName),
    ...breachesOfRooms(tree),
    ...facts.flatMap((file) => [
      ...[...file.imports, ...file.workers].flatMap((imported) => breachesOfImport(file, imported)),
      ...breachesOfGlobals(file),
      ...breachesOfForm(file),
      ...breachesOfEffects(file, workers),
    ]),
    ...breachesOfCycles(facts, tree),
  ];
  return [...new Set(breaches)].sort();
}

const KEBAB_CASE = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+)?$/;
const DRAWER_NAMES = /^(?:.*-)?(?:utils?|helpers?|common|misc|index)\.ts$/;

function breachesOfName(path: string): string[] {
  const names = path.split('/');
  const file = names.at(-1) ?? '';
  if (file === 'README.md') return [];
  const breaches = names.filter((name) => !KEBAB_CASE.test(name)).map((name) => `${path}: "${name}" is not kebab-case`);
  if (DRAWER_NAMES.test(file)) breaches.push(`${path}: a file is named after the one noun in it, not after a drawer`);
  return breaches;
}

function breachesOfRooms(tree: SourceTree): string[] {
  const breaches: string[] = [];
  for (const room of new Set([...tree.keys()].map(roomOf))) {
    if (room in ROOT_FILES) continue;
    if (!(room in ROOMS)) breaches.push(`${room}: no room of this name is in the table of rooms`);
    else if (!tree.has(`${room}/README.md`)) breaches.push(`${room}: the room has no README.md`);
  }
  return breaches;
}

function breachesOfImport(file: SourceFacts, imported: Import): string[] {
  const at = `${file.path}:${imported.line}`;
  const { specifier } = imported;
  if (specifier === null) return [`${at}: the import is computed, so that its direction cannot be checked`];
  if (specifier.startsWith('.')) return breachesOfDoor(file, imported, at);
  const room = roomOf(file.path);
  const name = specifier.startsWith('node:') ? specifier : packageName(specifier);
  const allowed = specifier.startsWith('node:') ? CONFINED_BUILTINS[name] : PACKAGES[name];
  if (allowed === undefined) {
    return specifier.startsWith('node:') ? [] : [`${at}: package "${name}" is not in the table of packages`];
  }
  if (allowed.includes(room)) return [];
  return [`${at}: "${name}" may be imported in ${allowed.join(', ') || 'no room'}, not in ${room}`];
}

function breachesOfDoor(file: SourceFacts, imported: Import, at: string): string[] {
  const target = resolve(file, imported);
  if (target.startsWith('../')) {
    const isManifest = target === '../package.json' && roomOf(file.path) in ROOT_FILES;
    return isManifest ? [] : [`${at}: imports ${imported.specifier}, which is outside of src`];
  }
  const from = roomOf(file.path);
  const to = roomOf(target);
  if (from === to) return [];
  const importers = ROOT_FILES[to];
  if (importers !== undefined) {
    return importers.includes(from)
      ? []
      : [`${at}: ${to} may be imported by ${importers.join(', ') || 'nobody'}, not by ${from}`];
  }
  if (from in ROOT_FILES) return [];
  const door = ROOMS[from]?.[to];
  if (door === undefined) return [`${at}: ${from} may not import ${to}`];
  if (door === 'type' && imported.kind !== 'type') {
    return [`${at}: ${from} may import only types of ${to} (write "import type")`];
  }
  return [];
}

function breachesOfGlobals(file: SourceFacts): string[] {
  return file.globals
    .filter(({ name }) => name === 'console' || file.path !== PROCESS_EDGE)
    .map(({ name, line }) =>
      name === 'console'
        ? `${file.path}:${line}: console is not used; what is to be said goes to the logger or the output handed in`
        : `${file.path}:${line}: only ${PROCESS_EDGE} touches process; hand in what is needed`,
    );
}

function breachesOfForm(file: SourceFacts): string[] {
  const breaches: string[] = [];
  if (file.lineCount > MAX_FILE_LINES) {
    breaches.push(`${file.path}: ${file.lineCount} lines, more than ${MAX_FILE_LINES}: it holds more than one noun`);
  }
  if (file.onlyReexports) breaches.push(`${file.path}: only re-exports what others define (no barrels)`);
  for (const line of file.defaultExportLines) breaches.push(`${file.path}:${line}: default export; give it a name`);
  return breaches;
}

/** The process and each thread begin in a file of their own: there, and only there, importing is running. */
function breachesOfEffects(file: SourceFacts, workers: ReadonlySet<string>): string[] {
  const imported = file.imports
    .filter(({ specifier, kind }) => specifier?.startsWith('.') && kind === 'value')
    .filter((local) => workers.has(resolve(file, local)))
    .map(({ specifier, line }) => `${file.path}:${line}: ${specifier} begins a worker thread and is not imported`);
  if (workers.has(file.path)) return imported;
  const mutable = file.mutableLines.map((line) => `${file.path}:${line}: module-level state that can change`);
  if (file.path === PROCESS_EDGE) return [...imported, ...mutable];
  const effects = file.effectLines.map((line) => `${file.path}:${line}: something happens on import`);
  return [...imported, ...mutable, ...effects];
}

function breachesOfCycles(facts: readonly SourceFacts[], tree: SourceTree): string[] {
  const graph = new Map(
    facts.map((file) => {
      const local = file.imports.filter((imported) => imported.specifier?.startsWith('.'));
      const targets = local.map((imported) => resolve(file, imported)).filter((target) => tree.has(target));
      return [file.path, targets] as const;
    }),
  );
  return findCycles(graph).map((cycle) => `${cycle[0]}: files import each other in a circle: ${cycle.join(' → ')}`);
}

/** The room of a file, or the file itself where it stands in none. */
function roomOf(path: string): string {
  return path.split('/')[0] ?? path;
}

function resolve(file: SourceFacts, imported: Import): string {
  return join(dirname(file.path), imported.specifier ?? '');
}

/** `@fastify/busboy/lib/x.js` → `@fastify/busboy` */
function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
