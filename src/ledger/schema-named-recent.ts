import { SUMS_OF_AGENTS } from './schema-agents.ts';

/**
 * What `schema-spread.ts` did for roll-ups with a run or a key, for those that name a user or an agent: with thousands
 * of users or keys every booking wrote all over `user_day` and `agent_day`. Bookings append to `user_recent` and
 * `agent_recent`, which are moved there together. Processes of the version before, which may be running on the same file
 * still, know neither table and go on adding to the days themselves; so nothing is added twice.
 *
 * All of it is frozen with this step.
 */
const SUMS = SUMS_OF_AGENTS.map((name) => `${name} INTEGER NOT NULL`).join(',\n  ');

export const SCHEMA_NAMED_RECENT = `
CREATE TABLE user_recent (
  team TEXT NOT NULL,
  bucket_start INTEGER NOT NULL,
  "user" TEXT NOT NULL,
  key_id TEXT NOT NULL,
  upstream TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  model TEXT NOT NULL,
  service_tier TEXT NOT NULL,
  usage_source TEXT NOT NULL,
  ${SUMS}
) STRICT;
CREATE TABLE agent_recent (
  team TEXT NOT NULL,
  bucket_start INTEGER NOT NULL,
  agent TEXT NOT NULL,
  key_id TEXT NOT NULL,
  upstream TEXT NOT NULL,
  model TEXT NOT NULL,
  usage_source TEXT NOT NULL,
  ${SUMS}
) STRICT;
`;
