import { toHex, utf8 } from '../../wire/bytes.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import type { BuiltImage } from './build.ts';
import { sha256 } from './files.ts';
import type { LockedArtefact } from './lock.ts';
import type { MeasurementsFile } from './measurements.ts';
import { artefactUrl, type BundledPackage, digestSet } from './packages.ts';

/** Which sources an image was built from. */
export interface Provenance {
  /** Null where the sources were in no repository. */
  readonly source: {
    /** The commit that was checked out, in hex. */
    readonly commit: string;
    /** Whether files differed from that commit. A claim about a modified tree is worth little, and says so. */
    readonly modified: boolean;
  } | null;
  /** Of package-lock.json: it pins the compiler of the bundle and the packages in it. */
  readonly packageLockSha256: Uint8Array;
  readonly packages: readonly BundledPackage[];
}

/**
 * An in-toto statement (v1) with SLSA provenance (v1): these bytes, from that commit, with those inputs, measure so. It is
 * not signed, and proves nothing to anybody who does not build again; `image verify` does. Who trusts a builder signs it
 * with that builder's key.
 */
export function statementOf(
  image: BuiltImage,
  written: {
    readonly measurements: MeasurementsFile;
    readonly measurementsText: string;
    readonly provenance: Provenance;
  },
): JsonValue {
  const { measurements, measurementsText, provenance } = written;
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: subjectsOf(measurements),
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        buildType: 'urn:proofmark:build:image:v1',
        externalParameters: {
          flavour: image.flavour,
          variant: image.variant,
          lock: { sha256: toHex(image.lockSha256) },
        },
        internalParameters: {},
        resolvedDependencies: [
          sourceOf(provenance),
          { name: 'package-lock.json', digest: { sha256: toHex(provenance.packageLockSha256) } },
          ...image.lock.artefacts.map(dependencyOf),
          ...image.own.map(({ path, sha256: digest }) => ({ name: path, digest: { sha256: toHex(digest) } })),
        ],
      },
      runDetails: {
        builder: { id: 'urn:proofmark:builder:whoever-ran-it' },
        byproducts: [
          {
            name: 'measurements.json',
            mediaType: 'application/json',
            digest: { sha256: toHex(sha256(utf8(measurementsText))) },
            annotations: annotationsOf(measurements),
          },
        ],
      },
    },
  };
}

/** The files that a machine starts, under the names that a build gives them. */
function subjectsOf(measurements: MeasurementsFile): JsonValue {
  const subject = (name: string, sha256Hex: string): JsonValue => ({ name, digest: { sha256: sha256Hex } });
  if (measurements.tee === 'aws-nitro') return [subject('image.eif', measurements.eif.sha256)];
  const { kernel, initrd, commandLine } = measurements;
  return [
    subject('kernel', kernel.sha256),
    subject('initrd', initrd.sha256),
    subject('cmdline', toHex(sha256(utf8(commandLine)))),
  ];
}

function annotationsOf(measurements: MeasurementsFile): JsonValue {
  if (measurements.tee === 'amd-sev-snp') return { tee: measurements.tee };
  return { imageId: measurements.imageId, ...(measurements.images[0] ?? {}) };
}

function sourceOf({ source }: Provenance): JsonValue {
  return source === null
    ? { name: 'source', uri: 'urn:proofmark:source:not-in-a-repository' }
    : { name: 'source', digest: { gitCommit: source.commit }, annotations: { modified: source.modified } };
}

function dependencyOf(artefact: LockedArtefact): JsonValue {
  return {
    name: artefact.recipe.name,
    uri: artefactUrl(artefact),
    downloadLocation: artefact.origin,
    digest: digestSet(artefact.archive),
    annotations: {
      files: artefact.files.map(({ recipe, sha256: digest }) => ({ name: recipe.name, sha256: toHex(digest) })),
    },
  };
}
