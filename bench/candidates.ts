import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchOptions, NamedCommand } from './options.ts';
import { CLIENT_KEY } from './requests.ts';
import { findProgram, installPackages } from './tools.ts';
import type { LoadPlan } from './workloads.ts';

/** What a candidate is told about its place. */
export interface Place {
  readonly port: number;
  readonly upstreamPort: number;
  /** Its own folder. */
  readonly folder: string;
}

export interface Command {
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Something to be measured. */
export interface Candidate {
  readonly name: string;
  readonly title: string;
  /** Null for the upstream itself, with no proxy before it. */
  readonly launch: ((place: Place) => Command) | null;
  /** Why it cannot run here; null where it can. */
  readonly missing: () => Promise<string | null>;
  /** Headers that only it needs. */
  readonly headers: (place: Place) => Readonly<Record<string, string>>;
  /** It runs on Node, so that its event loop can be watched and its CPU profiled. */
  readonly onNode: boolean;
  /** It keeps a ledger, which must agree with the load generator. */
  readonly ledger: boolean;
  /** How long it may take to listen; without it, some seconds. */
  readonly startPatienceMs?: number;
  /** How many processes listen on its port; without it, one. */
  readonly processes?: number;
  /** Over which runs and keys its calls are spread. */
  readonly spread?: Pick<LoadPlan, 'runs' | 'keys'>;
}

/** A Metertap that differs from others in what it is given. */
export interface MetertapVariant {
  readonly name: string;
  readonly title: string;
  /** Where its sources are; without it, this checkout. */
  readonly root?: string;
  readonly nodeOptions?: readonly string[];
  readonly profileFolder?: string | null;
  /** Its data folder; without it, an empty one of its own. */
  readonly dataDir?: string;
  /** YAML of `keys:`, one line each, instead of the one key that requests have. */
  readonly keys?: readonly string[];
  /** The credential that requests have then. */
  readonly credential?: string;
  /** YAML of `teams:`, one line each; without it, one team with three limits. */
  readonly teams?: readonly string[];
  /** YAML of further settings. */
  readonly settings?: string;
  /** YAML of further members of `listen`. */
  readonly listen?: string;
  readonly startPatienceMs?: number;
  readonly spread?: Pick<LoadPlan, 'runs' | 'keys'>;
}

export const DIRECT = 'direct';
/** The one that all are compared with. */
export const BASELINE = 'bare-pipe';
/** Whose calls they are. */
export const BENCH_TEAM = 'bench';
export const ADMIN_KEY = 'bench-admin-key-0123456789';

const FOLDER = import.meta.dirname;
const ROOT = join(FOLDER, '..');
const PRESENT = () => Promise.resolve(null);
const NO_HEADERS = () => ({});
const FOREIGN = { headers: NO_HEADERS, onNode: false, ledger: false } as const;

/** The candidates, in the order in which they are shown. */
export function candidates(options: Pick<BenchOptions, 'peers' | 'trees' | 'cpuProfileFolder'>): Candidate[] {
  const profile = options.cpuProfileFolder;
  return [
    { ...FOREIGN, name: DIRECT, title: 'no proxy', launch: null, missing: PRESENT },
    {
      ...FOREIGN,
      name: 'nginx',
      title: 'nginx, proxy_pass, keep-alive, no buffering, one worker',
      missing: () => onPath('nginx'),
      launch: launchNginx,
    },
    {
      ...FOREIGN,
      name: 'caddy',
      title: 'Caddy, reverse_proxy, GOMAXPROCS=1',
      missing: () => onPath('caddy'),
      launch: launchCaddy,
    },
    {
      ...FOREIGN,
      name: BASELINE,
      title: "Node's http and undici's dispatch, nothing metered",
      missing: PRESENT,
      onNode: true,
      launch: ({ upstreamPort }) => ({
        command: node(profile, BASELINE, [join(FOLDER, 'candidates/bare-pipe.ts')]),
        env: { UPSTREAM_URL: originOf(upstreamPort) },
      }),
    },
    metertap(treeVariant({ name: 'metertap', command: ROOT }, profile)),
    ...options.trees.map((tree) => metertap(treeVariant(tree, profile))),
    {
      name: 'portkey',
      title: '@portkey-ai/gateway 1.15.2',
      missing: () => installPackages('@portkey-ai/gateway'),
      onNode: true,
      ledger: false,
      headers: ({ upstreamPort }) => ({
        'x-portkey-provider': 'openai',
        'x-portkey-custom-host': `${originOf(upstreamPort)}/v1`,
      }),
      launch: ({ port }) => ({
        command: node(null, 'portkey', [
          join(FOLDER, 'node_modules/@portkey-ai/gateway/build/start-server.js'),
          '--headless',
          `--port=${port}`,
        ]),
      }),
    },
    ...options.peers.map(peer),
  ];
}

function treeVariant({ name, command }: NamedCommand, profileFolder: string | null): MetertapVariant {
  const [root = '', ...nodeOptions] = command.split(' ').filter((part) => part !== '');
  const title = `Metertap, everything on${nodeOptions.length > 0 ? `, ${nodeOptions.join(' ')}` : ''}`;
  return { name, title, root, nodeOptions, profileFolder };
}

/** Metertap with everything on, as `metertap serve` starts it; its access log goes to a file. */
export function metertap(variant: MetertapVariant): Candidate {
  const { name, title, credential, profileFolder = null, startPatienceMs, spread } = variant;
  return {
    name,
    title,
    missing: PRESENT,
    headers: credential === undefined ? NO_HEADERS : () => ({ Authorization: `Bearer ${credential}` }),
    onNode: true,
    ledger: true,
    ...(startPatienceMs === undefined ? {} : { startPatienceMs }),
    ...(spread === undefined ? {} : { spread }),
    launch: (place) => ({ command: node(profileFolder, name, metertapArguments(variant, place)) }),
  };
}

/**
 * Several processes on one port, over one data folder (docs/operations.md, "Several processes").
 *
 * @param cores one for each process, on which it stays; null: anywhere
 */
export function metertapProcesses(variant: MetertapVariant, count: number, cores: readonly number[] | null): Candidate {
  return {
    ...metertap(variant),
    onNode: false, // it is a shell with several of them
    processes: count,
    launch: (place) => {
      const serve = [process.execPath, ...metertapArguments({ ...variant, listen: 'reuse_port: true' }, place)];
      const commands = Array.from({ length: count }, (_, i) => {
        const pinned = cores === null ? serve : ['taskset', '-c', String(cores[i]), ...serve];
        return `${pinned.map(quoted).join(' ')} &`;
      });
      // The shell waits for all of them, and leaves it to each to obey the signal.
      return { command: ['sh', '-c', `trap '' TERM; ${commands.join(' ')} wait`] };
    },
  };
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** What Node is given to serve with this variant. Writes its configuration. */
export function metertapArguments(variant: MetertapVariant, place: Place): string[] {
  const { root = ROOT, nodeOptions = [] } = variant;
  const config = join(place.folder, 'metertap.yaml');
  writeFileSync(config, metertapConfig(variant, place));
  const { options, script } = startCommand(root);
  return [...options, ...nodeOptions, join(root, script), 'serve', '--config', config];
}

/** How `npm start` of a checkout starts it: `[exec] node [options] <script> serve`. */
export function startCommand(root: string): { options: string[]; script: string } {
  const manifest: { scripts: { start: string } } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const words = manifest.scripts.start
    .replace(/^exec /, '')
    .split(' ')
    .slice(1, -1);
  return { options: words.slice(0, -1), script: words.at(-1) ?? 'src/main.ts' };
}

const PER_MINUTE = 100_000_000;
/** Its limits are looked at, and refuse no call. */
const LIMITED_TEAM = `  - { id: ${BENCH_TEAM}, limits: [ { budget_usd: "1000000", per: month }, { tokens: 100000000000, per: minute }, { parallel: 100000 } ] }`;

/** A line of `keys:`. */
export function keyLine(id: string, team: string, key: string): string {
  return `  - { id: ${id}, team: ${team}, key: ${key}, labels: { cost_center: "4711" }, requests_per_minute: ${PER_MINUTE} }`;
}

function metertapConfig(variant: MetertapVariant, { port, upstreamPort, folder }: Place): string {
  const { dataDir = join(folder, 'data'), teams = [LIMITED_TEAM] } = variant;
  const { keys = [keyLine('bench', BENCH_TEAM, CLIENT_KEY)] } = variant;
  return `
listen: { host: 127.0.0.1, port: ${port}${variant.listen === undefined ? '' : `, ${variant.listen}`} }
data_dir: ${JSON.stringify(dataDir)}
admin_key: ${ADMIN_KEY}
auth: { mode: keys }
upstreams:
  - { name: openai, base_url: "${originOf(upstreamPort)}/v1", api_key: sk-bench, models: ["*"], stream_usage: always }
keys:
${keys.join('\n')}
teams:
${teams.join('\n')}
ledger: { durability: before_response, synchronous: normal, retention_days: 3650 }
prices:
  - { provider: openai, model: "gpt-5-mini*", input_per_mtok: "0.25", cached_input_per_mtok: "0.025", output_per_mtok: "2.00" }
log: { level: info }
${variant.settings ?? ''}
`;
}

function launchNginx({ port, upstreamPort, folder }: Place): Command {
  const config = join(folder, 'nginx.conf');
  writeFileSync(
    config,
    `
${process.getuid?.() === 0 ? 'user root;' : ''} daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log stderr crit; worker_rlimit_nofile 20000;
events { worker_connections 16000; }
http {
  access_log off; tcp_nodelay on; keepalive_requests 1000000000; client_max_body_size 64m; client_body_buffer_size 1m;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  upstream api { server 127.0.0.1:${upstreamPort}; keepalive 1024; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://api; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
      proxy_read_timeout 600s;
    }
  }
}
`,
  );
  return { command: [findProgram('nginx') ?? 'nginx', '-c', config, '-p', folder, '-e', 'stderr'] };
}

function launchCaddy({ port, upstreamPort, folder }: Place): Command {
  const config = join(folder, 'Caddyfile');
  writeFileSync(
    config,
    `
{
  admin off
  auto_https off
}
http://127.0.0.1:${port} {
  reverse_proxy 127.0.0.1:${upstreamPort} {
    flush_interval -1
    transport http {
      keepalive_idle_conns_per_host 8192
      keepalive_idle_conns 8192
    }
  }
}
`,
  );
  return {
    command: [findProgram('caddy') ?? 'caddy', 'run', '--config', config, '--adapter', 'caddyfile'],
    env: { GOMAXPROCS: '1', HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
  };
}

function peer({ name, command }: NamedCommand): Candidate {
  return {
    ...FOREIGN,
    name,
    title: command,
    missing: PRESENT,
    launch: ({ upstreamPort }) => ({
      command: ['sh', '-c', `exec ${command}`],
      env: { UPSTREAM_URL: originOf(upstreamPort) },
    }),
  };
}

function node(profileFolder: string | null, name: string, args: readonly string[]): string[] {
  const profile = profileFolder === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${join(profileFolder, name)}`];
  return [process.execPath, ...profile, '--import', join(FOLDER, 'watch-process.js'), ...args];
}

function onPath(program: string): Promise<string | null> {
  return Promise.resolve(findProgram(program) === null ? `${program} is not on the PATH` : null);
}

function originOf(port: number): string {
  return `http://127.0.0.1:${port}`;
}
