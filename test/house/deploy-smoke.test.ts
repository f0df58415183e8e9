import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { buildImage } from '../../enclave/image/build.ts';
import { outputsOf } from '../../enclave/image/outputs.ts';
import { snpMeasurement } from '../../enclave/simulator/measure.ts';
import type { Platform } from '../../enclave/simulator/platform.ts';
import { toHex } from '../../wire/bytes.ts';
import { syntheticOvmf } from '../enclave/image/formats/support/ovmf.ts';
import { openWorkshop } from '../enclave/image/support/workshop.ts';
import { openSmokeGround, type SmokeGround } from '../support/smoke.ts';

/**
 * The scripts that are meant for real hardware, run from their first line to their last. Around them is what they call,
 * with a simulated worker behind it; `proofmark` is the real one.
 */
const missing = ['jq', 'curl'].filter((program) => spawnSync(program, ['--version']).status !== 0);
const onTools = describe.skipIf(missing.length > 0);
const why = missing.length > 0 ? ` (skipped: ${missing.join(' and ')} not installed)` : '';
const SMOKE_MS = 120_000;

let ground: SmokeGround | undefined;
afterEach(async () => {
  await ground?.remove();
  ground = undefined;
}, 30_000);

async function openGround(platform: Platform): Promise<SmokeGround> {
  ground = await openSmokeGround(platform);
  return ground;
}

/** What `image build` writes, as far as the scripts read it, for the worker that the simulator has measured. */
function nitroImage({ path, measurement }: SmokeGround): string {
  const { pcr0, pcr1, pcr2 } = measurement;
  mkdirSync(path('image'));
  writeFileSync(path('image/image.eif'), 'an image');
  const images = [{ pcr0: toHex(pcr0), pcr1: toHex(pcr1), pcr2: toHex(pcr2) }];
  writeFileSync(path('image/measurements.json'), JSON.stringify({ tee: 'aws-nitro', images, minimumMemoryMib: 512 }));
  return path('image');
}

const nitro: Platform = { tee: 'aws-nitro', role: null };
const genoa: Platform = { tee: 'amd-sev-snp', product: 'Genoa', signer: 'vcek', reportVersion: 5 };
const BUNDLE = ['audit.json', 'evidence.json', 'occasion.json', 'policy.json'];
const occasionIn = (folder: string): unknown => JSON.parse(readFileSync(join(folder, 'occasion.json'), 'utf8'));

/** The folder, judged again by somebody who has nothing else. */
function checkAgain({ path }: SmokeGround, folder: string): { readonly code: number | null; readonly out: string } {
  const { status, stdout } = spawnSync(path('bin/proofmark'), ['evidence', '--check', folder], {
    encoding: 'utf8',
    env: {
      STAND_IN_LOG: '/dev/null',
      STAND_IN_NODE: process.execPath,
      STAND_IN_TSX: import.meta.resolve('tsx'),
      STAND_IN_ROOT: join(import.meta.dirname, '../..'),
    },
  });
  return { code: status, out: stdout };
}

onTools(`nitro/smoke.sh${why}`, { timeout: SMOKE_MS }, () => {
  it('ends with evidence and an answer that its policy accepts, and with nothing left running', async () => {
    const here = await openGround(nitro);
    const out = here.path('evidence');
    const ended = await here.run('nitro/smoke.sh', [nitroImage(here), out], { TEMPLATE: here.template });
    expect(ended).toMatchObject({
      code: 0,
      out: expect.stringContaining(`smoke: passed. Please send ${out}\n`) as string,
    });
    expect(readdirSync(out).sort()).toEqual(['answer.proofmark', ...BUNDLE].sort());
    expect(occasionIn(out)).toMatchObject({
      verdict: 'accepted',
      note: expect.stringContaining('Nitro CLI') as string,
    });
    expect(checkAgain(here, out)).toMatchObject({ code: 0, out: expect.stringMatching(/^accepted/) as string });

    const asked = here.asked();
    const cli = asked.filter((line) => line.startsWith('nitro-cli '));
    const image = here.path('image/image.eif');
    expect(cli).toEqual([
      `nitro-cli run-enclave --eif-path ${image} --cpu-count 2 --memory 2560 --enclave-cid 16`,
      'nitro-cli --version',
      'nitro-cli terminate-enclave --enclave-id i-1-enc1',
    ]);
    expect(asked.filter((line) => line.startsWith('socat '))).toEqual([
      expect.stringMatching(/^socat UNIX-LISTEN:\S+\/worker\.sock,fork,mode=0600 VSOCK-CONNECT:16:5000$/) as string,
    ]);
    expect(here.left()).toEqual([]);
    expect(readdirSync(here.path('.')).filter((name) => name.startsWith('tmp.'))).toEqual([]);
  });

  it('keeps evidence under a root that the shipped policy does not know, and says that it is untrusted', async () => {
    const here = await openGround(nitro);
    const out = here.path('evidence');
    const ended = await here.run('nitro/smoke.sh', [nitroImage(here), out]);
    expect([ended.code, ended.out.includes('passed')]).toEqual([20, false]);
    expect(readdirSync(out).sort()).toEqual(BUNDLE);
    expect(occasionIn(out)).toMatchObject({ verdict: 'untrusted' });
    expect(checkAgain(here, out)).toMatchObject({ code: 20 });
    expect(here.asked()).toContain('nitro-cli terminate-enclave --enclave-id i-1-enc1');
    // It never writes over evidence, and asks for its device first.
    expect((await here.run('nitro/smoke.sh', [here.path('image'), out])).err).toContain('is there already');
    const gone = { DEVICE: here.path('no-device') };
    expect((await here.run('nitro/smoke.sh', [here.path('image'), here.path('x')], gone)).err).toContain('no-device');
    expect(here.asked().filter((line) => line.includes('run-enclave'))).toHaveLength(1);
  });
});

