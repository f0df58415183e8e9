import { fromBase64url } from '../../wire/bytes.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { VerifierError } from '../errors.ts';
import { ascii } from './der.ts';

/** What a PEM file held, in its order. */
export interface PemContents {
  readonly certificates: readonly Uint8Array[];
  readonly revocationLists: readonly Uint8Array[];
}

const BLOCK = /^-----BEGIN ([A-Z0-9 ]+)-----\r?\n([A-Za-z0-9+/=\r\n]*?)-----END \1-----\r?$/gm;
const BOUNDARY = /^-----(?:BEGIN|END) /gm;

/**
 * RFC 7468: certificates and revocation lists; lines outside the blocks are comments, as AMD's own chain files have
 * none and people's have some. A block of any other kind is refused, since it is not what the caller meant to give.
 */
export function parsePem(bytes: Uint8Array): PemContents {
  if (bytes.length > limits.snpTableBytes) throw malformed(`more than ${limits.snpTableBytes} bytes`);
  const text = ascii(bytes);
  const certificates: Uint8Array[] = [];
  const revocationLists: Uint8Array[] = [];
  let blocks = 0;
  for (const [, label, body] of text.matchAll(BLOCK)) {
    blocks += 1;
    if (blocks > limits.snpTableEntries) throw malformed('too many blocks');
    const contents = decode(body ?? '');
    if (label === 'CERTIFICATE') certificates.push(contents);
    else if (label === 'X509 CRL') revocationLists.push(contents);
    else throw malformed(`a block of ${label}`);
  }
  // Two boundaries to a block: any other one belongs to a block that could not be read.
  if (blocks === 0 || [...text.matchAll(BOUNDARY)].length !== 2 * blocks) throw malformed('a broken block');
  return { certificates, revocationLists };
}

function decode(body: string): Uint8Array {
  const digits = body.replaceAll(/[\r\n]/g, '');
  const [data = '', padding = ''] = /^([^=]*)(={0,2})$/.exec(digits)?.slice(1) ?? [];
  if (data.length === 0 || (data.length + padding.length) % 4 !== 0) throw malformed('a broken block');
  try {
    return fromBase64url(data.replaceAll('+', '-').replaceAll('/', '_'));
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw malformed('a broken block');
  }
}

function malformed(detail: string): VerifierError {
  return new VerifierError('pem_invalid', detail, { checkId: 'X1' });
}
