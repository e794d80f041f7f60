import type { SettledEntry } from '../ledger/ledger-reader.ts';
import { correctionLine } from './correction-line.ts';
import { csvHeader, csvRow } from './csv-text.ts';
import { type ChargeSources, focusCharges } from './focus-charge.ts';
import { FOCUS_ESCAPED_COLUMN, type FocusVersion, focusColumns } from './focus-columns.ts';
import { focusCorrectionColumns } from './focus-correction.ts';
import { CORRECTION_CSV_COLUMNS, ESCAPED_COLUMN, RECORD_CSV_COLUMNS } from './record-csv.ts';
import { viewRecord } from './record-view.ts';

/** How records and corrections become a file. */
export interface ExportFormat {
  readonly contentType: string;
  readonly fileName: string;
  /** What stands before the first record; '' for nothing. */
  readonly header: string;
  /** The lines of one call or one correction, the last with its line break. */
  linesOf(entry: SettledEntry): string;
}

/** A line of JSON for each record, as the API gives it, and for each correction (https://jsonlines.org). */
export const JSON_LINES: ExportFormat = {
  contentType: 'application/jsonl; charset=utf-8',
  fileName: 'metertap-records.jsonl',
  header: '',
  linesOf: (entry) =>
    entry.kind === 'call'
      ? `${JSON.stringify(viewRecord(entry.record, entry.corrected ?? undefined))}\n`
      : `${JSON.stringify(correctionLine(entry.correction))}\n`,
};

/** A line of CSV for each record and each correction. @param keepsFormulas see `csvRow` */
export function recordCsv(keepsFormulas: boolean): ExportFormat {
  const options = { keepsFormulas, changedColumn: ESCAPED_COLUMN };
  return {
    contentType: 'text/csv; charset=utf-8; header=present',
    fileName: 'metertap-records.csv',
    header: RECORD_HEADER,
    linesOf: (entry) =>
      entry.kind === 'call'
        ? csvRow(entry.record, RECORD_CSV_COLUMNS, options)
        : csvRow(correctionLine(entry.correction), CORRECTION_CSV_COLUMNS, options),
  };
}

/** What a file of this form begins with. */
export function exportHeader(format: 'csv' | 'jsonl' | 'focus', version: FocusVersion): string {
  if (format === 'jsonl') return '';
  return format === 'csv' ? RECORD_HEADER : csvHeader(focusColumns(version).map(({ name }) => name));
}

const RECORD_HEADER = csvHeader(RECORD_CSV_COLUMNS.map(({ name }) => name));

export interface FocusOptions {
  readonly version: FocusVersion;
  readonly sources: ChargeSources;
  /** See `csvRow`. */
  readonly keepsFormulas: boolean;
}

/** A line of FOCUS (https://focus.finops.org) for each meter of each record and for each correction, as CSV. */
export function focusCsv({ version, sources, keepsFormulas }: FocusOptions): ExportFormat {
  const columns = focusColumns(version);
  const corrections = focusCorrectionColumns(columns.map(({ name }) => name));
  const options = { keepsFormulas, changedColumn: FOCUS_ESCAPED_COLUMN };
  return {
    contentType: 'text/csv; charset=utf-8; header=present',
    fileName: `metertap-focus-${version}.csv`,
    header: exportHeader('focus', version),
    linesOf: (entry) => {
      if (entry.kind === 'correction') {
        const { correction } = entry;
        const provider = sources.providerOf(correction.upstream);
        return csvRow({ line: correctionLine(correction), provider }, corrections, options);
      }
      return focusCharges(entry.record, sources)
        .map((charge) => csvRow(charge, columns, options))
        .join('');
    },
  };
}
