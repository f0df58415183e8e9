import { createHash, createHmac } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { equalBytes, utf8 } from '../../../wire/bytes.ts';
import { KmsFault } from './fault.ts';

/** Somebody who may call the stand-in: credentials as AWS's SDKs use them, and the name that key policies know. */
export interface Caller {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly arn: string;
}

interface SignedRequest {
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
  readonly callers: readonly Caller[];
  readonly now: number;
}

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/,\s]{1,128})\/(\d{8})\/([a-z0-9-]{1,32})\/kms\/aws4_request, ?SignedHeaders=([a-z0-9;-]{1,512}), ?Signature=([0-9a-f]{64})$/;
/** AWS refuses requests that are further off than this. */
const SKEW_MS = 300_000;

/** Signature version 4 over the whole body, so that a principal in a policy is somebody who holds its secret. */
export function authenticate({ headers, body, callers, now }: SignedRequest): Caller {
  const { authorization } = headers;
  if (authorization === undefined)
    throw new KmsFault('MissingAuthenticationTokenException', 'Missing Authentication Token');
  const parts = AUTHORIZATION.exec(authorization);
  if (parts === null)
    throw new KmsFault('IncompleteSignature', 'The authorization header is not of signature version 4 for kms');
  const [, accessKeyId, date, region, signedHeaders, signature] = parts as unknown as readonly string[];
  const caller = callers.find((each) => each.accessKeyId === accessKeyId);
  if (caller === undefined) {
    throw new KmsFault('UnrecognizedClientException', 'The security token included in the request is invalid.');
  }
  const names = (signedHeaders as string).split(';');
  const time = String(headers['x-amz-date'] ?? '');
  if (!names.includes('host') || !names.includes('x-amz-date') || !time.startsWith(date as string)) {
    throw new KmsFault('IncompleteSignature', 'host and x-amz-date are signed, and the date is the scope’s');
  }
  if (Math.abs(timeOf(time) - now) > SKEW_MS) throw new KmsFault('InvalidSignatureException', 'Signature expired');
  const canonical = [
    'POST',
    '/',
    '',
    ...names.map(
      (name) =>
        `${name}:${String(headers[name] ?? '')
          .trim()
          .replace(/ +/g, ' ')}`,
    ),
    '',
    signedHeaders,
    sha256(body),
  ].join('\n');
  const scope = `${date}/${region}/kms/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', time, scope, sha256(utf8(canonical))].join('\n');
  const key = [date, region, 'kms', 'aws4_request'].reduce<Uint8Array>(
    (secret, part) => hmac(secret, String(part)),
    utf8(`AWS4${caller.secretAccessKey}`),
  );
  if (!equalBytes(hmac(key, toSign), new Uint8Array(Buffer.from(signature as string, 'hex')))) {
    throw new KmsFault('InvalidSignatureException', 'The request signature does not match');
  }
  return caller;
}

function timeOf(text: string): number {
  const digits = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (digits === null) throw new KmsFault('IncompleteSignature', 'x-amz-date is not a date');
  const [year, month, day, hour, minute, second] = digits.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

function hmac(key: Uint8Array, text: string): Uint8Array {
  return new Uint8Array(createHmac('sha256', key).update(text).digest());
}
