import { describe, expect, it } from 'vitest';
import { anchors, checkAnchor, isVendorRoot } from '../../verifier/anchors.ts';
import { copyOf } from '../../verifier/copy.ts';
import { isMalformed, VerifierError, whereIs } from '../../verifier/errors.ts';
import { deepFreeze, isVerified, requireAccepted, type Verdict, verified } from '../../verifier/result.ts';
import { checkOfError, failed, leftOpen, notAsked, passed, runAll, runUntilFailure } from '../../verifier/rules.ts';
import { fromHex } from '../../wire/bytes.ts';

const rule = <Found>(id: string, finding: Found) => ({ id, title: `about ${id}`, run: () => finding });

describe('rules', () => {
  const findings = [
    rule('A1', passed('fine')),
    rule('A2', failed('policy_expired', 'late', { field: 'expires' })),
    rule('A3', notAsked('any')),
    rule('A4', failed('model_refused', 'not listed')),
  ];

  it('of a policy run to their end, and the first failure names the verdict', async () => {
    expect(await runAll(findings, {})).toEqual({
      code: 'policy_expired',
      checks: [
        { id: 'A1', title: 'about A1', outcome: 'passed', detail: 'fine' },
        { id: 'A2', title: 'about A2', outcome: 'failed', detail: 'late', place: { field: 'expires' } },
        { id: 'A3', title: 'about A3', outcome: 'not-asked', detail: 'any' },
        { id: 'A4', title: 'about A4', outcome: 'failed', detail: 'not listed' },
      ],
    });
    expect((await runAll(findings.slice(0, 1), {})).code).toBeNull();
  });

  it('of cryptography end at the first failure', async () => {
    const proof = [
      rule('B1', passed('fine')),
      rule('B2', failed('chain_incomplete', 'none')),
      rule('B3', passed('never asked')),
    ];
    const report = await runUntilFailure(proof, {});
    expect(report.code).toBe('chain_incomplete');
    expect(report.checks.map(({ outcome }) => outcome)).toEqual(['passed', 'failed', 'not-reached']);
    expect(report.checks[1]).not.toHaveProperty('place');
  });

  it('that were not asked are left open, with what the policy says', async () => {
    const { checks } = await runAll(findings, {});
    expect(leftOpen(checks)).toEqual([{ id: 'A3', reason: 'about A3: any' }]);
  });

  it('failed by a parser say where, if it says so', () => {
    const name = { id: 'C1', title: 'well formed' };
    const place = { field: 'serial', certificate: 2 };
    expect(checkOfError(name, { detail: 'odd', place: { checkId: 'C1', ...place } })).toStrictEqual({
      ...name,
      outcome: 'failed',
      detail: 'odd in certificate 2 in serial',
      place,
    });
    expect(checkOfError(name, { detail: 'odd', place: { checkId: 'C1' } })).toStrictEqual({
      ...name,
      outcome: 'failed',
      detail: 'odd',
    });
  });
});

describe('proven facts', () => {
  it('are only those that were marked, and nothing in them changes', () => {
    const facts = verified({ list: [{ inner: 1 }], map: new Map([['key', { deep: 1 }]]), bytes: new Uint8Array(2) });
    expect(isVerified(facts)).toBe(true);
    for (const other of [{ ...facts }, null, undefined, 'facts', 1]) expect(isVerified(other)).toBe(false);
    expect([facts, facts.list, facts.list[0], facts.map, facts.map.get('key')].every(Object.isFrozen)).toBe(true);
    for (const change of [
      () => facts.map.set('other', { deep: 2 }),
      () => facts.map.delete('key'),
      () => facts.map.clear(),
    ]) {
      expect(change).toThrow(/do not change/);
    }
    expect(facts.map.size).toBe(1);
    expect(Object.keys(facts)).toEqual(['list', 'map', 'bytes']);
    for (const part of [facts, facts.list]) expect(Object.hasOwn(part, 'set')).toBe(false);
  });

  it('pass through freezing when they are no objects, or bytes', () => {
    for (const value of [null, undefined, 1, 'text']) expect(deepFreeze(value)).toBe(value);
    expect(Object.isFrozen(deepFreeze(new Uint8Array(1)))).toBe(false);
  });

  it('come out of an accepted verdict, and an error with the first failed check out of any other', () => {
    const check = { id: 'A2', title: 'about A2', outcome: 'failed', detail: 'late' } as const;
    const refused: Verdict<object> = { verdict: 'refused', code: 'policy_expired', checks: [check], notProven: [] };
    expect(requireAccepted({ verdict: 'accepted', proven: refused, checks: [], notProven: [] })).toBe(refused);
    expect(() => requireAccepted(refused)).toThrow(
      expect.objectContaining({ code: 'policy_expired', checkId: 'A2', detail: 'late' }),
    );
    expect(() => requireAccepted({ ...refused, checks: [] })).toThrow(
      expect.objectContaining({ code: 'policy_expired', checkId: null, detail: 'refused' }),
    );
  });
});

describe('an error', () => {
  it('has its place in its message, part by part', () => {
    expect(whereIs({})).toBe('');
    expect(whereIs({ certificate: 2 })).toBe(' in certificate 2');
    expect(whereIs({ field: 'x', offset: 0 })).toBe(' in x at byte 0');
    const error = new VerifierError('cbor_invalid', 'odd', { checkId: 'X1', offset: 3 });
    expect(error).toMatchObject({ name: 'VerifierError', message: 'cbor_invalid: odd at byte 3', detail: 'odd' });
  });

  it('is the fault of the bytes only with a code of theirs', () => {
    expect(isMalformed(new VerifierError('cbor_invalid', ''))).toBe(true);
    expect(isMalformed(new VerifierError('policy_expired', ''))).toBe(false);
    expect(isMalformed(Object.assign(new Error('text'), { code: 'cbor_invalid' }))).toBe(false);
    expect(isMalformed(null)).toBe(false);
  });
});

describe('bytes given by a caller', () => {
  it('are copied, and anything else is refused by its name', () => {
    const given = Uint8Array.of(1, 2);
    const copy = copyOf(given, 'document');
    given[0] = 9;
    expect(copy).toEqual(Uint8Array.of(1, 2));
    for (const wrong of ['0102', [1, 2], null, { length: 2 }, new Uint16Array(1)]) {
      expect(() => copyOf(wrong as never, 'document')).toThrow(
        expect.objectContaining({ code: 'argument_invalid', place: { field: 'document' } }),
      );
    }
  });
});

describe('an anchor that was damaged', () => {
  it.each(anchors.map((anchor) => [anchor.name, anchor] as const))('is noticed: %s', (_, anchor) => {
    const damaged = (change: object): (() => void) => {
      return () => checkAnchor({ ...anchor, ...change });
    };
    const texts = anchor.tee === 'aws-nitro' ? { x: anchor.x, y: anchor.y } : { modulus: anchor.modulus };
    expect(damaged({})).not.toThrow();
    for (const [name, text] of Object.entries({ sha256: anchor.sha256, ...texts })) {
      for (const wrong of [`${text}00`, `00${text}`, text.slice(2), text.replace(/[0-9a-f]$/, 'g'), '']) {
        expect(damaged({ [name]: wrong })).toThrow(expect.objectContaining({ code: 'argument_invalid' }));
      }
    }
    expect(damaged({ notAfter: anchor.notBefore })).toThrow(expect.objectContaining({ code: 'argument_invalid' }));
    expect(isVendorRoot(fromHex(anchor.sha256))).toBe(true);
    expect(isVendorRoot(new Uint8Array(32))).toBe(false);
  });
});
