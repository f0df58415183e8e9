import { concatBytes, toHex, u32, utf8 } from '../../wire/bytes.ts';
import { nodeSuite, sha256 } from '../../wire/crypto/node.ts';
import type { KeyPairX25519 } from '../../wire/crypto/suite.ts';
import {
  acceptHandshake,
  PROTOCOL_NAME,
  proofmarkPrologue,
  type RecordPadding,
  type RecordPlace,
  sealRecord,
  startHandshake,
} from '../../wire/noise/index.ts';
import { tagWord } from '../../wire/words.ts';

/**
 * A whole session with fixed keys, as JSON for a second implementation. The private keys are hashes of labels that say
 * what they are; no worker has them. All bytes are lower-case hex.
 */
export interface NoiseGolden {
  readonly about: string;
  readonly protocol: string;
  readonly log: string;
  readonly prologue: string;
  readonly keys: Readonly<Record<'sealKey' | 'clientEphemeral' | 'workerEphemeral', GoldenKey>>;
  readonly message1: string;
  readonly message2: string;
  readonly handshakeHash: string;
  readonly toWorkerKey: string;
  readonly toClientKey: string;
  readonly records: readonly GoldenRecord[];
  readonly largeRecords: readonly LargeGoldenRecord[];
  readonly refused: readonly RefusedRecord[];
}

export interface GoldenKey {
  readonly label: string;
  readonly privateKey: string;
  readonly publicKey: string;
}

interface GoldenPlace extends RecordPlace {
  readonly name: string;
  readonly padding: RecordPadding;
}

export interface GoldenRecord extends GoldenPlace {
  readonly data: string;
  readonly plaintextLength: number;
  readonly associatedData: string;
  readonly nonce: string;
  readonly record: string;
}

/** The data is `dataLength` times `dataByte`; of the record only the hash is written down. */
export interface LargeGoldenRecord extends GoldenPlace {
  readonly dataByte: string;
  readonly dataLength: number;
  readonly plaintextLength: number;
  readonly recordSha256: string;
}

/**
 * Records to the worker that a receiver must refuse: as a forgery, or, where the seal holds, for their padding. Most
 * share one place, which a real sender never does.
 */
export interface RefusedRecord {
  readonly name: string;
  readonly code: 'record_invalid' | 'record_exhausted' | 'padding_invalid';
  readonly record: string;
}

/** Everything on a record's wire form that is not its padded plaintext: place and tag. */
const RECORD_OVERHEAD = 9 + 16;

export async function noiseGolden(): Promise<NoiseGolden> {
  const log = sha256(utf8('proofmark golden vectors, noise, log'));
  const prologue = proofmarkPrologue(log);
  const sealKey = testKey('TEST ONLY proofmark golden vectors, noise, seal key');
  const client = testKey('TEST ONLY proofmark golden vectors, noise, client ephemeral');
  const worker = testKey('TEST ONLY proofmark golden vectors, noise, worker ephemeral');

  const started = await startHandshake(nodeSuite, {
    prologue,
    remoteStatic: sealKey.pair.publicKey,
    ephemeral: client.pair,
  });
  const accepted = await acceptHandshake(nodeSuite, {
    prologue,
    localStatic: sealKey.pair,
    message1: started.message1,
    ephemeral: worker.pair,
  });
  const { handshakeHash, sendKey, receiveKey } = await started.finish(accepted.message2);
  const keyOf = (place: RecordPlace): Uint8Array => (place.direction === 'to-worker' ? sendKey : receiveKey);

  return {
    about: 'Noise NK session and sealed records. The private keys are for tests only.',
    protocol: PROTOCOL_NAME,
    log: toHex(log),
    prologue: toHex(prologue),
    keys: { sealKey: sealKey.golden, clientEphemeral: client.golden, workerEphemeral: worker.golden },
    message1: toHex(started.message1),
    message2: toHex(accepted.message2),
    handshakeHash: toHex(handshakeHash),
    toWorkerKey: toHex(sendKey),
    toClientKey: toHex(receiveKey),
    records: await Promise.all(
      SMALL.map(async ({ data, ...place }) => {
        const record = await sealRecord(nodeSuite, keyOf(place), handshakeHash, place, data, place.padding);
        return {
          ...place,
          data: toHex(data),
          plaintextLength: record.length - RECORD_OVERHEAD,
          associatedData: toHex(associatedData(handshakeHash, place)),
          nonce: toHex(nonce(place)),
          record: toHex(record),
        };
      }),
    ),
    largeRecords: await Promise.all(
      LARGE.map(async ({ dataByte, dataLength, ...place }) => {
        const data = new Uint8Array(dataLength).fill(dataByte);
        const record = await sealRecord(nodeSuite, keyOf(place), handshakeHash, place, data, place.padding);
        return {
          ...place,
          dataByte: toHex(Uint8Array.of(dataByte)),
          dataLength,
          plaintextLength: record.length - RECORD_OVERHEAD,
          recordSha256: toHex(sha256(record)),
        };
      }),
    ),
    refused: refusedRecords(sendKey, handshakeHash),
  };
}

