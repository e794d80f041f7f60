import { ACCESS_OPERATIONS } from './access-operations.ts';
import { LIMIT_OPERATIONS } from './limit-operations.ts';
import type { OperationTable } from './operation.ts';
import { ORGANIZATION_OPERATIONS } from './organization-operations.ts';
import { PRICE_OPERATIONS } from './price-operations.ts';
import { PROCESS_OPERATIONS } from './process-operations.ts';
import { RECORD_OPERATIONS } from './record-operations.ts';
import { RUN_OPERATIONS } from './run-operations.ts';
import { SESSION_OPERATIONS } from './session-operations.ts';
import { SINK_OPERATIONS } from './sink-operations.ts';
import { STATEMENT_OPERATIONS } from './statement-operations.ts';
import { USAGE_OPERATIONS } from './usage-operations.ts';

/** Every route that Metertap itself answers. A test compares it with what is registered, both ways. */
export const OPERATIONS: OperationTable = {
  ...RUN_OPERATIONS,
  ...USAGE_OPERATIONS,
  ...RECORD_OPERATIONS,
  ...ORGANIZATION_OPERATIONS,
  ...LIMIT_OPERATIONS,
  ...PRICE_OPERATIONS,
  ...STATEMENT_OPERATIONS,
  ...ACCESS_OPERATIONS,
  ...SINK_OPERATIONS,
  ...SESSION_OPERATIONS,
  ...PROCESS_OPERATIONS,
};
