import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseWorkerPolicy, verifyArchive } from '../../verifier/index.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import { commitElements, packTensor } from '../../wire/commitment/index.ts';
import { nodeSuite, sha256 } from '../../wire/crypto/node.ts';
import { encodeArchive } from '../../wire/message/archive.ts';
import type { Manifest } from '../../wire/message/manifest.ts';
import { encodeInferRequest, encodeInferResponse, type Tensor } from '../../wire/message/tensor.ts';
import { uintWord } from '../../wire/words.ts';
import { answerPolicy } from '../support/accept-answer.ts';
import {
  ANSWERED,
  type Answer,
  type AnswerChanges,
  answer,
  plain,
  publisherKey,
  signerKey,
} from '../support/answer.ts';
import { type Folder, temporaryFolder } from '../support/command.ts';
import { cosignedChallenge, cosignedHead, cosignerOf, dateOf, withHighS } from '../support/cosign.ts';
import { hasPython, python } from './python.ts';

interface Case {
  readonly answer: Answer;
  readonly policy?: Readonly<Record<string, JsonValue>>;
  /** Judged at its own time where it is an archive of long ago. */
  readonly purpose?: 'archive';
  /** What this implementation says of it; the other one has to say the same. */
  readonly expected: string;
}

const ones = (length: number, value = 0xaa): Uint8Array => new Uint8Array(length).fill(value);
const changed = (changes: AnswerChanges, expected: string): Case => ({ answer: answer(changes), expected });

/** Somebody whose clock the policy takes; any key of a test will do. */
const cosigner = publisherKey;
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const anchored = { anchors: { cosigners: [hex(cosignerOf(cosigner))], maxKeyAgeSeconds: 3_600 } };

function dated(offset: number, expected: string, archive: Partial<Answer['archive']> = {}): Case {
  const anchors = [cosignedHead(cosigner, dateOf(plain.archive, ANSWERED + offset))];
  return {
    answer: { ...plain, archive: { ...plain.archive, anchors, ...archive } },
    policy: anchored,
    purpose: 'archive',
    expected,
  };
}

const otherAnswer = answer({ identity: { sealKey: ones(32) } });
const forged = cosignedHead(signerKey, dateOf(plain.archive, ANSWERED));
const highHead = { ...forged, evidence: withHighS(cosignedHead(cosigner, dateOf(plain.archive, ANSWERED)).evidence) };
const moment = cosignedChallenge(cosigner, { time: BigInt(ANSWERED / 1_000), nonce: ones(32) });
const { request, response } = plain.archive;

/** Answers of a release that names a circuit: their receipts commit to the integers of one row. */
const whole: Tensor = { name: 'x', datatype: 'INT8', shape: [1, 2], data: Uint8Array.of(1, 0xff) };
const said = (tensor: Tensor): Uint8Array =>
  encodeInferResponse(
    { modelName: 'demo', modelVersion: '1.0.0', id: null, outputs: [{ ...tensor, name: 'y' }] },
    'json',
  ).body;
const asked = (tensor: Tensor): Uint8Array =>
  encodeInferRequest({ id: null, inputs: [tensor], outputs: 'all' }, 'json').body;
const integers: Partial<Manifest> = {
  circuit: ones(32),
  inputs: [{ name: 'x', datatype: 'INT8', shape: ['rows', 2] }],
  outputs: [{ name: 'y', datatype: 'INT8', shape: ['rows', 2] }],
};
const rows: Tensor = { ...whole, shape: [2, 2], data: new Uint8Array(4) };
const [element] = packTensor(whole) as [bigint];
const committed = uintWord(commitElements({ salt: ones(32, 0x22), inputs: [element], outputs: [element] }));

function committing(commitment: Uint8Array, expected: string, changes: AnswerChanges & { rows?: Tensor } = {}): Case {
  const tensor = changes.rows ?? whole;
  const body = said(tensor);
  const changed: AnswerChanges = {
    manifest: integers,
    requestBody: asked(tensor),
    response: { format: 1, jsonLength: body.length, body },
    ...changes,
    receipt: { commitment, ...changes.receipt },
  };
  return { answer: answer(changed), policy: { models: 'any' }, expected };
}

