import { createHash, type Hash } from 'node:crypto';
import { utf8 } from '../../../wire/bytes.ts';

/**
 * The registers of a Nitro enclave (AWS, "Where to get an enclave's measurements"; aws-nitro-enclaves-image-format,
 * `get_pcrs`). PCR0 to 2 and 8 extend a register of zeros with the digest of what they measure: SHA384(0^48 ||
 * SHA384(content)). PCR3 and PCR4 are made by the parent instance and hash the text itself: SHA384(0^48 || text).
 */
export interface MeasuredSections {
  readonly kernel: Uint8Array;
  /** As stored, without the NUL that a kernel sees after it. */
  readonly commandLine: Uint8Array;
  readonly ramdisks: readonly Uint8Array[];
}

export interface EifMeasurements {
  /** Kernel, command line and every ramdisk. */
  readonly pcr0: Uint8Array;
  /** Kernel, command line and the first ramdisk. */
  readonly pcr1: Uint8Array;
  /** Every ramdisk but the first. */
  readonly pcr2: Uint8Array;
}

export function measureSections({ kernel, commandLine, ramdisks }: MeasuredSections): EifMeasurements {
  const [boot, ...app] = ramdisks;
  const image = createHash('sha384').update(kernel).update(commandLine);
  if (boot !== undefined) image.update(boot);
  // PCR0 hashes what PCR1 hashed and goes on: 100 MB of boot ramdisk are read once.
  const bootstrap = image.copy();
  const application = createHash('sha384');
  for (const ramdisk of app) {
    image.update(ramdisk);
    application.update(ramdisk);
  }
  return { pcr0: extendZeros(image), pcr1: extendZeros(bootstrap), pcr2: extendZeros(application) };
}

/** PCR8: the signing certificate in DER. */
export function measureCertificate(der: Uint8Array): Uint8Array {
  return extendZeros(createHash('sha384').update(der));
}

/** PCR3: the role of the parent instance, by its ARN. */
export function measureRole(arn: string): Uint8Array {
  return hashAfterZeros(utf8(arn));
}

/** PCR4: the parent instance, by its id. */
export function measureInstance(id: string): Uint8Array {
  return hashAfterZeros(utf8(id));
}

function extendZeros(content: Hash): Uint8Array {
  return hashAfterZeros(content.digest());
}

function hashAfterZeros(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha384').update(new Uint8Array(48)).update(bytes).digest());
}
