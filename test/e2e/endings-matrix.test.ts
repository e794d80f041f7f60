import { describe, expect, it } from 'vitest';
import { bytesOf, KIND_NAMES, KINDS, type KindName, type SeenPart } from '../support/ending-kinds.ts';
import { answerRest, type LeavePolicy, OPEN_SCENES, PLAYS, type Scene } from '../support/ending-scenes.ts';
import { startStage } from '../support/ending-stage.ts';
import { startProxy, type TestProxy } from '../support/start-proxy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/*
 * Every kind of call in every situation, for both policies of a client that leaves: how its record ends, where its
 * usage comes from, which metrics move, and what the client saw. Nothing here waits for a time to pass but Metertap's
 * own timeouts: both sides of each call are played step by step.
 */

/**
 * What is to come of a call:
 * `ending usage_source status error_code > status part end`; `-` stands for null, and nothing stands behind `>` where
 * the client has left before it saw anything.
 */
type Expected = string;
interface Impossible {
  readonly impossible: string;
}
type Cell = Expected | Readonly<Record<LeavePolicy, Expected>> | Impossible;
type Row = Readonly<Record<KindName, Cell>>;

const never = (reason: string): Impossible => ({ impossible: reason });
const NO_USAGE = never('its answer tells no usage');
const ONE_DOCUMENT = never('a document is held until it is whole and recorded: nothing of it is seen before');

interface RowParts {
  readonly chat: Cell;
  readonly documents: Cell;
  readonly binary: Cell;
  /** As `chat`, unless said otherwise. */
  readonly chatHidden?: Cell;
  readonly responses?: Cell;
  /** As `documents`, unless said otherwise. */
  readonly background?: Cell;
  readonly multipart?: Cell;
}

function row(parts: RowParts): Row {
  const { chat, documents, binary } = parts;
  const { chatHidden = chat, responses = chat, background = documents, multipart = documents } = parts;
  return { json: documents, chatAsked: chat, chatHidden, responses, background, multipart, binary };
}

const same = (cell: Cell): Row => row({ chat: cell, documents: cell, binary: cell });

type Situation = keyof typeof PLAYS;