const MISMATCH = 'untrusted commitment_mismatch';

const cases: Readonly<Record<string, Case>> = {
  'a commitment to its tensors': committing(committed, 'accepted'),
  'a commitment to other tensors': committing(ones(32, 1), MISMATCH),
  'no commitment where one is due': committing(new Uint8Array(32), MISMATCH),
  'no commitment of several rows': committing(new Uint8Array(32), 'accepted', { rows }),
  'a commitment of several rows': committing(committed, MISMATCH, { rows }),
  'a commitment without a circuit': committing(committed, MISMATCH, { manifest: { ...integers, circuit: null } }),
  'a commitment of a failure': committing(committed, MISMATCH, { receipt: { status: 3n, fee: 0n } }),
  'a commitment whose payload was deleted': committing(committed, 'undetermined payload_missing', {
    archive: { request: null, response: null },
  }),
  'a commitment without a circuit whose payload was deleted': committing(committed, MISMATCH, {
    manifest: { ...integers, circuit: null },
    archive: { request: null, response: null },
  }),
  'an answer that is right': changed({}, 'accepted'),
  'a flipped output': changed(
    { archive: { response: { ...response, body: ones(14) } as never } },
    'untrusted payload_mismatch',
  ),
  'another output with its own digest': changed(
    { archive: { response: { format: 1, jsonLength: 14, body: ones(14), bodyHash: sha256(ones(14)) } } },
    'untrusted response_mismatch',
  ),
  'another input with its own digest': changed(
    { archive: { request: { ...request, body: ones(13), bodyHash: sha256(ones(13)) } as never } },
    'untrusted request_mismatch',
  ),
  "another log's receipt": changed({ archive: otherAnswer.bundle }, 'untrusted head_of_other_log'),
  'a head with a high s': changed(
    { bundle: { signature: withHighS(plain.bundle.signature) } },
    'untrusted head_signature',
  ),
  'a head that another key signed': changed({ headKey: publisherKey }, 'untrusted head_signature'),
  'a head of another chain': changed({ head: { chainId: 7n } }, 'untrusted head_of_other_chain'),
  'a root without the receipt': changed({ head: { root: ones(32) } }, 'untrusted inclusion_proof'),
  'a proof that is too short': changed({ bundle: { proof: plain.bundle.proof.slice(1) } }, 'untrusted inclusion_proof'),
  'a proof that is too long': changed(
    { bundle: { proof: [...plain.bundle.proof, ones(32)] } },
    'untrusted inclusion_proof',
  ),
  'a receipt at another index': changed({ receipt: { index: 2n } }, 'untrusted inclusion_proof'),
  'a receipt for another request': changed({ receipt: { requestId: ones(32) } }, 'untrusted request_id_mismatch'),
  'a receipt of another model': changed({ receipt: { modelId: ones(32) } }, 'untrusted model_mismatch'),
  'an execution that is not the receipted one': changed(
    { receipt: { execution: ones(32) } },
    'untrusted execution_mismatch',
  ),
  'an execution by another runtime': changed({ execution: { version: '0.0.1' } }, 'untrusted execution_contradiction'),
  'flags that were not asked for': changed({ receipt: { flags: 3n } }, 'untrusted flags_mismatch'),
  'a channel that was not named': changed({ receipt: { channel: ones(32) } }, 'untrusted channel_mismatch'),
  'another deadline': changed({ receipt: { deadline: 1n } }, 'untrusted deadline_mismatch'),
  'a fee above the price': changed({ receipt: { fee: 6n } }, 'untrusted fee_mismatch'),
  'a fee for a failure': changed({ receipt: { status: 2n, fee: 1n } }, 'untrusted fee_mismatch'),
  'a sum where no channel is': changed({ receipt: { cumulativeFee: 5n } }, 'untrusted cumulative_fee_mismatch'),
  'an answer that was not sealed': changed({ header: { flags: 0n } }, 'refused unsealed_refused'),
  'a document of another identity': changed({ document: { userData: ones(32) } }, 'untrusted identity_mismatch'),
  'a document with another key': changed({ document: { publicKey: ones(65) } }, 'untrusted signer_mismatch'),
  'a configuration that is not extended': changed({ extended: ones(32) }, 'untrusted configuration_not_bound'),
  'an identity that contradicts its configuration': changed(
    { identity: { chainId: 5n } },
    'untrusted identity_contradiction',
  ),
  'a document that answers another challenge': changed({ document: { nonce: ones(32) } }, 'refused challenge_mismatch'),
  'a manifest that another key signed': changed({ releaseKey: signerKey }, 'untrusted release_signature'),
  'a manifest of another model': changed(
    { archive: { release: answer({ manifest: { name: 'other' } }).release } },
    'untrusted release_mismatch',
  ),
  'a payload that was deleted': changed({ archive: { request: null, response: null } }, 'undetermined payload_missing'),
  'an old answer that nobody dated': {
    answer: plain,
    policy: anchored,
    purpose: 'archive',
    expected: 'undetermined not_anchored',
  },
  'an old answer under a policy that takes nobody’s word': {
    answer: plain,
    purpose: 'archive',
    expected: 'undetermined not_anchored',
  },
  'an old answer that was dated': dated(60_000, 'accepted'),
  'an answer that was dated before its document': dated(-600_000, 'refused anchor_before_document'),
  'an answer that was dated when its key was old': dated(7_200_000, 'refused key_too_old'),
  'a date that a stranger signed': dated(0, 'undetermined anchor_not_checked', { anchors: [forged] }),
  'a date with a high s': dated(0, 'untrusted anchor_signature', { anchors: [highHead] }),
  'a date of another head': dated(0, 'untrusted anchor_mismatch', {
    anchors: [cosignedHead(cosigner, { ...dateOf(plain.archive, ANSWERED), size: 9n })],
  }),
  'a date that is cut off': dated(0, 'malformed cosignature_invalid', {
    anchors: [{ kind: 'cosignature', evidence: forged.evidence.slice(1) }],
  }),
  'a challenge that was not made from its words': dated(0, 'untrusted payload_mismatch', {
    challenge: { value: plain.archive.challenge.value, preimage: moment },
  }),
};

