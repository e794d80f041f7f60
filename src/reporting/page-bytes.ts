/** An answer that is a list in an envelope. */
export interface PageObject {
  readonly data: readonly unknown[];
}

/**
 * Gives the JSON of a page in UTF-8, as `JSON.stringify` would. Its items are written one after the other, so that no
 * text is as long as the whole: a page may have more than a text of JavaScript can hold.
 */
export function pageBytes(page: PageObject): Uint8Array {
  const encoder = new TextEncoder();
  const pieces: Uint8Array[] = [];
  const write = (text: string): void => void pieces.push(encoder.encode(text));
  for (const [at, [name, value]] of Object.entries(page).entries()) {
    write(`${at === 0 ? '{' : ','}${JSON.stringify(name)}:`);
    if (name === 'data') writeList(page.data, write);
    else write(JSON.stringify(value));
  }
  write('}');
  return joined(pieces);
}

function writeList(items: readonly unknown[], write: (text: string) => void): void {
  write('[');
  for (const [at, item] of items.entries()) write(`${at === 0 ? '' : ','}${JSON.stringify(item)}`);
  write(']');
}

/** In memory of its own, so that it can be handed to another thread. */
function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.byteLength, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.byteLength;
  }
  return bytes;
}
