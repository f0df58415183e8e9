import { viewOf } from './bytes.ts';
import { PAGE_BYTES } from './launch-pages.ts';

/** Whose habits a guest starts with: each hypervisor sets a few registers in its own way. */
export type Hypervisor = 'qemu' | 'ec2' | 'gce';

export interface VcpuStart {
  readonly hypervisor: Hypervisor;
  /** Where the virtual CPU begins. */
  readonly instructionPointer: number;
  /** From `vcpuSignature`; EC2 and GCE start all types alike. */
  readonly signature: number;
  /** SEV_FEATURES of the VMSA. */
  readonly features: bigint;
}

/** Where the first virtual CPU begins: the x86 reset vector. */
export const RESET_VECTOR = 0xffff_fff0;

interface Segment {
  readonly selector: number;
  readonly attributes: number;
  readonly limit: number;
  readonly base: number;
}

interface Habits {
  readonly codeAttributes: (instructionPointer: number) => number;
  readonly stackAttributes: number;
  readonly taskAttributes: number;
  /** The page attribute table; AMD's reset value (APM volume 2, A.3) but on GCE. */
  readonly pat: bigint;
  readonly edx: (signature: number) => number;
  readonly mxcsr: number;
  readonly x87Control: number;
}

const RESET_PAT = 0x0007_0406_0007_0406n;

/** As observed by sev-snp-measure (virtee), whose published digests test this table. */
const habits: Readonly<Record<Hypervisor, Habits>> = {
  qemu: {
    codeAttributes: () => 0x9b,
    stackAttributes: 0x93,
    taskAttributes: 0x8b,
    pat: RESET_PAT,
    edx: (signature) => signature,
    mxcsr: 0x1f80,
    x87Control: 0x37f,
  },
  ec2: {
    codeAttributes: (instructionPointer) => (instructionPointer === RESET_VECTOR ? 0x9a : 0x9b),
    stackAttributes: 0x92,
    taskAttributes: 0x83,
    pat: RESET_PAT,
    edx: () => 0x600,
    mxcsr: 0,
    x87Control: 0,
  },
  gce: {
    codeAttributes: () => 0x9b,
    stackAttributes: 0x93,
    taskAttributes: 0x8b,
    pat: 0x0007_0106n,
    edx: () => 0x600,
    mxcsr: 0,
    x87Control: 0,
  },
};

/** Offsets of the VMCB state save area (APM volume 2, table B-4). */
const at = {
  segments: 0x00,
  efer: 0xd0,
  cr4: 0x148,
  cr0: 0x158,
  dr7: 0x160,
  dr6: 0x168,
  rflags: 0x170,
  rip: 0x178,
  pat: 0x268,
  rdx: 0x310,
  features: 0x3b0,
  xcr0: 0x3e8,
  mxcsr: 0x408,
  x87Control: 0x410,
} as const;

const SEGMENT_BYTES = 16;

/** The encrypted state of a virtual CPU before its first instruction: the page that the launch digest covers. */
export function vmsaPage({ hypervisor, instructionPointer, signature, features }: VcpuStart): Uint8Array {
  const habit = habits[hypervisor];
  const page = new Uint8Array(PAGE_BYTES);
  const view = viewOf(page);

  const data = real(0x93);
  const segments: readonly Segment[] = [
    data,
    {
      selector: 0xf000,
      attributes: habit.codeAttributes(instructionPointer),
      limit: 0xffff,
      base: instructionPointer - (instructionPointer % 0x1_0000),
    },
    real(habit.stackAttributes),
    data,
    data,
    data,
    real(0),
    real(0x82),
    real(0),
    real(habit.taskAttributes),
  ];
  for (const [index, segment] of segments.entries()) {
    const offset = at.segments + index * SEGMENT_BYTES;
    view.setUint16(offset, segment.selector, true);
    view.setUint16(offset + 2, segment.attributes, true);
    view.setUint32(offset + 4, segment.limit, true);
    view.setUint32(offset + 8, segment.base, true);
  }
  // EFER.SVME and CR4.MCE are what KVM sets; the rest is the state after a reset.
  view.setBigUint64(at.efer, 0x1000n, true);
  view.setBigUint64(at.cr4, 0x40n, true);
  view.setBigUint64(at.cr0, 0x10n, true);
  view.setBigUint64(at.dr7, 0x400n, true);
  view.setBigUint64(at.dr6, 0xffff_0ff0n, true);
  view.setBigUint64(at.rflags, 0x2n, true);
  view.setBigUint64(at.rip, BigInt(instructionPointer % 0x1_0000), true);
  view.setBigUint64(at.pat, habit.pat, true);
  view.setBigUint64(at.rdx, BigInt(habit.edx(signature)), true);
  view.setBigUint64(at.features, features, true);
  view.setBigUint64(at.xcr0, 0x1n, true);
  view.setUint32(at.mxcsr, habit.mxcsr, true);
  view.setUint16(at.x87Control, habit.x87Control, true);
  return page;
}

/** A segment of 64 KiB from zero, as in real mode. In the order ES, CS, SS, DS, FS, GS, GDTR, LDTR, IDTR, TR. */
function real(attributes: number): Segment {
  return { selector: 0, attributes, limit: 0xffff, base: 0 };
}
