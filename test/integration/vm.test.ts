import { open, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Stack, startStack } from '../../cli/stack/stack.ts';
import type { SupervisorEvent } from '../../enclave/simulator/events.ts';
import { extend } from '../../enclave/simulator/signing.ts';
import { type Supervisor, startSupervisor } from '../../enclave/simulator/supervisor.ts';
import { vmTier } from '../../enclave/simulator/vm/vm-tier.ts';
import { parsePolicy, verifyNitroDocument } from '../../verifier/index.ts';
import { equalBytes, toHex } from '../../wire/bytes.ts';
import { nodeSuite, sha256 } from '../../wire/crypto/node.ts';
import { scratchFolder } from '../enclave/simulator/vm/support/bridge.ts';
import { buildListImage, buildProbeImage, lacksForMachine } from '../support/machine.ts';
import { clientOver, demoCall, tap, until } from '../support/stack.ts';

const lacking = await lacksForMachine();
const onMachines = describe.skipIf(lacking !== null);
const why = lacking === null ? '' : ` (skipped: ${lacking})`;
/** Emulated machines on a machine that does other things beside. */
const BOOT_MS = 180_000;

onMachines(`a worker in a machine of its own${why}`, { timeout: BOOT_MS }, () => {
  let stack: Stack;
  let state: Awaited<ReturnType<typeof scratchFolder>>;
  const events: SupervisorEvent[] = [];
  const client = () => clientOver(tap(stack.url).host, stack.policy);

  beforeAll(async () => {
    state = await scratchFolder();
    stack = await startStack({
      stateDirectory: state.folder,
      port: 0,
      tier: 'sim-vm',
      platform: { tee: 'aws-nitro', role: null },
      onEvent: (event) => events.push(event),
    });
  }, BOOT_MS);
  afterAll(async () => {
    await stack.supervisor.stop();
    await state.remove();
  }, 30_000);

  it('answers sealed calls that the client verifies under the image’s own measurements', async () => {
    const { worker, receipt, checks } = await client().infer(demoCall(stack));
    expect(worker.level).toBe('simulated');
    expect(receipt.status).toBe('ok');
    expect(checks.every(({ outcome }) => outcome !== 'failed')).toBe(true);
    expect(stack.supervisor.isolation.kind).toBe('machine');
  });

  it('keeps its log while the host is killed and comes back', async () => {
    const mine = client();
    const before = await mine.worker();
    const pids = stack.supervisor.pids();
    process.kill(pids.host as number, 'SIGKILL');
    const after = await until('the next answer', () => mine.infer(demoCall(stack)).catch(() => undefined), BOOT_MS);
    expect(toHex(after.receipt.log)).toBe(toHex(before.log));
    expect(stack.supervisor.pids()).toMatchObject({ signer: pids.signer, worker: pids.worker });
  });

  it('boots what was measured, not what has become of the file, with new keys and a new log', async () => {
    const before = await client().worker();
    const pids = stack.supervisor.pids();
    const file = await open(join(state.folder, 'image', 'vm.eif'), 'r+');
    await file.write(Uint8Array.of(0xff), 0, 1, (await file.stat()).size - 1_000_000);
    await file.close();
    process.kill(pids.worker as number, 'SIGKILL');
    const mine = client();
    const after = await until(
      'another worker',
      async () => {
        const worker = await mine.worker().catch(() => undefined);
        return worker === undefined || equalBytes(worker.log, before.log) ? undefined : worker;
      },
      BOOT_MS,
    );
    expect(after.attestation.measurements).toEqual(before.attestation.measurements);
    expect(toHex(after.identity.sealKey)).not.toBe(toHex(before.identity.sealKey));
    const now = stack.supervisor.pids();
    expect(now.host).toBe(pids.host);
    expect([now.signer, now.worker]).not.toContain(pids.signer);
    // The host offers it the model again first.
    const answer = await until('an answer', () => mine.infer(demoCall(stack)).catch(() => undefined), BOOT_MS);
    expect(toHex(answer.receipt.log)).toBe(toHex(after.log));
  });

  it('says on its console what its own parts may say, and nothing of requests', () => {
    const said = events.flatMap((event) => (event.kind === 'output' && event.role === 'worker' ? [event.line] : []));
    const known = [/^init \d+ \d+ \d+$/, /^SeaBIOS /, /^Booting from ROM/, /^\[ *\d+\.\d+\] /, /^machine ended: /];
    expect(said.filter((line) => !known.some((form) => form.test(line)))).toEqual([]);
    expect(said).toContain('init 20 0 0');
  });
});

