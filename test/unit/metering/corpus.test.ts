import { describe, expect, it } from 'vitest';
import { AnswerMeter, type Finding } from '../../../src/metering/answer-meter.ts';
import {
  answerBytes,
  endpointOf,
  ledgerCounts,
  plainToolCalls,
  type RecordedExchange,
  readCorpus,
} from '../../support/corpus.ts';
import { splitEvents } from '../../support/split-events.ts';

const exchanges = readCorpus();

function meter(exchange: RecordedExchange): Finding {
  const answer = new AnswerMeter(endpointOf(exchange));
  const body = answerBytes(exchange);
  if (!exchange.stream) answer.readDocument(body);
  else for (const { data, name } of splitEvents(body)) answer.readEvent(data, name);
  return answer.finding;
}

const metered = exchanges.filter((exchange) => {
  const { kind, isResponses } = endpointOf(exchange);
  return exchange.response_body !== null && (kind === 'metered' || isResponses);
});

describe.runIf(exchanges.length > 0)('recorded exchanges', () => {
  it('are of known endpoints', () => {
    const kinds = new Set(exchanges.filter((exchange) => exchange.expected !== null).map((e) => endpointOf(e).kind));
    expect(kinds).toEqual(new Set(['metered', 'free']));
    expect(metered.length).toBeGreaterThan(400);
  });

  it.each(metered.map((exchange) => [`${exchange.provider} ${exchange.id}`, exchange] as const))(
    '%s',
    (_, exchange) => {
      const finding = meter(exchange);
      expect(finding.usageRaw).toEqual(exchange.usage_raw);
      if (exchange.usage_raw === null) expect(finding.usage).toBeNull();
      else expect(finding.usage).toMatchObject(ledgerCounts(exchange));
      if (finding.usage) expect(finding.usage.tool_calls).toBe(plainToolCalls(exchange));
      if (exchange.usage_raw !== null) expect(finding.failed).toBe(exchange.flags.includes('error_in_stream'));
      if (exchange.flags.includes('error_in_stream')) expect(finding.failed).toBe(true);
    },
  );
});
