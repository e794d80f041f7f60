import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/load.ts';
import { SHORTCUTS } from '../../src/config/shortcuts.ts';
import { jsonWords, readDockerfile } from './dockerfile.ts';
import { ROOT, readText } from './repository.ts';

interface Service {
  readonly image?: string;
  readonly environment?: Record<string, string>;
  readonly volumes?: string[];
  readonly ports?: string[];
  readonly depends_on?: string[] | Record<string, unknown>;
  readonly network_mode?: string;
  readonly stop_grace_period?: string;
}

interface Manifest {
  readonly scripts: Record<string, string>;
  readonly devDependencies: Record<string, string>;
}

const MANIFEST: Manifest = JSON.parse(readText('package.json'));
const COMPOSE: { services: Record<string, Service>; volumes: Record<string, null> } = parse(
  readText('docker-compose.yml'),
);
const SERVICES = Object.entries(COMPOSE.services);
const DOCKERFILE = readDockerfile(readText('Dockerfile'));
const DEFAULTS = loadConfig({ path: null, env: {}, readFile: () => '' });

const KNOWN_VARIABLES: ReadonlySet<string> = new Set([
  'METERTAP_CONFIG',
  'METERTAP_URL',
  ...SHORTCUTS.flatMap(({ name, secret }) => (secret ? [name, `${name}_FILE`] : [name])),
]);

/** `redis:8.2.1-bookworm`, not `redis`, `redis:latest` or `redis:8`. */
const PINNED_IMAGE = /^[\w./-]+:v?\d+\.\d+\.\d+(?:-[\w.-]+)?$/;

function instructions(name: string): string[] {
  return DOCKERFILE.filter((instruction) => instruction.name === name).map(({ text }) => text);
}

function unknownVariables(text: string): string[] {
  return [...text.matchAll(/\bMETERTAP_\w+/g)].map(([name]) => name).filter((name) => !KNOWN_VARIABLES.has(name));
}

describe('Dockerfile', () => {
  it('builds on the Node.js version that the project is pinned to', () => {
    const images = instructions('FROM').map((text) => text.split(' ')[0]);
    expect(new Set(images)).toEqual(new Set([`node:${MANIFEST.devDependencies['node']}-bookworm-slim`]));
  });

  it('copies what is there and what .dockerignore lets through', () => {
    const letThrough = readText('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'));
    const sources = instructions('COPY')
      .filter((text) => !text.startsWith('--from'))
      .flatMap((text) => text.split(' ').slice(0, -1));
    expect(sources.length).toBeGreaterThan(0);
    for (const source of sources) {
      expect(existsSync(join(ROOT, source)), source).toBe(true);
      expect(letThrough, source).toContain(`!${source}`);
    }
  });

  it('runs what npm start runs, without a shell that would keep signals to itself', () => {
    const command = jsonWords(instructions('CMD').at(-1) ?? '');
    expect(`exec ${command.join(' ')}`).toBe(MANIFEST.scripts['start']);
    expect(existsSync(join(ROOT, command.at(-2) ?? '')), command.at(-2)).toBe(true);
    expect(instructions('ENTRYPOINT')).toEqual([]);
  });

  it('does not run as root, and can be asked for its health', () => {
    expect(instructions('USER')).toEqual(['node']);
    const [words] = instructions('HEALTHCHECK').map((text) => text.slice(text.indexOf('CMD ') + 4));
    expect(jsonWords(words ?? '').join(' ')).toContain('/healthz');
  });

  it('listens where it says it does, and sets no variable that Metertap does not know', () => {
    const env = Object.fromEntries(
      instructions('ENV').flatMap((text) => text.split(/\s+/).map((pair) => pair.split('='))),
    );
    expect(Object.keys(env).flatMap(unknownVariables)).toEqual([]);
    const config = loadConfig({ path: null, env, readFile: () => '' });
    expect(config.listen).toMatchObject({ host: '0.0.0.0', port: Number(instructions('EXPOSE')[0]) });
    expect(instructions('VOLUME')).toEqual([config.data_dir]);
  });
});

