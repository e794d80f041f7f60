import { MetertapError } from '../core/errors.ts';
import { isUsableId } from '../core/ids.ts';
import type { LedgerReader, RunDeclaration, RunKey } from '../ledger/ledger-reader.ts';

const MEMBERS = ['team', 'parent_run_id', 'limits', 'labels'];
const MAX_LABELS = 64;
const MAX_LIMITS = 32;
/** No run has more ancestors than a tree of runs may have members. */
const MAX_ANCESTORS = 1_000;

/** What the body of `PUT /api/v1/runs/{run_id}` declares, and for which team. */
export interface RunSettings {
  readonly team: string;
  readonly declaration: RunDeclaration;
}

/**
 * Reads the body. Members that are absent stay as they were declared before; an empty body declares the bare run.
 *
 * @param askedTeam the team that the query names; the body may name it instead, or the same one
 */
export function readRunSettings(body: unknown, askedTeam: string | null): RunSettings {
  const members = membersOf(body ?? {});
  if (members === null) throw new MetertapError('invalid_parameter', 'The body must be a JSON object.');
  for (const name of members.keys()) {
    if (!MEMBERS.includes(name)) {
      throw invalid(name, `Unknown member ${JSON.stringify(name)}. Allowed: ${MEMBERS.join(', ')}.`);
    }
  }
  return {
    team: readTeam(members.get('team'), askedTeam),
    declaration: {
      ...(members.has('parent_run_id') ? { parentRunId: readParent(members.get('parent_run_id')) } : {}),
      ...(members.has('labels') ? { labels: readLabels(members.get('labels')) } : {}),
      ...(members.has('limits') ? { limits: readLimits(members.get('limits')) } : {}),
    },
  };
}

/** Refuses a parent that is the run itself or one of its descendants, since no run can pay for its own parent. */
export async function refuseParentCycle(reader: LedgerReader, run: RunKey, parentRunId: string | null): Promise<void> {
  let ancestor = parentRunId;
  for (let distance = 0; ancestor !== null && distance < MAX_ANCESTORS; distance++) {
    if (ancestor === run.runId) {
      throw invalid('parent_run_id', 'parent_run_id must not be the run itself or one of its descendants.');
    }
    const row = await reader.run({ team: run.team, runId: ancestor });
    ancestor = row?.parent_run_id ?? null;
  }
}

function readTeam(team: unknown, askedTeam: string | null): string {
  if (team === undefined && askedTeam === null) {
    throw invalid('team', 'Say whose run it is: run ids live within a team. Give ?team= or "team" in the body.');
  }
  const name = team ?? askedTeam;
  if (typeof name !== 'string' || !isUsableId(name)) {
    throw invalid('team', 'team must be a string of 1 to 256 printable characters.');
  }
  if (askedTeam !== null && name !== askedTeam) {
    throw invalid('team', 'The query and the body name two different teams.');
  }
  return name;
}

function readParent(parent: unknown): string | null {
  if (parent === null) return null;
  if (typeof parent === 'string' && isUsableId(parent)) return parent;
  throw invalid('parent_run_id', 'parent_run_id must be null or a string of 1 to 256 printable characters.');
}

function readLabels(labels: unknown): Record<string, string> {
  const members = membersOf(labels);
  if (members === null || members.size > MAX_LABELS) {
    throw invalid('labels', `labels must be an object of at most ${MAX_LABELS} members.`);
  }
  const entries = [...members].map(([name, value]): [string, string] => {
    if (isUsableId(name) && typeof value === 'string' && isUsableId(value)) return [name, value];
    throw invalid('labels', 'Names and values of labels must be strings of 1 to 256 printable characters.');
  });
  return Object.fromEntries(entries);
}

/** Rules are flat; what they mean is for the limits room to say. */
function readLimits(limits: unknown): readonly unknown[] {
  if (Array.isArray(limits) && limits.length <= MAX_LIMITS && limits.every(isFlatObject)) return limits;
  throw invalid('limits', `limits must be a list of at most ${MAX_LIMITS} rules, each a flat object.`);
}

function isFlatObject(value: unknown): boolean {
  const members = membersOf(value);
  return members !== null && [...members.values()].every((member) => typeof member !== 'object' || member === null);
}

function membersOf(value: unknown): Map<string, unknown> | null {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? new Map(Object.entries(value)) : null;
}

function invalid(param: string, message: string): MetertapError {
  return new MetertapError('invalid_parameter', message, { param });
}
