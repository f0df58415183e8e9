import { type KeyObject, verify, X509Certificate } from 'node:crypto';
import { Decoder } from 'cbor-x/index-no-eval';
import { parseCoseSign1 } from '../../verifier/codec/cose.ts';
import { parseNitroDocument } from '../../verifier/codec/nitro-document.ts';
import { parseCertificate } from '../../verifier/codec/x509.ts';
import {
  type ChainCache,
  createChainCache,
  type NitroPolicy,
  requireAccepted,
  type SnpEvidence,
  verifyNitroDocument,
  verifyReceipt,
  verifySnpReport,
} from '../../verifier/index.ts';
import { encodeCbor } from '../../wire/codec/cbor.ts';
import { importPoint, nodeSuite } from '../../wire/crypto/node.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import { WireError } from '../../wire/errors.ts';
import { decodeEvidence } from '../../wire/message/evidence.ts';
import { policyFor, provenWorker } from '../support/accept-answer.ts';
import { ANSWERED, plain } from '../support/answer.ts';
import { CHALLENGE } from '../support/nitro-evidence.ts';
import { SNP_CHALLENGE } from '../support/snp-evidence.ts';
import { hostileDocuments, hostileEnvelopes } from './hostile-documents.ts';
import { type DatedDocument, makeDocuments } from './nitro-documents.ts';
import { BenchError, type Report, time } from './report.ts';
import { type BareSnpSignatures, bareSnpSignatures, makeSnpReports, SNP_NOW } from './snp-reports.ts';

/** More documents than any memory of keys holds, so that "cold" is cold. */
const DOCUMENTS = 42;
const ROUNDS = 6;
const CHIPS = 16;
/** How often each document is taken on trust before anything is timed: a verifier that stays up has compiled its code. */
const COMPILING = 50;

export async function run(report: Report): Promise<void> {
  await benchNitro(report);
  await benchSnp(report);
  await benchReceipts(report);
  await benchHostile(report);
}

/** Each ratio is taken document by document, one after the other, so that what else the machine does hits both sides. */
async function benchNitro(report: Report): Promise<void> {
  const { policy, documents, strangers } = makeDocuments(DOCUMENTS);
  const cache = createChainCache({ maxEntries: 1_024 });
  const ratios = { cold: [] as number[], warm: [] as number[], naive: [] as number[] };
  const colds: number[] = [];
  const floors5 = strangers.map(({ bytes }) => bareSignatures(bytes));
  const floors2 = documents.map(({ bytes }) => bareSignatures(bytes).slice(-2));
  await compile(documents, policy);
  for (let round = 0; round < ROUNDS; round++) {
    for (let at = 0; at < DOCUMENTS; at++) {
      const [stranger, known] = [strangers[at] as DatedDocument, documents[at] as DatedDocument];
      const [five, two] = [floors5[at] as BareSignatures, floors2[at] as BareSignatures];
      const [floor5, cold, naive, floor2, warm] = [
        await clock(() => five.every((signature) => signature())),
        await clock(() => accept(stranger, policy, 'none')),
        await clock(() => naiveVerify(stranger.bytes)),
        await clock(() => two.every((signature) => signature())),
        await clock(() => accept(known, policy, cache)),
      ] as [number, number, number, number, number];
      // The first round fills the cache.
      if (round === 0) continue;
      ratios.cold.push(cold / floor5);
      ratios.warm.push(warm / floor2);
      ratios.naive.push(naive / cold);
      colds.push(cold);
    }
  }
  report.add('verifier.nitro.cold_over_floor', median(ratios.cold));
  report.add('verifier.nitro.warm_over_floor', median(ratios.warm));
  report.add('verifier.nitro.naive_over_cold', median(ratios.naive));
  report.add('verifier.nitro.cold_ms', median(colds));
}

