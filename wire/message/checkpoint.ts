import { fromBase64, toBase64 } from '../base64.ts';
import { concatBytes, equalBytes, fromHex, toHex, utf8 } from '../bytes.ts';
import { WireError } from '../errors.ts';
import { limits } from '../limits.ts';
import { decodeTreeHead, encodeTreeHead } from './receipt.ts';

/**
 * A signed head as C2SP's tlog-checkpoint and signed-note write it:
 *
 *     <log, 64 hex digits>
 *     <size>
 *     <root, base64>
 *     chain <chain id>
 *     settlement <address, 40 hex digits>
 *
 *     — <log> <base64 of key id || 64 bytes of signature>
 *
 * A worker signs six words (DESIGN section 4), not this text, and signs nothing twice: the signature is therefore of a
 * type of its own. The text names every one of the words, so that whoever reads it rebuilds them and checks the
 * signature of the head that any contract accepts. Signed notes keep type 0xff, with a longer name after it, for types
 * that have no number; readers who do not know it find no signature by a known key and must refuse the note. Ed25519,
 * which tlog-tiles asks of logs that public witnesses cosign, is not among what a worker signs with.
 */
export interface Checkpoint {
  /** The six words that the signature is over. */
  readonly head: Uint8Array;
  readonly signature: Uint8Array;
  readonly keyId: Uint8Array;
}

const SIGNATURE_TYPE: Uint8Array = concatBytes(Uint8Array.of(0xff), utf8('proofmark head v1'));
const KEY_ID_BYTES = 4;
const DASH = '\u2014';

/** The key id is the first four bytes of this one's SHA-256. */
export function checkpointKeyPreimage(log: Uint8Array, signer: Uint8Array): Uint8Array {
  return concatBytes(utf8(`${toHex(log)}\n`), SIGNATURE_TYPE, signer);
}

export function encodeCheckpoint({ head, signature, keyId }: Checkpoint): string {
  const { log, size, root, chainId, settlement } = decodeTreeHead(head);
  if (signature.length !== 64) throw new WireError('signature_format', 'a signature has 64 bytes');
  if (keyId.length < KEY_ID_BYTES) throw new WireError('field_invalid', 'a key id has four bytes', { field: 'keyId' });
  const name = toHex(log);
  const text = [name, `${size}`, toBase64(root), `chain ${chainId}`, `settlement ${toHex(settlement)}`];
  const signed = toBase64(concatBytes(keyId.slice(0, KEY_ID_BYTES), signature));
  return `${text.join('\n')}\n\n${DASH} ${name} ${signed}\n`;
}

const LINES =
  /^([0-9a-f]{64})\n([0-9]{1,15})\n([A-Za-z0-9+/]{43}=)\nchain ([0-9]{1,78})\nsettlement ([0-9a-f]{40})\n\n\u2014 ([0-9a-f]{64}) ([A-Za-z0-9+/]{91}=)\n$/;

/** Accepts the one spelling that `encodeCheckpoint` has for each head. Whether the signature holds is for the caller. */
export function decodeCheckpoint(text: string): Checkpoint {
  if (text.length > limits.checkpointBytes) throw new WireError('too_large', 'checkpoint');
  const [, log = '', size, root = '', chainId = '', settlement = '', name, signed = ''] = LINES.exec(text) ?? [];
  if (size === undefined || name !== log) throw new WireError('field_invalid', 'not a checkpoint of a worker’s log');
  const bytes = fromBase64(signed);
  const head = encodeTreeHead({
    log: fromHex(log),
    size: Number(size),
    root: fromBase64(root),
    chainId: BigInt(chainId),
    settlement: fromHex(settlement),
  });
  const checkpoint = { head, signature: bytes.slice(KEY_ID_BYTES), keyId: bytes.slice(0, KEY_ID_BYTES) };
  if (!equalBytes(utf8(encodeCheckpoint(checkpoint)), utf8(text))) {
    throw new WireError('field_invalid', 'a checkpoint has one spelling');
  }
  return checkpoint;
}
