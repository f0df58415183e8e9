import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeDemoFiles } from '../../cli/stack/demo-files.ts';
import { simulatorPolicy } from '../../cli/stack/policy.ts';
import { choosePort } from '../../cli/stack/port.ts';
import { workerFiles } from '../../cli/stack/worker-files.ts';
import type { Measurement } from '../../enclave/simulator/measure.ts';
import type { Platform } from '../../enclave/simulator/platform.ts';
import { processTier } from '../../enclave/simulator/process-tier.ts';
import { startSupervisor, workerSocketPath } from '../../enclave/simulator/supervisor.ts';
import { installSnpRoot } from './snp-root.ts';

const root = join(import.meta.dirname, '../..');

/** A simulated worker that nobody has configured yet, and programs in place of the ones that only its hardware has. */
export interface SmokeGround {
  readonly measurement: Measurement;
  /** A policy for the simulator's root, as `proofmark kit --template` takes it. */
  readonly template: string;
  /** A file that is there, as a device is. */
  readonly device: string;
  path(name: string): string;
  run(script: string, args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended>;
  /** Command lines of the stand-ins, in order; each begins with the program's name. */
  asked(): readonly string[];
  /** Command lines of stand-ins that still run. */
  left(): readonly string[];
  remove(): Promise<void>;
}

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** What the stand-ins do with a worker's socket, as socat and QEMU's character devices do: bytes there and back. */
const BRIDGE = `
import { connect, createServer } from 'node:net';
const [path] = process.argv.slice(2);
createServer((near) => {
  const far = connect(process.env.STAND_IN_WORKER);
  for (const socket of [near, far]) socket.on('error', () => { near.destroy(); far.destroy(); });
  near.pipe(far).pipe(near);
}).listen(path);
`;

const standIns = (bin: string): Readonly<Record<string, string>> => ({
  proofmark: `exec "$STAND_IN_NODE" --import "$STAND_IN_TSX" "$STAND_IN_ROOT/cli/main.ts" "$@"`,
  'nitro-cli': `
case "$1" in
  run-enclave) echo '{"EnclaveName": "image", "EnclaveID": "i-1-enc1", "EnclaveCID": 16, "NumberOfCPUs": 2}' ;;
  terminate-enclave) echo '{"EnclaveID": "i-1-enc1", "Terminated": true}' ;;
  --version) echo 'Nitro CLI 1.4.2' ;;
  *) exit 64 ;;
esac`,
  socat: `
path="\${1#UNIX-LISTEN:}"
exec "$STAND_IN_NODE" ${bin}/bridge.mjs "\${path%%,*}"`,
  'qemu-system-x86_64': `
for argument in "$@"; do
  case "$argument" in
    socket,id=link,path=*) path="\${argument#socket,id=link,path=}" ;;
  esac
done
exec "$STAND_IN_NODE" ${bin}/bridge.mjs "\${path%%,*}"`,
});

export async function openSmokeGround(platform: Platform): Promise<SmokeGround> {
  const folder = mkdtempSync(join(tmpdir(), 'pm-'));
  const path = (name: string): string => join(folder, name);
  const state = path('state');
  if (platform.tee === 'amd-sev-snp') await installSnpRoot(state, platform.product);
  const app = await workerFiles(path('worker'));
  const supervisor = await startSupervisor({
    stateDirectory: state,
    tier: processTier({ node: process.execPath, app, platform }),
    // The script starts the host.
    host: { command: 'sleep', args: ['1000'], env: {} },
    onEvent: () => {},
  });
  const { measurement, rootCertificate } = supervisor;
  // A kit writes its own: what the template says of these is replaced.
  const files = await writeDemoFiles(state);
  const template = simulatorPolicy({ platform, measurement, rootCertificate, files, now: Date.now() });
  writeFileSync(path('template.json'), JSON.stringify(template));
  writeFileSync(path('device'), '');
  const log = path('asked');
  writeFileSync(log, '');
  const bin = path('bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'bridge.mjs'), BRIDGE);
  for (const [name, body] of Object.entries(standIns(bin))) {
    writeFileSync(join(bin, name), `#!/bin/sh\nset -eu\necho "${name} $*" >>"$STAND_IN_LOG"\n${body.trim()}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  const environment = {
    PATH: `${bin}:${process.env['PATH'] ?? '/usr/bin:/bin'}`,
    HOME: folder,
    TMPDIR: folder,
    STAND_IN_LOG: log,
    STAND_IN_NODE: process.execPath,
    STAND_IN_ROOT: root,
    STAND_IN_TSX: createRequire(import.meta.url).resolve('tsx'),
    STAND_IN_WORKER: workerSocketPath(state),
    DEVICE: path('device'),
  };
  return {
    measurement,
    template: path('template.json'),
    device: path('device'),
    path,
    run: async (script, args, env = {}) => {
      const PORT = String(await choosePort());
      return new Promise((resolve) => {
        const file = join(root, 'deploy', script);
        execFile(file, [...args], { env: { ...environment, PORT, ...env }, cwd: folder }, (error, out, err) => {
          resolve({ code: error === null ? 0 : Number(error.code ?? -1), out, err });
        });
      });
    },
    asked: () => readFileSync(log, 'utf8').trim().split('\n'),
    left: () => commandLines().filter((line) => line.includes(join(bin, 'bridge.mjs'))),
    remove: async () => {
      await supervisor.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function commandLines(): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ')];
      } catch {
        // It ended meanwhile.
        return [];
      }
    });
}
