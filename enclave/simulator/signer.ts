import { setTimeout as sleep } from 'node:timers/promises';
import { type Child, startChild } from './child.ts';
import { SimulatorError } from './errors.ts';
import type { SupervisorEvent } from './events.ts';
import type { Measurement } from './measure.ts';
import { type Platform, signerProgram } from './platform.ts';
import { dyingWithParent, roleCommand } from './role.ts';
import type { Enclave } from './tier.ts';

export interface SignerSite {
  readonly state: string;
  readonly platform: Platform;
  /** Of the simulated vendor. */
  readonly rootCertificate: Uint8Array;
  readonly measurement: Measurement;
  readonly onEvent: (event: SupervisorEvent) => void;
}

const START_MS = 20_000;
/** A signer ends when its worker does; the launcher then still tells the host how, for two seconds at most. */
const LAST_WORD_MS = 2_500;

/** Starts the process that vouches for one boot; it listens on `socket` when this resolves. */
export async function startSigner(site: SignerSite, socket: string): Promise<Child> {
  const { state, rootCertificate, measurement } = site;
  const { file, args } = signerProgram(site.platform, { socket, state, rootCertificate, measurement });
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
  const patience = setTimeout(() => signer.kill('SIGKILL'), START_MS);
  const first = await Promise.race([ready, signer.exited]);
  clearTimeout(patience);
  if (first === 'ready') return signer;
  throw new SimulatorError('signer_failed', `the signer ended before it listened: ${JSON.stringify(first)}`);
}

/** Signer and worker as one thing, which ends with either of them. */
export function liveAndDieTogether(
  children: { readonly signer: Child; readonly worker: Child },
  onEvent: (event: SupervisorEvent) => void,
): Enclave {
  const { signer, worker } = children;
  const kill = (): void => {
    worker.kill('SIGKILL');
    signer.kill('SIGKILL');
  };
  const signerEnd = reportEnd('signer', signer, onEvent);
  const workerEnd = reportEnd('worker', worker, onEvent);
  const signerAlone = signerEnd.then(() => Promise.race([workerEnd, sleep(LAST_WORD_MS, undefined, { ref: false })]));
  const ended = Promise.race([workerEnd, signerAlone]).then(async () => {
    kill();
    await Promise.all([signerEnd, workerEnd]);
  });
  return { pids: { signer: signer.pid ?? null, worker: worker.pid ?? null }, kill, ended };
}

async function reportEnd(
  role: 'signer' | 'worker',
  child: Child,
  onEvent: (event: SupervisorEvent) => void,
): Promise<void> {
  const { code, signal, failure } = await child.exited;
  if (failure !== null) onEvent({ kind: 'failed', role: 'enclave', detail: failure });
  onEvent({ kind: 'exited', role, code, signal });
}
