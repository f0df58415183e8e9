import { type Chain, joinChains, readChain } from '../../../../../client/audit/index.ts';
import { type LevelFile, recogniseLevelFile } from '../../../../../client/levels/index.ts';
import { utf8 } from '../../../../../wire/bytes.ts';
import { limits } from '../../../../../wire/limits.ts';

/** What the person has brought: one piece of evidence, and certificates that belong beside it. */
export interface Held {
  readonly evidence: HeldFile | undefined;
  readonly certificates: readonly HeldCertificates[];
  /** What speaks for or against levels of a saved answer, and whom the person believes. */
  readonly levels: readonly HeldLevelFile[];
}

export interface HeldLevelFile {
  readonly name: string;
  readonly file: LevelFile;
}

export interface HeldFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

interface HeldCertificates {
  readonly name: string;
  readonly chain: Chain;
}

export const nothingHeld: Held = { evidence: undefined, certificates: [], levels: [] };

/** Taken, or why not. */
export type Taken = { readonly held: Held } | { readonly refused: TakeProblem };

export type TakeProblem = 'certificates_too_many' | 'level_files_too_many';

/** Proofs, keys and auditors’ words name themselves; certificates are DER or PEM of nothing else; all else is evidence. */
export function take(held: Held, { name, bytes }: HeldFile): Taken {
  const file = recogniseLevelFile(bytes);
  if (file !== undefined) {
    if (held.levels.length >= limits.levelEvidence) return { refused: 'level_files_too_many' };
    return { held: { ...held, levels: [...held.levels, { name, file }] } };
  }
  const chain = looksLikeCertificates(bytes) ? readChain(bytes) : undefined;
  if (chain === undefined) return { held: { ...held, evidence: { name, bytes } } };
  if (held.certificates.length >= limits.auditChainFiles) return { refused: 'certificates_too_many' };
  return { held: { ...held, certificates: [...held.certificates, { name, chain }] } };
}

/** Several at once, as they were dropped. What is refused leaves the others out, too, so that nobody thinks it was seen. */
export function takeAll(held: Held, files: readonly HeldFile[]): Taken {
  let taken: Taken = { held };
  for (const file of files) {
    if ('refused' in taken) return taken;
    taken = take(taken.held, file);
  }
  return taken;
}

/** Text as it was pasted: spaces and empty lines around it are the clipboard's. */
export function takeText(held: Held, text: string): Taken {
  return take(held, { name: 'pasted text', bytes: utf8(text.trim()) });
}

export function without(held: Held, certificates: HeldCertificates): Held {
  return { ...held, certificates: held.certificates.filter((one) => one !== certificates) };
}

export function withoutLevelFile(held: Held, file: HeldLevelFile): Held {
  return { ...held, levels: held.levels.filter((one) => one !== file) };
}

export function chainOf({ certificates }: Held): Chain {
  return joinChains(certificates.map(({ chain }) => chain));
}

const PEM = utf8('-----BEGIN ');

/** PEM may have comments before it. What is longer than any chain is not looked at for one. */
function looksLikeCertificates(bytes: Uint8Array): boolean {
  if (bytes.length > limits.snpTableBytes) return false;
  if (bytes[0] === 0x30) return true;
  return bytes.some((_, at) => PEM.every((byte, index) => bytes[at + index] === byte));
}
