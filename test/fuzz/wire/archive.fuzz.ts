import { type Archive, decodeArchive, encodeArchive } from '../../../wire/message/archive.ts';
import { decodeEvidence, type Evidence, encodeEvidence } from '../../../wire/message/evidence.ts';
import { golden, goldenReceipt } from '../golden.ts';
import { type Check, forCheck, oneOfMany, stable } from '../refused.ts';

/** JSON around signed bytes: many spellings, one value. */
export const fuzz: Check = oneOfMany([stable(decodeArchive, encodeArchive), stable(decodeEvidence, encodeEvidence)]);

const one = Uint8Array.of(1);
const hash = new Uint8Array(32).fill(4);

// Mutations of jsfuzz end at 4 KiB, so the parts whose contents are not read here are a byte long.
const evidence: Evidence = {
  version: 1,
  tee: 'aws-nitro',
  document: one,
  certificates: [],
  revocationLists: [],
  identity: golden.identity,
  configuration: one,
  runtime: one,
};

const archive: Archive = {
  format: 'proofmark archive v1',
  receipt: goldenReceipt,
  execution: one,
  proof: [hash],
  head: golden.head,
  signature: golden.headSignature,
  evidence,
  challenge: { value: hash, preimage: null },
  release: { manifest: Uint8Array.of(0x7b, 0x7d), owner: new Uint8Array(64), signature: golden.releaseSignature },
  request: null,
  response: null,
  anchors: [],
};

export const seeds: readonly Uint8Array[] = [
  forCheck(0, encodeArchive(archive)),
  forCheck(
    0,
    encodeArchive({
      ...archive,
      challenge: { value: hash, preimage: one },
      request: { header: golden.header, bodyHash: hash, body: one },
      response: { format: 1, jsonLength: 1, bodyHash: hash, body: one },
      anchors: [{ kind: 'rfc3161', evidence: one }],
    }),
  ),
  forCheck(1, encodeEvidence(evidence)),
  forCheck(1, encodeEvidence({ ...evidence, tee: 'amd-sev-snp', certificates: [one], revocationLists: [hash] })),
];
