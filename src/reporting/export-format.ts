import type { CallRecord } from '../ledger/record.ts';
import { csvHeader, csvRow } from './csv-text.ts';
import { ESCAPED_COLUMN, RECORD_CSV_COLUMNS } from './record-csv.ts';
import { viewRecord } from './record-view.ts';

/** How records become a file. */
export interface ExportFormat {
  readonly contentType: string;
  readonly fileName: string;
  /** What stands before the first record; '' for nothing. */
  readonly header: string;
  /** The lines of one record, the last with its line break. */
  linesOf(record: CallRecord): string;
}

/** A line of JSON for each record, as the API gives it (https://jsonlines.org). */
export const JSON_LINES: ExportFormat = {
  contentType: 'application/jsonl; charset=utf-8',
  fileName: 'metertap-records.jsonl',
  header: '',
  linesOf: (record) => `${JSON.stringify(viewRecord(record))}\n`,
};

/** A line of CSV for each record. @param keepsFormulas see `csvRow` */
export function recordCsv(keepsFormulas: boolean): ExportFormat {
  const options = { keepsFormulas, changedColumn: ESCAPED_COLUMN };
  return {
    contentType: 'text/csv; charset=utf-8; header=present',
    fileName: 'metertap-records.csv',
    header: csvHeader(RECORD_CSV_COLUMNS.map(({ name }) => name)),
    linesOf: (record) => csvRow(record, RECORD_CSV_COLUMNS, options),
  };
}