async function compile(documents: readonly DatedDocument[], policy: NitroPolicy): Promise<void> {
  const suite = { ...nodeSuite, verifyP384: () => true };
  const cache = createChainCache({ maxEntries: 1_024 });
  for (let round = 0; round < COMPILING; round++) {
    for (const { bytes, now } of documents) {
      const options = { policy, now, challenge: CHALLENGE, suite } as const;
      await verifyNitroDocument(bytes, { ...options, cache: round % 2 === 0 ? 'none' : cache });
    }
  }
}

async function accept(
  { bytes, now }: DatedDocument,
  policy: NitroPolicy,
  cache: ChainCache | 'none',
): Promise<boolean> {
  requireAccepted(await verifyNitroDocument(bytes, { policy, now, challenge: CHALLENGE, suite: nodeSuite, cache }));
  return true;
}

/**
 * The report's own signature is most of it, and a chip's certificate is new to every cache. The floor does on one thread
 * what no verifier can save: three signatures, and reading the key of a chip that was never met. Beside it the stricter
 * one, whose keys were all met before, and the time of all threads together, which no second core makes less.
 */
async function benchSnp(report: Report): Promise<void> {
  const { policy, reports } = makeSnpReports(CHIPS);
  const floors = reports.map(bareSnpSignatures);
  const cache = createChainCache({ maxEntries: 64 });
  const accepted = async (evidence: SnpEvidence, known: ChainCache | 'none', suite: Suite): Promise<boolean> => {
    const options = { policy, now: SNP_NOW, challenge: SNP_CHALLENGE, product: 'any', suite } as const;
    requireAccepted(await verifySnpReport(evidence, { ...options, cache: known }));
    return true;
  };
  const gullible = { ...nodeSuite, verifyP384: () => true, verifyRsaPss384: () => true };
  for (let round = 0; round < 2 * COMPILING; round++) {
    for (const evidence of reports) await accepted(evidence, round % 2 === 0 ? 'none' : cache, gullible);
  }
  const ratios = { cold: [] as number[], known: [] as number[], warm: [] as number[] };
  const work = { floor: 0, cold: 0 };
  const times: number[] = [];
  for (let round = 0; round < 2 * ROUNDS; round++) {
    for (const [at, evidence] of reports.entries()) {
      const { signatures, onNewChip } = floors[at] as BareSnpSignatures;
      const known = await clock(() => signatures.every((signature) => signature()));
      const started = process.cpuUsage();
      const floor = await clock(onNewChip);
      const between = process.cpuUsage();
      const cold = await clock(() => accepted(evidence, 'none', nodeSuite));
      work.cold += total(process.cpuUsage(between));
      work.floor += total(between) - total(started);
      const warm = await clock(() => accepted(evidence, cache, nodeSuite));
      ratios.cold.push(cold / floor);
      ratios.known.push(cold / known);
      ratios.warm.push(warm / floor);
      times.push(cold);
    }
  }
  report.add('verifier.snp.over_floor', median(ratios.cold));
  report.add('verifier.snp.over_known_keys', median(ratios.known));
  report.add('verifier.snp.work_over_floor', work.cold / work.floor);
  report.add('verifier.snp.warm_over_floor', median(ratios.warm));
  report.add('verifier.snp.cold_ms', median(times));
}

function total({ user, system }: NodeJS.CpuUsage): number {
  return user + system;
}

type BareSignatures = readonly (() => boolean)[];

/** The signatures of a document, from the root's down, on keys that were imported before: what no verifier can save. */
function bareSignatures(document: Uint8Array): BareSignatures {
  const cose = parseCoseSign1(document);
  const { caBundle, certificate } = parseNitroDocument(cose.payload);
  const certificates = [...caBundle, certificate].map((bytes) => parseCertificate(bytes));
  const keys = certificates.map(({ key }): KeyObject => {
    if (key.kind !== 'P-384') throw new BenchError('bench_invalid', 'the simulator makes P-384 keys');
    return importPoint('P-384', key.point);
  });
  const signed = certificates.slice(1).map(({ tbs, signature }) => {
    if (signature.kind !== 'ecdsa-with-SHA384') throw new BenchError('bench_invalid', 'the simulator signs with ECDSA');
    return { message: tbs, signature: signature.fixed };
  });
  return [...signed, { message: cose.signed, signature: cose.signature }].map(({ message, signature }, at) => {
    const key = { key: keys[at] as KeyObject, dsaEncoding: 'ieee-p1363' } as const;
    return () => verify('sha384', message, key, signature);
  });
}

