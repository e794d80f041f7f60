import { systemClock } from '../../src/core/clock.ts';
import { SINK_KINDS, type SinkKindName } from '../../src/core/sink-kinds.ts';
import { HttpSink } from '../../src/sinks/http-sink.ts';
import { SIGNING_SECRET, sinkSettings } from '../support/sink-settings.ts';
import { describeUsageSink } from './usage-sink.contract.ts';

const KINDS = Object.keys(SINK_KINDS).filter((name): name is SinkKindName => Object.hasOwn(SINK_KINDS, name));

for (const kind of KINDS) {
  describeUsageSink({
    name: kind,
    open: (url, timeoutMs) => {
      const headers = { 'x-tenant-secret': 'tenant-secret-9876' };
      return new HttpSink(sinkSettings(kind, { url, timeoutMs, headers }), systemClock);
    },
    secrets: ['sink-token-1234', 'tenant-secret-9876', SIGNING_SECRET],
  });
}
