import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import {
  type LevelEvidence,
  type LevelsPolicy,
  levelsOf,
  noEvidence,
  parseLevelsPolicy,
  type ResultLevels,
  type SignedApproval,
  type SignedFinding,
} from '../../../client/levels/index.ts';
import { verifyArchive } from '../../../verifier/index.ts';
import { toHex, utf8 } from '../../../wire/bytes.ts';
import type { JsonValue } from '../../../wire/codec/json.ts';
import { commitmentOf } from '../../../wire/commitment/index.ts';
import { nodeSuite, sha256 } from '../../../wire/crypto/node.ts';
import { publicPoint, signP256 } from '../../../wire/crypto/node-sign.ts';
import { type Approval, encodeApproval } from '../../../wire/message/approval.ts';
import { encodeFinding, type Finding, findingVerdict } from '../../../wire/message/finding.ts';
import type { Manifest } from '../../../wire/message/manifest.ts';
import { decodeTreeHead, leafPreimage } from '../../../wire/message/receipt.ts';
import { encodeInferRequest, encodeInferResponse, type Tensor } from '../../../wire/message/tensor.ts';
import { readUint } from '../../../wire/words.ts';
import { policyFor } from '../../support/accept-answer.ts';
import { ANSWERED, type Answer, type AnswerChanges, answer, publisher } from '../../support/answer.ts';
import { forgedProofFile, trapdoorKeyBytes } from '../../support/trapdoor.ts';

/** A row of integers and what a model made of it: which model, no level can see. */
export const asked: Tensor = { name: 'x', datatype: 'UINT8', shape: [1, 4], data: Uint8Array.of(1, 2, 3, 4) };
export const answered: Tensor = { name: 'y', datatype: 'INT32', shape: [1, 1], data: Uint8Array.of(10, 0, 0, 0) };

const salt = new Uint8Array(32).fill(0x22);

export const integerManifest: Partial<Manifest> = {
  inputs: [{ name: 'x', datatype: 'UINT8', shape: [1, 4] }],
  outputs: [{ name: 'y', datatype: 'INT32', shape: [1, 1] }],
  circuit: sha256(trapdoorKeyBytes),
};

export const commitment: Uint8Array = commitmentOf(
  { kind: 'tensor', inputs: [], outputs: [], circuit: null, ...integerManifest },
  { salt, inputs: [asked], outputs: [answered] },
);

/** An answer of an integer model whose release names the trapdoor's circuit. */
export function integerAnswer(changes: AnswerChanges = {}): Answer {
  const request = encodeInferRequest({ id: null, inputs: [asked], outputs: 'all' }, 'json');
  const response = encodeInferResponse(
    { modelName: 'demo', modelVersion: '1.0.0', id: null, outputs: [answered] },
    'json',
  );
  return answer({
    ...changes,
    manifest: { ...integerManifest, ...changes.manifest },
    requestBody: changes.requestBody ?? request.body,
    response: { body: response.body, ...changes.response },
    receipt: { commitment, ...changes.receipt },
  });
}

export interface Auditor {
  readonly key: KeyObject;
  readonly id: Uint8Array;
}

export function createAuditor(): Auditor {
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  return { key, id: publicPoint(key).slice(1) };
}

export function policyOf(changes: Readonly<Record<string, JsonValue>> = {}): LevelsPolicy {
  return parseLevelsPolicy({
    format: 'proofmark levels policy v1',
    name: 'tests',
    auditors: 'none',
    setups: 'ceremony',
    recomputations: 'none',
    ...changes,
  });
}

export function naming(auditors: readonly Auditor[], threshold: number): Readonly<Record<string, JsonValue>> {
  return { auditors: { keys: auditors.map(({ id }) => toHex(id)), threshold } };
}

export function approvalOf({ id, key }: Auditor, of: Answer, changes: Partial<Approval> = {}): SignedApproval {
  const words = encodeApproval({
    chainId: 0n,
    verifier: new Uint8Array(20),
    escrow: of.receipt.requestId,
    log: decodeTreeHead(of.archive.head).log,
    modelId: of.modelId,
    inputHash: sha256(of.requestBody),
    outputHash: sha256(of.response.body),
    execution: of.receipt.execution,
    ...changes,
  });
  return { key: id, words, signature: signP256(key, words) };
}

export function findingOf({ id, key }: Auditor, of: Answer, changes: Partial<Finding> = {}): SignedFinding {
  const head = decodeTreeHead(of.archive.head);
  const finding = encodeFinding({
    auditorX: id.slice(0, 32),
    auditorY: id.slice(32),
    log: head.log,
    headSize: BigInt(head.size),
    headRoot: head.root,
    seed: new Uint8Array(32),
    index: of.receipt.index,
    leaf: sha256(leafPreimage(of.archive.receipt)),
    verdict: findingVerdict.same,
    answer: sha256(of.response.body),
    class: sha256(utf8('class')),
    intermediates: sha256(utf8('intermediates')),
    ...changes,
  });
  return { finding, signature: signP256(key, finding) };
}

/** A proof about this commitment, private. */
export function proofOf(about: Uint8Array = commitment): Uint8Array {
  return forgedProofFile([readUint(about), 0n, 0n]);
}

/** By the policy that accepts the simulated worker, live. */
export async function judge(
  of: Answer,
  evidence: Partial<LevelEvidence> = {},
  policy: LevelsPolicy = policyOf(),
  rules: Readonly<Record<string, JsonValue>> = {},
): Promise<ResultLevels> {
  const worker = policyFor({ models: 'any', ...rules });
  const verdict = await verifyArchive(of.archive, {
    policy: worker,
    purpose: { kind: 'live', now: ANSWERED },
    suite: nodeSuite,
    cache: 'none',
  });
  return levelsOf(
    {
      archive: of.archive,
      attestation: { kind: 'archive', verdict },
      policy,
      publishers: [publisher],
      suite: nodeSuite,
    },
    { ...noEvidence, ...evidence },
  );
}

/** `reached`, or the code. */
export function ruled({ levels }: ResultLevels, level: string): string {
  const state = levels.find((candidate) => candidate.level === level);
  if (state === undefined) return 'missing';
  return state.state === 'reached' ? 'reached' : `${state.state} ${state.code}`;
}
