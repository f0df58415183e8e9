import { equalBytes } from '../../wire/bytes.ts';
import { parseJson } from '../../wire/codec/json.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { decodeApprovalRecord, decodeFindingRecord } from '../../wire/message/finding-record.ts';
import { tagWord, WORD } from '../../wire/words.ts';
import { ClientError } from '../errors.ts';
import type { LevelEvidence, SignedApproval, SignedFinding } from './evidence.ts';
import { type LevelsPolicy, parseLevelsPolicy } from './policy.ts';

/** A file that says something about the levels of a result, as what it claims to be. */
export type LevelFile =
  | { readonly kind: 'proof'; readonly bytes: Uint8Array }
  | { readonly kind: 'circuit-key'; readonly bytes: Uint8Array }
  | { readonly kind: 'finding'; readonly finding: SignedFinding }
  | { readonly kind: 'approval'; readonly approval: SignedApproval }
  | { readonly kind: 'levels-policy'; readonly policy: LevelsPolicy }
  | { readonly kind: 'unreadable'; readonly as: string; readonly detail: string };

const CIRCUIT_TAG = 'proofmark circuit v1';

/** By the word that each begins with, or names itself by; undefined where it is something else. */
export function recogniseLevelFile(bytes: Uint8Array): LevelFile | undefined {
  if (equalBytes(bytes.subarray(0, WORD), tagWord(CIRCUIT_TAG))) return { kind: 'circuit-key', bytes };
  const name = nameIn(bytes);
  try {
    switch (name ?? '') {
      case 'proofmark proof v1':
        return { kind: 'proof', bytes };
      case 'proofmark finding v1': {
        const { finding, signature } = decodeFindingRecord(bytes);
        return { kind: 'finding', finding: { finding, signature } };
      }
      case 'proofmark approval v1': {
        const { auditor: key, approval: words, signature } = decodeApprovalRecord(bytes);
        return { kind: 'approval', approval: { key, words, signature } };
      }
      case 'proofmark levels policy v1':
        return { kind: 'levels-policy', policy: parseLevelsPolicy(bytes) };
      default:
        return undefined;
    }
  } catch (error) {
    if (!(error instanceof WireError) && !(error instanceof ClientError)) throw error;
    return { kind: 'unreadable', as: name ?? '', detail: error.message };
  }
}

/** What they show together; a policy shows nothing. */
export function levelEvidenceOf(files: readonly LevelFile[]): Partial<LevelEvidence> {
  return {
    proofs: files.flatMap((file) => (file.kind === 'proof' ? [file.bytes] : [])),
    circuitKeys: files.flatMap((file) => (file.kind === 'circuit-key' ? [file.bytes] : [])),
    findings: files.flatMap((file) => (file.kind === 'finding' ? [file.finding] : [])),
    approvals: files.flatMap((file) => (file.kind === 'approval' ? [file.approval] : [])),
  };
}

/** Of a JSON object no larger than any of these files. */
function nameIn(bytes: Uint8Array): string | undefined {
  if (bytes.length > limits.policyBytes) return undefined;
  try {
    const value = parseJson(bytes, limits.policyBytes);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    const { schema, format } = value as { readonly schema?: unknown; readonly format?: unknown };
    const name = format ?? schema;
    return typeof name === 'string' ? name : undefined;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}
