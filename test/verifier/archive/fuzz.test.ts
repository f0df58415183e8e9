import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Purpose, parseUnverifiedArchive, VerifierError, verifyArchive } from '../../../verifier/index.ts';
import { toBase64url, utf8 } from '../../../wire/bytes.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import { encodeArchive } from '../../../wire/message/archive.ts';
import { strict } from '../../support/accept-answer.ts';
import { ANSWERED, plain } from '../../support/answer.ts';
import { runs } from '../../support/runs.ts';

const file = encodeArchive(plain.archive);
const text = new TextDecoder().decode(file);

const live: Purpose = { kind: 'live', now: ANSWERED };
const purposes = fc.constantFrom<Purpose>(live, { kind: 'archive' });

/** `accepted`, a code, or nothing at all: whatever else is thrown fails the test. */
async function judge(bytes: Uint8Array, purpose: Purpose): Promise<string> {
  try {
    const options = { policy: strict, purpose, suite: nodeSuite, cache: 'none' } as const;
    const verdict = await verifyArchive(parseUnverifiedArchive(bytes), options);
    expect(verdict.checks.map(({ id }) => id)).toEqual(all);
    return verdict.verdict === 'accepted' ? 'accepted' : verdict.code;
  } catch (error) {
    // Never a code of misuse: a file is not the caller's argument.
    if (error instanceof VerifierError && error.code === 'archive_invalid') return error.code;
    throw error;
  }
}

const accepted = await verifyArchive(plain.archive, {
  policy: strict,
  purpose: live,
  suite: nodeSuite,
  cache: 'none',
});
const all = accepted.checks.map(({ id }) => id);

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Path = readonly (string | number)[];

function pathsOf(value: Json, path: Path = []): readonly Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const inner = Object.entries(value).flatMap(([key, member]) => pathsOf(member, [...path, key]));
  return [path, ...inner];
}

function replaced(value: Json, path: Path, by: Json | undefined): Json {
  const [key, ...rest] = path;
  if (key === undefined) return by ?? null;
  const copy = structuredClone(value) as { [key: string]: Json };
  if (rest.length === 0 && by === undefined) delete copy[key];
  else copy[key] = replaced(copy[key] ?? null, rest, by);
  return copy;
}

const original = JSON.parse(text) as Json;
const paths = pathsOf(original);
const valueAt = (path: Path): Json | undefined =>
  path.reduce<Json | undefined>((value, key) => (value as { [key: string]: Json } | undefined)?.[key], original);
const signedOrHashed = paths.filter((path) => {
  const value = valueAt(path);
  return typeof value === 'string' && (value.length > 40 || path.at(-1) === 'body');
});

describe('parseUnverifiedArchive', () => {
  it.each([
    ['nothing', ''],
    ['no JSON', '{'],
    ['other JSON', '[]'],
    ['a cut file', text.slice(0, -10)],
    ['something after it', `${text}{}`],
    ['another format', text.replace('archive v1', 'archive v2')],
    ['an unknown field', text.replace('{', '{"extra":1,')],
    ['a field twice', text.replace('"format"', '"format": "proofmark archive v1", "format"')],
    ['a byte order mark', `\ufeff${text}`],
    ['padded base64url', text.replace(/"signature": "([^"]+)"/, '"signature": "$1=="')],
  ])('throws archive_invalid for %s', (_, changed) => {
    expect(() => parseUnverifiedArchive(utf8(changed))).toThrow(
      expect.objectContaining({ code: 'archive_invalid' }) as Error,
    );
  });

  it('throws archive_invalid for bytes that are no text', () => {
    const noText = Uint8Array.of(0xff, 0xfe, 0x00);
    expect(() => parseUnverifiedArchive(noText)).toThrow(/archive_invalid/);
  });
});

describe('a damaged archive', () => {
  it('is judged or refused with a code, whatever bytes changed', async () => {
    const edits = fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(edits, purposes, async (changes, purpose) => {
        const bytes = Uint8Array.from(file);
        for (const [at, value] of changes) bytes[at] = value;
        await judge(bytes, purpose);
      }),
      { numRuns: runs(200) },
    );
  });

  it('is judged or refused with a code, whatever value stands in whatever place', async () => {
    const values = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>,
      fc.uint8Array({ maxLength: 500 }).map((bytes): Json => toBase64url(bytes)),
      fc.constant(undefined),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), values, purposes, async (path, value, purpose) => {
        await judge(utf8(JSON.stringify(replaced(original, path, value))), purpose);
      }),
      { numRuns: runs(200) },
    );
  });

  it('is never accepted with a bit changed in what is signed or hashed', async () => {
    expect(signedOrHashed).toHaveLength(20);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...signedOrHashed), fc.nat(), fc.nat(7), async (path, at, bit) => {
        const bytes = Uint8Array.from(Buffer.from(valueAt(path) as string, 'base64url'));
        const place = at % bytes.length;
        bytes[place] = (bytes[place] as number) ^ (1 << bit);
        const changed = utf8(JSON.stringify(replaced(original, path, toBase64url(bytes))));
        expect(await judge(changed, live), `${path.join('.')} at ${place}`).not.toBe('accepted');
        expect(await judge(changed, { kind: 'archive' })).not.toBe('not_anchored');
      }),
      { numRuns: runs(60) },
    );
  }, 240_000);

  it('is accepted as it was', async () => {
    expect(await judge(file, live)).toBe('accepted');
    expect(await judge(utf8(JSON.stringify(original)), { kind: 'archive' })).toBe('not_anchored');
  });
});