const MATRIX: Readonly<Record<Exclude<Situation, TimedSituation>, Row>> = {
  completed: row({
    chat: 'completed reported 200 - > 200 all whole',
    documents: 'completed reported 200 - > 200 all whole',
    background: 'queued missing 200 - > 200 all whole',
    binary: 'completed missing 200 - > 200 all whole',
  }),
  retrieved: {
    ...same(never('only background responses are retrieved')),
    background: 'completed reported 200 - > 200 all whole',
  },
  refusedAsJson: same('upstream_error missing 429 rate_limit_exceeded > 429 JSON-error whole'),
  failedAsJson: same('upstream_error missing 500 rate_limit_exceeded > 500 JSON-error whole'),
  refusedAsHtml: same('upstream_error missing 404 upstream_error > 404 HTML-error whole'),
  failedAsHtml: same('upstream_error missing 503 upstream_error > 503 HTML-error whole'),
  errorInside: row({
    chat: 'upstream_error missing 200 server_error > 200 failure whole',
    documents: 'upstream_error missing 200 server_error > 200 failure whole',
    binary: never('sound has no place for an error'),
  }),
  cutBeforeHeaders: same('upstream_cut missing 502 upstream_cut > 502 error:upstream_cut whole'),
  cutBeforeFirstEvent: row({
    chat: 'upstream_cut estimated 200 upstream_cut > 200 nothing cut',
    documents: 'upstream_cut estimated 502 upstream_cut > 502 error:upstream_cut whole',
    multipart: 'upstream_cut missing 502 upstream_cut > 502 error:upstream_cut whole',
    binary: 'upstream_cut missing 200 upstream_cut > 200 nothing cut',
  }),
  cutWithinEvent: row({
    chat: 'upstream_cut estimated 200 upstream_cut > 200 first-and-half cut',
    // What is to be hidden of an event shows only when it is whole, so half of one does not go out.
    chatHidden: 'upstream_cut estimated 200 upstream_cut > 200 first cut',
    documents: 'upstream_cut estimated 502 upstream_cut > 502 error:upstream_cut whole',
    multipart: 'upstream_cut missing 502 upstream_cut > 502 error:upstream_cut whole',
    binary: 'upstream_cut missing 200 upstream_cut > 200 first-and-half cut',
  }),
  cutAfterUsage: row({
    chat: 'upstream_cut reported 200 upstream_cut > 200 up-to-usage cut',
    // The event with the usage is the last: nothing is missing but the end of the HTTP body.
    responses: 'completed reported 200 - > 200 all cut',
    documents: 'upstream_cut reported 502 upstream_cut > 502 error:upstream_cut whole',
    background: 'queued missing 502 - > 502 error:upstream_cut whole',
    binary: NO_USAGE,
  }),
  slow: row({
    chat: 'completed reported 200 - > 200 all whole',
    documents: 'completed reported 200 - > 200 all whole',
    background: 'queued missing 200 - > 200 all whole',
    binary: 'completed missing 200 - > 200 all whole',
  }),
  leavesBeforeHeaders: row({
    chat: { drain: 'client_left reported 200 - >', abort: 'client_left missing - - >' },
    documents: { drain: 'client_left reported 200 - >', abort: 'client_left missing - - >' },
    background: { drain: 'queued missing 200 - >', abort: 'client_left missing - - >' },
    binary: { drain: 'client_left missing 200 - >', abort: 'client_left missing - - >' },
  }),
  leavesAfterFirst: row({
    chat: { drain: 'client_left reported 200 - > 200 first cut', abort: 'client_left estimated 200 - > 200 first cut' },
    documents: { drain: 'client_left reported 200 - >', abort: 'client_left estimated 200 - >' },
    multipart: { drain: 'client_left reported 200 - >', abort: 'client_left missing 200 - >' },
    // Its id has come with the drained rest, or is not known.
    background: { drain: 'queued missing 200 - >', abort: 'client_left estimated 200 - >' },
    binary: { drain: 'client_left missing 200 - > 200 first cut', abort: 'client_left missing 200 - > 200 first cut' },
  }),
  leavesAfterUsage: row({
    chat: 'client_left reported 200 - > 200 up-to-usage-and-comment cut',
    responses: never('the event with the usage is the last one'),
    documents: ONE_DOCUMENT,
    binary: NO_USAGE,
  }),
  leavesAtTheEnd: row({
    chat: 'completed reported 200 - > 200 all cut',
    documents: 'completed reported 200 - > 200 all whole',
    background: 'queued missing 200 - > 200 all whole',
    binary: never('its end is the end of the HTTP body: see completed'),
  }),
  // One that closes its side of the connection counts as gone, as with every server of Node: it is answered nothing.
  halfOpen: row({
    chat: { drain: 'client_left reported 200 - >', abort: 'client_left missing - - >' },
    documents: { drain: 'client_left reported 200 - >', abort: 'client_left missing - - >' },
    background: { drain: 'queued missing 200 - >', abort: 'client_left missing - - >' },
    binary: { drain: 'client_left missing 200 - >', abort: 'client_left missing - - >' },
  }),
};

/** Situations that end by one of Metertap's timeouts, which are short for them. */
type TimedSituation = 'silent' | 'silentAfterFirst' | 'leavesThenSilence';
const TIMED: Readonly<Record<TimedSituation, Row>> = {
  silent: same('timed_out missing 504 upstream_timeout > 504 error:upstream_timeout whole'),
  silentAfterFirst: row({
    chat: 'timed_out estimated 200 upstream_timeout > 200 first cut',
    documents: 'timed_out estimated 200 upstream_timeout > 200 first cut',
    multipart: 'timed_out missing 200 upstream_timeout > 200 first cut',
    binary: 'timed_out missing 200 upstream_timeout > 200 first cut',
  }),
  leavesThenSilence: row({
    chat: 'client_left estimated 200 - > 200 first cut',
    documents: 'client_left estimated 200 - >',
    multipart: 'client_left missing 200 - >',
    binary: 'client_left missing 200 - > 200 first cut',
  }),
};

