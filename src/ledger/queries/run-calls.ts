/** Behind `FROM records`: those that got their end of late, so that `run_calls` may not have them yet. */
export const LATE_RECORDS_SQL = `INDEXED BY records_by_settlement
  WHERE settlement > (SELECT settlement FROM run_calls_through)`;

/** Behind `FROM records`: those that have no end, of background responses: `run_calls` may not have them either. */
export const OPEN_RECORDS_SQL = `INDEXED BY records_open WHERE ending IN ('in_flight', 'queued')`;

/** Behind `FROM`: the records of a team and run that `run_calls` has, in a range of ids, in the order of `call_id`. */
export const CALLS_OF_RUN_SQL = `(SELECT id AS call_id FROM run_calls
  WHERE team = ? AND run_id = ? AND id >= ? AND id < ?) CROSS JOIN records WHERE id = call_id`;

/**
 * The ids of all records of some runs, as a SELECT. An id may come twice.
 *
 * @param condition holds for `team` and `run_id` of these runs and no others; it is put in three times, so its parameters
 *   are numbered, or given three times
 */
export function idsOfRunsSql(condition: string): string {
  return `SELECT id FROM run_calls WHERE ${condition}
    UNION ALL SELECT id FROM records ${LATE_RECORDS_SQL} AND ${condition}
    UNION ALL SELECT id FROM records ${OPEN_RECORDS_SQL} AND ${condition}`;
}
