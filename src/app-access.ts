import { credentialDigest } from './attribution/credential-digest.ts';
import type { KeyDirectory } from './attribution/key-directory.ts';
import { checkKeyFormat, mintKey } from './attribution/key-format.ts';
import { limitRulesFault } from './config/check-limit-rules.ts';
import type { Reload } from './config/reload.ts';
import type { Config } from './config/schema.ts';
import type { BackgroundWork } from './core/background.ts';
import type { AccessBook, ChangeAuthor, LimitRuleData } from './ledger/access-book.ts';
import type { FileKey, FileTeam } from './reporting/access-view.ts';
import { endpointPattern } from './server/admit-caller.ts';
import type { AccessRooms, MintedSecret } from './server/management-rooms.ts';
import type { Logger } from './telemetry/logger.ts';

export interface AccessParts {
  readonly book: AccessBook;
  readonly directory: KeyDirectory;
  readonly pepper: Buffer;
  /** The configuration that holds now. */
  readonly config: () => Config;
}

/** What goes on beside the calls. */
export interface AccessWork {
  readonly takeUpChanges: () => Promise<void>;
  readonly noteUses: () => Promise<void>;
}

/**
 * Brings the directory up to date again and again. While that fails calls are admitted by what is known; of failures in a
 * row only the first is given to `background`.
 */
export function watchChanges(background: BackgroundWork, work: AccessWork): void {
  const { takeUpChanges, noteUses } = work;
  let hasFailed = false;
  background.every('last uses of keys', USES_EVERY_MS, noteUses);
  background.every('changes of keys', CHANGES_EVERY_MS, async () => {
    try {
      await takeUpChanges();
      hasFailed = false;
    } catch (error) {
      if (hasFailed) return; // told already, and the ledger says by its state when it can be asked again
      hasFailed = true;
      throw error;
    }
  });
}

/** How often this process looks for changes that other processes made; a revocation is to hold within a second. */
const CHANGES_EVERY_MS = 250;
/** `last_used_at` is known to the minute. */
const USES_EVERY_MS = 60_000;

const SHOWN_CHARACTERS = 4;

/** Joins the ledger's teams and keys, the directory that calls are admitted by, and the configuration's own. */
export function createAccess({ book, directory, pepper, config }: AccessParts): AccessRooms {
  return {
    book,
    file: () => ({ teams: config().teams.map(fileTeamOf), keys: config().keys.map((key) => fileKeyOf(key, config())) }),
    mint: (keyId) => mintSecret(config().auth.key_prefix, keyId, pepper),
    limitRulesFault,
    takeUpChanges: createTakeUp(book, directory),
    areKeysInUse: () => config().auth.mode === 'keys',
  };
}

/**
 * Makes what brings the directory up to date with the ledger. Runs one at a time: who asks while one is under way gets
 * one that begins after it, and so sees all that was committed before it asked.
 */
function createTakeUp(book: Pick<AccessBook, 'changesSince'>, directory: KeyDirectory): () => Promise<void> {
  let version = 0;
  let last: Promise<void> = Promise.resolve();
  const takeUp = async (): Promise<void> => {
    for (;;) {
      const delta = await book.changesSince(version);
      directory.apply(delta);
      version = delta.version;
      if (!delta.more) return;
    }
  };
  return () => {
    const next = last.then(takeUp, takeUp);
    last = next;
    return next;
  };
}

/** Makes what writes down when keys were used last. */
export function createUseNotes({ book, directory }: Pick<AccessParts, 'book' | 'directory'>): () => Promise<void> {
  return async () => {
    const uses = directory.takeUses();
    if (uses.length > 0) await book.noteUses(uses);
  };
}

/**
 * Writes the entry of a reload in the audit; one that changed nothing has none. The new configuration holds whether or
 * not the ledger can be written.
 */
export async function noteReload(
  book: Pick<AccessBook, 'noteChange'>,
  { told, author, logger }: { readonly told: Reload; readonly author: ChangeAuthor; readonly logger: Logger },
): Promise<void> {
  if (told.changed.length === 0) return;
  const entry = { action: 'configuration.reload', target: 'configuration', id: 'file', team: null } as const;
  try {
    await book.noteChange({ ...entry, before: null, after: told }, author);
  } catch (error) {
    logger.error({ err: error }, 'the audit has no entry of this reload');
  }
}

function mintSecret(prefix: string, keyId: string, pepper: Buffer): MintedSecret {
  const secret = mintKey(prefix, keyId);
  const digest = credentialDigest(pepper, secret).toString('hex');
  return { secret, digest, redactedValue: `${prefix}_${keyId}_…${secret.slice(-SHOWN_CHARACTERS)}` };
}

function fileTeamOf({ id, name, limits }: Config['teams'][number]): FileTeam {
  return { id, name: name ?? null, limits: limits.map(ruleOf) };
}

function fileKeyOf(key: Config['keys'][number], config: Config): FileKey {
  return {
    id: key.id,
    team: key.team,
    name: null,
    labels: key.labels,
    scopes: key.scopes,
    models: key.models ?? null,
    endpoints: key.endpoints?.map(endpointPattern) ?? null,
    limits: key.limits.map(ruleOf),
    client_leaves: key.client_leaves ?? null,
    usage_event: key.usage_event ?? null,
    unpriced_models: key.unpriced_models ?? null,
    requests_per_minute: key.requests_per_minute ?? null,
    disabled: key.disabled,
    expires_at: key.expires_at === undefined ? null : new Date(key.expires_at).toISOString(),
    redacted_value: redactedValue(config.auth.key_prefix, key.key),
  };
}

/** Of a hand-made key nothing is shown: its last characters may be a good part of it. */
function redactedValue(prefix: string, key: string): string {
  return checkKeyFormat(prefix, key) === 'well_formed' ? `${prefix}_…${key.slice(-SHOWN_CHARACTERS)}` : '…';
}

/** A rule without the members that it does not have. */
function ruleOf(rule: Config['limits']['default_run'][number]): LimitRuleData {
  return Object.fromEntries(
    Object.entries(rule).filter(
      (member): member is [string, Exclude<(typeof member)[1], undefined>] => member[1] !== undefined,
    ),
  );
}