/** Calls that are open when Metertap is shut down, and do not end within the grace. */
const SHUT_DOWN: Readonly<Record<keyof typeof OPEN_SCENES, Row>> = {
  beforeHeaders: same('interrupted missing 503 shutting_down > 503 error:shutting_down whole'),
  afterFirst: row({
    chat: 'interrupted estimated 200 shutting_down > 200 first cut',
    documents: 'interrupted estimated 503 shutting_down > 503 error:shutting_down whole',
    multipart: 'interrupted missing 503 shutting_down > 503 error:shutting_down whole',
    binary: 'interrupted missing 200 shutting_down > 200 first cut',
  }),
  afterUsage: row({
    chat: 'interrupted reported 200 shutting_down > 200 up-to-usage cut',
    responses: never('the event with the usage is the last one'),
    documents: ONE_DOCUMENT,
    binary: NO_USAGE,
  }),
};

/** The same, and they end within the grace. */
const SHUT_DOWN_IN_TIME: Row = row({
  chat: 'completed reported 200 - > 200 all whole',
  documents: 'completed reported 200 - > 200 all whole',
  background: 'queued missing 200 - > 200 all whole',
  binary: 'completed missing 200 - > 200 all whole',
});

interface PlannedCell {
  /** `chatAsked-slow`: also the team of the call. */
  readonly name: string;
  readonly situation: string;
  readonly kind: KindName;
  readonly expected: Expected;
}

/** The settings of a column of the matrix. */
interface Column {
  readonly policy: LeavePolicy;
  readonly missingUsage: 'estimate' | 'leave';
}

function plan(rows: Readonly<Record<string, Row>>, { policy, missingUsage }: Column): PlannedCell[] {
  return Object.entries(rows).flatMap(([situation, cells]) =>
    KIND_NAMES.flatMap((kind) => {
      const cell = cells[kind];
      if (typeof cell !== 'string' && 'impossible' in cell) return [];
      const estimated = typeof cell === 'string' ? cell : cell[policy];
      const expected = missingUsage === 'leave' ? estimated.replace(' estimated ', ' missing ') : estimated;
      return [{ name: `${kind}-${situation}`, situation, kind, expected }];
    }),
  );
}

/** What came of a call, in the words of the table. */
function told(record: Record<string, unknown>, scene: Scene): string {
  const { ending, usage_source, status, error_code } = record;
  const ledger = [ending, usage_source, status ?? '-', error_code ?? '-'].join(' ');
  return `${ledger} >${seen(scene)}`;
}

const PARTS: readonly SeenPart[] = [
  'all',
  'up to usage',
  'first and half',
  'first',
  'nothing',
  'failure',
  'JSON error',
  'HTML error',
];

function seen({ client, kind }: Scene): string {
  const { status, body, whole } = client.transcript;
  if (status === null) return '';
  return ` ${status} ${partOf(kind, body)} ${whole ? 'whole' : 'cut'}`;
}

function partOf(kind: Scene['kind'], body: Buffer): string {
  const part = PARTS.find((name) => bytesOf(kind, name).equals(body));
  if (part !== undefined) return part.replaceAll(' ', '-');
  const comment = Buffer.from(': past the usage of this stream\n\n');
  if (body.equals(Buffer.concat([bytesOf(kind, 'up to usage'), comment]))) return 'up-to-usage-and-comment';
  const own = /^\{"error":\{.*"code":"(\w+)"\}\}$/.exec(body.toString());
  return own === null ? `other:${body.toString('latin1')}` : `error:${own[1]}`;
}

/** Does the work of every item, a few at a time, so that no call waits long for its turn of the event loop. */
async function inTurns<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: 10 }, worker));
}

function expectations(cells: readonly PlannedCell[]): Record<string, string> {
  return Object.fromEntries(cells.map(({ name, expected }) => [name, expected]));
}

