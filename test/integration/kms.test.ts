import { createPublicKey, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DecryptCommand } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRoot } from '../../enclave/simulator/authority.ts';
import { sealToRecipient } from '../../enclave/simulator/kms/envelope.ts';
import { systemChance } from '../../enclave/simulator/signing.ts';
import type { Attester } from '../../enclave/worker/attester.ts';
import { createAwsKms, type KeyService } from '../../host/kms.ts';
import { openRelease, type Release } from '../../host/releases.ts';
import { parseUnverifiedNitroDocument } from '../../verifier/index.ts';
import { toHex, utf8 } from '../../wire/bytes.ts';
import { fileKey, sealChunk } from '../../wire/crypto/release-cipher.ts';
import {
  CHUNK_BYTES,
  chunkCount,
  decodeEncryptedRelease,
  ENVELOPE_FILE,
  encodeEncryptedRelease,
  encryptionContext,
  SEALED_CHUNK_BYTES,
} from '../../wire/message/encrypted-release.ts';
import { release as makeRelease, type TestRelease } from '../enclave/worker/core/harness.ts';
import {
  attesterOf,
  type Encrypted,
  hostRole,
  image,
  type KmsWorld,
  keyPolicy,
  kmsClient,
  nsmFor,
  openKmsWorld,
  openPair,
  type Pair,
  publisherRole,
  root,
  useCredentials,
} from '../support/kms-world.ts';
import { until } from '../support/stack.ts';

const CANARY = 'these weights are nobody’s but the publisher’s';
/** Three chunks and a bit, and an empty file: every shape that the format has. */
const weights = utf8(CANARY.repeat(4_500));
const plain: TestRelease = makeRelease([weights, utf8(`${CANARY} licence`), new Uint8Array(0)], { name: 'encrypted' });

let world: KmsWorld;
let encrypted: Encrypted;

beforeAll(async () => {
  world = await openKmsWorld();
  encrypted = await world.encrypt(plain, await world.createKey());
  useCredentials(hostRole);
}, 30_000);

afterAll(async () => {
  await world.close();
});

function keys(): KeyService {
  return createAwsKms({ endpoint: world.standIn.url });
}

/** What became of one release under one device, as the host tells it. */
async function outcome(attester: Attester, release: Release, service: KeyService = keys()): Promise<string> {
  const pair = await openPair(attester, { releases: [release], keys: service });
  try {
    return outcomeOf(pair);
  } finally {
    await pair.close();
  }
}

function outcomeOf({ events }: Pair): string {
  const event = events.find((each) => each.event === 'release_loaded' || each.event === 'release_refused');
  return event?.event === 'release_refused' ? event.code : (event?.event ?? 'nothing');
}

