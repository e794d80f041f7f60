import type { EventFacts, FactValue } from './event-facts.ts';
import { type EventShape, fill } from './event-shapes.ts';

/** One request's worth of events, written. */
export interface WrittenBody {
  /** Names what is in it: the event's id, or one made of all ids, so that the same events have the same name. */
  readonly eventIds: readonly string[];
  readonly contentType: string;
  readonly text: string;
}

/** Writes events as request bodies of at most `batchSize` each. */
export function writeBodies(events: readonly EventFacts[], shape: EventShape, batchSize: number): WrittenBody[] {
  const perBody = shape.body === 'one' ? 1 : batchSize;
  const bodies: WrittenBody[] = [];
  for (let at = 0; at < events.length; at += perBody) {
    bodies.push(writeBody(events.slice(at, at + perBody), shape, batchSize));
  }
  return bodies;
}

function writeBody(events: readonly EventFacts[], shape: EventShape, batchSize: number): WrittenBody {
  const filled = events.map((facts) => fill(shape.event, facts));
  const eventIds = events.map(({ id }) => id);
  const [first = null] = filled;
  if (batchSize === 1 && shape.singleContentType !== undefined) {
    return { eventIds, contentType: shape.singleContentType, text: JSON.stringify(first) };
  }
  const whole = shape.body === 'one' ? first : shape.body === 'list' ? filled : { events: filled };
  const text = shape.encoding === 'form' ? formText(whole) : JSON.stringify(whole);
  return { eventIds, contentType: shape.contentType, text };
}

/** Members within members are written with brackets: `payload[value]=25` (https://docs.stripe.com/api). */
function formText(value: FactValue): string {
  const form = new URLSearchParams();
  addTo(form, '', value);
  return form.toString();
}

function addTo(form: URLSearchParams, name: string, value: FactValue): void {
  if (typeof value !== 'object' || value === null) {
    form.append(name, String(value));
    return;
  }
  for (const [member, inner] of Object.entries(value)) addTo(form, name === '' ? member : `${name}[${member}]`, inner);
}