describe.skipIf(!hasPython)('a .proofmark file, judged from Python (skipped without python3 and cryptography)', () => {
  let folder: Folder;
  beforeAll(() => {
    folder = temporaryFolder();
  });
  afterAll(() => folder.remove());

  it.each(Object.entries(cases))(
    'says of %s what this verifier says',
    async (_, { answer: { archive }, policy, purpose, expected }) => {
      const rules = answerPolicy(policy ?? {});
      const file = folder.file('answer.proofmark', encodeArchive(archive));
      const live = purpose === undefined ? ['--live-at', new Date(ANSWERED).toISOString()] : [];
      const asked = python(
        'verify_archive.py',
        file,
        '--policy',
        folder.file('policy.json', JSON.stringify(rules)),
        ...live,
      );
      const verdict = await verifyArchive(archive, {
        policy: parseWorkerPolicy(rules),
        purpose: purpose === undefined ? { kind: 'live', now: ANSWERED } : { kind: 'archive' },
        suite: nodeSuite,
        cache: 'none',
      });
      const here = 'code' in verdict ? `${verdict.verdict} ${verdict.code}` : verdict.verdict;
      expect(here).toBe(expected);
      const { out, err, code } = await asked;
      expect(err).toBe('');
      expect(out.split('\n', 1)[0]?.replace(': ', ' ')).toBe(expected);
      expect(code).toBe(expected === 'accepted' ? 0 : expected.startsWith('undetermined') ? 3 : 1);
      const failed = verdict.checks.filter(({ outcome }) => outcome === 'failed').map(({ id }) => id);
      expect([...out.matchAll(/^ {2}failed +(\S+)/gm)].map(([, id]) => id)).toEqual(failed);
    },
  );

  it('refuses a file that is none', async () => {
    const policy = folder.file('policy.json', JSON.stringify(answerPolicy()));
    const { code, out } = await python('verify_archive.py', folder.file('none.proofmark', '{}'), '--policy', policy);
    expect({ code, out }).toEqual({ code: 1, out: expect.stringContaining('archive_invalid') });
  });
});
