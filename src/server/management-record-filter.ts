import type { RecordFilter } from '../ledger/ledger-reader.ts';
import type { Ending } from '../ledger/record.ts';
import type { QueryParameters } from '../reporting/query-parameters.ts';
import type { Reader } from './management-rooms.ts';
import { visibleTeam } from './management-scope.ts';

/** The query parameters that narrow a list of records, whatever is made of it. */
export const RECORD_FILTERS = [
  'team',
  'key_id',
  'run_id',
  'session_id',
  'model',
  'ending',
  'start_time',
  'end_time',
] as const;

const ENDINGS = [
  'completed',
  'client_left',
  'upstream_cut',
  'upstream_error',
  'timed_out',
  'interrupted',
  'in_flight',
  'queued',
] as const satisfies readonly Ending[];

/** Reads them, but for the times. Throws `invalid_parameter`, and `permission_denied` for another's team. */
export function recordFilter(
  parameters: QueryParameters,
  reader: Reader,
  endings: readonly Ending[] = ENDINGS,
): Omit<RecordFilter, 'startMs' | 'endMs'> {
  return {
    team: visibleTeam(reader, parameters.text('team')),
    keyId: parameters.text('key_id'),
    runId: parameters.text('run_id'),
    sessionId: parameters.text('session_id'),
    model: parameters.text('model'),
    ending: parameters.choice('ending', endings),
  };
}

/** Ends in the sense of the record: what a call can be when it is over. */
export const FINAL_ENDINGS: readonly Ending[] = ENDINGS.filter(
  (ending) => ending !== 'in_flight' && ending !== 'queued',
);
