import type { RequestHandler } from 'express';
import { encodeEvidence } from '../../../wire/message/evidence.ts';
import { type AppContext, currentWorker } from '../context.ts';
import { HttpError } from '../errors.ts';
import { hexParameter, queryValue } from '../parameters.ts';
import type { TokenBucket } from '../rate.ts';

/** DESIGN section 3: one answer with all that a verifier needs, for the challenge of whoever asks. */
export function evidenceRoute(context: AppContext, documents: TokenBucket): RequestHandler {
  return async (request, response) => {
    const challenge = hexParameter(queryValue(request, 'challenge'), 32);
    const { info } = currentWorker(context);
    if (!documents.take()) throw new HttpError('rate_limited');
    const evidence = await context.assemble(await context.link.attest(challenge), info);
    response.type('application/json').send(Buffer.from(encodeEvidence(evidence)));
  };
}