const naiveDecoder = new Decoder({ mapsAsObjects: true, useRecords: false });

/** What most verifiers in JavaScript do: decode with cbor-x, chain with X509Certificate, and check little else. */
function naiveVerify(document: Uint8Array): boolean {
  const [header, , payload, signature] = naiveDecoder.decode(document) as readonly [Buffer, object, Buffer, Buffer];
  const fields = naiveDecoder.decode(payload) as { readonly certificate: Buffer; readonly cabundle: readonly Buffer[] };
  const chain = [...fields.cabundle, fields.certificate].map((bytes) => new X509Certificate(bytes));
  const linked = chain.slice(1).every((subject, at) => {
    const issuer = chain[at] as X509Certificate;
    return subject.checkIssued(issuer) && subject.verify(issuer.publicKey);
  });
  const signed = encodeCbor(['Signature1', Uint8Array.from(header), new Uint8Array(0), Uint8Array.from(payload)]);
  const key = (chain.at(-1) as X509Certificate).publicKey;
  return linked && verify('sha384', signed, { key, dsaEncoding: 'ieee-p1363' }, signature);
}

async function benchReceipts(report: Report): Promise<void> {
  const worker = await provenWorker(plain.evidence, policyFor());
  const expected = {
    worker,
    request: { header: plain.header, body: plain.requestBody },
    response: plain.response,
    headerBy: 'client',
    owedBefore: 0n,
  } as const;
  const { medianMs } = await time(500, async () => {
    requireAccepted(await verifyReceipt(plain.bundle, { expected, now: ANSWERED, suite: nodeSuite }));
  });
  report.add('verifier.receipts_per_s', 1_000 / medianMs);
}

/** DESIGN A5: any evidence is parsed within 10 ms, or refused. */
async function benchHostile(report: Report): Promise<void> {
  const { policy } = makeDocuments(1);
  const options = { policy, now: Date.UTC(2030, 4, 17), challenge: 'any', suite: nodeSuite, cache: 'none' } as const;
  let worst = { name: 'none', ms: 0 };
  const measure = async (name: string, refuse: () => Promise<boolean>): Promise<void> => {
    const { medianMs } = await time(20, async () => {
      if (!(await refuse())) throw new BenchError('bench_invalid', `${name} is not refused`);
    });
    if (medianMs > worst.ms) worst = { name, ms: medianMs };
  };
  for (const [name, bytes] of Object.entries(hostileDocuments())) {
    await measure(name, async () => (await verifyNitroDocument(bytes, options)).verdict !== 'accepted');
  }
  for (const [name, bytes] of Object.entries(hostileEnvelopes())) {
    await measure(name, async () => refusesEnvelope(bytes));
  }
  console.log(`  the slowest to refuse: ${worst.name}`);
  report.add('verifier.parse_ms_worst', worst.ms);
}

function refusesEnvelope(bytes: Uint8Array): boolean {
  try {
    decodeEvidence(bytes);
    return false;
  } catch (error) {
    if (error instanceof WireError) return true;
    throw error;
  }
}

async function clock(work: () => boolean | Promise<boolean>): Promise<number> {
  const started = process.hrtime.bigint();
  const good = await work();
  const ms = Number(process.hrtime.bigint() - started) / 1e6;
  if (!good) throw new BenchError('bench_invalid', 'a genuine document was refused');
  return ms;
}

function median(samples: readonly number[]): number {
  return [...samples].sort((a, b) => a - b)[Math.floor(samples.length / 2)] as number;
}