/** One record each, and each in its own team: what came of every call, by its name. */
function outcomes(
  records: readonly Record<string, unknown>[],
  scenes: ReadonlyMap<string, Scene>,
): Record<string, string> {
  const told_: [string, string][] = records.map((record) => {
    const name = String(record['team']);
    const scene = scenes.get(name);
    if (scene === undefined) throw new Error(`nobody made the call ${name}`);
    return [name, told(record, scene)];
  });
  expect(new Set(told_.map(([name]) => name)).size).toBe(records.length);
  return Object.fromEntries(told_);
}

const COLUMNS: readonly Column[] = [
  { policy: 'drain', missingUsage: 'estimate' },
  { policy: 'abort', missingUsage: 'estimate' },
  { policy: 'drain', missingUsage: 'leave' },
];

describe.each(COLUMNS)('with client_leaves: $policy and missing_usage: $missingUsage, every call', (column) => {
  const { policy } = column;
  const estimates = `estimates: { missing_usage: ${column.missingUsage} }\n`;

  it('ends in the ledger and at the client as the matrix says, in each situation', async () => {
    const cells = plan(MATRIX, column);
    await using stage = await startStage({ policy, cells: cells.map(({ name }) => name), yaml: estimates });
    const scenes = new Map<string, Scene>();
    const faults: string[] = [];
    await inTurns(cells, async ({ name, kind, situation }) => {
      const scene = await stage.open(name, kind);
      scenes.set(name, scene);
      await playOf(situation)(scene).catch((error: unknown) => faults.push(`${name}: ${error}`));
      scene.client.leave();
    });
    expect(faults).toEqual([]);
    expect(outcomes(await stage.proxy.records(), scenes)).toEqual(expectations(cells));
    await expectMetrics(stage.proxy, cells);
  });

  it('ends as the matrix says where a timeout ends it', async () => {
    const cells = plan(TIMED, column);
    const names = cells.map(({ name }) => name);
    const timeouts = 'first_byte_ms: 300, idle_ms: 2000';
    await using stage = await startStage({
      policy,
      cells: names,
      timeouts,
      streams: 'drain_max_ms: 100',
      yaml: estimates,
    });
    const scenes = new Map<string, Scene>();
    const faults: string[] = [];
    await inTurns(cells, async ({ name, kind, situation }) => {
      const scene = await stage.open(name, kind);
      scenes.set(name, scene);
      await playOf(situation)(scene).catch((error: unknown) => faults.push(`${name}: ${error}`));
      scene.client.leave();
    });
    expect(faults).toEqual([]);
    expect(outcomes(await stage.proxy.records(), scenes)).toEqual(expectations(cells));
    await expectMetrics(stage.proxy, cells);
  });

  it('is interrupted by a shutdown, once the grace is over', async () => {
    const cells = plan(SHUT_DOWN, column);
    const dataDir = temporaryFolder();
    const names = cells.map(({ name }) => name);
    await using stage = await startStage({ policy, cells: names, dataDir, yaml: `${estimates}shutdown_grace_ms: 50` });
    const scenes = new Map<string, Scene>();
    await Promise.all(
      cells.map(async ({ name, kind, situation }) => {
        const scene = await stage.open(name, kind);
        scenes.set(name, scene);
        await openSceneOf(situation)(scene);
      }),
    );
    await stage.proxy.close();
    await Promise.all([...scenes.values()].map(({ client }) => client.when((_transcript, isClosed) => isClosed)));
    expect(outcomes(await recordsAfterwards(dataDir), scenes)).toEqual(expectations(cells));
  });

  it('is completed during a shutdown, within the grace', async () => {
    const cells = plan({ inTime: SHUT_DOWN_IN_TIME }, column);
    const dataDir = temporaryFolder();
    await using stage = await startStage({ policy, cells: cells.map(({ name }) => name), dataDir, yaml: estimates });
    const scenes = new Map<string, Scene>();
    await Promise.all(
      cells.map(async ({ name, kind }) => {
        const scene = await stage.open(name, kind);
        scenes.set(name, scene);
        await OPEN_SCENES.afterFirst(scene);
      }),
    );
    const closed = stage.proxy.close();
    await Promise.all([...scenes.values()].map(answerRest));
    await closed;
    expect(outcomes(await recordsAfterwards(dataDir), scenes)).toEqual(expectations(cells));
  });
});

