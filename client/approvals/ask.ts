import { parseUnverifiedArchive, VerifierError } from '../../verifier/index.ts';
import { concatBytes, equalBytes, isZero, toHex } from '../../wire/bytes.ts';
import { verifyLowS } from '../../wire/crypto/ecdsa.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { type Approval, decodeApproval, encodeApproval } from '../../wire/message/approval.ts';
import type { Archive } from '../../wire/message/archive.ts';
import { decodeApprovalRecord } from '../../wire/message/finding-record.ts';
import { decodeReceipt, decodeTreeHead } from '../../wire/message/receipt.ts';
import { ClientError } from '../errors.ts';
import type { HostTransport } from '../transport.ts';
import { violation } from '../violation.ts';

/** For which payment an auditor is to vouch. */
export interface ApprovalStatement {
  readonly chainId: bigint;
  /** The contract that counts approvals. */
  readonly verifier: Uint8Array;
  readonly escrow: Uint8Array;
}

/** An auditor as whoever asks knows it: by its key. Where it is reached proves nothing. */
export interface NamedAuditor {
  readonly key: Uint8Array;
  readonly host: HostTransport;
}

/** A signature that verifies under the named key, over words that were made here. */
export interface GivenApproval {
  /** Its place among the auditors that were asked. */
  readonly auditor: number;
  readonly key: Uint8Array;
  readonly words: Uint8Array;
  /** 64 bytes r||s, low s. */
  readonly signature: Uint8Array;
}

export interface RefusedApproval {
  readonly auditor: number;
  readonly key: Uint8Array;
  /** The auditor's own code, as `other_bits`; else the code of what went wrong on the way. */
  readonly reason: string;
  readonly error: ClientError;
}

export interface Approvals {
  /** In the order in which the auditors were named. */
  readonly approvals: readonly GivenApproval[];
  readonly refusals: readonly RefusedApproval[];
}

export interface AskApprovalsOptions {
  readonly auditors: readonly NamedAuditor[];
  /** A `.proofmark` file with its payloads: whoever vouches for an answer has to see question and answer. */
  readonly archive: Uint8Array;
  readonly statement: ApprovalStatement;
  readonly suite: Suite;
}

/**
 * Asks auditors to compute an answer again and to sign that it is the same bits. One that says no, is away, or answers
 * with another signature takes nothing from what the others give: how many are enough is for whoever counts them.
 */
export async function askApprovals({ auditors, archive, statement, suite }: AskApprovalsOptions): Promise<Approvals> {
  checkNames(auditors);
  const words = await approvalWords(archive, statement, suite);
  const path = approvalPath(statement);
  const asked = await Promise.all(
    auditors.map(async ({ key, host }, auditor): Promise<GivenApproval | RefusedApproval> => {
      try {
        return { auditor, key, words, signature: await askOne({ host, path, archive }, { key, words, suite }) };
      } catch (error) {
        if (!(error instanceof ClientError)) throw error;
        return { auditor, key, reason: error.reason, error };
      }
    }),
  );
  return {
    approvals: asked.filter((answer) => 'signature' in answer),
    refusals: asked.filter((answer) => 'reason' in answer),
  };
}

/** The words that an auditor signs for this answer: whoever checks a signature makes them, and takes nobody's. */
export async function approvalWords(
  archive: Uint8Array,
  statement: ApprovalStatement,
  suite: Pick<Suite, 'sha256'>,
): Promise<Uint8Array> {
  const approval = await approvalOf(parsed(archive), statement, suite);
  try {
    return encodeApproval(approval);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new ClientError('argument_invalid', error.message);
  }
}

/** What an approval of an archive says. Whether the archive holds together is for whoever signs. */
export async function approvalOf(
  archive: Archive,
  { chainId, verifier, escrow }: ApprovalStatement,
  { sha256 }: Pick<Suite, 'sha256'>,
): Promise<Approval> {
  const input = archive.request?.body ?? null;
  const output = archive.response?.body ?? null;
  if (input === null || output === null) {
    throw new ClientError('argument_invalid', 'the archive lacks a payload', { reason: 'payload_missing' });
  }
  const receipt = decodeReceipt(archive.receipt);
  return {
    ...{ chainId, verifier, escrow, log: decodeTreeHead(archive.head).log, modelId: receipt.modelId },
    ...{ inputHash: await sha256(input), outputHash: await sha256(output), execution: receipt.execution },
  };
}

interface Question {
  readonly host: HostTransport;
  readonly path: string;
  readonly archive: Uint8Array;
}

interface Expected {
  readonly key: Uint8Array;
  readonly words: Uint8Array;
  readonly suite: Suite;
}

async function askOne({ host, path, archive }: Question, { key, words, suite }: Expected): Promise<Uint8Array> {
  const answer = await host.post(path, archive, limits.approvalBytes);
  const record = violation(() => decodeApprovalRecord(answer));
  if (!equalBytes(record.auditor, key)) {
    throw new ClientError('protocol_violated', 'another auditor answers', { reason: 'auditor_mismatch' });
  }
  // Not needed to refuse it, but to say why: the words are made here.
  violation(() => decodeApproval(record.approval));
  if (!equalBytes(record.approval, words)) {
    throw new ClientError('protocol_violated', 'it approves something else', { reason: 'approval_mismatch' });
  }
  if (await isSigned(suite, key, words, record.signature)) return record.signature;
  throw new ClientError('protocol_violated', 'the auditor did not sign it', { reason: 'approval_signature' });
}

async function isSigned(suite: Suite, key: Uint8Array, words: Uint8Array, signature: Uint8Array): Promise<boolean> {
  try {
    return await verifyLowS(suite, concatBytes(Uint8Array.of(4), key), words, signature);
  } catch (error) {
    if (error instanceof WireError) return false;
    throw error;
  }
}

function approvalPath({ chainId, verifier, escrow }: ApprovalStatement): string {
  return `/v1/approvals?chainId=${chainId}&verifier=${toHex(verifier)}&escrow=${toHex(escrow)}`;
}

/** One auditor under two addresses is one auditor. */
function checkNames(auditors: readonly NamedAuditor[]): void {
  const keys = auditors.map(({ key }) => toHex(key));
  if (keys.length === 0 || keys.length > limits.auditors) {
    throw new ClientError('argument_invalid', `name 1 to ${limits.auditors} auditors`);
  }
  if (new Set(keys).size < keys.length) throw new ClientError('argument_invalid', 'an auditor is named twice');
  if (auditors.some(({ key }) => key.length !== 64 || isZero(key))) {
    throw new ClientError('argument_invalid', 'an auditor is named by x || y of its key');
  }
}

function parsed(archive: Uint8Array): Archive {
  try {
    return parseUnverifiedArchive(archive);
  } catch (error) {
    if (!(error instanceof VerifierError)) throw error;
    throw new ClientError('argument_invalid', error.message, { reason: error.code });
  }
}
