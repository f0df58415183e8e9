import { equalBytes, isZero, toHex } from '../../wire/bytes.ts';
import { commitmentOfExchange, isCommitting, whyUncommittable } from '../../wire/commitment/index.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import { WireError } from '../../wire/errors.ts';
import type { Manifest } from '../../wire/message/manifest.ts';
import { type Receipt, status, statusName } from '../../wire/message/receipt.ts';
import { decodeRequestHeader, requestPreimage, responsePreimage } from '../../wire/message/request.ts';
import { copyOf } from '../copy.ts';
import type { UntrustedCode } from '../errors.ts';
import type { Check } from '../result.ts';
import { type CheckName, failed, passed, type Rule, runUntilFailure } from '../rules.ts';
import type { ExpectedRequest, ExpectedResponse } from './facts.ts';

/** A receipt that was accepted, under the manifest that it names. */
export interface CommitmentSubject {
  readonly receipt: Receipt;
  readonly manifest: Manifest;
  /** "deleted" for an archive whose payload is gone. */
  readonly exchange: { readonly request: ExpectedRequest; readonly response: ExpectedResponse } | 'deleted';
  readonly suite: Suite;
}

export interface CommitmentReport {
  readonly checks: readonly Check[];
  readonly code: UntrustedCode | null;
}

type Exchange = Exclude<CommitmentSubject['exchange'], 'deleted'>;

interface Context extends CommitmentSubject {
  readonly exchange: Exchange | 'deleted';
  readonly isDue: boolean;
}

/** DESIGN section 4: whoever relies on a proof of the commitment relies on the worker having made it of this answer. */
const commitmentRules: readonly Rule<Context, UntrustedCode>[] = [
  {
    id: 'K1',
    title: 'the commitment is that of request and answer, where the release names a circuit',
    run: ({ receipt, manifest, exchange, isDue, suite }) => {
      if (!isDue || exchange === 'deleted') {
        const why = whyNone(receipt, manifest);
        return isZero(receipt.commitment)
          ? passed(`zero: ${why}`)
          : failed('commitment_mismatch', `${toHex(receipt.commitment)}, and ${why}`);
      }
      return holdAgainst(exchange, { receipt, manifest, suite });
    },
  },
];

export const commitmentChecks: readonly CheckName[] = commitmentRules;

export async function checkCommitment(subject: CommitmentSubject): Promise<CommitmentReport> {
  const { receipt, manifest } = subject;
  const isDue = receipt.status === status.ok && isCommitting(manifest);
  if (isDue && subject.exchange === 'deleted') {
    const detail = 'the payload is missing';
    return {
      checks: commitmentRules.map(({ id, title }) => ({ id, title, outcome: 'not-reached', detail })),
      code: null,
    };
  }
  return runUntilFailure(commitmentRules, { ...subject, isDue });
}

function whyNone({ status: word }: Receipt, manifest: Manifest): string {
  if (manifest.circuit === null) return 'the release names no circuit';
  return whyUncommittable(manifest) ?? `an answer with the status ${statusName(word)} has none`;
}

type Finding = ReturnType<typeof passed> | ReturnType<typeof failed<'commitment_mismatch'>>;

/** Copied and hashed once more: buffers may have changed since the receipt was held against them. */
async function holdAgainst(
  { request, response }: Exchange,
  { receipt, manifest, suite }: Omit<CommitmentSubject, 'exchange'>,
): Promise<Finding> {
  const headerBytes = copyOf(request.header, 'request.header');
  const body = copyOf(request.body, 'request.body');
  const answered = copyOf(response.body, 'response.body');
  const mismatch = (detail: string): Finding => failed('commitment_mismatch', detail);
  try {
    const header = decodeRequestHeader(headerBytes);
    const answer = { format: BigInt(response.format), jsonLength: BigInt(response.jsonLength) };
    const [bodyHash, answerHash] = await Promise.all([suite.sha256(body), suite.sha256(answered)]);
    const terms = { salt: header.salt, status: receipt.status, ...answer, bodyHash: answerHash };
    const [asked, got] = await Promise.all([
      suite.sha256(requestPreimage(headerBytes, bodyHash)),
      suite.sha256(responsePreimage(terms)),
    ]);
    if (!equalBytes(asked, receipt.requestHash) || !equalBytes(got, receipt.responseHash)) {
      return mismatch('request and answer are not those of the receipt');
    }
    const expected = commitmentOfExchange(manifest, {
      header,
      body,
      response: { format: answer.format, jsonLength: response.jsonLength, body: answered },
    });
    if (equalBytes(receipt.commitment, expected)) {
      return passed(isZero(expected) ? 'zero: not one row of every input and output' : `matches: ${toHex(expected)}`);
    }
    if (isZero(expected)) return mismatch('something, and this is not one row of every input and output');
    return mismatch(isZero(receipt.commitment) ? 'nothing, and one is due' : 'other tensors');
  } catch (error) {
    if (error instanceof WireError) return mismatch(`request or answer holds no tensors: ${error.message}`);
    throw error;
  }
}
