import { toHex } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { encodeApproval } from '../../../wire/message/approval.ts';
import {
  auditorAskMessage,
  auditorMessage,
  blindedFinding,
  classPreimage,
  drawPreimage,
  encodeFinding,
  findingCommitMessage,
  findingVerdict,
  probePreimage,
  revealMessage,
  samplePreimage,
} from '../../../wire/message/finding.ts';
import { describeKey, filler, sign, testKey } from './keys.ts';
import type { Json } from './messages.ts';

const auditor = testKey('auditor');
const SIZE = 6;
const LINKS = 3;

/** What auditors sign: approvals, commits and findings, their hash chain, and the questions that they ask hosts. */
export function auditorVectors(): Json {
  const key = { auditorX: auditor.point.slice(1, 33), auditorY: auditor.point.slice(33) };
  const peer = testKey('another auditor');
  const other = { auditorX: peer.point.slice(1, 33), auditorY: peer.point.slice(33) };
  const log = filler('log');
  const root = filler('root');
  const leaf = filler('leaf');
  const chain = [filler('chain secret')];
  for (let link = 0; link < LINKS; link++) chain.push(sha256(chain[link] as Uint8Array));
  const link = chain[LINKS - 1] as Uint8Array;
  const seed = sha256(samplePreimage({ log, size: SIZE, root, link }));
  const computing = {
    engine: 'onnxruntime',
    version: '1.30.0',
    provider: 'cpu',
    optimisation: 'all',
    threads: 1,
    cpuFamily: 'GenuineExample/6/85',
    cpuIsa: 'avx2',
  } as const;
  const finding = encodeFinding({
    ...key,
    ...{ log, headSize: BigInt(SIZE), headRoot: root, seed, index: 4n, leaf },
    ...{ verdict: findingVerdict.same, answer: filler('answer'), class: sha256(classPreimage(computing)) },
    intermediates: filler('intermediates'),
  });
  const blinding = filler('blinding');
  const digest = sha256(blindedFinding(finding, blinding));
  const approval = encodeApproval({
    ...{ chainId: 31_337n, verifier: filler('verifier', 20), escrow: filler('escrow'), log },
    ...{ modelId: filler('model'), inputHash: filler('input'), outputHash: filler('output') },
    execution: filler('execution'),
  });
  const ask = auditorAskMessage({
    ...key,
    ...{ host: filler('host'), log, index: 4n, time: 1_900_000_000n, nonce: filler('nonce') },
  });
  return {
    about: 'Proofmark golden vector. TEST VECTORS ONLY: every private key in here is public.',
    auditor: describeKey(auditor),
    chain: {
      links: String(LINKS),
      values: chain.map(toHex),
      statement: signed(auditorMessage({ ...key, links: BigInt(LINKS), anchor: chain[LINKS] as Uint8Array })),
    },
    sample: {
      fields: { log: toHex(log), size: String(SIZE), root: toHex(root), link: toHex(link) },
      preimage: toHex(samplePreimage({ log, size: SIZE, root, link })),
      seed: toHex(seed),
      draws: [0, 1, 2].map((draw) => toHex(sha256(drawPreimage(seed, draw)))),
    },
    class: {
      fields: { ...computing, threads: String(computing.threads) },
      preimage: toHex(classPreimage(computing)),
      hash: toHex(sha256(classPreimage(computing))),
    },
    finding: { ...signed(finding), blinding: toHex(blinding), digest: toHex(digest) },
    commit: signed(findingCommitMessage({ ...key, leaf, digest })),
    reveal: signed(
      revealMessage(finding, { blinding, digest, number: 1n, link, samples: 3n }, [
        { ...other, digest: filler('other digest') },
      ]),
    ),
    probe: { leaf: toHex(leaf), seed: toHex(sha256(probePreimage(leaf))) },
    approval: signed(approval),
    ask: signed(ask),
  };
}

function signed(message: Uint8Array): { readonly words: string; readonly signature: string } {
  return { words: toHex(message), signature: toHex(sign(auditor, message)) };
}
