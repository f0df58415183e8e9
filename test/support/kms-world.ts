import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import type { DataKey } from '../../cli/kms/data-key.ts';
import { encryptRelease } from '../../cli/kms/encrypt-release.ts';
import { createRoot, makeAuthority, type Root } from '../../enclave/simulator/authority.ts';
import { type KmsCall, type KmsStandIn, startKmsStandIn } from '../../enclave/simulator/kms/server.ts';
import type { Caller } from '../../enclave/simulator/kms/signature.ts';
import { createNsm, type Nsm } from '../../enclave/simulator/nsm.ts';
import { systemChance } from '../../enclave/simulator/signing.ts';
import type { Attester } from '../../enclave/worker/attester.ts';
import { createNsmAttester } from '../../enclave/worker/nsm-attester.ts';
import { startWorker } from '../../enclave/worker/worker.ts';
import type { HostEvent } from '../../host/errors.ts';
import { type Host, type HostOptions, startHost } from '../../host/host.ts';
import { openRelease, type Release } from '../../host/releases.ts';
import { toHex } from '../../wire/bytes.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import { encryptionContext } from '../../wire/message/encrypted-release.ts';
import { decodeNsmRequest, encodeNsmResponse } from '../../wire/message/nsm.ts';
import { configurationBytes, createFakePool, type FakePool, type TestRelease } from '../enclave/worker/core/harness.ts';

/** A publisher, a KMS stand-in, a worker's core with a simulated device, and a host between them. Only models are fake. */
export interface Image {
  readonly pcr0: Uint8Array;
  readonly pcr1: Uint8Array;
  readonly pcr2: Uint8Array;
}

export const image: Image = {
  pcr0: new Uint8Array(48).fill(0xa1),
  pcr1: new Uint8Array(48).fill(0xa2),
  pcr2: new Uint8Array(48).fill(0xa3),
};

export const root: Root = createRoot({ now: Date.now(), key: systemChance.key(), chance: systemChance });

const ACCOUNT = 'arn:aws:iam::111122223333';
export const publisherRole: Caller = {
  accessKeyId: 'AKIDPUBLISHER',
  secretAccessKey: 'publisher secret',
  arn: `${ACCOUNT}:role/publisher`,
};
export const hostRole: Caller = {
  accessKeyId: 'AKIDHOST',
  secretAccessKey: 'host secret',
  arn: `${ACCOUNT}:role/worker-host`,
};

export function nsmFor(registers: Image, by: Root = root, clock: () => number = Date.now): Nsm {
  return createNsm({
    authority: makeAuthority({
      root: by,
      instanceId: 'i-0123456789abcdef0',
      enclaveId: systemChance.bytes(8),
      chance: systemChance,
    }),
    registers: { ...registers, pcr3: new Uint8Array(48), pcr4: new Uint8Array(48) },
    clock,
    chance: systemChance,
    encoding: 'indefinite',
  });
}

export function attesterOf(nsm: Nsm): Attester {
  return createNsmAttester(async (request) => encodeNsmResponse(nsm(decodeNsmRequest(request))));
}

/** What a key for enclaves should look like: the publisher wraps, and only the image opens. */
export function keyPolicy(pcr0: Uint8Array = image.pcr0, condition: JsonValue | null = null): JsonValue {
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'Administration',
        Effect: 'Allow',
        Principal: { AWS: publisherRole.arn },
        Action: ['kms:DescribeKey', 'kms:GetKeyPolicy', 'kms:PutKeyPolicy', 'kms:GenerateDataKey', 'kms:Encrypt'],
        Resource: '*',
      },
      {
        Sid: 'OnlyTheImage',
        Effect: 'Allow',
        Principal: { AWS: hostRole.arn },
        Action: 'kms:Decrypt',
        Resource: '*',
        Condition: condition ?? {
          StringEqualsIgnoreCase: { 'kms:RecipientAttestation:ImageSha384': toHex(pcr0).toUpperCase() },
        },
      },
    ],
  };
}

export function kmsClient(standIn: KmsStandIn, { accessKeyId, secretAccessKey }: Caller): KMSClient {
  return new KMSClient({
    region: 'zz-simulated-1',
    endpoint: standIn.url,
    credentials: { accessKeyId, secretAccessKey },
    maxAttempts: 1,
  });
}

export interface KmsWorld {
  readonly folder: string;
  readonly standIn: KmsStandIn;
  readonly calls: readonly KmsCall[];
  createKey(policy?: JsonValue): Promise<string>;
  /** Writes the release in a folder, and beside it the encrypted one. */
  encrypt(release: TestRelease, keyId: string): Promise<Encrypted>;
  close(): Promise<void>;
}

export interface Encrypted {
  readonly release: Release;
  readonly folder: string;
  readonly dataKey: Uint8Array;
}

