import { parseArgs } from 'node:util';
import { exportHeader } from '../reporting/export-format.ts';
import { faultText, readCommandLine } from './command-line.ts';
import { EXPORT } from './commands/looking.ts';
import { EXIT_FAILURE, EXIT_OK, EXIT_USAGE } from './exit-codes.ts';
import { ExportFile, partialPath } from './export-file.ts';
import {
  type ManagementAccess,
  type ManagementDownload,
  ManagementFailure,
  openManagementDownload,
} from './management-client.ts';
import { type ExportFileFormat, findResumePoint, type ResumePoint } from './resume-point.ts';

/** What the command needs of the world; only the process edge has it. */
export interface ExportCommandContext extends ManagementAccess {
  /** What follows `metertap export`. */
  readonly args: readonly string[];
  readonly write: (text: string) => void;
  readonly writeError: (text: string) => void;
  /** Writes to standard output, and resolves once there is room for more. */
  readonly writeBytes: (bytes: Uint8Array) => Promise<void>;
  readonly nowMs: () => number;
  /** Whether progress is to be told. */
  readonly isWatched: boolean;
  readonly exists: (path: string) => boolean;
}

const PROGRESS_MS = 500;
const FROM_START: ResumePoint = { bytes: 0, cursor: null };

type Options = ReturnType<typeof readOptions>;

/** Runs `metertap export`. Gives the exit code: 0, 1 (no whole file) or 2 (usage). */
export async function runExportCommand(context: ExportCommandContext): Promise<number> {
  const line = readCommandLine(EXPORT, context);
  if (typeof line === 'number') return line;
  const options = readOptions(line.args);
  if (options.output === undefined && (options.resume || options.json)) {
    context.writeError(faultText(EXPORT, `--${options.resume ? 'resume' : 'json'} goes with --output FILE only.`));
    return EXIT_USAGE;
  }
  try {
    if (options.output === undefined) await toStandardOutput(context, options);
    else await toFile(context, { ...options, output: options.output }, formatOf(options));
    return EXIT_OK;
  } catch (error) {
    if (!(error instanceof ManagementFailure) && !isFileError(error) && !context.stop.aborted) throw error;
    const reason = context.stop.aborted || !(error instanceof Error) ? 'Stopped.' : error.message;
    const canGoOn = options.output !== undefined && context.exists(partialPath(options.output));
    context.writeError(`${reason}${canGoOn ? ' The same command with --resume goes on.' : ''}\n`);
    return EXIT_FAILURE;
  }
}

function readOptions(args: string[]) {
  return parseArgs({ args, options: EXPORT.options }).values;
}

function formatOf({ format }: Options): ExportFileFormat {
  return EXPORT.options.format.words.find((word) => word === format) ?? 'csv';
}

async function toStandardOutput(context: ExportCommandContext, options: Options): Promise<void> {
  const download = await openDownload(context, options, FROM_START);
  await readTo(context, download, (bytes) => context.writeBytes(bytes));
}

async function toFile(
  context: ExportCommandContext,
  options: Options & { readonly output: string },
  format: ExportFileFormat,
): Promise<void> {
  const point = options.resume ? await resumePoint(context, options, format) : FROM_START;
  const download = await openDownload(context, options, point);
  const file = await ExportFile.open(options.output, point.bytes);
  const progress = new Progress(context);
  try {
    await readTo(context, download, async (bytes) => {
      await file.write(bytes);
      progress.tell(file.bytes);
    });
  } catch (error) {
    progress.end();
    await file.leave();
    throw error;
  }
  await file.finish();
  progress.end();
  const nextCursor = download.header('x-metertap-next-cursor');
  const done = { output: options.output, format, bytes: file.bytes, resumed_at: point.bytes, next_cursor: nextCursor };
  if (options.json) context.write(`${JSON.stringify(done, null, 2)}\n`);
  else context.writeError(`${options.output}: ${file.bytes} bytes. The cursor after it: ${nextCursor}\n`);
}

async function resumePoint(
  { exists }: ExportCommandContext,
  options: Options & { readonly output: string },
  format: ExportFileFormat,
): Promise<ResumePoint> {
  const path = partialPath(options.output);
  if (!exists(path)) return FROM_START;
  const header = exportHeader(format, options['focus-version'] === '1.4' ? '1.4' : '1.2');
  const point = await findResumePoint(path, format, header);
  if (point !== null) return point;
  throw new ManagementFailure(`${path} has other columns than this export. Give its own format, or remove it.`);
}

function openDownload(
  context: ExportCommandContext,
  options: Options,
  point: ResumePoint,
): Promise<ManagementDownload> {
  return openManagementDownload(context, '/export', {
    format: options.format ?? 'csv',
    version: options['focus-version'],
    start_time: options.from,
    end_time: options.to,
    team: options.team,
    key_id: options.key,
    run_id: options.run,
    session_id: options.session,
    model: options.model,
    ending: options.ending,
    formulas: options.formulas,
    cursor: point.cursor ?? options.cursor,
    header: point.cursor === null ? undefined : 'false',
  });
}

/** Metertap cuts the connection where it cannot go on, so an answer that ends is whole. */
async function readTo(
  { stop }: ExportCommandContext,
  { body }: ManagementDownload,
  take: (bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  try {
    for await (const bytes of body) await take(bytes);
  } catch (cause) {
    if (stop.aborted || isFileError(cause)) throw cause;
    throw new ManagementFailure('The connection to Metertap broke before the end.', { cause });
  }
}

/** An error of the system, such as a full disk, with its own words. */
function isFileError(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error;
}

/** Tells how much has come, on one line that is written over. */
class Progress {
  readonly #context: ExportCommandContext;
  #toldMs: number;
  #hasTold = false;

  constructor(context: ExportCommandContext) {
    this.#context = context;
    this.#toldMs = context.nowMs();
  }

  tell(bytes: number): void {
    const nowMs = this.#context.nowMs();
    if (!this.#context.isWatched || nowMs - this.#toldMs < PROGRESS_MS) return;
    this.#toldMs = nowMs;
    this.#hasTold = true;
    this.#context.writeError(`\r${(bytes / 1_000_000).toFixed(1)} MB`);
  }

  end(): void {
    if (this.#hasTold) this.#context.writeError('\n');
  }
}
