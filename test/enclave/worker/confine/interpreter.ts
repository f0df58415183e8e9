/** Runs a classic BPF program over one system call, as the kernel does: written from the manual, not from the assembler. */
export interface Call {
  readonly number: number;
  readonly architecture?: number;
  readonly arguments?: readonly bigint[];
}

export const X86_64 = 0xc000003e;

/** `allow`, `kill`, or the errno. Throws where the program leaves itself or does what the kernel refuses. */
export function judge(program: Uint8Array, call: Call): 'allow' | 'kill' | number {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, call.number, true);
  data.setUint32(4, call.architecture ?? X86_64, true);
  for (const [index, value] of (call.arguments ?? []).entries()) {
    data.setBigUint64(16 + 8 * index, BigInt.asUintN(64, value), true);
  }
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const length = program.byteLength / 8;
  let accumulator = 0;
  for (let at = 0; at < length; at++) {
    const value = view.getUint32(8 * at + 4, true);
    const [whenTrue, whenFalse] = [view.getUint8(8 * at + 2), view.getUint8(8 * at + 3)];
    switch (view.getUint16(8 * at, true)) {
      case 0x20:
        if (value % 4 !== 0 || value > 60) throw new RangeError('a load outside of seccomp_data');
        accumulator = data.getUint32(value, true);
        break;
      case 0x54:
        accumulator = (accumulator & value) >>> 0;
        break;
      case 0x15:
        at += accumulator === value ? whenTrue : whenFalse;
        break;
      case 0x25:
        at += accumulator > value ? whenTrue : whenFalse;
        break;
      case 0x06:
        if (value === 0x7fff0000) return 'allow';
        if (value === 0x80000000) return 'kill';
        if (value >>> 16 === 5) return value & 0xffff;
        throw new RangeError('an answer that no filter of ours gives');
      default:
        throw new RangeError('an instruction that no filter of ours has');
    }
  }
  throw new RangeError('the program has no end');
}
