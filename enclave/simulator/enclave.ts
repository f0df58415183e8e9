import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { toHex } from '../../wire/bytes.ts';
import { type Child, startChild } from './child.ts';
import { SimulatorError } from './errors.ts';
import type { SupervisorEvent } from './events.ts';
import { textRegister } from './nsm.ts';
import { dyingWithParent, roleCommand } from './role.ts';
import { type Sandbox, type SandboxPlan, sandboxCommand } from './sandbox.ts';

/** One boot of one enclave: a signer that was told the measurement first, then the worker that was measured. */
export interface Enclave {
  readonly pids: { readonly nsm: number | null; readonly worker: number | null };
  readonly kill: () => void;
  /** Resolves when both are gone. The end of one is the end of the other. */
  readonly ended: Promise<void>;
}

export interface EnclaveSite extends SandboxPlan {
  readonly state: string;
  readonly role: string | null;
  readonly instanceId: string;
  readonly onEvent: (event: SupervisorEvent) => void;
}

const SIGNER_START_MS = 20_000;

export async function bootEnclave(site: EnclaveSite, sandbox: Sandbox): Promise<Enclave> {
  // Nothing of an earlier boot may be met by this one: neither its sockets nor what a plain process left.
  for (const directory of [site.link, site.nsm, site.private]) {
    await rm(directory, { recursive: true, force: true });
    await mkdir(directory, { mode: 0o700 });
  }
  const signer = await startSigner(site);
  const worker = startChild(sandboxCommand(sandbox, site), {
    env: {},
    onLine: (line) => site.onEvent({ kind: 'output', role: 'worker', line }),
  });
  site.onEvent({ kind: 'started', role: 'worker', pid: worker.pid ?? null });
  const kill = (): void => {
    worker.kill('SIGKILL');
    signer.kill('SIGKILL');
  };
  const ends = [reportEnd(site, 'nsm', signer), reportEnd(site, 'worker', worker)];
  const ended = Promise.race(ends).then(async () => {
    kill();
    await Promise.all(ends);
  });
  return { pids: { nsm: signer.pid ?? null, worker: worker.pid ?? null }, kill, ended };
}

async function startSigner(site: EnclaveSite): Promise<Child> {
  const { pcr0, pcr1, pcr2 } = site.image.measurement;
  const registers = {
    pcr0,
    pcr1,
    pcr2,
    pcr3: site.role === null ? new Uint8Array(48) : textRegister(site.role),
    pcr4: textRegister(site.instanceId),
  };
  const program = roleCommand('nsm-main');
  const args = [
    ...['--socket', join(site.nsm, 'nsm.sock')],
    ...['--state', site.state],
    ...['--instance', site.instanceId],
    ...['--enclave', toHex(newEnclaveId())],
    // What AWS's device writes today.
    ...['--encoding', 'indefinite'],
    ...Object.entries(registers).flatMap(([name, value]) => [`--${name}`, toHex(value)]),
  ];
  let listening = (): void => {};
  const ready = new Promise<'ready'>((resolve) => {
    listening = () => resolve('ready');
  });
  const signer = startChild(dyingWithParent({ command: program.command, args: [...program.args, ...args] }), {
    env: {},
    onLine: (line, stream) => {
      if (stream === 'stdout' && line === 'ready') listening();
      else site.onEvent({ kind: 'output', role: 'nsm', line });
    },
  });
  site.onEvent({ kind: 'started', role: 'nsm', pid: signer.pid ?? null });
  const patience = setTimeout(() => signer.kill('SIGKILL'), SIGNER_START_MS);
  const first = await Promise.race([ready, signer.exited]);
  clearTimeout(patience);
  if (first === 'ready') return signer;
  throw new SimulatorError('signer_failed', `the signer ended before it listened: ${JSON.stringify(first)}`);
}

async function reportEnd(site: EnclaveSite, role: 'nsm' | 'worker', child: Child): Promise<void> {
  const { code, signal, failure } = await child.exited;
  if (failure !== null) site.onEvent({ kind: 'failed', role: 'enclave', detail: failure });
  site.onEvent({ kind: 'exited', role, code, signal });
}

/** As AWS numbers enclaves: 48 bits of milliseconds, then chance. */
function newEnclaveId(): Uint8Array {
  const id = new DataView(new ArrayBuffer(8));
  id.setBigUint64(0, BigInt(Date.now()) << 16n);
  id.setUint16(6, randomBytes(2).readUInt16BE());
  return new Uint8Array(id.buffer);
}
