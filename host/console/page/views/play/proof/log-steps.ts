import type { PathStep } from '../../../../../../client/receipts/path.ts';
import { toHex } from '../../../../../../wire/bytes.ts';
import { verifyLowS } from '../../../../../../wire/crypto/ecdsa.ts';
import type { Suite } from '../../../../../../wire/crypto/suite.ts';
import { WireError } from '../../../../../../wire/errors.ts';
import type { Archive } from '../../../../../../wire/message/archive.ts';
import { signerPoint } from '../../../../../../wire/message/identity.ts';
import { decodeReceipt, decodeTreeHead, leafPreimage } from '../../../../../../wire/message/receipt.ts';
import { type Given, named, type ProofStep, same } from './step.ts';

export async function leafStep({ archive, suite, proven }: Given): Promise<ProofStep> {
  const receipt = decodeReceipt(archive.receipt);
  const leaf = await suite.sha256(leafPreimage(archive.receipt));
  return {
    id: 'leaf',
    title: 'The receipt is one leaf of the worker’s log',
    settles: 'A leaf is the digest of a receipt, with a prefix that no inner node has.',
    from: 'The receipt came with the answer, inside the seal.',
    comparisons: [],
    facts: [
      { label: 'SHA-256(0x00 || receipt)', value: toHex(leaf) },
      { label: 'index', value: `${receipt.index}` },
    ],
    checks: named(proven, /^R0$/),
  };
}

export async function pathStep({ archive, proven, suite }: Given, path: readonly PathStep[]): Promise<ProofStep> {
  const head = decodeTreeHead(archive.head);
  const receipt = decodeReceipt(archive.receipt);
  const leaf = await suite.sha256(leafPreimage(archive.receipt));
  return {
    id: 'path',
    title: 'The leaf is in the tree under the signed head',
    settles: 'Hashing the leaf with its neighbours, level by level, ends in the root that the worker signed.',
    from: 'The neighbours came with the answer. None of them is believed: another one gives another root.',
    comparisons: [
      same(`root, after ${path.length} level(s)`, path.at(-1)?.node ?? leaf, 'root of the signed head', head.root),
    ],
    facts: [{ label: 'place', value: `leaf ${receipt.index} of ${head.size}` }],
    checks: named(proven, /^R4$/),
  };
}

export async function headStep({ archive, proven, suite }: Given): Promise<ProofStep> {
  const { identity } = proven.worker;
  const point = signerPoint(identity);
  const verifies = await isSigned(suite, point, archive);
  return {
    id: 'head',
    title: 'The head is signed by the attested key',
    settles: 'Only the proven worker can sign for its log. Two heads of one size and different roots would convict it.',
    from: 'Head and signature came with the answer; the key stands in the identity words.',
    comparisons: [
      {
        computed: 'ECDSA P-256 over the six words of the head',
        value: verifies ? 'verifies' : 'does not verify',
        stated: 'under the signer of the identity',
        statedValue: toHex(point),
        holds: verifies,
      },
    ],
    facts: [],
    checks: named(proven, /^R(1|2|3|14|15)$/),
  };
}

async function isSigned(suite: Suite, point: Uint8Array, { head, signature }: Archive): Promise<boolean> {
  try {
    return await verifyLowS(suite, point, head, signature);
  } catch (error) {
    if (error instanceof WireError) return false;
    throw error;
  }
}
