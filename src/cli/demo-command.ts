import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { createSimulator } from '../simulator/server.ts';
import { readCommandLine } from './command-line.ts';
import { DEMO } from './commands/serving.ts';
import { playDemoTraffic } from './demo-traffic.ts';
import { EXIT_FAILURE } from './exit-codes.ts';
import { type RunningProxy, type ServeContext, serveConfig } from './serve-command.ts';

const DEMO_CONFIG_PATH = fileURLToPath(new URL('../../config/demo.yaml', import.meta.url));

/**
 * Runs `metertap demo`: the proxy against the built-in upstream, with a few agent runs already made, so that everything
 * can be seen without an OpenAI key. Ports and folder are the demo's own unless the environment says otherwise.
 */
export async function demoCommand(context: ServeContext): Promise<number> {
  const line = readCommandLine(DEMO, context);
  if (typeof line === 'number') return line;
  const asJson = parseArgs({ args: line.args, options: DEMO.options }).values.json === true;
  const simulator = await createSimulator({ port: 0 });
  const readConfig = (): Config =>
    loadConfig({
      path: DEMO_CONFIG_PATH,
      env: { ...context.env, METERTAP_UPSTREAM_URL: `${simulator.url}/v1` },
      readFile: context.readFile,
    });
  try {
    return await serveConfig(
      { ...context, start: (input) => startAndPlay(context, input, asJson) },
      readConfig,
      asJson,
    );
  } catch (error) {
    context.writeError(`The demo cannot run: ${error instanceof Error ? error.message : String(error)}\n`);
    return EXIT_FAILURE;
  } finally {
    await simulator.close();
  }
}

/** The calls are made before anything is told, so that a program that reads the first line finds them. */
async function startAndPlay(
  context: ServeContext,
  input: Parameters<ServeContext['start']>[0],
  asJson: boolean,
): Promise<RunningProxy> {
  const proxy = await context.start(input);
  const calls = await playDemoTraffic(proxy.url);
  if (asJson) return proxy;
  const adminKey = input.config.admin_key ?? input.secrets.adminKey;
  context.write(`${calls} calls of five agent runs have been made. Look at them:

  curl -s -H 'Authorization: Bearer demo-research-key' '${proxy.url}/api/v1/runs/nightly-42?include=children'
  curl -s -H 'Authorization: Bearer ${adminKey}' ${proxy.url}/api/v1/runs
  curl -s ${proxy.url}/metrics | grep ^metertap_

Make one of your own:

  curl -s ${proxy.url}/v1/chat/completions -H 'Authorization: Bearer demo-research-key' \\
    -H 'Content-Type: application/json' -H 'x-metertap-run-id: my-run' \\
    -d '{"model":"gpt-5-mini","messages":[{"role":"user","content":"Hello"}]}'

`);
  return proxy;
}
