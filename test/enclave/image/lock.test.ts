import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import schema from '../../../attestations/schemas/proofmark-image-lock.schema.json' with { type: 'json' };
import { ImageBuildError } from '../../../enclave/image/build-error.ts';
import { parseImageLock, renderImageLock, requireFlavour } from '../../../enclave/image/lock.ts';
import { flavours, recipes } from '../../../enclave/image/recipe.ts';
import { utf8 } from '../../../wire/bytes.ts';
import { committedLock, committedLockBytes, refusal, syntheticLock } from './support/workshop.ts';

const text = new TextDecoder().decode(committedLockBytes);
const edited = (from: string | RegExp, to: string): Uint8Array => {
  const changed = text.replace(from, to);
  if (changed === text) throw new TypeError(`${from} is not in the lock`);
  return utf8(changed);
};

describe('the committed lock', () => {
  it('is what its reader writes, and fits the published schema', () => {
    expect(renderImageLock(committedLock)).toBe(text);
    const validate = new Ajv2020({ strict: true }).compile(schema);
    expect(validate(JSON.parse(text)) ? [] : validate.errors).toEqual([]);
  });

  it('pins the engine that the packages of this repository have', () => {
    const { packages } = JSON.parse(readFileSync(new URL('../../../package-lock.json', import.meta.url), 'utf8')) as {
      readonly packages: Readonly<Record<string, { readonly version?: string; readonly integrity?: string }>>;
    };
    const engine = committedLock.artefacts.find(({ recipe }) => recipe.name === 'engine');
    const { version, integrity = '' } = packages['node_modules/onnxruntime-node'] ?? {};
    expect(engine?.version).toBe(version);
    expect(`sha512-${Buffer.from(engine?.archive.digest ?? []).toString('base64')}`).toBe(integrity);
  });

  it('pins a version of node that the tests run on', () => {
    const steps = readFileSync(new URL('../../house/long.ts', import.meta.url), 'utf8');
    expect(steps).toContain(`'${committedLock.artefacts.find(({ recipe }) => recipe.name === 'node')?.version}'`);
  });
});

describe('a lock', () => {
  it.each(flavours)('of %s is read as it was written', (flavour) => {
    const lock = syntheticLock(flavour);
    expect(parseImageLock(utf8(renderImageLock(lock)))).toEqual(lock);
  });

  it('may leave out the configuration of a kernel that carries its own, and no other file', async () => {
    const lock = syntheticLock('nitro');
    for (const { recipe, files } of lock.artefacts) {
      for (const file of files) {
        const without = {
          ...lock,
          artefacts: lock.artefacts.map((artefact) =>
            artefact.recipe === recipe ? { ...artefact, files: files.filter((other) => other !== file) } : artefact,
          ),
        };
        const bytes = utf8(renderImageLock(without));
        if (file.recipe.name === 'kernel-configuration') expect(parseImageLock(bytes)).toEqual(without);
        else expect((await refusal(() => parseImageLock(bytes))).code).toBe('lock_invalid');
      }
    }
  });

  it('of one flavour is not taken for another', async () => {
    requireFlavour(committedLock, 'vm');
    expect((await refusal(() => requireFlavour(committedLock, 'nitro'))).code).toBe('lock_flavour');
    expect((await refusal(() => parseImageLock(edited('"vm"', '"nitro"')))).code).toBe('lock_invalid');
  });

  it.each<readonly [string, Uint8Array, string]>([
    ['another format', edited('lock v1', 'lock v2'), 'format'],
    ['no JSON', utf8('{'), 'json'],
    ['nothing', utf8(''), 'json'],
    ['another order of members', edited(/("format".*\n)(.*"flavour".*)\n/, '$2\n$1'), 'written'],
    ['another indent', utf8(JSON.stringify(JSON.parse(text))), 'written'],
    ['no line feed at its end', utf8(text.trimEnd()), 'written'],
    ['an escape where none is needed', edited('libc6', 'l\\u0069bc6'), 'written'],
    ['a field that nobody knows', edited('"flavour"', '"mirror": "x",\n  "flavour"'), 'mirror'],
    ['a name twice in an object', edited('"flavour": "vm",', '"flavour": "vm",\n  "flavour": "vm",'), 'json_duplicate'],
    ['a digest in capitals', edited(/"sha256": "[^"]*[a-f][^"]*"/, `"sha256": "${'A'.repeat(64)}"`), 'sha256'],
    ['a short digest', edited(/"sha256": "../, '"sha256": "'), 'sha256'],
    ['a size of zero', edited(/"size": \d+/, '"size": 0'), 'size'],
    ['a size beyond any input', edited(/"size": \d+/, '"size": 268435457'), 'size'],
    ['an archive digest of another kind', edited('sha512:', 'md5:'), 'archive'],
    ['an unknown artefact', edited('"name": "libc6"', '"name": "libcurl"'), 'libc6'],
    ['another package', edited('"package": "libc6"', '"package": "libc6-evil"'), 'libc6-evil'],
    ['a file that no image holds', edited('"name": "libm.so.6"', '"name": "model.onnx"'), 'libm.so.6'],
    ['a file twice', edited('"name": "libm.so.6"', '"name": "libc.so.6"'), 'libm.so.6'],
    ['a member elsewhere', edited(/"member": "lib\/[^"]*libm.so.6"/, '"member": "../../etc/passwd"'), 'member'],
    ['a member behind a folder up', edited(/"member": "boot\/vmlinuz/, '"member": "boot/../vmlinuz'), 'member'],
    [
      'a version that a shell or a URL would read',
      edited('"version": "24.21.0"', '"version": "24.21.0 --evil"'),
      'version',
    ],
    ['an origin with control characters', edited('"origin": "npm:', '"origin": "\\u001b[2Jnpm:'), 'origin'],
    ['more than a lock can be', utf8(`${text}${' '.repeat(70_000)}`), 'too_large'],
  ])('with %s is refused', async (_, bytes, named) => {
    const { code, text: message } = await refusal(() => parseImageLock(bytes));
    expect(code).toBe('lock_invalid');
    expect(message).toContain(named);
  });

  it('does not survive a changed character unnoticed', () => {
    fc.assert(
      fc.property(fc.nat(committedLockBytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, difference) => {
        const bytes = committedLockBytes.slice();
        bytes[at] = (bytes[at] as number) ^ difference;
        try {
          const lock = parseImageLock(bytes);
          // What is still a lock is another lock, and says so: there is no second spelling.
          expect(renderImageLock(lock)).toBe(new TextDecoder().decode(bytes));
          expect(renderImageLock(lock)).not.toBe(text);
        } catch (error) {
          expect(error).toBeInstanceOf(ImageBuildError);
          expect((error as ImageBuildError).code).toBe('lock_invalid');
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('the recipe', () => {
  it.each(flavours)('gives every file of a %s image a name and a place of its own', (flavour) => {
    const files = recipes[flavour].artefacts.flatMap((artefact) => artefact.files);
    const names = files.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const paths = files.flatMap(({ use }) => ('path' in use ? [use.path] : []));
    expect(new Set(paths).size).toBe(paths.length);
  });
});
