import { type KeyObject, verify } from 'node:crypto';
import { importPoint, type NodeSuite, nodeSuite } from '../../wire/crypto/node.ts';

/** The signers of the workers that a client talks to. Reading a key takes as long as checking a signature with it. */
const MOST_SIGNERS = 16;
const signers: { readonly point: Uint8Array; readonly key: KeyObject }[] = [];

function signer(point: Uint8Array): KeyObject {
  const known = signers.find((entry) => Buffer.compare(entry.point, point) === 0);
  if (known !== undefined) return known.key;
  const key = importPoint('P-256', point);
  if (signers.length >= MOST_SIGNERS) signers.shift();
  signers.push({ point: Uint8Array.from(point), key });
  return key;
}

/** Node's suite for somebody who checks many signatures by few keys. */
export const clientSuite: NodeSuite = {
  ...nodeSuite,
  verifyP256(point, message, signature) {
    try {
      return verify('sha256', message, { key: signer(point), dsaEncoding: 'ieee-p1363' }, signature);
    } catch {
      return false;
    }
  },
};
