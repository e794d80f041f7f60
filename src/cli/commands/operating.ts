import { ASKS, CONFIG_OPTION, type Command, JSON_OPTION } from '../command.ts';

export const SINKS = {
  name: 'sinks',
  group: 'Operate',
  summary: 'list, test or retry where events are sent',
  options: { json: JSON_OPTION },
  actions: [
    { name: 'list', summary: 'how each sink stands', options: ['json'] },
    { name: 'test', summary: 'send a test event', operand: 'NAME', options: ['json'] },
    { name: 'retry', summary: 'send again what was parked', operand: 'NAME', options: ['json'] },
  ],
  examples: [
    ['metertap sinks list', 'what waits, and what was refused'],
    ['metertap sinks test pager', 'whether an event arrives'],
    ['metertap sinks retry billing', 'once the receiver is well again'],
  ],
  notes: ASKS,
  exitCodes: '`sinks test` ends with 1 where the event was not taken.',
} as const satisfies Command;

export const CONFIG = {
  name: 'config',
  group: 'Operate',
  summary: 'check or print the configuration',
  options: { config: CONFIG_OPTION, json: JSON_OPTION },
  actions: [
    { name: 'check', summary: 'whether it is right; all faults at once', options: ['config', 'json'] },
    { name: 'print', summary: 'what holds, with defaults and without secrets', options: ['config', 'json'] },
  ],
  examples: [
    ['metertap config check', 'before a start or a reload'],
    ['metertap config print --config metertap.yaml', 'what a file comes to'],
  ],
} as const satisfies Command;

export const DOCTOR = {
  name: 'doctor',
  group: 'Operate',
  summary: 'check the set-up end to end, and say what to mend',
  options: {
    call: {
      type: 'string',
      value: 'MODEL',
      text: 'makes a tiny real call through the proxy, and reads its record back',
    },
    timeout: { type: 'string', value: 'SECONDS', text: 'how long each answer is waited for; 10 by default' },
    config: CONFIG_OPTION,
    json: JSON_OPTION,
  },
  actions: [{ name: '', summary: 'check it', options: ['call', 'timeout', 'config', 'json'] }],
  examples: [
    ['metertap doctor', 'machine, configuration, ledger, proxy, upstreams, prices, Redis, sinks'],
    ['metertap doctor --call gpt-5-mini', 'also that a call is metered; it costs a few tokens'],
    ['metertap doctor --json | jq ".findings[] | select(.state != \\"ok\\")"', 'for a monitor'],
  ],
  notes:
    'Works whether the proxy runs or not. --call uses METERTAP_KEY, else the first key of the configuration, in passthrough mode that of the first upstream. No secret is shown.',
  exitCodes: 'Exit code 1: a check failed. Warnings alone end with 0.',
} as const satisfies Command;

export const COMPLETION = {
  name: 'completion',
  group: 'Operate',
  summary: 'completion of commands for a shell',
  options: {},
  actions: [
    { name: '', summary: 'print a script', operand: 'SHELL', operandWords: ['bash', 'zsh', 'fish'], options: [] },
  ],
  examples: [
    ['source <(metertap completion bash)', 'for this bash; in ~/.bashrc for all'],
    ['source <(metertap completion zsh)', 'for this zsh; in ~/.zshrc, after compinit, for all'],
    ['metertap completion fish > ~/.config/fish/completions/metertap.fish', 'for fish'],
  ],
} as const satisfies Command;
