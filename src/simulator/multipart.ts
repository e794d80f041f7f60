import { refusal } from './answer.ts';

/** The parts of a `multipart/form-data` body that the simulator looks at. */
export interface Form {
  readonly fields: ReadonlyMap<string, string>;
  /** Files by the name of their part. */
  readonly files: ReadonlyMap<string, { readonly filename: string; readonly bytes: Buffer }>;
}

const LINE_END = '\r\n';

/**
 * Reads a whole multipart body (RFC 7578). Strict: a body that a lenient reader might take is refused, so that a proxy
 * that damages one is noticed.
 *
 * @throws Refused 400 where the content type or the body is not well formed
 */
export function readForm(contentType: string, body: Buffer): Form {
  const boundary = /^multipart\/form-data\s*;.*?boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType);
  const name = boundary?.[1] ?? boundary?.[2];
  if (name === undefined) throw malformed('the content type is not multipart/form-data with a boundary');

  const fields = new Map<string, string>();
  const files = new Map<string, { filename: string; bytes: Buffer }>();
  const delimiter = Buffer.from(`--${name}`);
  let at = body.indexOf(delimiter);
  if (at < 0) throw malformed('the boundary does not occur');
  for (;;) {
    at += delimiter.length;
    const next = body.subarray(at, at + 2).toString('latin1');
    if (next === '--') return { fields, files };
    if (next !== LINE_END) throw malformed('a boundary is not followed by a line end');
    const headersEnd = body.indexOf(LINE_END + LINE_END, at);
    const partEnd = body.indexOf(Buffer.concat([Buffer.from(LINE_END), delimiter]), headersEnd);
    if (headersEnd < 0 || partEnd < 0) throw malformed('a part does not end');
    const headers = body.toString('utf8', at + 2, headersEnd);
    const bytes = body.subarray(headersEnd + 4, partEnd);
    const partName = /content-disposition:[^\r\n]*[;\s]name="([^"]*)"/i.exec(headers)?.[1];
    const filename = /content-disposition:[^\r\n]*;\s*filename="([^"]*)"/i.exec(headers)?.[1];
    if (partName === undefined) throw malformed('a part has no name');
    if (filename === undefined) fields.set(partName, bytes.toString('utf8'));
    else files.set(partName, { filename, bytes });
    at = partEnd + LINE_END.length;
  }
}

function malformed(why: string): Error {
  return refusal(400, { message: `Could not parse multipart form: ${why}.` });
}
