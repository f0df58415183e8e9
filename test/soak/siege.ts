import { join } from 'node:path';
import { type Forked, startForked } from '../support/forked.ts';

/** Slow and silent sockets against one port, until they are told to go. */
export type SiegeJob =
  | { readonly kind: 'begin'; readonly port: number; readonly sockets: number; readonly path: string }
  | { readonly kind: 'end' };

export interface SiegeResult {
  /** Sockets that the host has ended since the siege began; each was opened again. */
  readonly cutOff: number;
  readonly open: number;
}

export type Siege = Forked<SiegeJob, never, SiegeResult>;

export function startSiege(): Siege {
  return startForked(join(import.meta.dirname, 'siege-main.ts'));
}
