import { SNP_REPORT_BYTES } from '../../verifier/codec/snp-report.ts';
import type { Check } from '../../verifier/index.ts';
import { toHex } from '../../wire/bytes.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import { limits } from '../../wire/limits.ts';
import type { TeeName } from '../../wire/message/identity.ts';
import { recogniseText } from './encodings.ts';
import type { AuditCode, InputFacts } from './report.ts';

/** Bytes of which is known what they claim to be, and nothing more. */
export type Subject =
  | { readonly kind: 'proofmark-archive'; readonly archive: Uint8Array }
  | { readonly kind: 'nitro-document'; readonly document: Uint8Array }
  | SnpSubject;

export type SnpSubject =
  | { readonly kind: 'snp-report'; readonly report: Uint8Array }
  | { readonly kind: 'snp-extended-report'; readonly report: Uint8Array; readonly table: Uint8Array };

export interface Problem {
  readonly code: AuditCode;
  readonly detail: string;
  /** Where in the input, if it has a place. */
  readonly place?: Check['place'];
}

export type Recognised =
  | { readonly input: InputFacts; readonly subject: Subject }
  | { readonly input: InputFacts; readonly problem: Problem };

export interface RecogniseOptions {
  /** What the reports call the input: a file's name. */
  readonly name: string;
  readonly tee: TeeName | 'auto';
  readonly suite: Pick<Suite, 'sha256'>;
}

/**
 * Says what the bytes claim to be, by their first bytes and their length: each kind begins in a way that no other does.
 * `tee` settles it for raw evidence, whatever the bytes look like; the verifier then says what is wrong with them.
 */
export async function recognise(bytes: Uint8Array, options: RecogniseOptions): Promise<Recognised> {
  const { name, tee } = options;
  const sha256 = toHex(await options.suite.sha256(bytes));
  const facts = (kind: InputFacts['kind'], encoding: InputFacts['encoding']): InputFacts => ({
    name,
    kind,
    encoding,
    bytes: bytes.length,
    sha256,
  });
  const unknown = (code: AuditCode, detail: string): Recognised => ({
    input: facts('unknown', 'unknown'),
    problem: { code, detail },
  });
  if (bytes.length === 0) return unknown('input_empty', 'the input is empty');
  if (beginsLikeJson(bytes)) {
    return { input: facts('proofmark-archive', 'json'), subject: { kind: 'proofmark-archive', archive: bytes } };
  }
  if (bytes.length > limits.auditEvidenceBytes) {
    return unknown('input_too_large', `${bytes.length} bytes; raw evidence has at most ${limits.auditEvidenceBytes}`);
  }
  const text = recogniseText(bytes);
  const raw = text?.bytes ?? bytes;
  const subject = rawSubject(raw, tee);
  if (subject === undefined) return unknown('input_unrecognised', likeness(bytes, raw));
  return { input: facts(subject.kind, text?.encoding ?? 'binary'), subject };
}

/** A list said how the bytes are written, and they are not. */
export async function undecodable(
  bytes: Uint8Array,
  encoding: string,
  { name, suite }: Pick<RecogniseOptions, 'name' | 'suite'>,
): Promise<Recognised> {
  const sha256 = toHex(await suite.sha256(bytes));
  return {
    input: { name, kind: 'unknown', encoding: 'unknown', bytes: bytes.length, sha256 },
    problem: { code: 'input_encoding', detail: `not ${encoding}` },
  };
}

/** The input was longer than this command reads; only its name is known. */
export function tooLarge(name: string, maxBytes: number): Recognised {
  return {
    input: { name, kind: 'unknown', encoding: 'unknown', bytes: maxBytes, sha256: '' },
    problem: { code: 'input_too_large', detail: `more than ${maxBytes} bytes` },
  };
}

function rawSubject(bytes: Uint8Array, tee: TeeName | 'auto'): Subject | undefined {
  if (tee === 'aws-nitro' || (tee === 'auto' && beginsLikeCose(bytes))) {
    return { kind: 'nitro-document', document: bytes };
  }
  if (tee === 'auto' && !beginsLikeSnpReport(bytes)) return undefined;
  if (bytes.length <= SNP_REPORT_BYTES) return { kind: 'snp-report', report: bytes };
  return {
    kind: 'snp-extended-report',
    report: bytes.slice(0, SNP_REPORT_BYTES),
    table: bytes.slice(SNP_REPORT_BYTES),
  };
}

function beginsLikeJson(bytes: Uint8Array): boolean {
  const first = bytes.find((byte) => byte !== 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d);
  return first === 0x7b;
}

/** An array of four, with or without the tag 18 of COSE_Sign1. */
function beginsLikeCose(bytes: Uint8Array): boolean {
  return bytes[0] === 0x84 || (bytes[0] === 0xd2 && bytes[1] === 0x84);
}

/** The version in four bytes, little-endian; versions so far have one digit. */
function beginsLikeSnpReport(bytes: Uint8Array): boolean {
  const version = bytes[0] ?? 0;
  return (
    bytes.length >= SNP_REPORT_BYTES && version > 0 && version < 10 && !bytes.slice(1, 4).some((byte) => byte !== 0)
  );
}

function likeness(bytes: Uint8Array, raw: Uint8Array): string {
  if (raw[0] === 0x30) return 'this looks like a certificate: name it with --chain, beside a report';
  if (new TextDecoder().decode(bytes.subarray(0, 11)) === '-----BEGIN ') {
    return 'this looks like PEM: name certificates with --chain, beside a report';
  }
  return `${raw.length} bytes that begin ${toHex(raw.subarray(0, 4))}: no archive, Nitro document or SEV-SNP report`;
}
