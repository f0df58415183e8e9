import { member } from '../../../../../client/language/events.ts';
import { releaseFile } from '../../../../../client/release-file.ts';
import type { HostTransport } from '../../../../../client/transport.ts';
import type { ReleaseFacts, Verified } from '../../../../../verifier/index.ts';
import { parseJson } from '../../../../../wire/codec/json.ts';
import type { Suite } from '../../../../../wire/crypto/suite.ts';
import { WireError } from '../../../../../wire/errors.ts';
import { limits } from '../../../../../wire/limits.ts';
import { decodeLanguageRequest, type LanguageRequest } from '../../../../../wire/message/language.ts';
import { CARD_FILE } from '../../../../../wire/message/shown-files.ts';
import {
  decodeInferRequest,
  decodeInferResponse,
  type InferResponse,
  type Tensor,
} from '../../../../../wire/message/tensor.ts';

export interface FromHost {
  readonly host: HostTransport;
  readonly release: Verified<ReleaseFacts>;
  readonly suite: Suite;
  readonly under?: '/v1/releases' | '/v1/hub/releases';
}

/** The text of the card, its digest held; undefined where the release has none or the host shows none. */
export async function readCard({ host, release, ...from }: FromHost): Promise<string | undefined> {
  const bytes = await releaseFile(host, release, { path: CARD_FILE, ...from });
  return bytes === null ? undefined : new TextDecoder().decode(bytes);
}

/** A publisher's own example, its digests held. */
export type Sample =
  | { readonly kind: 'tensor'; readonly inputs: readonly Tensor[]; readonly expected: InferResponse | undefined }
  | { readonly kind: 'text-generation'; readonly request: LanguageRequest; readonly expected: string | undefined }
  | { readonly kind: 'none'; readonly why: string };

export async function readSample({ host, release, suite }: FromHost, index: number): Promise<Sample> {
  const { samples, kind } = release.manifest;
  const sample = samples[index];
  if (sample === undefined) return { kind: 'none', why: `the release has ${samples.length} samples` };
  const request = await releaseFile(host, release, { path: sample.request, suite });
  if (request === null) return { kind: 'none', why: 'the host does not show it' };
  const response = await releaseFile(host, release, { path: sample.response, suite });
  try {
    return kind === 'tensor' ? tensorSample(request, response) : languageSample(request, response);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    // Signed by its owner all the same: a mistake of the publisher's, and nobody's lie.
    return { kind: 'none', why: `it is no request to this model: ${error.message}` };
  }
}

function tensorSample(request: Uint8Array, response: Uint8Array | null): Sample {
  const { inputs } = decodeInferRequest(whole(request), 'json');
  return { kind: 'tensor', inputs, expected: response === null ? undefined : expectedOf(response) };
}

function expectedOf(response: Uint8Array): InferResponse | undefined {
  try {
    return decodeInferResponse(whole(response), 'json');
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

function languageSample(request: Uint8Array, response: Uint8Array | null): Sample {
  return {
    kind: 'text-generation',
    request: decodeLanguageRequest(request, 'chat'),
    expected: response === null ? undefined : saidIn(response),
  };
}

/** What the publisher's model said to it. */
function saidIn(response: Uint8Array): string | undefined {
  const value = parseJson(response, limits.shownFileBytes);
  const said = member(member(value, 'message'), 'content') ?? member(value, 'text');
  return typeof said === 'string' ? said : undefined;
}

function whole(body: Uint8Array): { readonly body: Uint8Array; readonly jsonLength: number } {
  return { body, jsonLength: body.length };
}