describe('docker-compose.yml', () => {
  it.each(SERVICES)('%s has a pinned image', (_name, service) => {
    expect(service.image).toMatch(PINNED_IMAGE);
  });

  it.each(SERVICES)('%s mounts files and volumes that are there', (_name, service) => {
    for (const mount of service.volumes ?? []) {
      const source = mount.split(':')[0] ?? '';
      if (source.startsWith('.')) expect(existsSync(join(ROOT, source)), source).toBe(true);
      else expect(Object.keys(COMPOSE.volumes)).toContain(source);
    }
  });

  it.each(SERVICES)('%s waits for and joins services that are there', (_name, service) => {
    const dependencies = Array.isArray(service.depends_on) ? service.depends_on : Object.keys(service.depends_on ?? {});
    const network = service.network_mode?.replace('service:', '');
    for (const other of network === undefined ? dependencies : [...dependencies, network]) {
      expect(Object.keys(COMPOSE.services)).toContain(other);
    }
  });

  it.each(SERVICES)('%s is open to this machine only', (_name, service) => {
    expect((service.ports ?? []).filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
  });

  it('names no variable that Metertap does not know', () => {
    expect(unknownVariables(readText('docker-compose.yml'))).toEqual([]);
  });

  it('gives Metertap a configuration that loads', () => {
    const given = Object.entries(COMPOSE.services['metertap']?.environment ?? {});
    const env = Object.fromEntries(given.map(([name, value]) => [name, value.replace(/\$\{\w+:-(.*)\}/, '$1')]));
    expect(() => loadConfig({ path: null, env, readFile: () => '' })).not.toThrow();
  });

  it('waits for open calls longer than Metertap does', () => {
    const seconds = Number.parseInt(COMPOSE.services['metertap']?.stop_grace_period ?? '', 10);
    expect(seconds * 1000).toBeGreaterThan(DEFAULTS.shutdown_grace_ms);
  });
});

describe('Prometheus and Grafana', () => {
  const datasources: { datasources: { uid: string; url: string }[] } = parse(
    readText('config/grafana/provisioning/datasources/prometheus.yaml'),
  );
  const dashboards = readdirSync(join(ROOT, 'config/grafana/dashboards')).map((file) => [
    file,
    readText(`config/grafana/dashboards/${file}`),
  ]);

  it('Prometheus scrapes the port that the proxy listens on', () => {
    const config: { scrape_configs: { static_configs: { targets: string[] }[] }[] } = parse(
      readText('config/prometheus/prometheus.yml'),
    );
    const targets = config.scrape_configs.flatMap((job) => job.static_configs.flatMap(({ targets: all }) => all));
    expect(targets).toEqual([`127.0.0.1:${DEFAULTS.listen.port}`]);
  });

  it.each(dashboards)('%s reads the data source that is provisioned', (_file, text = '') => {
    const used = [...text.matchAll(/"type": "prometheus",\s*"uid": "([^"]+)"/g)].map(([, uid]) => uid);
    expect(new Set(used)).toEqual(new Set(datasources.datasources.map(({ uid }) => uid)));
  });

  it('Grafana opens with a board that is there', () => {
    const home = COMPOSE.services['grafana']?.environment?.['GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH'] ?? '';
    expect(dashboards.map(([file]) => file)).toContain(home.split('/').at(-1));
  });

  it('the dashboards stand where Grafana is told to look', () => {
    const providers: { providers: { options: { path: string } }[] } = parse(
      readText('config/grafana/provisioning/dashboards/metertap.yaml'),
    );
    const mounts = COMPOSE.services['grafana']?.volumes ?? [];
    for (const { options } of providers.providers) {
      expect(mounts).toContain(`./config/grafana/dashboards:${options.path}:ro`);
    }
  });
});
