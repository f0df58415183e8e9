import { type JsonValue, parseJson } from '../../../wire/codec/json.ts';
import { WireError } from '../../../wire/errors.ts';
import { limits } from '../../../wire/limits.ts';
import { ImageError } from '../errors.ts';

/**
 * What nitro-cli insists on finding in a metadata section (aws-nitro-enclaves-image-format, `EifIdentityInfo`): with a
 * field missing, it refuses to describe the image. A type, not an interface, so that it is JSON to the compiler too.
 */
export type EifMetadata = {
  readonly ImageName: string;
  readonly ImageVersion: string;
  readonly BuildMetadata: {
    /** Our images have a fixed one: a build is the same bytes whenever it happens. */
    readonly BuildTime: string;
    readonly BuildTool: string;
    readonly BuildToolVersion: string;
    readonly OperatingSystem: string;
    readonly KernelVersion: string;
  };
  readonly DockerInfo: JsonValue;
  readonly CustomMetadata: JsonValue;
};

/** Unmeasured talk of whoever built the image: to be shown, never to be believed. */
export function readEifMetadata(section: Uint8Array): JsonValue {
  try {
    return parseJson(section, limits.eifMetadataBytes);
  } catch (error) {
    if (error instanceof WireError) throw new ImageError('eif_metadata', error.message);
    throw error;
  }
}
