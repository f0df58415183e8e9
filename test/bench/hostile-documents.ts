import { concatBytes, u32 } from '../../wire/bytes.ts';
import type { CborValue } from '../../wire/codec/cbor.ts';
import { limits } from '../../wire/limits.ts';
import { basicConstraints, certificate, extension, specAt } from '../support/certificates.ts';
import { bits, NULL, oid, sequence, set, text } from '../support/der-writer.ts';
import { evidence } from '../support/nitro-evidence.ts';

/** Documents that anyone can write and that cost as much as their size allows before they are refused. */
export function hostileDocuments(): Readonly<Record<string, Uint8Array>> {
  const room = limits.nitroPayloadBytes - 6_000;
  return {
    zeros: new Uint8Array(limits.attestationDocumentBytes),
    'oversized length': Uint8Array.of(0x9b, 0, 0, 0, 1, 0, 0, 0, 0),
    'many items': withField(Array.from({ length: room }, () => 0)),
    'many keys in the worst order': withField(shuffledMap(Math.floor(room / 4))),
    'deep nesting, wide': withField(nested(limits.nestingDepth - 3, 40)),
    'many fields': evidence({
      form: 'indefinite',
      fields: Object.fromEntries(Array.from({ length: 1_800 }, (_, i) => [`f${i}`, null])),
    }),
    'many small certificates parts': withCertificates(crowdedNames()),
    'many extensions': withCertificates(crowdedExtensions()),
    'a long list of key usages': withCertificates(longBits()),
  };
}

function withField(value: CborValue): Uint8Array {
  return evidence({ fields: { extra: value } });
}

/** Odd factors visit every key once, far from the one before. */
function shuffledMap(size: number): CborValue {
  return new Map(Array.from({ length: size }, (_, i) => [(i * 7_919) % size, 0]));
}

function nested(depth: number, width: number): CborValue {
  return depth === 0 ? 0 : [...Array.from({ length: width }, () => 0), nested(depth - 1, width)];
}

/** A full bundle of one certificate, and it as the leaf: nine times the work. */
function withCertificates(bytes: Uint8Array): Uint8Array {
  return evidence({ certificates: Array.from({ length: limits.nitroBundleCertificates + 1 }, () => bytes) });
}

function crowdedNames(): Uint8Array {
  const attribute = set(sequence(oid('2.5.4.11'), text('x')));
  const crowded = sequence(...Array.from({ length: limits.nameAttributes }, () => attribute));
  return certificate({ ...specAt(1), issuer: crowded, subject: crowded });
}

function crowdedExtensions(): Uint8Array {
  const extensions = Array.from({ length: limits.certificateExtensions - 1 }, (_, i) =>
    extension(`1.2.${i}.1.1.1.1.1`, NULL, 'plain'),
  );
  return certificate({ ...specAt(1), extensions: [basicConstraints('ca', 2), ...extensions] });
}

function longBits(): Uint8Array {
  const value = bits(concatBytes(...Array.from({ length: 100 }, () => u32(0xffff_ffff))), 0);
  return certificate({ ...specAt(1), extensions: [basicConstraints('ca', 2), extension('2.5.29.15', value, 'plain')] });
}

/** An evidence envelope that is one long list of the smallest things that a reader has to look at. */
export function hostileEnvelopes(): Readonly<Record<string, Uint8Array>> {
  const bytes = limits.evidenceBytes;
  const repeated = (unit: string, open: string, close: string): Uint8Array =>
    new TextEncoder().encode(
      open + unit.repeat(Math.floor((bytes - open.length - close.length) / unit.length)) + close,
    );
  return {
    'many numbers': repeated('0,', '{"a":[', '0]}'),
    'many strings': repeated('"",', '{"a":[', '""]}'),
    'many escapes': repeated('\\u00e9', '{"a":"', '"}'),
    'one long string': repeated('a', '{"a":"', '"}'),
    'many keys': keyed(bytes),
  };
}

function keyed(bytes: number): Uint8Array {
  let body = '{"k":0';
  for (let i = 0; body.length < bytes - 20; i++) body += `,"${((i * 7_919) % 1_000_003).toString(36)}":0`;
  return new TextEncoder().encode(`${body}}`);
}
