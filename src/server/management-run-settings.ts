import { isUsableId } from '../core/ids.ts';
import type { LedgerReader, RunDeclaration, RunKey } from '../ledger/ledger-reader.ts';
import { runLimitsFault } from '../limits/limit-desk.ts';
import { invalidMember, membersOf, readLabels, readMembers } from './management-members.ts';

const MEMBERS = ['team', 'parent_run_id', 'limits', 'labels'];
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
  const members = readMembers(body, MEMBERS);
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
      throw invalidMember('parent_run_id', 'parent_run_id must not be the run itself or one of its descendants.');
    }
    const row = await reader.run({ team: run.team, runId: ancestor });
    ancestor = row?.parent_run_id ?? null;
  }
}

function readTeam(team: unknown, askedTeam: string | null): string {
  if (team === undefined && askedTeam === null) {
    throw invalidMember('team', 'Say whose run it is: run ids live within a team. Give ?team= or "team" in the body.');
  }
  const name = team ?? askedTeam;
  if (typeof name !== 'string' || !isUsableId(name)) {
    throw invalidMember('team', 'team must be a string of 1 to 256 printable characters.');
  }
  if (askedTeam !== null && name !== askedTeam) {
    throw invalidMember('team', 'The query and the body name two different teams.');
  }
  return name;
}

function readParent(parent: unknown): string | null {
  if (parent === null) return null;
  if (typeof parent === 'string' && isUsableId(parent)) return parent;
  throw invalidMember('parent_run_id', 'parent_run_id must be null or a string of 1 to 256 printable characters.');
}

/** Rules of the run, or words of `UsageLimits`; what they mean is for the limits room to say. */
function readLimits(limits: unknown): readonly unknown[] {
  if (!Array.isArray(limits) || limits.length > MAX_LIMITS || !limits.every(isFlatObject)) {
    throw invalidMember('limits', `limits must be a list of at most ${MAX_LIMITS} rules, each a flat object.`);
  }
  const fault = runLimitsFault(limits);
  if (fault !== null) throw invalidMember('limits', `${fault}.`);
  return limits;
}

function isFlatObject(value: unknown): boolean {
  const members = membersOf(value);
  return members !== null && [...members.values()].every((member) => typeof member !== 'object' || member === null);
}
