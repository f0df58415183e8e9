import type { KeyObject } from 'node:crypto';
import { concatBytes } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { publicPoint, signP256 } from '../../wire/crypto/node-sign.ts';
import {
  type ChallengeDate,
  challengeDateMessage,
  encodeCosigned,
  type HeadDate,
  headDateMessage,
} from '../../wire/message/anchor.ts';
import type { Archive, TimeAnchor } from '../../wire/message/archive.ts';
import { decodeTreeHead } from '../../wire/message/receipt.ts';

/** What a third party with a clock and a key would give. */
export function cosignerOf(key: KeyObject): Uint8Array {
  return publicPoint(key).slice(1);
}

export function dateOf(archive: Pick<Archive, 'head' | 'evidence'>, time: number): HeadDate {
  const { log, size, root } = decodeTreeHead(archive.head);
  return {
    log,
    size: BigInt(size),
    root,
    document: sha256(archive.evidence.document),
    time: BigInt(Math.floor(time / 1_000)),
  };
}

export function cosignedHead(key: KeyObject, date: HeadDate): TimeAnchor {
  return { kind: 'cosignature', evidence: cosigned(key, headDateMessage(date)) };
}

/** The preimage of a challenge. */
export function cosignedChallenge(key: KeyObject, date: ChallengeDate): Uint8Array {
  return cosigned(key, challengeDateMessage(date));
}

function cosigned(key: KeyObject, message: Uint8Array): Uint8Array {
  return encodeCosigned({ message, cosigner: cosignerOf(key), signature: signP256(key, message) });
}

/** The same signature with s turned to n - s, which verifies wherever nobody looks. */
export function withHighS(bytes: Uint8Array): Uint8Array {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const s = BigInt(`0x${Buffer.from(bytes.subarray(-32)).toString('hex')}`);
  const high = Buffer.from((order - s).toString(16).padStart(64, '0'), 'hex');
  return concatBytes(bytes.subarray(0, -32), Uint8Array.from(high));
}