interface Registers {
  readonly lock: boolean;
  readonly data: string;
}

onMachines(`from inside a machine${why}`, { timeout: BOOT_MS }, () => {
  let supervisor: Supervisor;
  let state: Awaited<ReturnType<typeof scratchFolder>>;
  const said: string[] = [];

  beforeAll(async () => {
    state = await scratchFolder();
    const eif = await buildProbeImage(state.folder, join(import.meta.dirname, '../support/machine-probe.mjs'));
    supervisor = await startSupervisor({
      stateDirectory: join(state.folder, 's'),
      tier: vmTier({ eif, role: 'arn:simulated:role', acceleration: 'none' }),
      host: { command: 'sleep', args: ['1000'], env: {} },
      onEvent: (event) => {
        if (event.kind === 'output') said.push(event.line);
      },
    });
    await rm(eif);
  }, BOOT_MS);
  afterAll(async () => {
    await supervisor.stop();
    await state.remove();
  }, 30_000);

  async function probe<T>(name: string): Promise<T> {
    const socket = connect(join(state.folder, 's', 'simulated-enclave', 'link', 'worker.sock'));
    socket.write(`${name}\n`);
    try {
      for await (const line of createInterface({ input: socket })) {
        const answer = JSON.parse(line) as T & { readonly failed?: string };
        expect(answer.failed).toBeUndefined();
        return answer;
      }
    } finally {
      socket.destroy();
    }
    throw new Error(`no answer to ${name}`);
  }

  it('there is a loopback and no other interface, no disk, no environment and nothing to write to', async () => {
    const found = await probe<{
      readonly interfaces: readonly string[];
      readonly disks: readonly string[];
      readonly environment: readonly string[];
      readonly seccomp: string;
      readonly modulesDisabled: string;
      readonly writes: readonly string[];
      readonly mounts: readonly string[];
    }>('machine');
    expect(found.interfaces).toEqual(['lo']);
    expect(found.disks).toEqual([]);
    expect(found.environment).toEqual([]);
    expect(found.seccomp).toBe('2');
    expect(found.modulesDisabled).toBe('1');
    expect(found.writes.slice(0, 4).every((code) => ['EROFS', 'EACCES', 'EPERM', 'ENOENT'].includes(code))).toBe(true);
    expect(found.writes.slice(0, 3)).toEqual(['EROFS', 'EROFS', 'EROFS']);
    expect(found.writes[4]).toBe('done');
    for (const mount of found.mounts) expect(mount).toMatch(/^\S+ (\/ \S+ ro|\S+ \S+ \S*nosuid)/);
  });

  it('somebody else’s client gets a document that our verifier accepts for this image, and for no other', async () => {
    const found = await probe<{
      readonly description: {
        readonly maxPcrs: number;
        readonly digest: string;
        readonly lockedPcrs: readonly number[];
      };
      readonly random: readonly string[];
      readonly image: readonly Registers[];
      readonly before: Registers;
      readonly extended: string;
      readonly after: Registers;
      readonly refused: string;
      readonly ranged: readonly boolean[];
      readonly document: string;
    }>('client');
    const { pcr0, pcr1, pcr2 } = supervisor.measurement;
    const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
    expect(found.image).toEqual([pcr0, pcr1, pcr2].map((data) => ({ lock: true, data: base64(data) })));
    expect(found.before).toEqual({ lock: false, data: base64(new Uint8Array(48)) });
    const once = base64(extend(new Uint8Array(48), new Uint8Array(32).fill(9)));
    expect(found.extended).toBe(once);
    expect(found.after).toEqual({ lock: true, data: once });
    expect(found.refused).not.toBe(once);
    expect(found.ranged).toEqual([true, false]);
    expect(found.random[0]).not.toBe(found.random[1]);
    expect(found.description).toMatchObject({ maxPcrs: 32, digest: 'sha384' });

    const verdictFor = async (image: Uint8Array): Promise<string> => {
      const policy = parsePolicy({
        ...blankPolicy,
        roots: [toHex(sha256(supervisor.rootCertificate))],
        images: [{ pcr0: toHex(image), pcr1: toHex(pcr1), pcr2: toHex(pcr2) }],
      });
      const document = new Uint8Array(Buffer.from(found.document, 'base64'));
      const challenge = new Uint8Array(32).fill(7);
      const options = { policy, now: Date.now(), challenge, suite: nodeSuite, cache: 'none' } as const;
      const verdict = await verifyNitroDocument(document, options);
      return verdict.verdict === 'accepted' ? 'accepted' : verdict.code;
    };
    expect(await verdictFor(pcr0)).toBe('accepted');
    expect(await verdictFor(new Uint8Array(48).fill(1))).toBe('image_refused');
  });

  it('what the launcher says goes nowhere: only init’s codes are on the console', async () => {
    const found = await probe<{ readonly outputs: readonly string[]; readonly said: string }>('outputs');
    expect(found.outputs).toEqual(['/dev/null', '/dev/null']);
    await until('its sign of life', () => said.some((line) => line === 'init 20 0 0') || undefined);
    expect(said.filter((line) => line.includes(found.said))).toEqual([]);
  });

  it('the device answers as the driver does: sizes, nonsense, many at once', async () => {
    const found = await probe<Record<string, unknown>>('device');
    expect(found['different']).toBe(20);
    // CBOR of {"Error": "InvalidArgument"}: the device's word, not the driver's.
    const invalid = Buffer.from('\xa1\x65Error\x6fInvalidArgument', 'latin1').toString('base64');
    expect([found['malformed'], found['longest']]).toEqual([invalid, invalid]);
    expect(found['tooLong']).toBeLessThan(0);
    expect(found['read']).toBe('EINVAL');
  });

  it.each(['user', 'model'])(
    'another %s reaches neither the device, nor the ports, nor the worker, nor a network',
    async (name) => {
      const found = await probe<Record<string, unknown>>(name);
      expect(found).toMatchObject({
        uid: 1_000,
        groups: '',
        capabilities: '0'.repeat(32),
        noNewPrivileges: '1',
        interfaces: ['lo'],
        network: 'ENETUNREACH',
      });
      const refused = name === 'user' ? 'EACCES' : 'ENOENT';
      expect([found['nsm'], found['cuse'], found['port'], found['worker']]).toEqual([
        refused,
        refused,
        refused,
        refused,
      ]);
      expect(found['processes']).toBe(1);
    },
  );
});

