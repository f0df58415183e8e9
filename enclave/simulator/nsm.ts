import { utf8 } from '../../wire/bytes.ts';
import type { NsmErrorCode, NsmRequest, NsmResponse } from '../../wire/message/nsm.ts';
import type { Authority } from './authority.ts';
import { type DocumentEncoding, signDocument } from './document.ts';
import { SimulatorError } from './errors.ts';
import { type Chance, extend } from './signing.ts';

/**
 * A Nitro Secure Module in software: 32 registers of SHA-384, random bytes, and signed documents. It answers as the
 * device does, including what it refuses, so that a worker cannot tell by its behaviour, only by its root.
 */

const REGISTERS = 32;
const DIGEST_BYTES = 48;
/** The registers that the hypervisor fills or leaves empty, and locks, before an enclave runs. */
const BOOT_REGISTERS = 16;
const RANDOM_BYTES = 256;
/** The attestation fields' cap in AWS's CDDL; the device's own test program uses all of it. */
const FIELD_BYTES = 1_024;

/** What a launcher knows before the enclave runs: the image, and who runs it where. Empty registers are zero. */
export interface BootRegisters {
  readonly pcr0: Uint8Array;
  readonly pcr1: Uint8Array;
  readonly pcr2: Uint8Array;
  /** The role of the parent machine. */
  readonly pcr3: Uint8Array;
  /** The parent machine. */
  readonly pcr4: Uint8Array;
}

export interface NsmOptions {
  readonly authority: Authority;
  readonly registers: BootRegisters;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly chance: Chance;
  readonly encoding: DocumentEncoding;
}

export type Nsm = (request: NsmRequest) => NsmResponse;

/** The value of registers 3 and 4, which measure a text. */
export function textRegister(text: string): Uint8Array {
  return extend(new Uint8Array(DIGEST_BYTES), utf8(text));
}

interface Register {
  value: Uint8Array;
  locked: boolean;
}

export function createNsm(options: NsmOptions): Nsm {
  const { authority, clock, chance, encoding } = options;
  const registers = bootedRegisters(options.registers);

  function attest(request: NsmRequest & { readonly kind: 'Attestation' }): NsmResponse {
    const { userData, nonce, publicKey } = request;
    if ([userData, nonce, publicKey].some((field) => field !== null && field.length > FIELD_BYTES)) {
      return refuse('InputTooLarge');
    }
    if (publicKey !== null && publicKey.length === 0) return refuse('InvalidArgument');
    const now = clock();
    const document = signDocument(authority.signerAt(now), encoding, {
      moduleId: authority.moduleId,
      timestamp: now,
      pcrs: registers.flatMap(({ locked, value }, index) => (locked ? [[index, value] as const] : [])),
      publicKey,
      userData,
      nonce,
    });
    return { kind: 'Attestation', document };
  }

  return (request) => {
    switch (request.kind) {
      case 'DescribeNSM':
        return {
          kind: 'DescribeNSM',
          versionMajor: 1,
          versionMinor: 0,
          versionPatch: 0,
          moduleId: authority.moduleId,
          maxPcrs: REGISTERS,
          lockedPcrs: registers.flatMap(({ locked }, index) => (locked ? [index] : [])),
          digest: 'SHA384',
        };
      case 'GetRandom':
        return { kind: 'GetRandom', random: chance.bytes(RANDOM_BYTES) };
      case 'DescribePCR': {
        const register = registers[request.index];
        if (register === undefined) return refuse('InvalidIndex');
        return { kind: 'DescribePCR', lock: register.locked, data: register.value };
      }
      case 'ExtendPCR': {
        const register = registers[request.index];
        if (register === undefined) return refuse('InvalidIndex');
        if (register.locked) return refuse('ReadOnlyIndex');
        register.value = extend(register.value, request.data);
        return { kind: 'ExtendPCR', data: register.value };
      }
      case 'LockPCR': {
        const register = registers[request.index];
        if (register === undefined) return refuse('InvalidIndex');
        if (register.locked) return refuse('ReadOnlyIndex');
        register.locked = true;
        return { kind: 'LockPCR' };
      }
      case 'LockPCRs':
        if (request.range > REGISTERS) return refuse('InvalidIndex');
        for (const register of registers.slice(0, request.range)) register.locked = true;
        return { kind: 'LockPCRs' };
      case 'Attestation':
        return attest(request);
    }
  };
}

function refuse(code: NsmErrorCode): NsmResponse {
  return { kind: 'Error', code };
}

function bootedRegisters(boot: BootRegisters): readonly Register[] {
  const measured = [boot.pcr0, boot.pcr1, boot.pcr2, boot.pcr3, boot.pcr4];
  return Array.from({ length: REGISTERS }, (_, index) => {
    const value = measured[index] ?? new Uint8Array(DIGEST_BYTES);
    if (value.length !== DIGEST_BYTES) throw new SimulatorError('argument_invalid', `PCR${index} has 48 bytes`);
    return { value: Uint8Array.from(value), locked: index < BOOT_REGISTERS };
  });
}
