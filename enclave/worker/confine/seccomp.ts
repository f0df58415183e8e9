import { LAST_KNOWN_SYSCALL } from './syscalls.ts';

/**
 * System call filters as data, and their assembler. The kernel runs the result at every call, before it looks at the call
 * itself (seccomp(2), a classic BPF program over struct seccomp_data), and a process cannot take it off again.
 */
export type Action = 'allow' | 'kill' | { readonly errno: number };

/** Looks at 32 bits of one argument: most are ints to the kernel, which ignores what is above. */
export interface ArgumentTest {
  readonly argument: 0 | 1 | 2 | 3 | 4 | 5;
  readonly half: 'low' | 'high';
  readonly mask: number;
  /** What is left after the mask is one of these. */
  readonly anyOf: readonly number[];
}

export interface Rule {
  /** Its number. */
  readonly call: number;
  /** The first case whose tests all hold decides. */
  readonly cases: readonly { readonly tests: readonly ArgumentTest[]; readonly action: Action }[];
  readonly otherwise: Action;
}

export interface Filter {
  readonly rules: readonly Rule[];
  /** For calls without a rule. */
  readonly otherwise: Action;
}

/** Pointers reach what a filter cannot see, so the one thing to say about one is that it is null. */
export function isNull(argument: ArgumentTest['argument']): readonly ArgumentTest[] {
  const half = { argument, mask: 0xffff_ffff, anyOf: [0] } as const;
  return [
    { ...half, half: 'low' },
    { ...half, half: 'high' },
  ];
}

export function isOneOf(argument: ArgumentTest['argument'], anyOf: readonly number[]): readonly ArgumentTest[] {
  return [{ argument, half: 'low', mask: 0xffff_ffff, anyOf }];
}

/** Of the bits in `mask`, exactly those in `bits` are set. */
export function hasBits(argument: ArgumentTest['argument'], mask: number, bits: number): readonly ArgumentTest[] {
  return [{ argument, half: 'low', mask, anyOf: [bits] }];
}

interface Instruction {
  readonly code: number;
  readonly value: number;
  /** Instructions to skip. */
  readonly whenTrue: number;
  readonly whenFalse: number;
}

/** linux/bpf_common.h */
const LOAD_WORD = 0x20;
const AND = 0x54;
const JUMP_EQUAL = 0x15;
const JUMP_GREATER = 0x25;
const RETURN = 0x06;
/** linux/audit.h: EM_X86_64, 64 bits, little-endian. */
const ARCHITECTURE = 0xc000_003e;
/** asm/unistd.h: calls with this bit are those of the x32 ABI, numbered alike and filtered by nobody. */
const X32_BIT = 0x4000_0000;
/** struct seccomp_data */
const NUMBER_OFFSET = 0;
const ARCHITECTURE_OFFSET = 4;
const ARGUMENTS_OFFSET = 16;
const ENOSYS = 38;
const INSTRUCTION_BYTES = 8;

/** The program as the kernel takes it: struct sock_filter, one after the other. */
export function assembleFilter({ rules, otherwise }: Filter): Uint8Array {
  if (new Set(rules.map(({ call }) => call)).size !== rules.length) throw new RangeError('a call has one rule');
  return encode([
    load(ARCHITECTURE_OFFSET),
    // Another calling convention has other numbers.
    jump(JUMP_EQUAL, ARCHITECTURE, 1, 0),
    end('kill'),
    load(NUMBER_OFFSET),
    jump(JUMP_GREATER, X32_BIT - 1, 0, 1),
    end({ errno: ENOSYS }),
    ...rules.flatMap(assembleRule),
    jump(JUMP_GREATER, LAST_KNOWN_SYSCALL, 0, 1),
    end({ errno: ENOSYS }),
    end(otherwise),
  ]);
}

/** Every way through a rule's own part ends there: what follows finds the call's number still loaded. */
function assembleRule({ call, cases, otherwise }: Rule): readonly Instruction[] {
  const body = [...cases.flatMap(({ tests, action }) => assembleCase(tests, action)), end(otherwise)];
  return [jump(JUMP_EQUAL, call, 0, body.length), ...body];
}

/** From the last test backwards, because a test that fails skips what follows it. */
function assembleCase(tests: readonly ArgumentTest[], action: Action): readonly Instruction[] {
  const instructions = [end(action)];
  for (const { argument, half, mask, anyOf } of [...tests].reverse()) {
    const matches = anyOf.map((value, index) => {
      const left = anyOf.length - 1 - index;
      return jump(JUMP_EQUAL, value, left, left === 0 ? instructions.length : 0);
    });
    const offset = ARGUMENTS_OFFSET + 8 * argument + (half === 'high' ? 4 : 0);
    instructions.unshift(load(offset), { code: AND, value: mask, whenTrue: 0, whenFalse: 0 }, ...matches);
  }
  return instructions;
}

function load(offset: number): Instruction {
  return { code: LOAD_WORD, value: offset, whenTrue: 0, whenFalse: 0 };
}

function jump(code: number, value: number, whenTrue: number, whenFalse: number): Instruction {
  if (whenTrue > 255 || whenFalse > 255) throw new RangeError('a rule is longer than a jump');
  return { code, value, whenTrue, whenFalse };
}

/** linux/seccomp.h */
function end(action: Action): Instruction {
  const value = action === 'allow' ? 0x7fff_0000 : action === 'kill' ? 0x8000_0000 : 0x0005_0000 + action.errno;
  return { code: RETURN, value, whenTrue: 0, whenFalse: 0 };
}

function encode(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * INSTRUCTION_BYTES);
  const view = new DataView(bytes.buffer);
  program.forEach(({ code, value, whenTrue, whenFalse }, index) => {
    const at = index * INSTRUCTION_BYTES;
    view.setUint16(at, code, true);
    view.setUint8(at + 2, whenTrue);
    view.setUint8(at + 3, whenFalse);
    view.setUint32(at + 4, value >>> 0, true);
  });
  return bytes;
}
