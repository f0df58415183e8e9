import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Child, startChild } from './child.ts';
import { SimulatorError } from './errors.ts';
import type { SupervisorEvent } from './events.ts';
import { type Platform, signerProgram } from './platform.ts';
import { dyingWithParent, roleCommand } from './role.ts';
import { type Sandbox, type SandboxPlan, sandboxCommand } from './sandbox.ts';

/** One boot of one enclave: a signer that was told the measurement first, then the worker that was measured. */
export interface Enclave {
  readonly pids: { readonly signer: number | null; readonly worker: number | null };
  readonly kill: () => void;
  /** Resolves when both are gone. The end of one is the end of the other. */
  readonly ended: Promise<void>;
}

export interface EnclaveSite extends SandboxPlan {
  readonly state: string;
  readonly platform: Platform;
  /** Of the simulated vendor. */
  readonly rootCertificate: Uint8Array;
  readonly onEvent: (event: SupervisorEvent) => void;
}

const SIGNER_START_MS = 20_000;

export async function bootEnclave(site: EnclaveSite, sandbox: Sandbox): Promise<Enclave> {
  // Nothing of an earlier boot may be met by this one: neither its sockets nor what a plain process left.
  for (const directory of [site.link, site.attester, site.private]) {
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
  const ends = [reportEnd(site, 'signer', signer), reportEnd(site, 'worker', worker)];
  const ended = Promise.race(ends).then(async () => {
    kill();
    await Promise.all(ends);
  });
  return { pids: { signer: signer.pid ?? null, worker: worker.pid ?? null }, kill, ended };
}

async function startSigner(site: EnclaveSite): Promise<Child> {
  const { file, args } = signerProgram(site.platform, {
    socket: join(site.attester, 'attester.sock'),
    state: site.state,
    rootCertificate: site.rootCertificate,
    measurement: site.image.measurement,
  });
  const program = roleCommand(file);
  let listening = (): void => {};
  const ready = new Promise<'ready'>((resolve) => {
    listening = () => resolve('ready');
  });
  const signer = startChild(dyingWithParent({ command: program.command, args: [...program.args, ...args] }), {
    env: {},
    onLine: (line, stream) => {
      if (stream === 'stdout' && line === 'ready') listening();
      else site.onEvent({ kind: 'output', role: 'signer', line });
    },
  });
  site.onEvent({ kind: 'started', role: 'signer', pid: signer.pid ?? null });
  const patience = setTimeout(() => signer.kill('SIGKILL'), SIGNER_START_MS);
  const first = await Promise.race([ready, signer.exited]);
  clearTimeout(patience);
  if (first === 'ready') return signer;
  throw new SimulatorError('signer_failed', `the signer ended before it listened: ${JSON.stringify(first)}`);
}

async function reportEnd(site: EnclaveSite, role: 'signer' | 'worker', child: Child): Promise<void> {
  const { code, signal, failure } = await child.exited;
  if (failure !== null) site.onEvent({ kind: 'failed', role: 'enclave', detail: failure });
  site.onEvent({ kind: 'exited', role, code, signal });
}