export async function openKmsWorld(debug: 'refuse' | 'allow' = 'refuse'): Promise<KmsWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'pm-kms-'));
  const calls: KmsCall[] = [];
  const standIn = await startKmsStandIn({
    port: 0,
    folder: join(folder, 'keys'),
    callers: [publisherRole, hostRole],
    roots: [root.certificate],
    debug,
    now: Date.now,
    onCall: (call) => calls.push(call),
  });
  const client = kmsClient(standIn, publisherRole);
  let releases = 0;
  return {
    folder,
    standIn,
    calls,
    async createKey(policy = keyPolicy()) {
      const { KeyMetadata } = await client.send(new CreateKeyCommand({ Policy: JSON.stringify(policy) }));
      return KeyMetadata?.Arn as string;
    },
    async encrypt(release, keyId) {
      const source = join(folder, `plain-${releases}`);
      const out = join(folder, `encrypted-${releases++}`);
      writeRelease(source, release);
      let dataKey = new Uint8Array(0);
      await encryptRelease({
        source,
        out,
        dataKey: async (modelId) => {
          const made = await wrapNewKey(client, keyId, modelId);
          dataKey = Uint8Array.from(made.plaintext);
          return made;
        },
      });
      rmSync(source, { recursive: true });
      return { release: openRelease(out), folder: out, dataKey };
    },
    async close() {
      client.destroy();
      await standIn.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function wrapNewKey(client: KMSClient, keyId: string, modelId: Uint8Array): Promise<DataKey> {
  const { GenerateDataKeyCommand } = await import('@aws-sdk/client-kms');
  const { Plaintext, CiphertextBlob, KeyId } = await client.send(
    new GenerateDataKeyCommand({
      KeyId: keyId,
      KeySpec: 'AES_256',
      EncryptionContext: { ...encryptionContext(modelId) },
    }),
  );
  return {
    plaintext: Uint8Array.from(Plaintext as Uint8Array),
    ciphertextBlob: Uint8Array.from(CiphertextBlob as Uint8Array),
    kmsKeyId: KeyId as string,
  };
}

export function writeRelease(folder: string, { signed, manifest, files }: TestRelease): void {
  for (const [index, bytes] of files.entries()) {
    const path = join(folder, manifest.files[index]?.path as string);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  }
  writeFileSync(join(folder, 'manifest.json'), signed.manifest);
  writeFileSync(join(folder, 'owner.hex'), toHex(signed.owner));
  writeFileSync(join(folder, 'signature.hex'), toHex(signed.signature));
}

/** A worker, the host that configures it, and every byte that passed between them. */
export interface Pair {
  readonly host: Host;
  readonly pool: FakePool;
  readonly events: readonly HostEvent[];
  readonly link: () => Uint8Array;
  readonly directory: string;
  close(): Promise<void>;
}

export async function openPair(
  attester: Attester,
  options: Pick<HostOptions, 'releases'> & Partial<HostOptions>,
): Promise<Pair> {
  const directory = mkdtempSync(join(tmpdir(), 'pm-kms-pair-'));
  const pool = createFakePool();
  const workerPath = join(directory, 'worker.sock');
  await startWorker({
    attester,
    linkPath: workerPath,
    createPool: () => pool,
    onFatal: (error) => {
      throw error;
    },
  });
  const tap = await openTap(join(directory, 'tap.sock'), workerPath);
  const events: HostEvent[] = [];
  const host = await startHost({
    links: [join(directory, 'tap.sock')],
    stateDirectory: join(directory, 'state'),
    listen: { host: '127.0.0.1', port: 0 },
    configuration: configurationBytes(),
    onEvent: (event) => events.push(event),
    drainMs: 2_000,
    ...options,
  });
  await host.ready;
  return {
    host,
    pool,
    events,
    link: tap.bytes,
    directory,
    async close() {
      await host.close();
      await tap.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

interface Tap {
  readonly bytes: () => Uint8Array;
  close(): Promise<void>;
}

function openTap(path: string, behind: string): Promise<Tap> {
  const seen: Uint8Array[] = [];
  const open = new Set<Socket>();
  const server: Server = createServer((near) => {
    const far = connect(behind);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(from);
      from.on('data', (bytes: Uint8Array) => {
        seen.push(Uint8Array.from(bytes));
        to.write(bytes);
      });
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
    }
  });
  return new Promise((resolve) => {
    server.listen(path, () =>
      resolve({
        bytes: () => new Uint8Array(Buffer.concat(seen)),
        close: () =>
          new Promise((done) => {
            for (const socket of open) socket.destroy();
            server.close(() => done());
          }),
      }),
    );
  });
}

/** As the host finds them: where AWS's tools look. */
export function useCredentials({ accessKeyId, secretAccessKey }: Caller): void {
  process.env['AWS_ACCESS_KEY_ID'] = accessKeyId;
  process.env['AWS_SECRET_ACCESS_KEY'] = secretAccessKey;
  process.env['AWS_EC2_METADATA_DISABLED'] = 'true';
}
