/**
 * Corrections stand in the same order as ended calls (`settlement.ts`): each has a number of its own, so that exports
 * and sinks go on after either. Those that there were before come after all calls that had ended by then.
 */
export const SETTLED_CORRECTIONS = `
ALTER TABLE corrections ADD COLUMN settlement INTEGER;
UPDATE corrections SET settlement = numbered.number
  FROM (SELECT corrections.rowid AS at, last + row_number() OVER (ORDER BY corrections.rowid) AS number
    FROM corrections, settlement_counter) AS numbered
  WHERE numbered.at = corrections.rowid;
UPDATE settlement_counter SET last = last + (SELECT count(*) FROM corrections);
CREATE UNIQUE INDEX corrections_by_settlement ON corrections (settlement);
`;