onMachines(`the first process of a machine${why}`, { timeout: BOOT_MS }, () => {
  it.each([
    ['a directive that it does not know', ['mount proc /proc', 'nonsense'], 'line 3 of the list failed (error 22)'],
    // In a debug image, where the helper's own words are on the console.
    [
      'the end of a helper',
      ['debug', 'spawn /bin/confine --parent 1 -- /nothing', 'await /nothing'],
      /helper 1 ended with 71; .*\| confine: /,
    ],
  ])('ends it at %s, and says where', async (_what, directives, why) => {
    const state = await scratchFolder();
    try {
      const eif = await buildListImage(state.folder, directives);
      const ground = { state: state.folder, run: state.folder, link: join(state.folder, 'link'), onEvent: () => {} };
      const prepared = await vmTier({ eif, role: null, acceleration: 'none' }).prepare(ground);
      await expect(prepared.boot(new AbortController().signal)).rejects.toThrow(why);
    } finally {
      await state.remove();
    }
  });
});

const blankPolicy = {
  version: 1,
  name: 'test',
  expires: '2099-01-01T00:00:00Z',
  tee: 'aws-nitro',
  level: 'simulated',
  pcrs: { '3': 'any', '4': 'any', '8': 'any' },
  debug: 'refuse',
  maxAgeSeconds: 3_600,
  futureSkewSeconds: 300,
  leafLifetimeSeconds: 10_800,
  moduleId: 'matches-certificate',
  regions: 'any',
  unknownFields: 'refuse',
  userDataLimit: 512,
  configurations: 'any',
  runtimes: 'any',
  operators: 'any',
  chain: 'any',
  publishers: 'any',
  models: 'any',
  sealed: 'required',
  headers: 'client-only',
  anchors: 'none',
  denied: { certificates: [], modules: [], images: [] },
} as const;