onTools(`snp/smoke.sh${why}`, { timeout: SMOKE_MS }, () => {
  it('ends with evidence and an answer that its policy accepts, and with nothing left running', async () => {
    const here = await openGround(genoa);
    const workshop = openWorkshop('snp');
    const built = await buildImage(workshop);
    workshop.remove();
    const image = here.path('image');
    mkdirSync(image);
    const provenance = { source: null, packageLockSha256: new Uint8Array(32), packages: [] };
    for (const { name, pieces } of outputsOf(built, provenance))
      writeFileSync(join(image, name), Buffer.concat(pieces));
    writeFileSync(here.path('OVMF.fd'), syntheticOvmf());
    mkdirSync(here.path('certificates'));
    // The simulator measures the worker's files and no firmware: the launch digest is computed, kept, and replaced by its.
    const digest = toHex(snpMeasurement(here.measurement));
    const real = here.path('bin/proofmark');
    const replacing = readFileSync(real, 'utf8').replace(
      /^exec /m,
      `if [ "$1 $2" = 'image measure' ]; then
  "$STAND_IN_NODE" --import "$STAND_IN_TSX" "$STAND_IN_ROOT/cli/main.ts" "$@" >'${here.path('computed.json')}'
  echo '{"tee": "amd-sev-snp", "measurements": ["${digest}"]}'
  exit
fi
exec `,
    );
    writeFileSync(real, replacing);

    const out = here.path('evidence');
    const env = { TEMPLATE: here.template, OVMF: here.path('OVMF.fd') };
    const ended = await here.run('snp/smoke.sh', [image, here.path('certificates'), out], env);
    expect(ended).toMatchObject({
      code: 0,
      out: expect.stringContaining(`smoke: passed. Please send ${out}\n`) as string,
    });
    expect(readdirSync(out).sort()).toEqual(['answer.proofmark', ...BUNDLE].sort());
    expect(occasionIn(out)).toMatchObject({ verdict: 'accepted' });
    expect(checkAgain(here, out)).toMatchObject({ code: 0, out: expect.stringMatching(/^accepted/) as string });

    const computed = JSON.parse(readFileSync(here.path('computed.json'), 'utf8')) as Record<string, unknown>;
    expect(computed).toMatchObject({
      tee: 'amd-sev-snp',
      measurements: [expect.stringMatching(/^[0-9a-f]{96}$/) as string],
    });
    const [machine = ''] = here.asked().filter((line) => line.startsWith('qemu-system-x86_64 '));
    // What is launched is what was measured.
    const { commandLine } = built;
    for (const part of [
      `-bios ${here.path('OVMF.fd')} -kernel ${image}/kernel -initrd ${image}/initrd -append ${commandLine} -serial`,
      'policy=0x30000,kernel-hashes=on',
      '-smp 2 -cpu EPYC-v4',
    ]) {
      expect(machine).toContain(part);
    }
    const [measured = ''] = here.asked().filter((line) => line.startsWith('proofmark image measure '));
    for (const part of [
      `--ovmf ${here.path('OVMF.fd')} --kernel ${image}/kernel --initrd ${image}/initrd --append ${commandLine} `,
      '--vcpus 2 --vcpu-type EPYC-v4',
    ]) {
      expect(measured).toContain(part);
    }
    expect(here.left()).toEqual([]);
  });
});
