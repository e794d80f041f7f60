import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/**
 * The look of a Metertap key: `<prefix>_<id>_<secret><checksum>` (contract.md, "Credentials"; standards.md 9).
 *
 * The id is readable, so that a leaked key can be revoked from its text alone. The secret has 256 bits. The checksum is
 * the CRC32 of everything before it: a scanner or a proxy can tell a mistyped key from an unknown one without asking
 * anybody. It protects nothing; only the look-up by HMAC does.
 */
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const SECRET_BYTES = 32;
/** 62^43 is just above 2^256. */
const SECRET_LENGTH = 43;
/** 62^6 is above 2^32. */
const CHECKSUM_LENGTH = 6;

const PREFIX = /^[A-Za-z0-9_-]{1,32}$/;
const KEY_ID = /^[A-Za-z0-9-]{1,64}$/;
const AFTER_PREFIX = /^[A-Za-z0-9-]{1,64}_[A-Za-z0-9]{49}$/;

/** `foreign`: not made with this prefix, so nothing can be said of it offline. */
export type KeyFormat = 'well_formed' | 'typo' | 'foreign';

/**
 * Makes a new key. The caller shows it once and keeps only its HMAC.
 *
 * @param prefix letters, digits, dashes and underscores, for example `mt` or `sk-mt`
 * @param id 1 to 64 letters, digits and dashes
 * @throws Error when the prefix or the id does not have that form
 */
export function mintKey(prefix: string, id: string): string {
  if (!PREFIX.test(prefix)) {
    throw new Error('a key prefix is 1 to 32 letters, digits, dashes and underscores');
  }
  if (!KEY_ID.test(id)) throw new Error('the id of a minted key is 1 to 64 letters, digits and dashes');
  const secret = base62(BigInt(`0x${randomBytes(SECRET_BYTES).toString('hex')}`), SECRET_LENGTH);
  const body = `${prefix}_${id}_${secret}`;
  return body + checksum(body);
}

/** Tells, without any look-up, whether `key` can be a Metertap key at all. Used to answer typos early. */
export function checkKeyFormat(prefix: string, key: string): KeyFormat {
  if (!key.startsWith(`${prefix}_`)) return 'foreign';
  const bodyLength = key.length - CHECKSUM_LENGTH;
  if (checksum(key.slice(0, bodyLength)) !== key.slice(bodyLength)) return 'typo';
  // A right checksum under another form: made while the prefix was a longer one, as `sk_mt` is than `sk`.
  return AFTER_PREFIX.test(key.slice(prefix.length + 1)) ? 'well_formed' : 'foreign';
}

/** In plain numbers: it is worked out for every credential that was not seen lately. */
function checksum(text: string): string {
  let rest = crc32(text);
  let digits = '';
  for (let i = 0; i < CHECKSUM_LENGTH; i++) {
    digits = (BASE62[rest % 62] ?? '0') + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}

function base62(value: bigint, length: number): string {
  let rest = value;
  let text = '';
  for (let i = 0; i < length; i++) {
    text = (BASE62[Number(rest % 62n)] ?? '0') + text;
    rest /= 62n;
  }
  return text;
}
