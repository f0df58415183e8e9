import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createLog } from '../../enclave/worker/log.ts';
import { openJournal } from '../../host/journal/index.ts';
import { concatBytes } from '../../wire/bytes.ts';
import { encodeCbor } from '../../wire/codec/cbor.ts';
import { createFrameReader, encodeFrame } from '../../wire/codec/frame.ts';
import { nodeSuite, sha256 } from '../../wire/crypto/node.ts';
import { limits } from '../../wire/limits.ts';
import { decodeEntries, encodeEntries, linkKind, type ReadyInfo } from '../../wire/message/link.ts';
import { createFrontier, type InclusionClaim, verifyInclusion } from '../../wire/tree/index.ts';
import { nodePreimage, siblings } from '../../wire/tree/shape.ts';
import { blankReceipt, createFakeLog, execution, random } from '../support/fake-log.ts';
import { type Report, time } from './report.ts';

const RECEIPTS = 40_000;
/** What a worker at load signs together: one head for what 32 connections finish while the last one was signed. */
const PER_HEAD = 16;
const CHANNELS = 64;
const RUNS = 5;
/** What the host reads from its socket at once. */
const CHUNK_BYTES = 65_536;
const TEN_MILLION = 10_000_000;

export async function run(report: Report): Promise<void> {
  await benchJournal(report);
  await benchProof(report);
  benchFrontier(report);
  await benchWorkerLog(report);
}

/** From the bytes on the link to what is durable, as the host's intake does it; every receipt charges a channel. */
async function benchJournal(report: Report): Promise<void> {
  const fake = createFakeLog();
  const channels = Array.from({ length: CHANNELS }, () => random(32));
  const frames: Uint8Array[] = [];
  for (let from = 0; from < RECEIPTS; from += PER_HEAD) {
    const receipts = Array.from({ length: PER_HEAD }, (_, i) => ({
      channel: channels[(from + i) % CHANNELS] as Uint8Array,
    }));
    const payload = encodeEntries(fake.grow(receipts).entries);
    frames.push(encodeFrame({ id: 0, kind: linkKind.entries, payload }));
  }
  const stream = concatBytes(...frames);
  const rates: number[] = [];
  const costs: number[] = [];
  for (let i = 0; i < RUNS; i++) {
    const { seconds, cpuMicroseconds } = await writeAll(fake.ready, fake.log, stream);
    rates.push(RECEIPTS / seconds);
    costs.push(cpuMicroseconds / RECEIPTS);
  }
  report.add('journal.receipts_per_s', median(rates));
  report.add('journal.receipt_cpu_us', median(costs));
}

async function writeAll(
  ready: ReadyInfo,
  log: Uint8Array,
  stream: Uint8Array,
): Promise<{ readonly seconds: number; readonly cpuMicroseconds: number }> {
  const directory = mkdtempSync(join(tmpdir(), 'proofmark-bench-'));
  const journal = openJournal(directory, { maxBytes: limits.journalBytes });
  try {
    await journal.openLog(ready);
    let waiting = 0;
    let durable = Promise.resolve(0);
    const reader = createFrameReader(limits.frameBytes, ({ payload }) => {
      const entries = decodeEntries(payload);
      waiting += entries.receipts.length;
      durable = journal.append(log, entries).durable.then((size) => {
        waiting -= entries.receipts.length;
        return size;
      });
    });
    const cpu = process.cpuUsage();
    const started = performance.now();
    for (let at = 0; at < stream.length; at += CHUNK_BYTES) {
      reader.push(stream.subarray(at, at + CHUNK_BYTES));
      await new Promise(setImmediate);
      // A worker sends no more than it may hold unacknowledged.
      while (waiting > limits.unacknowledgedLeaves) await durable;
    }
    await durable;
    const seconds = (performance.now() - started) / 1_000;
    const { user, system } = process.cpuUsage(cpu);
    if (journal.size(log) !== RECEIPTS) throw new Error('the journal lacks receipts');
    return { seconds, cpuMicroseconds: user + system };
  } finally {
    await journal.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The longest proof of such a tree, that of its first leaf: any neighbours make a tree, and its root follows. */
async function benchProof(report: Report): Promise<void> {
  const leafHash = random(32);
  const path = siblings({ level: 0, index: 0 }, TEN_MILLION);
  const proof = path.map(() => random(32));
  const root = path.reduce<Uint8Array>((hash, { side }, i) => {
    const neighbour = proof[i] as Uint8Array;
    return sha256(side === 'left' ? nodePreimage(neighbour, hash) : nodePreimage(hash, neighbour));
  }, leafHash);
  const claim: InclusionClaim = { leafHash, index: 0, size: TEN_MILLION, proof, root };
  if (!(await verifyInclusion(nodeSuite, claim))) throw new Error('the proof does not hold');
  report.add('log.proof_bytes_10m', encodeCbor([...proof]).length);
  const verify = await time(5_000, () => verifyInclusion(nodeSuite, claim));
  report.add('log.proof_verify_us', 1_000 * verify.medianMs);
}

/** What a worker holds of its tree, from the first million leaves to the tenth. */
function benchFrontier(report: Report): void {
  const batch = 1_000;
  const leaves = Array.from({ length: batch }, () => random(32));
  const frontier = createFrontier();
  let before = 0;
  const started = performance.now();
  for (let size = 0; size < TEN_MILLION; size += batch) {
    if (size === TEN_MILLION / 10) before = heldBytes();
    frontier.append(leaves);
  }
  report.add('log.append_10m_us', ((performance.now() - started) * 1_000) / TEN_MILLION);
  report.add('log.growth_10m_kib', (heldBytes() - before) / 1_024);
}

/** The same with everything that a worker keeps beside it, as long as its host acknowledges. */
async function benchWorkerLog(report: Report): Promise<void> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const log = createLog({
    chainId: 0n,
    settlement: new Uint8Array(20),
    log: random(32),
    signer: privateKey,
    capacity: limits.unacknowledgedLeaves,
    onEntries: () => undefined,
    onFatal: (error) => {
      throw error;
    },
  });
  const draft = blankReceipt();
  let before = 0;
  for (let round = 0; round < 110; round++) {
    if (round === 10) before = heldBytes();
    const reservations = Array.from({ length: 1_000 }, () => log.reserve());
    await Promise.all(reservations.map((reservation) => reservation?.record(draft, execution)));
    log.acknowledge(log.size);
  }
  report.add('log.worker_growth_100k_kib', (heldBytes() - before) / 1_024);
}

function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // What lies outside the heap is given back by the collection after the one that finds it.
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}
