import { generateKeyPairSync } from 'node:crypto';
import { drawIndexes, sampleSeed } from '../../cli/auditor/sample.ts';
import { concatBytes } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { publicPoint, signP256 } from '../../wire/crypto/node-sign.ts';
import {
  auditorMessage,
  blindedFinding,
  encodeFinding,
  type Finding,
  findingCommitMessage,
  findingVerdict,
} from '../../wire/message/finding.ts';
import { auditorWords, type FindingRecord, revealOf } from '../../wire/message/finding-record.ts';

/** An auditor of a test, with a chain of so many links. */
export interface Signer {
  readonly auditor: Uint8Array;
  readonly chain: readonly Uint8Array[];
  sign(message: Uint8Array): Uint8Array;
}

const LINKS = 8;

export function signer(): Signer {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const auditor = publicPoint(privateKey).slice(1);
  const chain = [sha256(concatBytes(auditor, Uint8Array.of(1)))];
  for (let link = 0; link < LINKS; link++) chain.push(sha256(chain[link] as Uint8Array));
  return { auditor, chain, sign: (message) => signP256(privateKey, message) };
}

export const word = (value: number): Uint8Array => new Uint8Array(32).fill(value);

const SIZE = 5;
const SAMPLES = 5;

export interface Changes {
  readonly finding?: Partial<Finding>;
  readonly record?: Partial<FindingRecord>;
  /** Which link decides; the first where nothing is said. */
  readonly number?: number;
  readonly samples?: number;
}

/** A finding as an honest auditor publishes it, and with it what a test changes before it is signed. */
export function findingRecord(
  by: Signer,
  { finding = {}, record = {}, number = 1, samples = SAMPLES }: Changes = {},
): FindingRecord {
  const head = { log: word(3), size: Number(finding.headSize ?? SIZE), root: finding.headRoot ?? word(4) };
  const link = by.chain[LINKS - number] as Uint8Array;
  const seed = sampleSeed({ ...head, link });
  const words = encodeFinding({
    ...auditorWords(by.auditor),
    ...{ log: head.log, headSize: BigInt(head.size), headRoot: head.root, seed },
    ...{ index: BigInt(drawIndexes(seed, head.size, samples)[0] as number), leaf: word(6) },
    ...{ verdict: findingVerdict.same, answer: word(7), class: word(8), intermediates: word(9) },
    ...finding,
  });
  const leaf = finding.leaf ?? word(6);
  const blinding = record.blinding ?? word(10);
  const digest = record.commit?.digest ?? sha256(blindedFinding(words, blinding));
  const anchor = by.chain[LINKS] as Uint8Array;
  const parts = {
    finding: words,
    blinding,
    commit: { digest, signature: by.sign(findingCommitMessage({ ...auditorWords(by.auditor), leaf, digest })) },
    drawn: record.drawn === undefined ? { number, link, samples } : record.drawn,
    held: record.held ?? [],
  };
  return {
    format: 'proofmark finding v1',
    ...parts,
    ...{ signature: by.sign(words), reveal: by.sign(revealOf(parts)) },
    statement: record.statement ?? statementOf(by, anchor),
    waited: 'alone',
  };
}

export function statementOf(by: Signer, anchor: Uint8Array): FindingRecord['statement'] {
  const message = auditorMessage({ ...auditorWords(by.auditor), links: BigInt(LINKS), anchor });
  return { links: LINKS, anchor, signature: by.sign(message) };
}
