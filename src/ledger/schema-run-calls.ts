/**
 * `run_calls` takes the place of the index `records_by_run`, which had a page of its own to write for each call where
 * calls are of many runs: what is entered in a table is entered in its indexes at once. Into this one the calls of a run
 * come later, many together and in its order (`run-calls.ts`).
 *
 * `run_calls_through` is the settlement number (`settlement.ts`) up to which that was done. Who asks for the calls of a
 * run looks through the records behind it too (`queries/run-calls.ts`), so that nothing is missing at any time; also what
 * processes of the version before book, which know neither table. Records without an end may be in it or not.
 *
 * All of it is frozen with this step.
 */
export const SCHEMA_RUN_CALLS = `
CREATE TABLE run_calls (
  team TEXT NOT NULL,
  run_id TEXT NOT NULL,
  id TEXT NOT NULL,
  PRIMARY KEY (team, run_id, id)
) STRICT, WITHOUT ROWID;
INSERT INTO run_calls (team, run_id, id)
  SELECT team, run_id, id FROM records INDEXED BY records_by_run WHERE run_id IS NOT NULL ORDER BY team, run_id, id;
DROP INDEX records_by_run;
CREATE TABLE run_calls_through (settlement INTEGER NOT NULL) STRICT;
INSERT INTO run_calls_through (settlement) SELECT last FROM settlement_counter;
`;
