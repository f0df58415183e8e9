import { equalBytes } from '../../../wire/bytes.ts';
import type { JsonValue } from '../../../wire/codec/json.ts';
import type { EifArchitecture, EifSection } from './eif.ts';
import { readEifMetadata } from './eif-metadata.ts';
import { type Eif, readEif } from './eif-read.ts';
import { type EifSignature, readEifSignature } from './eif-signature.ts';
import { type EifMeasurements, measureSections } from './pcr.ts';

export interface EifDescription extends EifMeasurements {
  readonly version: Eif['version'];
  readonly architecture: EifArchitecture;
  readonly fileBytes: number;
  readonly defaultMemoryBytes: bigint;
  readonly defaultCpus: bigint;
  readonly commandLine: string;
  readonly sections: readonly EifSection[];
  /** Of the signing certificate, if there is one; a register that nothing was measured into is zero in documents. */
  readonly pcr8: Uint8Array | null;
  readonly signature: DescribedSignature | null;
  readonly metadata: JsonValue | null;
  readonly minimumMemoryMib: number;
}

export interface DescribedSignature extends EifSignature {
  /** `other-image`: authentic, but over another PCR0, which `nitro-cli run-enclave` does not compare before it starts. */
  readonly verdict: 'valid' | 'other-image' | 'not-authentic';
}

/** Everything that can be said of an image without running it; throws an `ImageError` where it is malformed. */
export function describeEif(bytes: Uint8Array): EifDescription {
  const eif = readEif(bytes);
  const measurements = measureSections(eif);
  const signature = eif.signature === null ? null : readEifSignature(eif.signature);
  return {
    ...measurements,
    version: eif.version,
    architecture: eif.architecture,
    fileBytes: bytes.length,
    defaultMemoryBytes: eif.defaultMemoryBytes,
    defaultCpus: eif.defaultCpus,
    commandLine: Buffer.from(eif.commandLine).toString('latin1'),
    sections: eif.sections,
    pcr8: signature?.pcr8 ?? null,
    signature: signature === null ? null : { ...signature, verdict: judge(signature, measurements.pcr0) },
    metadata: eif.metadata === null ? null : readEifMetadata(eif.metadata),
    minimumMemoryMib: minimumMemoryMib(bytes.length),
  };
}

/**
 * What `nitro-cli run-enclave` asks for at least (src/enclave_proc/resource_manager.rs, ENCLAVE_MEMORY_EIF_SIZE_RATIO):
 * four times the file in whole MiB. That is enough to be started, not to run: what programs use comes on top.
 */
export function minimumMemoryMib(fileBytes: number): number {
  return 4 * Math.ceil(fileBytes / 2 ** 20);
}

function judge({ isAuthentic, signedPcr0 }: EifSignature, pcr0: Uint8Array): DescribedSignature['verdict'] {
  if (!isAuthentic) return 'not-authentic';
  return equalBytes(signedPcr0, pcr0) ? 'valid' : 'other-image';
}