describe('an encrypted release', () => {
  it('is loaded by the worker whose image the key names, and neither key nor weights meet the host', async () => {
    const pair = await openPair(attesterOf(nsmFor(image)), { releases: [encrypted.release], keys: keys() });
    try {
      expect(outcomeOf(pair)).toBe('release_loaded');
      expect(pair.pool.loads.map(({ bytes }) => Buffer.from(bytes).equals(Buffer.from(weights)))).toEqual([true]);
      const seen = [pair.link(), ...filesUnder(pair.directory), ...filesUnder(encrypted.folder)];
      expect(pair.link().length).toBeGreaterThan(weights.length);
      for (const bytes of seen) {
        expect(Buffer.from(bytes).includes(CANARY)).toBe(false);
        expect(Buffer.from(bytes).includes(Buffer.from(encrypted.dataKey))).toBe(false);
      }
      expect(JSON.stringify(pair.events)).not.toContain(toHex(encrypted.dataKey));
      expect(world.calls.at(-1)).toEqual({ action: 'Decrypt', principal: hostRole.arn, outcome: 'done' });
    } finally {
      await pair.close();
    }
  }, 30_000);

  it('opens under a key policy that names other registers and the model as well', async () => {
    const condition = {
      StringEqualsIgnoreCase: {
        'kms:RecipientAttestation:PCR1': toHex(image.pcr1),
        'kms:RecipientAttestation:PCR2': [toHex(image.pcr0), toHex(image.pcr2)],
      },
      StringEquals: { 'kms:EncryptionContext:proofmark:modelId': toHex(plain.modelId) },
    };
    const { release } = await world.encrypt(plain, await world.createKey(keyPolicy(image.pcr0, condition)));
    expect(await outcome(attesterOf(nsmFor(image)), release)).toBe('release_loaded');
  }, 30_000);

  it('stays closed to another image', async () => {
    const other = { ...image, pcr0: new Uint8Array(48).fill(0xb1) };
    expect(await outcome(attesterOf(nsmFor(other)), encrypted.release)).toBe('kms_denied');
  }, 30_000);

  it('stays closed to the same image in debug mode', async () => {
    const zero = new Uint8Array(48);
    expect(await outcome(attesterOf(nsmFor({ pcr0: zero, pcr1: zero, pcr2: zero })), encrypted.release)).toBe(
      'kms_denied',
    );
  }, 30_000);

  it('stays closed to the same image under another root', async () => {
    const stranger = createRoot({ now: Date.now(), key: systemChance.key(), chance: systemChance });
    expect(await outcome(attesterOf(nsmFor(image, stranger)), encrypted.release)).toBe('kms_denied');
  }, 30_000);

  it('stays closed to a document of six minutes ago', async () => {
    const late = nsmFor(image, root, () => Date.now() - 360_000);
    expect(await outcome(attesterOf(late), encrypted.release)).toBe('kms_denied');
  }, 30_000);

  it('stays closed to the host itself, with and without a document of its own', async () => {
    const client = kmsClient(world.standIn, hostRole);
    const { ciphertextBlob, modelId } = encrypted.release.encryption as NonNullable<Release['encryption']>;
    const blob = { CiphertextBlob: ciphertextBlob, EncryptionContext: { ...encryptionContext(modelId) } };
    await expect(client.send(new DecryptCommand(blob))).rejects.toMatchObject({ name: 'AccessDeniedException' });
    const forged = {
      KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256',
      AttestationDocument: new Uint8Array(4_000),
    } as const;
    await expect(client.send(new DecryptCommand({ ...blob, Recipient: forged }))).rejects.toMatchObject({
      name: 'ValidationException',
    });
    client.destroy();
  });

  it('on SEV-SNP is refused with a code of its own, before anybody asks KMS', async () => {
    const before = world.calls.length;
    const attester: Attester = { ...attesterOf(nsmFor(image)), tee: 'amd-sev-snp' };
    expect(await outcome(attester, encrypted.release)).toBe('kms_unsupported_tee');
    expect(world.calls.length).toBe(before);
  }, 30_000);
});

describe('a host that lies', () => {
  it('gains nothing from a document that it plays again', async () => {
    const documents: Uint8Array[] = [];
    const recording: KeyService = {
      sealedKey(encryption, document) {
        documents.push(document);
        return keys().sealedKey(encryption, document);
      },
    };
    expect(await outcome(attesterOf(nsmFor(image)), encrypted.release, recording)).toBe('release_loaded');
    const [first] = documents as [Uint8Array];
    // KMS has no memory and answers again; the answer is for a key that has gone.
    const replaying: KeyService = { sealedKey: (encryption) => keys().sealedKey(encryption, first) };
    expect(await outcome(attesterOf(nsmFor(image)), encrypted.release, replaying)).toBe('data_key_refused');
  }, 30_000);

  it('can put another key in place of the publisher’s, and no file opens', async () => {
    const substituting: KeyService = {
      sealedKey: async (_, document) => sealToRecipient(new Uint8Array(randomBytes(32)), keyIn(document)),
    };
    expect(await outcome(attesterOf(nsmFor(image)), encrypted.release, substituting)).toBe('file_undecryptable');
  }, 30_000);

  it('can encrypt a model of its own under a key of its own, and the digests are not the publisher’s', async () => {
    const { release } = encrypted;
    const mine = new Uint8Array(randomBytes(32));
    const forged: Release = {
      ...release,
      async *read(file) {
        const { size } = release.manifest.files[file] as Release['manifest']['files'][number];
        const { modelId } = release;
        const last = chunkCount(size) - 1;
        for (let chunk = 0; chunk <= last; chunk++) {
          const final = chunk === last;
          const content = new Uint8Array(final ? size - last * CHUNK_BYTES : CHUNK_BYTES).fill(0x78);
          yield sealChunk(fileKey(mine, modelId, file), { modelId, file, chunk, final }, content);
        }
      },
    };
    const service: KeyService = { sealedKey: async (_, document) => sealToRecipient(mine, keyIn(document)) };
    expect(await outcome(attesterOf(nsmFor(image)), forged, service)).toBe('file_mismatch');
  }, 30_000);

  it('cannot have another model’s key under this model’s name', async () => {
    const other = await world.encrypt(makeRelease([utf8('other')], { name: 'other' }), await world.createKey());
    const path = join(encrypted.folder, ENVELOPE_FILE);
    const kept = readFileSync(path);
    const envelope = decodeEncryptedRelease(Uint8Array.from(kept));
    const theirs = other.release.encryption as NonNullable<Release['encryption']>;
    const { kmsKeyId, ciphertextBlob } = theirs;
    writeFileSync(path, encodeEncryptedRelease({ ...envelope, kmsKeyId, ciphertextBlob }));
    try {
      expect(await outcome(attesterOf(nsmFor(image)), openRelease(encrypted.folder))).toBe('kms_refused');
      writeFileSync(path, encodeEncryptedRelease(theirs));
      expect(() => openRelease(encrypted.folder)).toThrow('belongs to another release');
    } finally {
      writeFileSync(path, kept);
    }
  }, 30_000);

  it.each([
    ['cut', (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 1)],
    ['changed', (bytes: Uint8Array) => bytes.map((byte, index) => (index === 70_000 ? byte ^ 1 : byte))],
    ['with two chunks in each other’s place', swapChunks],
    ['with a chunk twice', repeatChunk],
  ])(
    'cannot send a file %s',
    async (_, change) => {
      const { release } = encrypted;
      const hostile: Release = {
        ...release,
        async *read(file) {
          const parts: Uint8Array[] = [];
          for await (const part of release.read(file)) parts.push(part);
          const whole = new Uint8Array(Buffer.concat(parts));
          yield file === 0 ? change(whole) : whole;
        },
      };
      expect(await outcome(attesterOf(nsmFor(image)), hostile)).toMatch(/^file_(undecryptable|unexpected)$/);
    },
    30_000,
  );
});

