import { fromBase64url, fromHex } from '../../wire/bytes.ts';
import { WireError } from '../../wire/errors.ts';

/**
 * Evidence travels through terminals, mails and JSON, so its text forms are taken too: at this edge only, and in one
 * spelling each (verifier-checks X17). Lines must be of one length, as every encoder writes them.
 */
export type TextEncoding = 'hex' | 'base64';

export function isTextEncoding(name: string): name is TextEncoding {
  return name === 'hex' || name === 'base64';
}

export function decodeText(bytes: Uint8Array, encoding: TextEncoding): Uint8Array | undefined {
  const text = joinedLines(bytes);
  if (text === undefined) return undefined;
  try {
    return encoding === 'hex' ? decodeHex(text) : decodeBase64(text);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

export interface DecodedText {
  readonly encoding: TextEncoding;
  readonly bytes: Uint8Array;
}

/** Hex first: a base64 text of more than a few characters is never all digits and a to f. */
export function recogniseText(bytes: Uint8Array): DecodedText | undefined {
  for (const encoding of ['hex', 'base64'] as const) {
    const decoded = decodeText(bytes, encoding);
    if (decoded !== undefined) return { encoding, bytes: decoded };
  }
  return undefined;
}

function joinedLines(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0 || bytes.some((byte) => byte > 0x7e)) return undefined;
  const text = new TextDecoder().decode(bytes).replace(/\r\n/g, '\n').replace(/\n$/, '');
  const lines = text.split('\n');
  const width = lines[0]?.length ?? 0;
  const even = lines.every(
    (line, index) => line.length === width || (index === lines.length - 1 && line.length < width),
  );
  return width > 0 && even ? lines.join('') : undefined;
}

function decodeHex(text: string): Uint8Array {
  return fromHex(/^[0-9A-F]+$/.test(text) ? text.toLowerCase() : text);
}

/** RFC 4648: section 4 with its padding, or section 5 without. */
function decodeBase64(text: string): Uint8Array {
  if (!/[+/=]/.test(text)) return fromBase64url(text);
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) {
    throw new WireError('base64url_invalid', 'not padded base64');
  }
  return fromBase64url(text.replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_'));
}
