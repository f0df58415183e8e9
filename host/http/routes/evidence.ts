import type { RequestHandler } from 'express';
import { type Evidence, encodeEvidence } from '../../../wire/message/evidence.ts';
import type { ReadyInfo } from '../../../wire/message/link.ts';
import { type AppContext, currentWorker } from '../context.ts';
import { HttpError } from '../errors.ts';
import { hexParameter, queryValue } from '../parameters.ts';
import type { TokenBucket } from '../rate.ts';

/** Everything that a Nitro document needs beside itself; its certificates are inside. */
export function nitroEvidence(document: Uint8Array, info: ReadyInfo): Evidence {
  return { version: 1, tee: 'aws-nitro', document, certificates: [], revocationLists: [], ...info };
}

/** DESIGN section 3: one answer with all that a verifier needs, for the challenge of whoever asks. */
export function evidenceRoute(context: AppContext, documents: TokenBucket): RequestHandler {
  return async (request, response) => {
    const challenge = hexParameter(queryValue(request, 'challenge'), 32);
    const { info } = currentWorker(context);
    if (!documents.take()) throw new HttpError('rate_limited');
    const document = await context.link.attest(challenge);
    response.type('application/json').send(Buffer.from(encodeEvidence(nitroEvidence(document, info))));
  };
}
