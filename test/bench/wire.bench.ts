import { generateKeyPairSync } from 'node:crypto';
import { concatBytes } from '../../wire/bytes.ts';
import { createFrameReader, encodeFrame } from '../../wire/codec/frame.ts';
import { nodeSuite, sha256 } from '../../wire/crypto/node.ts';
import { publicPoint, signP256 } from '../../wire/crypto/node-sign.ts';
import { limits } from '../../wire/limits.ts';
import { openRecord, type RecordPlace, sealRecord } from '../../wire/noise/index.ts';
import { createFrontier } from '../../wire/tree/index.ts';
import { type Report, time } from './report.ts';

const ROUNDS = 200;
const BODY_BYTES = 65_536;

export async function run(report: Report): Promise<void> {
  await benchSignatures(report);
  await benchRecords(report);
  await benchTree(report);
  await benchFrames(report);
}

async function benchSignatures(report: Report): Promise<void> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const point = publicPoint(publicKey);
  const head = new Uint8Array(192).fill(7);
  const signature = signP256(privateKey, head);
  const sign = await time(ROUNDS, () => signP256(privateKey, head));
  const verify = await time(ROUNDS, () => nodeSuite.verifyP256(point, head, signature));
  report.add('wire.signature.sign_ms', sign.medianMs);
  report.add('wire.signature.verify_ms', verify.medianMs);
}

async function benchRecords(report: Report): Promise<void> {
  const key = new Uint8Array(32).fill(1);
  const handshakeHash = new Uint8Array(32).fill(2);
  const body = new Uint8Array(BODY_BYTES - 4).fill(3);
  const place: RecordPlace = { direction: 'to-worker', request: 1, chunk: 0, final: true };
  const record = await sealRecord(nodeSuite, key, handshakeHash, place, body, 'body');
  const seal = await time(ROUNDS, () => sealRecord(nodeSuite, key, handshakeHash, place, body, 'body'));
  const open = await time(ROUNDS, () => openRecord(nodeSuite, key, handshakeHash, place.direction, record));
  report.add('wire.record.seal_64kib_ms', seal.medianMs);
  report.add('wire.record.open_64kib_ms', open.medianMs);
}

/** Appending to a large tree with a proof for the new leaf: what a worker pays for each receipt beside the signature. */
async function benchTree(report: Report): Promise<void> {
  const frontier = createFrontier();
  const leaves = Array.from({ length: 100_000 }, (_, index) => sha256(Uint8Array.of(index >> 16, index >> 8, index)));
  for (let start = 0; start < leaves.length; start += 1_000) frontier.append(leaves.slice(start, start + 1_000));
  const append = await time(ROUNDS, () => frontier.append([leaves[0] as Uint8Array]));
  report.add('wire.tree.append_at_100k_ms', append.medianMs);
  report.add('wire.tree.append_at_100k_p95_ms', append.p95Ms);
}

async function benchFrames(report: Report): Promise<void> {
  const frame = encodeFrame({ id: 1, kind: 0x06, payload: new Uint8Array(BODY_BYTES) });
  const stream = concatBytes(...Array.from({ length: 16 }, () => frame));
  const read = await time(ROUNDS, () => createFrameReader(limits.frameBytes, () => undefined).push(stream));
  report.add('wire.frame.read_1mib_ms', read.medianMs);
}
