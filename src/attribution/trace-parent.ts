const TRACE_PARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/;

/**
 * Gives the trace id of a W3C `traceparent`, or null where the header is not valid. Version 00 has exactly four fields,
 * later versions may have more, ff is forbidden (https://www.w3.org/TR/trace-context/#traceparent-header-field-values).
 */
export function traceIdOf(traceParent: string): string | null {
  const match = TRACE_PARENT.exec(traceParent.trim());
  if (match === null) return null;
  const [, version, traceId = null, rest] = match;
  return version === '00' && rest !== undefined ? null : traceId;
}
