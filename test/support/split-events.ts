/** The events of a server-sent stream, read simply: whole, in one go. The project's own scanner has tests of its own. */
export interface StreamEvent {
  readonly data: Buffer;
  readonly name: string | null;
}

export function splitEvents(body: Buffer): StreamEvent[] {
  const events: StreamEvent[] = [];
  for (const block of body.toString('utf8').split(/\r?\n\r?\n/)) {
    const data: string[] = [];
    let name: string | null = null;
    for (const line of block.split(/\r\n|\n|\r/)) {
      if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''));
      else if (line.startsWith('event:')) name = line.slice(6).trim();
    }
    if (data.length > 0) events.push({ data: Buffer.from(data.join('\n')), name });
  }
  return events;
}
