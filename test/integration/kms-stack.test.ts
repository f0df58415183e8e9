import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateKeyCommand } from '@aws-sdk/client-kms';
import { afterAll, describe, expect, it } from 'vitest';
import { generateDataKey } from '../../cli/kms/data-key.ts';
import { encryptRelease } from '../../cli/kms/encrypt-release.ts';
import { startStack } from '../../cli/stack/stack.ts';
import { type KmsStandIn, startKmsStandIn } from '../../enclave/simulator/kms/server.ts';
import { openRelease } from '../../host/releases.ts';
import { hostRole, keyPolicy, kmsClient, publisherRole, useCredentials } from '../support/kms-world.ts';
import { clientOver, demoCall, tap } from '../support/stack.ts';

/**
 * The whole process tier with a release that only its measured image can open: a sandboxed worker, a simulated device in
 * another process, a host that is its own process, and KMS.
 */
let state: string | undefined;
let standIn: KmsStandIn | undefined;

afterAll(async () => {
  await standIn?.close();
  if (state !== undefined) await rm(state, { recursive: true, force: true });
});

describe('an encrypted release in the process tier', () => {
  it('is served by the image that the key names, and its weights are in no file of the host', async () => {
    state = await mkdtemp(join(tmpdir(), 'pm-kms-stack-'));
    const options = { stateDirectory: state, port: 0, onEvent: () => {} } as const;
    // Once without, for the image's measurement: what a publisher would take from a build.
    const first = await startStack({ ...options, tier: 'sim-process', platform: { tee: 'aws-nitro', role: null } });
    const { measurement, rootCertificate } = first.supervisor;
    await first.supervisor.stop();

    standIn = await startKmsStandIn({
      port: 0,
      folder: join(state, 'kms'),
      callers: [publisherRole, hostRole],
      roots: [rootCertificate],
      debug: 'refuse',
      now: Date.now,
    });
    const client = kmsClient(standIn, publisherRole);
    const Policy = JSON.stringify(keyPolicy(measurement.pcr0));
    const keyId = (await client.send(new CreateKeyCommand({ Policy }))).KeyMetadata?.Arn as string;
    client.destroy();
    useCredentials(publisherRole);
    const place = { keyId, region: undefined, endpoint: standIn.url };
    const encrypted = join(state, 'encrypted');
    const { manifest } = await encryptRelease({
      source: first.files.releaseDirectory,
      out: encrypted,
      dataKey: (modelId) => generateDataKey(modelId, place),
    });
    const weights = await readFile(join(first.files.releaseDirectory, manifest.entry));
    const stack = await startStack({
      ...options,
      tier: 'sim-process',
      platform: { tee: 'aws-nitro', role: null },
      instead: {
        release: encrypted,
        hostArguments: ['--kms-endpoint', standIn.url],
        hostEnvironment: {
          AWS_ACCESS_KEY_ID: hostRole.accessKeyId,
          AWS_SECRET_ACCESS_KEY: hostRole.secretAccessKey,
        },
      },
    });
    try {
      expect(openRelease(encrypted).encryption).not.toBeNull();
      const answer = await clientOver(tap(stack.url).host, stack.policy).infer(demoCall(stack));
      expect(answer.receipt.status).toBe('ok');
      // A stretch of the weights, wherever anything is kept but in the publisher's own folder.
      await rm(first.files.releaseDirectory, { recursive: true });
      const needle = weights.subarray(weights.length / 2, weights.length / 2 + 64);
      for (const file of await readdir(state, { recursive: true, withFileTypes: true })) {
        const path = join(file.parentPath, file.name);
        if (file.isFile()) expect([path, (await readFile(path)).includes(needle)]).toEqual([path, false]);
      }
    } finally {
      await stack.supervisor.stop();
    }
  }, 120_000);
});
