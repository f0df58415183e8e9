import { type Finding, type FindingId, type Findings, findingIds } from './finding.ts';
import type { Machine } from './machine.ts';
import { confinementProbes } from './probes/confinement.ts';
import { hardwareProbes } from './probes/hardware.ts';
import type { Probe } from './probes/probe.ts';
import { programProbes } from './probes/program.ts';
import { resourceProbes } from './probes/resources.ts';
import { virtualMachineProbes } from './probes/virtual-machines.ts';

const probes: Readonly<Record<FindingId, Probe>> = {
  ...programProbes,
  ...confinementProbes,
  ...virtualMachineProbes,
  ...hardwareProbes,
  ...resourceProbes,
};

/** Above what the longest trial takes by itself, a sandbox's, so that its own reason is told. */
const PATIENCE_MILLISECONDS = 70_000;

/** One after the other: looks that start programs would slow each other down on a small machine. */
export async function examine(
  machine: Machine,
  options: { readonly patienceMilliseconds: number } = { patienceMilliseconds: PATIENCE_MILLISECONDS },
): Promise<Findings> {
  const found: Partial<Record<FindingId, Finding>> = {};
  for (const id of findingIds) found[id] = await lookOnce(id, machine, options.patienceMilliseconds);
  return found as Findings;
}

/** Whatever goes wrong with a look is what it found. */
async function lookOnce(id: FindingId, machine: Machine, patience: number): Promise<Finding> {
  const { title, means, look } = probes[id];
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<Finding>((resolve) => {
    const found = `no answer within ${patience / 1_000} s`;
    const todo = 'see what keeps this machine, and ask again';
    timer = setTimeout(() => resolve({ id, title, state: 'unknown', found, means, todo }), patience);
  });
  try {
    const answer = look(machine).then((what): Finding => ({ id, title, means, todo: null, ...what }));
    return await Promise.race([answer, silence]);
  } catch (error) {
    const found = `could not look: ${error instanceof Error ? error.message : String(error)}`;
    return { id, title, state: 'unknown', found, means, todo: 'see that this user may look there' };
  } finally {
    clearTimeout(timer);
  }
}
