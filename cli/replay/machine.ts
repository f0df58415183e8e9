import { readCpuFacts } from '../../enclave/worker/cpu.ts';
import type { ExecutionDetail } from '../../enclave/worker/executions.ts';
import { runtime } from '../../enclave/worker/runtime.ts';
import type { Execution } from '../../wire/message/execution.ts';
import type { ClassFact } from './report.ts';

/** What this machine would write into an execution record, beside layout, schedule and generation. */
export type Machine = Omit<Execution, keyof ExecutionDetail>;

export function thisMachine(): Machine {
  return { ...runtime, ...readCpuFacts() };
}

/** An engine that is not this one, or is told otherwise how to compute, makes other bits whatever the processor is. */
const engineFacts = ['engine', 'version', 'provider', 'optimisation', 'threads'] as const;
/** Kernels are picked by these; a host can lie about them, so a difference is a reason and never an accusation. */
const classFacts = ['cpuFamily', 'cpuIsa'] as const;

export function compareMachines(worker: Execution, here: Machine): readonly ClassFact[] {
  return [...engineFacts, ...classFacts].map((name) => ({
    name,
    worker: String(worker[name]),
    here: String(here[name]),
  }));
}

export function sameEngine(worker: Execution, here: Machine): boolean {
  return engineFacts.every((name) => worker[name] === here[name]);
}

export function sameClass(worker: Execution, here: Machine): boolean {
  return classFacts.every((name) => worker[name] === here[name]);
}
