import type { TSchema } from 'typebox';
import type { ConfigFault } from './config-error.ts';
import { isMapping } from './mapping.ts';
import { REDACTED, redact } from './redact.ts';
import { pathText, type SettingPath } from './setting-path.ts';

/** A fault of one setting, as a check reports it. */
export interface SettingFault {
  readonly path: SettingPath;
  /** Null for a setting that the schema does not know. */
  readonly schema: TSchema | null;
  /** What stands there; undefined where nothing does. */
  readonly value: unknown;
  readonly message: string;
  readonly hint: string;
}

/** Finds the line of a setting in the file; null where it has none. */
export type LineOf = (path: SettingPath) => number | null;

const MAX_SHOWN_LENGTH = 80;

/**
 * Collects the faults of one load. It knows where each value came from, so that a fault names the environment variable
 * rather than the setting that it fills, and shows `${NAME}` as it is written rather than what came out of it: the
 * content of a variable or a file may be a secret, whatever it was put into.
 */
export class FaultList {
  readonly #faults: ConfigFault[] = [];
  readonly #faultyPaths = new Set<string>();
  readonly #origins = new Map<string, string>();
  readonly #written = new Map<string, string>();
  readonly #lineOf: LineOf;

  constructor(lineOf: LineOf) {
    this.#lineOf = lineOf;
  }

  get count(): number {
    return this.#faults.length;
  }

  /** All faults: those of the environment first, then as they stand in the file. */
  inOrder(): readonly ConfigFault[] {
    return this.#faults.toSorted((one, other) => (one.line ?? 0) - (other.line ?? 0));
  }

  /** The value at `path` was given by the environment variable `name`. */
  noteOrigin(path: SettingPath, name: string): void {
    this.#origins.set(pathText(path), name);
  }

  /** The value at `path` came out of an expansion that is written as `text`. */
  noteWritten(path: SettingPath, text: string): void {
    this.#written.set(pathText(path), text);
  }

  /** Tells whether the very value at `path` was already found faulty. */
  has(path: SettingPath): boolean {
    return this.#faultyPaths.size > 0 && this.#faultyPaths.has(pathText(path));
  }

  /** Adds a fault of a setting. */
  add(fault: SettingFault): void {
    const path = pathText(fault.path);
    const origin = this.#origins.get(path);
    this.#faultyPaths.add(path);
    this.#faults.push({
      path: origin ?? (path === '' ? 'the file' : path),
      line: origin === undefined ? this.#lineOf(fault.path) : null,
      value: show(redact(fault.schema, fault.value), this.#written.get(path)),
      message: fault.message,
      hint: fault.hint,
    });
  }

  /** Adds a fault that is not one of a setting. */
  addElsewhere(fault: ConfigFault): void {
    this.#faults.push(fault);
  }
}

function show(redacted: unknown, written: string | undefined): string | null {
  if (redacted === undefined) return null;
  if (redacted === REDACTED) return REDACTED;
  if (Array.isArray(redacted)) return 'a list';
  if (isMapping(redacted)) return 'a mapping';
  const text = JSON.stringify(written ?? redacted) ?? String(redacted);
  return text.length > MAX_SHOWN_LENGTH ? `${text.slice(0, MAX_SHOWN_LENGTH)}…` : text;
}
