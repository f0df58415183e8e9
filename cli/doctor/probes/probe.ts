import type { Look } from '../finding.ts';
import type { Machine } from '../machine.ts';

export interface Probe {
  readonly title: string;
  readonly means: string;
  readonly look: (machine: Machine) => Promise<Look>;
}

/** A group of the report, and its probes by their findings' names. */
export type Probes<Id extends string> = Readonly<Record<Id, Probe>>;