describe('a KMS', () => {
  it('that is away is asked again later, and other models are served meanwhile', async () => {
    let asked = 0;
    const server = createServer((_, response) => {
      asked += 1;
      response.writeHead(503).end();
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const away = createAwsKms({ endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
    let service = away;
    const switching: KeyService = { sealedKey: (encryption, document) => service.sealedKey(encryption, document) };
    const pair = await openPair(attesterOf(nsmFor(image)), {
      releases: [encrypted.release],
      keys: switching,
      patience: { keyRetryMs: 100 },
    });
    try {
      expect(outcomeOf(pair)).toBe('kms_unavailable');
      expect(asked).toBeGreaterThan(1);
      service = keys();
      await until('the release', () => pair.events.find(({ event }) => event === 'release_loaded'));
    } finally {
      await pair.close();
      server.close();
    }
  }, 30_000);

  it('that answers in the clear is not one: nothing of it reaches the worker', async () => {
    const server = createServer((_, response) => {
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' });
      response.end(JSON.stringify({ KeyId: 'k', Plaintext: Buffer.alloc(32, 7).toString('base64') }));
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    try {
      const clear = createAwsKms({ endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
      expect(await outcome(attesterOf(nsmFor(image)), encrypted.release, clear)).toBe('kms_protocol');
    } finally {
      server.close();
    }
  }, 30_000);

  it('is not asked by a host whose credentials it does not know', async () => {
    useCredentials({ ...hostRole, secretAccessKey: 'guessed' });
    try {
      expect(await outcome(attesterOf(nsmFor(image)), encrypted.release)).toBe('kms_refused');
      useCredentials(publisherRole);
      expect(await outcome(attesterOf(nsmFor(image)), encrypted.release)).toBe('kms_denied');
    } finally {
      useCredentials(hostRole);
    }
  }, 30_000);
});

function keyIn(document: Uint8Array): ReturnType<typeof createPublicKey> {
  const { publicKey } = parseUnverifiedNitroDocument(document).unverified;
  return createPublicKey({ key: Buffer.from(publicKey as Uint8Array), format: 'der', type: 'spki' });
}

function swapChunks(bytes: Uint8Array): Uint8Array {
  const swapped = Uint8Array.from(bytes);
  swapped.set(bytes.subarray(0, SEALED_CHUNK_BYTES), SEALED_CHUNK_BYTES);
  swapped.set(bytes.subarray(SEALED_CHUNK_BYTES, 2 * SEALED_CHUNK_BYTES), 0);
  return swapped;
}

function repeatChunk(bytes: Uint8Array): Uint8Array {
  const repeated = Uint8Array.from(bytes);
  repeated.set(bytes.subarray(0, SEALED_CHUNK_BYTES), SEALED_CHUNK_BYTES);
  return repeated;
}

function filesUnder(folder: string): readonly Uint8Array[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => Uint8Array.from(readFileSync(join(entry.parentPath, entry.name))));
}
