/** Which headers a configuration may add to requests. */

/** A header value: one line (RFC 9110, 5.5). */
export const HEADER_VALUE = '^[\\t\\x20-\\x7e\\x80-\\xff]*$';

/** A header name (RFC 9110, 5.1), but none that Metertap or HTTP itself must set. */
export const HEADER_NAME =
  "^(?!(?:connection|content-length|host|keep-alive|te|trailer|transfer-encoding|upgrade)$)[a-z0-9!#$%&'*+.^_`|~-]+$";