const SMALL: readonly (GoldenPlace & { readonly data: Uint8Array })[] = [
  {
    name: 'an empty body',
    direction: 'to-worker',
    request: 0,
    chunk: 0,
    final: true,
    padding: 'body',
    data: new Uint8Array(0),
  },
  {
    name: 'the largest body in 256 bytes',
    direction: 'to-worker',
    request: 1,
    chunk: 0,
    final: true,
    padding: 'body',
    data: new Uint8Array(252).fill(0xa5),
  },
  {
    name: 'one byte more takes 512',
    direction: 'to-client',
    request: 1,
    chunk: 0,
    final: true,
    padding: 'body',
    data: new Uint8Array(253).fill(0x5a),
  },
  {
    name: 'a body of 600 bytes takes 1024',
    direction: 'to-client',
    request: 2,
    chunk: 0,
    final: true,
    padding: 'body',
    data: new Uint8Array(600).fill(0x3c),
  },
  {
    name: 'a piece of a stream with 600 bytes takes 768',
    direction: 'to-client',
    request: 3,
    chunk: 0,
    final: false,
    padding: 'stream',
    data: new Uint8Array(600).fill(0x3c),
  },
  {
    name: 'the last piece of that stream',
    direction: 'to-client',
    request: 3,
    chunk: 1,
    final: true,
    padding: 'stream',
    data: utf8('data: [DONE]\n\n'),
  },
  {
    name: 'the last request number and chunk of a session',
    direction: 'to-client',
    request: 0xffff_fffe,
    chunk: 0xffff_fffe,
    final: true,
    padding: 'stream',
    data: utf8('end'),
  },
];

const LARGE: readonly (GoldenPlace & { readonly dataByte: number; readonly dataLength: number })[] = [
  {
    name: 'the largest body in 64 KiB',
    direction: 'to-worker',
    request: 4,
    chunk: 0,
    final: true,
    padding: 'body',
    dataByte: 0x11,
    dataLength: 65_532,
  },
  {
    name: 'one byte more takes 128 KiB',
    direction: 'to-worker',
    request: 5,
    chunk: 0,
    final: true,
    padding: 'body',
    dataByte: 0x22,
    dataLength: 65_533,
  },
  {
    name: 'beyond 128 KiB bodies go by steps of 64 KiB',
    direction: 'to-client',
    request: 5,
    chunk: 0,
    final: true,
    padding: 'body',
    dataByte: 0x33,
    dataLength: 131_069,
  },
];

function refusedRecords(key: Uint8Array, handshakeHash: Uint8Array): readonly RefusedRecord[] {
  const place: RecordPlace = { direction: 'to-worker', request: 7, chunk: 0, final: true };
  const seal = (
    plaintext: Uint8Array,
    at: RecordPlace = place,
    associated = associatedData(handshakeHash, at),
  ): string => toHex(concatBytes(placeBytes(at), nodeSuite.sealAesGcm(key, nonce(at), associated, plaintext)));
  const padded = (size: number, length: number): Uint8Array => concatBytes(u32(length), new Uint8Array(size - 4));
  const lastByteSet = padded(256, 10);
  lastByteSet[255] = 1;
  const firstByteSet = padded(256, 10);
  firstByteSet[14] = 1;
  const reserved: RecordPlace = { ...place, request: 0xffff_ffff };
  const reservedChunk: RecordPlace = { ...place, chunk: 0xffff_ffff };
  const otherDirection: RecordPlace = { ...place, direction: 'to-client' };
  const finalOfTwo = seal(padded(256, 10));
  return [
    { name: 'the first byte of the padding is not zero', code: 'padding_invalid', record: seal(firstByteSet) },
    { name: 'the last byte of the padding is not zero', code: 'padding_invalid', record: seal(lastByteSet) },
    { name: 'more padding than the length needs', code: 'padding_invalid', record: seal(padded(512, 252)) },
    { name: 'a length beyond the record', code: 'padding_invalid', record: seal(padded(256, 253)) },
    { name: 'the largest length', code: 'padding_invalid', record: seal(padded(256, 0xffff_ffff)) },
    { name: 'a padded size of no rule', code: 'padding_invalid', record: seal(padded(300, 10)) },
    { name: 'no padding', code: 'record_invalid', record: seal(padded(14, 10)) },
    { name: 'the reserved request number', code: 'record_exhausted', record: seal(padded(256, 10), reserved) },
    { name: 'the reserved chunk number', code: 'record_exhausted', record: seal(padded(256, 10), reservedChunk) },
    {
      name: 'sealed for the other direction',
      code: 'record_invalid',
      record: seal(padded(256, 10), place, associatedData(handshakeHash, otherDirection)),
    },
    {
      name: 'sealed under another handshake hash',
      code: 'record_invalid',
      record: seal(padded(256, 10), place, associatedData(sha256(handshakeHash), place)),
    },
    {
      name: 'a final byte of 2',
      code: 'record_invalid',
      record: `${finalOfTwo.slice(0, 16)}02${finalOfTwo.slice(18)}`,
    },
  ];
}

/** Written out a second time, apart from `wire/noise/record.ts`: a slip there must not slip into the vectors. */
function associatedData(handshakeHash: Uint8Array, place: RecordPlace): Uint8Array {
  const direction = place.direction === 'to-client' ? 1 : 0;
  return concatBytes(tagWord('proofmark record v1'), handshakeHash, Uint8Array.of(direction), placeBytes(place));
}

function placeBytes(place: RecordPlace): Uint8Array {
  return concatBytes(u32(place.request), u32(place.chunk), Uint8Array.of(place.final ? 1 : 0));
}

function nonce(place: RecordPlace): Uint8Array {
  return concatBytes(new Uint8Array(4), u32(place.request), u32(place.chunk));
}

function testKey(label: string): { readonly pair: KeyPairX25519; readonly golden: GoldenKey } {
  const raw = sha256(utf8(label));
  const pair = nodeSuite.importX25519(raw);
  return { pair, golden: { label, privateKey: toHex(raw), publicKey: toHex(pair.publicKey) } };
}
