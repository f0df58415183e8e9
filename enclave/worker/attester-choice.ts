import { type Attester, AttesterError } from './attester.ts';
import { connectNsm, type NsmIoctl, openNsmDevice } from './nsm-attester.ts';
import { createSnpAttester, type ReportSource } from './snp-attester.ts';
import { openReportDirectory } from './snp-attester-configfs.ts';
import { connectReportSocket, openReportDevice, type SevIoctl } from './snp-attester-device.ts';

/**
 * Which devices vouch for the worker is on its measured command line: `--attester KIND:PATH`, several in the order in
 * which they are tried (a kernel may offer AMD's reports in one place or another). Nothing else chooses, and no choice
 * is ever made between vendors: policies name one.
 */
export const attesterKinds = ['nsm-socket', 'nsm-device', 'snp-socket', 'snp-configfs', 'snp-device'] as const;

export type AttesterKind = (typeof attesterKinds)[number];

export interface AttesterChoice {
  readonly kind: AttesterKind;
  readonly path: string;
}

/** What Node itself cannot do; the addon behind it is measured with the program. */
export interface AttesterNative {
  readonly nsmExchange: NsmIoctl;
  readonly sevReport: SevIoctl;
  /** RDRAND; null where the processor has none. */
  readonly hardwareRandom: (length: number) => Uint8Array | null;
}

export function parseAttesterChoices(values: readonly string[]): readonly AttesterChoice[] {
  const choices = values.map(parseChoice);
  if (choices.length === 0) throw new AttesterError('attester_invalid', 'name at least one');
  if (new Set(choices.map(({ kind }) => vendorOf(kind))).size > 1) {
    throw new AttesterError('attester_invalid', 'devices of two vendors');
  }
  return choices;
}

function parseChoice(value: string): AttesterChoice {
  const separator = value.indexOf(':');
  const name = value.slice(0, Math.max(separator, 0));
  const path = value.slice(separator + 1);
  const kind = attesterKinds.find((known) => known === name);
  if (kind === undefined)
    throw new AttesterError('attester_invalid', `KIND:PATH, KIND one of ${attesterKinds.join(' ')}`);
  if (!path.startsWith('/')) throw new AttesterError('attester_invalid', 'the path is not absolute');
  return { kind, path };
}

function vendorOf(kind: AttesterKind): 'nsm' | 'snp' {
  return kind.startsWith('nsm-') ? 'nsm' : 'snp';
}

/** Sockets lead to a simulator and nowhere else; devices are the kernel's, and may be hardware. */
export function mayBeHardware(choices: readonly AttesterChoice[]): boolean {
  return choices.some(({ kind }) => kind !== 'nsm-socket' && kind !== 'snp-socket');
}

/** The first one that is there. One that is there and refuses is an error: nobody may steer the choice by refusals. */
export async function openAttester(choices: readonly AttesterChoice[], native: AttesterNative): Promise<Attester> {
  let absent: AttesterError | undefined;
  for (const choice of choices) {
    try {
      return await open(choice, native);
    } catch (error) {
      if (!(error instanceof AttesterError) || error.code !== 'device_unreachable') throw error;
      absent ??= error;
    }
  }
  throw absent ?? new AttesterError('attester_invalid', 'name at least one');
}

async function open({ kind, path }: AttesterChoice, native: AttesterNative): Promise<Attester> {
  const snp = (source: ReportSource): Attester => createSnpAttester(source, native.hardwareRandom);
  switch (kind) {
    case 'nsm-socket':
      return connectNsm(path);
    case 'nsm-device':
      return openNsmDevice(path, native.nsmExchange);
    case 'snp-socket':
      return snp(await connectReportSocket(path));
    case 'snp-configfs':
      return snp(await openReportDirectory(path));
    case 'snp-device':
      return snp(await openReportDevice(path, native.sevReport));
  }
}
