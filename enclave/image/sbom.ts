import { toHex } from '../../wire/bytes.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import { imageName } from './assemble.ts';
import type { BuiltImage, OwnDigest } from './build.ts';
import { sha256 } from './files.ts';
import type { ArchiveDigest, LockedArtefact, LockedFile } from './lock.ts';
import { artefactUrl, type BundledPackage, npmUrl } from './packages.ts';
import type { Artefact } from './recipe.ts';

/**
 * The parts of an image in CycloneDX 1.6: each package with the files that the image holds of it. No time and no serial
 * number, both of which the format lets be absent, so that the list is as reproducible as the image.
 */
export function sbomOf(image: BuiltImage, packages: readonly BundledPackage[]): JsonValue {
  const components = [
    ...image.lock.artefacts.map(artefactComponent),
    ...packages.map(bundledComponent),
    ownComponent(image.own),
  ];
  const root = 'image';
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      component: {
        type: 'firmware',
        'bom-ref': root,
        name: imageName(image),
        // Of a direct boot there is no one file.
        ...(image.flavour === 'snp' ? {} : hashed(sha256(image.eif))),
      },
    },
    components,
    dependencies: [
      { ref: root, dependsOn: components.map((component) => component['bom-ref']) },
      ...components.map((component) => ({ ref: component['bom-ref'], dependsOn: [] })),
    ],
    // node and the engine carry libraries of their own inside, which nobody lists here.
    compositions: [{ aggregate: 'incomplete', assemblies: [root] }],
  };
}

type Component = { readonly 'bom-ref': string; readonly [name: string]: JsonValue };

function artefactComponent(artefact: LockedArtefact): Component {
  const { recipe, package: name, version, origin, archive, files } = artefact;
  const url = artefactUrl(artefact);
  return {
    type: typeOf(recipe),
    'bom-ref': url,
    name,
    version,
    purl: url,
    licenses: [{ expression: recipe.licence }],
    externalReferences: [{ type: 'distribution', url: origin, hashes: [hashOf(archive)] }],
    components: files.map(fileComponent),
  };
}

function typeOf({ name }: Artefact): string {
  if (name === 'kernel') return 'operating-system';
  return name === 'node' ? 'platform' : 'library';
}

function fileComponent({ recipe: { name, use }, sha256: digest }: LockedFile): Component {
  const place = 'path' in use ? use.path : use.kind;
  return { type: 'file', 'bom-ref': `file:${place}`, name: 'path' in use ? use.path : name, ...hashed(digest) };
}

function bundledComponent(found: BundledPackage): Component {
  const { name, version, licence, archive } = found;
  const url = npmUrl(found);
  return {
    type: 'library',
    'bom-ref': `bundled:${url}`,
    name,
    version,
    purl: url,
    ...(licence === null ? {} : { licenses: [{ expression: licence }] }),
    externalReferences: [{ type: 'distribution', url: `npm:${name}@${version}`, hashes: [hashOf(archive)] }],
  };
}

/** By its digests alone: which commit they come from is what the statement beside the image says. */
function ownComponent(own: readonly OwnDigest[]): Component {
  return {
    type: 'application',
    'bom-ref': 'proofmark',
    name: 'proofmark',
    licenses: [{ expression: 'Apache-2.0' }],
    components: own.map(({ path, sha256: digest }) => ({
      type: 'file',
      'bom-ref': `file:${path}`,
      name: path,
      ...hashed(digest),
    })),
  };
}

function hashed(digest: Uint8Array): { readonly hashes: JsonValue } {
  return { hashes: [hashOf({ algorithm: 'sha256', digest })] };
}

function hashOf({ algorithm, digest }: ArchiveDigest): { readonly alg: string; readonly content: string } {
  return { alg: algorithm === 'sha256' ? 'SHA-256' : 'SHA-512', content: toHex(digest) };
}
