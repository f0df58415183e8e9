import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { startChild } from './child.ts';
import { layOutImage, planWorkerImage, requireUnchanged } from './measure.ts';
import { attesterSocketOf, openPlatformRoot, type Platform } from './platform.ts';
import { bubblewrapPlaces, chooseSandbox, type SandboxPlan, sandboxCommand } from './sandbox.ts';
import { liveAndDieTogether, startSigner } from './signer.ts';
import type { Enclave, Ground, PreparedEnclave, Tier } from './tier.ts';

export interface ProcessTierOptions {
  /** The node binary that runs the worker. */
  readonly node: string;
  /** worker.mjs and the native files beside it. */
  readonly app: readonly string[];
  /** Which vendor's hardware is simulated, and how. */
  readonly platform: Platform;
}

/** The worker as a process of this machine, in a sandbox where there is one. */
export function processTier(options: ProcessTierOptions): Tier {
  return { prepare: (ground) => prepare(options, ground) };
}

async function prepare({ node, app, platform }: ProcessTierOptions, ground: Ground): Promise<PreparedEnclave> {
  const { state, run, link, onEvent } = ground;
  const rootCertificate = await openPlatformRoot(platform, { state, now: Date.now() });
  const image = await layOutImage(
    await planWorkerImage({ node, app, attester: attesterSocketOf(platform) }),
    join(run, 'image'),
  );
  const plan: SandboxPlan = { image, link, attester: join(run, 'attester'), private: join(run, 'private') };
  const folders = [plan.link, plan.attester, plan.private];
  for (const folder of folders) await mkdir(folder, { mode: 0o700 });
  const sandbox = await chooseSandbox(plan, bubblewrapPlaces);
  if (sandbox.kind === 'process') onEvent({ kind: 'warning', warning: sandbox.warning });

  let isFirst = true;
  async function boot(): Promise<Enclave> {
    if (!isFirst) await requireUnchanged(image);
    isFirst = false;
    // Nothing of an earlier boot may be met by this one: neither its sockets nor what a plain process left.
    for (const folder of folders) {
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { mode: 0o700 });
    }
    const { measurement } = image;
    const signer = await startSigner(
      { state, platform, rootCertificate, measurement, onEvent },
      join(plan.attester, 'attester.sock'),
    );
    const command = sandboxCommand(sandbox, plan);
    const worker = startChild(command, {
      env: {},
      file: command.file,
      onLine: (line) => onEvent({ kind: 'output', role: 'worker', line }),
    });
    onEvent({ kind: 'started', role: 'worker', pid: worker.pid ?? null });
    return liveAndDieTogether({ signer, worker }, onEvent);
  }

  return { measurement: image.measurement, rootCertificate, isolation: sandbox, boot };
}
