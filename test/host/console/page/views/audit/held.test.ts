import { describe, expect, it } from 'vitest';
import {
  chainOf,
  type Held,
  nothingHeld,
  take,
  takeText,
  without,
} from '../../../../../../host/console/page/views/audit/held.ts';
import { utf8 } from '../../../../../../wire/bytes.ts';
import { limits } from '../../../../../../wire/limits.ts';
import { snpEvidence } from '../../../../../support/snp-evidence.ts';

const { report, certificates } = snpEvidence();
const [ark, ask, vcek] = certificates as readonly [Uint8Array, Uint8Array, Uint8Array];
const pem = (der: Uint8Array): string =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`;

function takenAll(...files: readonly (Uint8Array | string)[]): Held {
  return files.reduce<Held>((held, content, index) => {
    const bytes = typeof content === 'string' ? utf8(content) : content;
    const taken = take(held, { name: `${index}`, bytes });
    return 'held' in taken ? taken.held : held;
  }, nothingHeld);
}

describe('what is dropped on the audit page', () => {
  it('is certificates as DER or PEM, with or without words before it, and evidence otherwise', () => {
    const held = takenAll(report, ark, `from the vendor\n${pem(ask)}${pem(vcek)}`);
    expect(held.evidence?.bytes).toEqual(report);
    expect(chainOf(held).certificates).toEqual([ark, ask, vcek]);
  });

  it('counts a certificate once, however often it comes', () => {
    expect(chainOf(takenAll(ark, pem(ark), ark)).certificates).toEqual([ark]);
  });

  it('keeps the certificates when other evidence comes', () => {
    const held = takenAll(ark, report, utf8('other'));
    expect([held.evidence?.name, held.certificates.length]).toEqual(['2', 1]);
  });

  it('is evidence where it only begins like certificates, so that its report says what is wrong', () => {
    expect(takenAll('-----BEGIN CERTIFICATE-----\nnot base64\n').evidence?.name).toBe('0');
    expect(takenAll(new Uint8Array(limits.snpTableBytes + 1).fill(0x30)).evidence?.name).toBe('0');
  });

  it('is no more than a chain can be', () => {
    const full = takenAll(...Array.from({ length: limits.auditChainFiles }, () => ark));
    expect(take(full, { name: 'more', bytes: ask })).toEqual({ refused: 'certificates_too_many' });
    expect(take(full, { name: 'evidence', bytes: report })).toHaveProperty('held');
  });

  it('can be taken away again, one file at a time', () => {
    const held = takenAll(ark, ask);
    const [first] = held.certificates;
    expect(first).toBeDefined();
    if (first !== undefined) expect(chainOf(without(held, first)).certificates).toEqual([ask]);
  });

  it('may be text with the spaces that a clipboard adds', () => {
    const taken = takeText(nothingHeld, '\n  d2844a  \n');
    expect('held' in taken ? taken.held.evidence : undefined).toEqual({ name: 'pasted text', bytes: utf8('d2844a') });
  });
});