function playOf(situation: string): (scene: Scene) => Promise<void> {
  const found = Object.entries(PLAYS).find(([name]) => name === situation);
  if (found === undefined) throw new Error(`no such situation: ${situation}`);
  return found[1];
}

function openSceneOf(situation: string): (scene: Scene) => Promise<void> {
  const found = Object.entries(OPEN_SCENES).find(([name]) => name === situation);
  if (found === undefined) throw new Error(`no such situation: ${situation}`);
  return found[1];
}

/** The ledger as the next process finds it. */
async function recordsAfterwards(dataDir: string): Promise<Record<string, unknown>[]> {
  await using next = await startProxy({ upstreamUrl: 'http://127.0.0.1:9/v1', dataDir });
  return await next.records();
}

/** Why a call has no usage, by how it ended (docs/metrics.md). */
const MISSING_REASONS: Readonly<Record<string, string>> = { completed: 'not_in_answer' };

/** The metrics are folds over the same records: each call once, its tokens if they were reported, else the reason why not. */
async function expectMetrics(proxy: TestProxy, cells: readonly PlannedCell[]): Promise<void> {
  const samples = await scrape(proxy);
  const sum = (name: string, label: string) =>
    samples.filter((it) => it.name === name && it.labels.includes(label)).reduce((total, it) => total + it.value, 0);
  const missing: Record<string, number> = {};
  let estimated = 0;
  const expected: Record<string, unknown> = {};
  const moved: Record<string, unknown> = {};
  for (const { name, kind, expected: outcome } of cells) {
    const [ending = '', source, status = ''] = outcome.split(' ');
    const isOver = ending !== 'queued';
    if (source === 'estimated') estimated++;
    const tokens = source === 'reported' ? KINDS[kind].tokens : null;
    const statusClass = status === '-' ? 'none' : `${status[0]}xx`;
    expected[name] = {
      [statusClass]: isOver ? 1 : 0,
      all: isOver ? 1 : 0,
      in: tokens?.input ?? 0,
      out: tokens?.output ?? 0,
    };
    const own = (metric: string, label = '') => sumOf(samples, metric, [`team="${name}"`, label]);
    moved[name] = {
      [statusClass]: own('metertap_requests_total', `status_class="${statusClass}"`),
      all: own('metertap_requests_total'),
      in: own('metertap_input_tokens_total'),
      out: own('metertap_output_tokens_total'),
    };
    if (isOver && source === 'missing') {
      const reason = MISSING_REASONS[ending] ?? ending;
      missing[reason] = (missing[reason] ?? 0) + 1;
    }
  }
  expect(moved).toEqual(expected);
  const counted = Object.keys(missing).map((reason) => [
    reason,
    sum('metertap_usage_missing_total', `reason="${reason}"`),
  ]);
  expect(Object.fromEntries(counted)).toEqual(missing);
  const allMissing = Object.values(missing).reduce((total, count) => total + count, 0);
  expect(sum('metertap_usage_missing_total', '')).toBe(allMissing);
  expect(sum('metertap_usage_estimated_total', '')).toBe(estimated);
  expect(sum('metertap_in_flight_requests', '')).toBe(0);
}

interface Sample {
  readonly name: string;
  readonly labels: string;
  readonly value: number;
}

function sumOf(samples: readonly Sample[], name: string, labels: readonly string[]): number {
  return samples
    .filter((sample) => sample.name === name && labels.every((label) => sample.labels.includes(label)))
    .reduce((total, sample) => total + sample.value, 0);
}

async function scrape(proxy: TestProxy): Promise<Sample[]> {
  const text = await (await fetch(`${proxy.url}/metrics`)).text();
  return text.split('\n').flatMap((line) => {
    const parts = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line);
    return parts === null ? [] : [{ name: parts[1] ?? '', labels: parts[2] ?? '', value: Number(parts[3]) }];
  });
}
