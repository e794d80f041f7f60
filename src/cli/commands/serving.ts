import { CONFIG_OPTION, type Command, JSON_OPTION } from '../command.ts';

export const SERVE = {
  name: 'serve',
  group: 'Run',
  summary: 'run the proxy',
  options: { config: CONFIG_OPTION, json: JSON_OPTION },
  actions: [{ name: '', summary: 'run the proxy', options: ['config', 'json'] }],
  examples: [
    ['metertap serve', 'in front of https://api.openai.com/v1, with the ledger in ./data'],
    ['metertap serve --config metertap.yaml', 'as the file says'],
    ['METERTAP_PORT=9000 metertap serve --json', 'on another port; says where it listens as JSON'],
  ],
  notes: 'SIGTERM and SIGINT stop it once open calls have ended; SIGHUP reads the configuration again.',
} as const satisfies Command;

export const DEMO = {
  name: 'demo',
  group: 'Run',
  summary: 'run it against a built-in upstream, with data',
  options: { json: JSON_OPTION },
  actions: [{ name: '', summary: 'run the demo', options: ['json'] }],
  examples: [['metertap demo', 'five agent runs to look at, without a key of OpenAI']],
} as const satisfies Command;

export const SIMULATE = {
  name: 'simulate',
  group: 'Run',
  summary: 'run only the built-in upstream',
  options: {
    port: { type: 'string', value: 'N', text: 'where to listen; 9099 by default, 0 for any free port' },
    host: { type: 'string', value: 'HOST', text: '127.0.0.1 by default' },
    dialect: { type: 'string', value: 'NAME', text: 'which upstream it is like; openai by default' },
    models: { type: 'string', value: 'LIST', text: "the models that it knows, parted by commas; '*' for all" },
    'no-bodies': { type: 'boolean', text: 'keeps no bodies of what it received' },
    json: JSON_OPTION,
  },
  actions: [{ name: '', summary: 'run it', options: ['port', 'host', 'dialect', 'models', 'no-bodies', 'json'] }],
  examples: [
    ['metertap simulate --port 9099', 'an OpenAI-compatible upstream that is exact about usage'],
    ['metertap simulate --dialect vllm', 'the same in the words of vLLM'],
  ],
  notes: 'Dialects and the headers that steer single calls: docs/simulator.md.',
} as const satisfies Command;
